package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/pipeline"
	"sluice/pipeline/redisd"
)

// taskBatch is how many messages either side reads, and acknowledges, at once.
const taskBatch = 64

// runTasks brings tasks that do nothing from catalog rows through the feeder, the stream and a worker to done rows. The peer
// moves as many messages through the same Redis with no rows, no leases and no results: it is the floor, not a rival.
func runTasks(ctx context.Context, e *Env, emit func(Result)) error {
	if _, err := tool("redis-server"); err != nil {
		return err
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	srv, err := redisd.Start(ctx, redisd.Config{Dir: filepath.Join(e.Dir, "redis"), Logger: quiet})
	if err != nil {
		return err
	}
	defer srv.Close()
	client := redis.NewClient(srv.Options())
	defer client.Close()
	db, err := openCatalog(ctx, e.Dir)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, _, err := db.EnsureAccount(ctx, 101, "bench"); err != nil {
		return err
	}
	n := 20000
	if e.Quick {
		n = 5000
	}
	res, err := e.compare(ctx, pair{"tasks", "raw stream", "tasks/s", false,
		func(ctx context.Context) (float64, error) { return throughTheCatalog(ctx, db, client, quiet, n) },
		func(ctx context.Context) (float64, error) { return throughTheStream(ctx, client, n) },
	}, e.rounds(5, 3))
	if err != nil {
		return err
	}
	emit(res)
	return nil
}

// throughTheCatalog returns tasks a second from rows that exist to rows that are done.
func throughTheCatalog(ctx context.Context, db *catalog.DB, client redis.UniversalClient, log *slog.Logger, n int) (float64, error) {
	for made := 0; made < n; {
		tasks := make([]catalog.NewTask, min(500, n-made))
		for i := range tasks {
			tasks[i] = catalog.NewTask{Stage: catalog.StageFinish, Name: fmt.Sprintf("task %d", i)}
		}
		if _, _, _, err := db.CreateEntry(ctx, catalog.NewEntry{Account: 101, Name: "bench"}, nil, tasks); err != nil {
			return 0, err
		}
		made += len(tasks)
	}
	var done atomic.Int64
	all := make(chan struct{})
	handler := pipeline.HandlerFunc(func(_ context.Context, r *pipeline.Run) error {
		r.AfterCommit(func(context.Context) {
			if done.Add(1) == int64(n) {
				close(all)
			}
		})
		r.Complete(nil, nil)
		return nil
	})
	worker, err := pipeline.NewWorker(pipeline.WorkerConfig{Catalog: db, Redis: client, Logger: log,
		Stages: map[catalog.Stage]pipeline.StageConfig{catalog.StageFinish: {Handler: handler, Concurrency: taskBatch}}})
	if err != nil {
		return 0, err
	}
	feeder, err := pipeline.NewFeeder(pipeline.FeederConfig{Catalog: db, Redis: client, Logger: log})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	stopped := make(chan error, 2)
	start := time.Now()
	go func() { stopped <- worker.Run(ctx) }()
	go func() { stopped <- feeder.Run(ctx) }()
	select {
	case <-all:
	case <-ctx.Done():
	}
	rate := float64(done.Load()) / time.Since(start).Seconds()
	cancel()
	for range 2 {
		<-stopped
	}
	if done.Load() < int64(n) {
		return 0, fmt.Errorf("%d of %d tasks were done in time", done.Load(), n)
	}
	return rate, nil
}

// throughTheStream returns messages a second through XADD, XREADGROUP and XACK in batches.
func throughTheStream(ctx context.Context, client redis.UniversalClient, n int) (float64, error) {
	const stream, group = "bench:raw", "g"
	if err := client.Del(ctx, stream).Err(); err != nil {
		return 0, err
	}
	if err := client.XGroupCreateMkStream(ctx, stream, group, "0").Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	for added := 0; added < n; added += taskBatch {
		pipe := client.Pipeline()
		for range min(taskBatch, n-added) {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"task", added}})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return 0, err
		}
	}
	for read := 0; read < n; {
		got, err := client.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: "c", Streams: []string{stream, ">"}, Count: taskBatch}).Result()
		if err != nil {
			return 0, err
		}
		ids := make([]string, 0, taskBatch)
		for _, m := range got[0].Messages {
			ids = append(ids, m.ID)
		}
		if err := client.XAck(ctx, stream, group, ids...).Err(); err != nil {
			return 0, err
		}
		read += len(ids)
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

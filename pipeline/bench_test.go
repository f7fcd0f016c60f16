package pipeline_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/pipeline"
)

// BenchmarkTasks measures tasks that do nothing, from runnable rows to done ones, in the default configuration.
func BenchmarkTasks(b *testing.B) {
	r := newRig(b)
	const perEntry = 500
	for made := 0; made < b.N; {
		var tasks []catalog.NewTask
		for range min(perEntry, b.N-made) {
			tasks = append(tasks, catalog.NewTask{Stage: catalog.StageProbe, Name: fmt.Sprint(made)})
			made++
		}
		r.entry(catalog.AccountID(1+made%7), "e", tasks...)
	}
	var n atomic.Int64
	all := make(chan struct{})
	cfg := allStages(64, func(_ context.Context, run *pipeline.Run) error {
		run.AfterCommit(func(context.Context) {
			if n.Add(1) == int64(b.N) {
				close(all)
			}
		})
		return nil
	})
	b.ResetTimer()
	r.feeder()
	r.worker(cfg)
	<-all
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkRawStream measures the same messages through the bare stream: added, read and acknowledged in batches.
func BenchmarkRawStream(b *testing.B) {
	r := newRig(b)
	ctx := context.Background()
	if err := r.redis.XGroupCreateMkStream(ctx, "raw", "g", "0").Err(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	go func() {
		for sent := 0; sent < b.N; {
			_, _ = r.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
				for range min(64, b.N-sent) {
					p.XAdd(ctx, &redis.XAddArgs{Stream: "raw", Values: []string{"task", "1"}})
					sent++
				}
				return nil
			})
		}
	}()
	for got := 0; got < b.N; {
		streams, err := r.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: "g", Consumer: "c", Streams: []string{"raw", ">"}, Count: 64, Block: patience,
		}).Result()
		if err != nil {
			b.Fatal(err)
		}
		var ids []string
		for _, m := range streams[0].Messages {
			ids = append(ids, m.ID)
		}
		if err := r.redis.XAck(ctx, "raw", "g", ids...).Err(); err != nil {
			b.Fatal(err)
		}
		got += len(ids)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

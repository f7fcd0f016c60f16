package pipeline_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/pipeline"
	"sluice/pipeline/redisd"
)

func announcementOf(task catalog.Task) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: "sluice:tasks:" + string(task.Stage), Values: []string{"task", fmt.Sprint(task.ID)}}
}

// crowd makes entries with diamonds and returns their ids.
func crowd(r *rig, n int) []catalog.EntryID {
	r.t.Helper()
	var ids []catalog.EntryID
	for i := range n {
		e, _ := r.entry(catalog.AccountID(1+i%3), fmt.Sprint(i), diamond()...)
		ids = append(ids, e.ID)
	}
	return ids
}

// committedOnce checks that every task of the entries is done and was committed once.
func committedOnce(r *rig, entries []catalog.EntryID) {
	r.t.Helper()
	for _, id := range entries {
		tasks, err := r.db.Tasks(r.t.Context(), id)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, task := range tasks {
			if task.State != catalog.TaskDone {
				r.t.Errorf("task %d is %s: %s", task.ID, task.State, task.ErrorText)
			}
		}
		if n := r.marks(id); n != len(tasks) {
			r.t.Errorf("entry %s: %d commits of %d tasks", id, n, len(tasks))
		}
	}
}

func TestEverythingEndsOnceWhenRedisIsEmptied(t *testing.T) {
	r := newRig(t)
	l := newLedger()
	entries := crowd(r, 60)
	r.feeder()
	r.worker(allStages(4, func(ctx context.Context, run *pipeline.Run) error {
		l.begin(run.Task)
		defer l.end(run.Task)
		mark(ctx, run)
		return nil
	}))
	for _, n := range []int{20, 100, 180} {
		r.eventually(fmt.Sprint(n, " tasks began"), func() bool { return l.count() >= n })
		if err := r.redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	r.allEnded()
	committedOnce(r, entries)
	if len(l.twice) > 0 {
		t.Errorf("ran twice at once: %v", l.twice)
	}
}

func TestEverythingEndsOnceWhenRedisIsKilled(t *testing.T) {
	r := newRig(t)
	l := newLedger()
	entries := crowd(r, 60)
	r.feeder()
	r.worker(allStages(4, func(ctx context.Context, run *pipeline.Run) error {
		l.begin(run.Task)
		defer l.end(run.Task)
		mark(ctx, run)
		return nil
	}))
	for _, n := range []int{20, 120} {
		r.eventually(fmt.Sprint(n, " tasks began"), func() bool { return l.count() >= n })
		info, err := r.redis.Info(t.Context(), "server").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(info, "process_id:")
		pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.eventually("Redis answers again", func() bool { return r.redis.Ping(t.Context()).Err() == nil })
	}
	r.allEnded()
	committedOnce(r, entries)
	if len(l.twice) > 0 {
		t.Errorf("ran twice at once: %v", l.twice)
	}
}

func TestLostAnnouncementsAreMade(t *testing.T) {
	r := newRig(t)
	_, made := r.entry(1, "e", catalog.NewTask{Stage: catalog.StageProbe}, catalog.NewTask{Stage: catalog.StagePlan})
	// A feeder died between marking the rows and announcing them; a worker died between reading and claiming.
	if _, err := r.db.MarkQueued(t.Context(), []catalog.TaskID{made[0].ID, made[1].ID}); err != nil {
		t.Fatal(err)
	}
	if err := r.redis.XGroupCreateMkStream(t.Context(), "sluice:tasks:plan", "workers", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.redis.XAdd(t.Context(), announcementOf(made[1])).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.redis.XReadGroup(t.Context(), &redis.XReadGroupArgs{
		Group: "workers", Consumer: "dead", Streams: []string{"sluice:tasks:plan", ">"},
	}).Err(); err != nil {
		t.Fatal(err)
	}
	r.feeder()
	r.worker(allStages(1, func(context.Context, *pipeline.Run) error { return nil }))
	r.allEnded()
}

// workerProcess is a process that works on the rig in dir and hangs in every task until it is killed.
func workerProcess(dir string) int {
	ctx := context.Background()
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	server, err := redisd.Start(ctx, redisd.Config{Dir: filepath.Join(dir, "redis")})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	cfg := allStages(1, func(ctx context.Context, run *pipeline.Run) error {
		mark(ctx, run)
		fmt.Println("running", run.Task.ID)
		<-ctx.Done()
		return ctx.Err()
	})
	cfg.Catalog, cfg.Redis, cfg.Logger = db, redis.NewClient(server.Options()), slog.New(slog.DiscardHandler)
	for name, st := range cfg.Stages {
		st.Lease = 500 * time.Millisecond
		cfg.Stages[name] = st
	}
	w, err := pipeline.NewWorker(cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_ = w.Run(ctx)
	return 0
}

func TestTasksOfAKilledWorkerRunElsewhere(t *testing.T) {
	r := newRig(t)
	r.feeder()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "PIPELINE_TEST_WORKER="+r.dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() })
	var entries []catalog.EntryID
	for i := range 4 {
		e, _ := r.entry(1, fmt.Sprint(i),
			catalog.NewTask{Stage: catalog.StageImport}, catalog.NewTask{Stage: catalog.StageProbe, After: []int{0}})
		entries = append(entries, e.ID)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "running ") {
		t.Fatalf("the worker process said %q, %v", line, err)
	}
	id, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "running ")), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	r.worker(allStages(2, func(ctx context.Context, run *pipeline.Run) error {
		mark(ctx, run)
		return nil
	}))
	r.allEnded()
	committedOnce(r, entries)
	if got := r.task(catalog.TaskID(id)); got.Attempt != 2 {
		t.Errorf("the task that was under way has %d attempts", got.Attempt)
	}
}

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/pipeline"
)

func TestGraphsRunInOrderAndOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		l := newLedger()
		r.feeder()
		for range 2 {
			r.worker(allStages(4, func(ctx context.Context, run *pipeline.Run) error {
				l.begin(run.Task)
				defer l.end(run.Task)
				run.Progress(1, 1, 7)
				mark(ctx, run)
				return nil
			}))
		}
		var entries []catalog.EntryID
		for i := range 25 {
			e, _ := r.entry(1, fmt.Sprint(i), diamond()...)
			entries = append(entries, e.ID)
		}
		r.allEnded()
		for _, id := range entries {
			tasks, err := r.db.Tasks(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if n := r.marks(id); n != len(tasks) {
				t.Errorf("entry %s: %d tasks committed of %d", id, n, len(tasks))
			}
			for _, task := range tasks {
				if task.State != catalog.TaskDone || task.Attempt != 1 || task.Bytes != 7 {
					t.Errorf("task %s is %s after %d attempts with %d bytes", task.Name, task.State, task.Attempt, task.Bytes)
				}
			}
			var names []string
			for _, task := range l.order {
				if task.Entry == id {
					names = append(names, task.Name)
				}
			}
			if got := strings.Join(names, ""); got != "abcd" && got != "acbd" {
				t.Errorf("entry %s ran in the order %s", id, got)
			}
		}
	})
}

type codedError struct{ retry bool }

func (codedError) Error() string                       { return "detail" }
func (codedError) ErrorCode() string                   { return "not_media" }
func (codedError) UserText() string                    { return "This is not a video." }
func (e codedError) RetryAfter() (bool, time.Duration) { return e.retry, 0 }

func TestFailuresAreRetriedOrKeptWithTheirReason(t *testing.T) {
	failing := errors.New("no luck")
	tests := map[string]struct {
		fail     func(attempt int) error
		attempts int
		state    catalog.TaskState
		code     string
		text     string
	}{
		"succeeds at last": {func(n int) error {
			if n < 3 {
				return failing
			}
			return nil
		}, 3, catalog.TaskDone, "", ""},
		"never succeeds":     {func(int) error { return failing }, 4, catalog.TaskDead, "internal", "no luck"},
		"permanent":          {func(int) error { return pipeline.Permanent(failing) }, 1, catalog.TaskDead, "internal", "no luck"},
		"says it is final":   {func(int) error { return fmt.Errorf("x: %w", codedError{}) }, 1, catalog.TaskDead, "not_media", "This is not a video."},
		"says it may work":   {func(int) error { return codedError{retry: true} }, 4, catalog.TaskDead, "not_media", "This is not a video."},
		"retry all the same": {func(int) error { return pipeline.Retry(codedError{}) }, 4, catalog.TaskDead, "not_media", "This is not a video."},
		"waits out an obstacle": {func(n int) error {
			if n < 9 {
				return pipeline.Postpone(codedError{})
			}
			return nil
		}, 9, catalog.TaskDone, "", ""},
		"panics": {func(int) error { panic("ouch") }, 4, catalog.TaskDead, "panic", "Internal error while working on this."},
	}
	everyDatabase(t, func(t *testing.T, r *rig) {
		r.feeder()
		r.worker(allStages(4, func(_ context.Context, run *pipeline.Run) error {
			return tests[run.Task.Name].fail(run.Task.Attempt)
		}))
		ids := map[string]catalog.TaskID{}
		for name := range tests {
			_, tasks := r.entry(1, name, catalog.NewTask{Stage: catalog.StageProbe, Name: name, MaxAttempts: 4})
			ids[name] = tasks[0].ID
		}
		r.allEnded()
		for name, want := range tests {
			got := r.task(ids[name])
			if got.State != want.state || got.Attempt != want.attempts || got.ErrorCode != want.code || got.ErrorText != want.text {
				t.Errorf("%s: %s after %d attempts, %q %q", name, got.State, got.Attempt, got.ErrorCode, got.ErrorText)
			}
			e, err := r.db.EntryByID(t.Context(), got.Entry)
			if err != nil {
				t.Fatal(err)
			}
			if failed := e.Status == catalog.EntryErrorConverting; failed != (want.state == catalog.TaskDead) || e.ErrorCode != want.code {
				t.Errorf("%s: entry has status %d, error %q", name, e.Status, e.ErrorCode)
			}
		}
	})
}

func TestErrorOrPanicOfTheCommitFailsTheTaskAlone(t *testing.T) {
	r := newRig(t)
	r.feeder()
	r.worker(allStages(8, func(ctx context.Context, run *pipeline.Run) error {
		switch run.Task.Name {
		case "error":
			run.Complete(nil, func(*catalog.Tx) error { return pipeline.Permanent(errors.New("refused")) })
		case "panic":
			run.Complete(nil, func(*catalog.Tx) error { panic("ouch") })
		case "result":
			run.Complete(func() {}, nil)
		default:
			mark(ctx, run)
		}
		return nil
	}))
	ids := map[string]catalog.TaskID{}
	for _, name := range []string{"error", "panic", "result", "good 1", "good 2"} {
		_, tasks := r.entry(1, name, catalog.NewTask{Stage: catalog.StageProbe, Name: name, MaxAttempts: 1})
		ids[name] = tasks[0].ID
	}
	r.allEnded()
	for name, id := range ids {
		want := catalog.TaskDead
		if strings.HasPrefix(name, "good") {
			want = catalog.TaskDone
		}
		if got := r.task(id); got.State != want {
			t.Errorf("%s: %s, %q", name, got.State, got.ErrorText)
		}
	}
}

func TestManyFilesOfOneAccountDoNotDelayTheOneOfAnother(t *testing.T) {
	r := newRig(t)
	graph := []catalog.NewTask{
		{Stage: catalog.StageImport, Name: "import"},
		{Stage: catalog.StageProbe, Name: "probe", After: []int{0}},
		{Stage: catalog.StageFinish, Name: "finish", After: []int{1}},
	}
	for i := range manyFiles {
		r.entry(1, fmt.Sprint("a", i), graph...)
	}
	r.entry(2, "b", graph...)
	var mu sync.Mutex
	var finished []catalog.AccountID
	cfg := allStages(2, func(_ context.Context, run *pipeline.Run) error {
		mu.Lock()
		defer mu.Unlock()
		if run.Task.Stage == catalog.StageFinish {
			finished = append(finished, run.Task.Account)
		}
		return nil
	})
	r.feeder()
	r.worker(cfg)
	r.allEnded()
	if len(finished) != manyFiles+1 {
		t.Fatalf("%d entries finished", len(finished))
	}
	if place := slices.Index(finished, 2); place >= 20 {
		t.Errorf("account 2's only entry was finished as number %d", place+1)
	}
}

func TestNoTaskRunsTwiceAtOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, r *rig) {
		l := newLedger()
		h := func(ctx context.Context, run *pipeline.Run) error {
			l.begin(run.Task)
			defer l.end(run.Task)
			mark(ctx, run)
			return nil
		}
		var tasks []catalog.NewTask
		for i := range 200 {
			tasks = append(tasks, catalog.NewTask{Stage: catalog.StageProbe, Name: fmt.Sprint(i)})
		}
		e, made := r.entry(1, "e", tasks...)
		// Every task is announced three more times, by someone who does not ask the catalog.
		for range 3 {
			for _, task := range made {
				if err := r.redis.XAdd(t.Context(), announcementOf(task)).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.feeder()
		for range 3 {
			r.worker(allStages(8, h))
		}
		r.allEnded()
		if len(l.twice) > 0 {
			t.Errorf("ran twice at once: %v", l.twice)
		}
		if l.count() != len(made) || r.marks(e.ID) != len(made) {
			t.Errorf("%d tasks: %d runs, %d commits", len(made), l.count(), r.marks(e.ID))
		}
		r.eventually("all messages are cleared away", func() bool {
			n, err := r.redis.XLen(t.Context(), "sluice:tasks:probe").Result()
			return err == nil && n == 0
		})
	})
}

func TestLostLeaseEndsTheHandlerAndDropsItsResult(t *testing.T) {
	r := newRig(t)
	r.feeder()
	causes := make(chan error, 1)
	r.worker(allStages(2, func(ctx context.Context, run *pipeline.Run) error {
		mark(ctx, run)
		if run.Task.Attempt == 1 {
			if _, err := r.db.ExpireLeases(context.Background(), time.Now().Add(time.Hour)); err != nil {
				return err
			}
			<-ctx.Done()
			causes <- context.Cause(ctx)
		}
		return nil
	}))
	e, made := r.entry(1, "e", catalog.NewTask{Stage: catalog.StageProbe})
	if cause := <-causes; !errors.Is(cause, catalog.ErrFenced) {
		t.Errorf("the handler ended because of %v", cause)
	}
	r.allEnded()
	got := r.task(made[0].ID)
	if got.State != catalog.TaskDone || got.Attempt != 2 || string(got.Result) != `{"attempt":2}` || r.marks(e.ID) != 1 {
		t.Errorf("%s with attempt %d, result %s, %d commits", got.State, got.Attempt, got.Result, r.marks(e.ID))
	}
}

func TestCancelledEntryEndsItsHandlers(t *testing.T) {
	r := newRig(t)
	r.feeder()
	running := make(chan struct{})
	causes := make(chan error, 1)
	discarded := make(chan struct{})
	r.worker(allStages(1, func(ctx context.Context, run *pipeline.Run) error {
		run.Discard(func(context.Context) { close(discarded) })
		close(running)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}))
	e, made := r.entry(1, "e", catalog.NewTask{Stage: catalog.StagePlan}, catalog.NewTask{Stage: catalog.StageFinish, After: []int{0}})
	<-running
	if err := r.db.DeleteEntry(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	if cause := <-causes; !errors.Is(cause, catalog.ErrCancelled) {
		t.Errorf("the handler ended because of %v", cause)
	}
	<-discarded
	for _, task := range made {
		if got := r.task(task.ID); got.State != catalog.TaskCancelled {
			t.Errorf("task %d is %s", got.ID, got.State)
		}
	}
}

func TestStoppingWorkerGivesItsTasksBack(t *testing.T) {
	r := newRig(t)
	r.feeder()
	var slow atomic.Bool
	slow.Store(true)
	running := make(chan struct{}, 3)
	cfg := allStages(1, func(ctx context.Context, run *pipeline.Run) error {
		mark(ctx, run)
		if slow.Load() {
			running <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	stop := r.worker(cfg)
	var ids []catalog.TaskID
	for i := range 3 {
		_, made := r.entry(1, fmt.Sprint(i), catalog.NewTask{Stage: catalog.Stages()[i], MaxAttempts: 1})
		ids = append(ids, made[0].ID)
	}
	for range 3 {
		<-running
	}
	slow.Store(false)
	stop()
	for _, id := range ids {
		if got := r.task(id); got.State == catalog.TaskRunning || got.State == catalog.TaskDead || got.Forgiven != 1 {
			t.Errorf("task %d is %s, forgiven %d", id, got.State, got.Forgiven)
		}
	}
	r.worker(cfg)
	r.allEnded()
	for _, id := range ids {
		if got := r.task(id); got.State != catalog.TaskDone {
			t.Errorf("task %d is %s: %s", id, got.State, got.ErrorText)
		}
	}
}

func TestWorkerWithGraceLetsTasksEnd(t *testing.T) {
	r := newRig(t)
	r.feeder()
	running, end := make(chan struct{}), make(chan struct{})
	cfg := allStages(1, func(ctx context.Context, run *pipeline.Run) error {
		close(running)
		<-end
		return ctx.Err()
	})
	cfg.Grace = patience
	stop := r.worker(cfg)
	_, made := r.entry(1, "e", catalog.NewTask{Stage: catalog.StageProbe})
	<-running
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	close(end)
	<-stopped
	if got := r.task(made[0].ID); got.State != catalog.TaskDone {
		t.Errorf("task is %s", got.State)
	}
}

func TestAnotherFeederLeadsWhenTheLeaderStops(t *testing.T) {
	r := newRig(t)
	first := r.feeder()
	r.worker(allStages(1, func(ctx context.Context, run *pipeline.Run) error { return nil }))
	r.entry(1, "one", catalog.NewTask{Stage: catalog.StageProbe})
	r.allEnded()
	r.feeder()
	first()
	r.entry(1, "two", catalog.NewTask{Stage: catalog.StageProbe})
	r.allEnded()
}

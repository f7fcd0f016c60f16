package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestEachTaskIsClaimedOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		const n, goroutines = 1000, 8
		_, tasks := newEntry(t, db, manyTasks(n)...)
		var all sync.WaitGroup
		var mu sync.Mutex
		claims := map[catalog.TaskID]int{}
		for g := range goroutines {
			all.Go(func() {
				// Half of them claim one at a time, half in batches; each begins elsewhere, and all meet.
				size := 1
				if g%2 == 0 {
					size = 16
				}
				for i := 0; i < n; i += size {
					var ids []catalog.TaskID
					for j := i; j < min(i+size, n); j++ {
						ids = append(ids, tasks[(j+g*n/goroutines)%n].ID)
					}
					got, err := db.ClaimMany(t.Context(), ids, fmt.Sprint(g), time.Minute)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, task := range got {
						claims[task.ID]++
						if task.Attempt != 1 || task.Worker != fmt.Sprint(g) || task.State != catalog.TaskRunning {
							t.Errorf("claimed %+v", task)
						}
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if len(claims) != n {
			t.Errorf("%d tasks claimed of %d", len(claims), n)
		}
		for id, c := range claims {
			if c != 1 {
				t.Errorf("task %d was claimed %d times", id, c)
			}
		}
	})
}

func TestConcurrentCompletionsFreeTheJoinOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		const width = 40
		graph := manyTasks(width)
		var after []int
		for i := range width {
			after = append(after, i)
		}
		for _, name := range []string{"join 1", "join 2"} {
			graph = append(graph, catalog.NewTask{Stage: catalog.StageAssemble, Name: name, After: after})
		}
		e, tasks := newEntry(t, db, graph...)
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := g; i < width; i += 8 {
					finish(t, db, tasks[i].ID)
				}
			})
		}
		all.Wait()
		for _, name := range []string{"join 1", "join 2"} {
			if got := states(t, db, e.ID)[name]; got != catalog.TaskRunnable {
				t.Errorf("%s is %s", name, got)
			}
		}
	})
}

func TestBatchOfCompletionsKeepsTheGoodOnes(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, tasks := newEntry(t, db, manyTasks(6)...)
		c := func(i int, then func(tx *catalog.Tx) error) catalog.Completion {
			return catalog.Completion{Task: tasks[i].ID, Attempt: 1, Then: then}
		}
		for i := range 5 {
			claim(t, db, tasks[i].ID)
		}
		refused := errors.New("refused")
		add := func(name string, err error) func(tx *catalog.Tx) error {
			return func(tx *catalog.Tx) error {
				if _, err := tx.AddAssets(ctx, e.ID, []catalog.Asset{{Name: name, Status: catalog.AssetReady}}); err != nil {
					return err
				}
				return err
			}
		}
		stale := c(3, nil)
		stale.Attempt = 2
		batch := []catalog.Completion{
			c(0, add("zero", nil)), c(1, add("one", refused)), c(2, add("zero", nil)), stale, c(4, nil), c(4, nil), c(5, nil),
			{Task: 1 << 40, Attempt: 1},
		}
		want := []error{nil, refused, catalog.ErrConflict, catalog.ErrFenced, nil, catalog.ErrFenced, catalog.ErrFenced, catalog.ErrNotFound}
		for i, err := range db.CompleteMany(ctx, batch) {
			if !errors.Is(err, want[i]) || (err == nil) != (want[i] == nil) {
				t.Errorf("completion %d: %v, want %v", i, err, want[i])
			}
		}
		if diff := cmp.Diff(map[string]catalog.TaskState{
			"0": "done", "1": "running", "2": "running", "3": "running", "4": "done", "5": "runnable",
		}, states(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"entry.created", "asset.ready"}, eventNames(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTransactionGoesOnAfterAConflict(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, tasks := newEntry(t, db, manyTasks(1)...)
		task := claim(t, db, tasks[0].ID)
		err := db.Complete(ctx, task.ID, task.Attempt, nil, func(tx *catalog.Tx) error {
			if _, err := tx.AddAssets(ctx, e.ID, []catalog.Asset{{Name: "a"}}); err != nil {
				return err
			}
			if _, err := tx.AddAssets(ctx, e.ID, []catalog.Asset{{Name: "b"}, {Name: "a"}}); !errors.Is(err, catalog.ErrConflict) {
				return fmt.Errorf("asset a again: %w", err)
			}
			if _, err := tx.AddTasks(ctx, e.ID, manyTasks(1)); !errors.Is(err, catalog.ErrConflict) {
				return fmt.Errorf("task 0 again: %w", err)
			}
			if _, _, _, err := tx.CreateEntry(ctx, catalog.NewEntry{Account: 1, ID: e.ID}, nil, nil); !errors.Is(err, catalog.ErrConflict) {
				return fmt.Errorf("the entry again: %w", err)
			}
			_, err := tx.AddAssets(ctx, e.ID, []catalog.Asset{{Name: "b"}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if assets, err := db.Assets(ctx, e.ID); err != nil || len(assets) != 2 {
			t.Errorf("assets %v, %v", assets, err)
		}
	})
}

func TestFailedTaskRestsAndDiesInTheEnd(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		graph := diamond()
		graph[1].MaxAttempts = 2
		e, tasks := newEntry(t, db, graph...)
		finish(t, db, tasks[0].ID)
		b := claim(t, db, tasks[1].ID)
		state, err := db.Fail(ctx, b.ID, b.Attempt, "sink_io", "Storage.", true, time.Hour)
		if err != nil || state != catalog.TaskRunnable {
			t.Fatalf("%s, %v", state, err)
		}
		if _, err := db.Claim(ctx, b.ID, "w", time.Minute); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("claim of a resting task: %v", err)
		}
		if offers, err := db.Runnable(ctx, catalog.StageTranscode, 10, 0); err != nil || len(offers) != 1 || offers[0].Task != tasks[2].ID {
			t.Errorf("offers %v, %v", offers, err)
		}
		running := claim(t, db, tasks[2].ID)
		// Back from its rest, given back once, which costs no attempt, and then failed for good.
		rest(t, db, b.ID)
		b = claim(t, db, b.ID)
		if err := db.Release(ctx, b.ID, b.Attempt); err != nil {
			t.Fatal(err)
		}
		b = claim(t, db, b.ID)
		if b.Attempt != 3 || b.Forgiven != 1 {
			t.Errorf("attempt %d, forgiven %d", b.Attempt, b.Forgiven)
		}
		state, err = db.Fail(ctx, b.ID, b.Attempt, "not_media", "No \x00 media \xff.", true, 0)
		if err != nil || state != catalog.TaskDead {
			t.Fatalf("%s, %v", state, err)
		}
		if diff := cmp.Diff(map[string]catalog.TaskState{
			"a": "done", "b": "dead", "c": "cancelled", "d": "cancelled",
		}, states(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		if err := db.Complete(ctx, running.ID, running.Attempt, nil, nil); !errors.Is(err, catalog.ErrCancelled) {
			t.Errorf("completion of a cancelled task: %v", err)
		}
		got, err := db.EntryByID(ctx, e.ID)
		if err != nil || got.Status != catalog.EntryErrorConverting || got.ErrorCode != "not_media" || got.ErrorText != "No � media �." {
			t.Errorf("entry %+v, %v", got, err)
		}
		if diff := cmp.Diff([]string{"entry.created", "task.dead", "entry.failed", "entry.updated"}, eventNames(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		dead, total, err := db.DeadTasks(ctx, catalog.TaskFilter{Account: 1})
		if err != nil || total != 1 || dead[0].ID != b.ID || dead[0].ErrorCode != "not_media" {
			t.Errorf("dead tasks %v, %v", dead, err)
		}
	})
}

// rest ends the rest of a task that failed, as time would.
func rest(t *testing.T, db *catalog.DB, id catalog.TaskID) {
	t.Helper()
	err := db.EndRest(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeadOptionalTaskDoesNotStopItsEntry(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		graph := diamond()
		graph[1].Optional = true
		e, tasks := newEntry(t, db, graph...)
		finish(t, db, tasks[0].ID)
		b := claim(t, db, tasks[1].ID)
		if state, err := db.Fail(ctx, b.ID, b.Attempt, "x", "y", false, 0); err != nil || state != catalog.TaskDead {
			t.Fatalf("%s, %v", state, err)
		}
		finish(t, db, tasks[2].ID)
		if diff := cmp.Diff(map[string]catalog.TaskState{
			"a": "done", "b": "dead", "c": "done", "d": "runnable",
		}, states(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		// Retried and done at last, it must not free its successor a second time.
		if err := db.RetryDead(ctx, b.ID); err != nil {
			t.Fatal(err)
		}
		finish(t, db, b.ID)
		d, err := db.Task(ctx, tasks[3].ID)
		if err != nil || d.Blockers != 0 || d.State != catalog.TaskRunnable {
			t.Errorf("%+v, %v", d, err)
		}
		if got, err := db.EntryByID(ctx, e.ID); err != nil || got.Status != catalog.EntryImport {
			t.Errorf("entry %+v, %v", got, err)
		}
	})
}

func TestRetryBringsAFailedEntryBack(t *testing.T) {
	retries := map[string]func(ctx context.Context, db *catalog.DB, task catalog.Task) error{
		"task": func(ctx context.Context, db *catalog.DB, task catalog.Task) error { return db.RetryDead(ctx, task.ID) },
		"entry": func(ctx context.Context, db *catalog.DB, task catalog.Task) error {
			if n, err := db.RetryEntry(ctx, task.Entry); err != nil || n != 3 {
				return fmt.Errorf("%d revived, %w", n, err)
			}
			return nil
		},
	}
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		for name, retry := range retries {
			e, tasks := newEntry(t, db, diamond()...)
			finish(t, db, tasks[0].ID)
			b := claim(t, db, tasks[1].ID)
			if _, err := db.Fail(t.Context(), b.ID, b.Attempt, "x", "y", false, 0); err != nil {
				t.Fatal(err)
			}
			if err := retry(t.Context(), db, b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(map[string]catalog.TaskState{
				"a": "done", "b": "runnable", "c": "runnable", "d": "waiting",
			}, states(t, db, e.ID)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			got, err := db.EntryByID(t.Context(), e.ID)
			if err != nil || got.Status != catalog.EntryPreconvert || got.ErrorCode != "" {
				t.Errorf("%s: entry %+v, %v", name, got, err)
			}
			if err := db.RetryDead(t.Context(), b.ID); !errors.Is(err, catalog.ErrConflict) {
				t.Errorf("%s: retry of a living task: %v", name, err)
			}
			for _, i := range []int{1, 2, 3} {
				finish(t, db, tasks[i].ID)
			}
		}
	})
}

func TestFailureLeavesReadyEntriesReady(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, tasks := newEntry(t, db, catalog.NewTask{Stage: catalog.StageFinish})
		if err := db.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
			e.Status = catalog.EntryReady
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		task := claim(t, db, tasks[0].ID)
		if _, err := db.Fail(t.Context(), task.ID, task.Attempt, "x", "y", false, 0); err != nil {
			t.Fatal(err)
		}
		if got, err := db.EntryByID(t.Context(), e.ID); err != nil || got.Status != catalog.EntryReady || got.ErrorCode != "" {
			t.Errorf("entry %+v, %v", got, err)
		}
	})
}

func TestTaskWhoseWorkersKeepDyingIsDead(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, tasks := newEntry(t, db, catalog.NewTask{Stage: catalog.StageImport, MaxAttempts: 3})
		for i := range 3 {
			claim(t, db, tasks[0].ID)
			if n, err := db.ExpireLeases(t.Context(), time.Now()); err != nil || n != 0 {
				t.Fatalf("a living lease was ended: %d, %v", n, err)
			}
			if n, err := db.ExpireLeases(t.Context(), time.Now().Add(2*time.Minute)); err != nil || n != 1 {
				t.Fatalf("round %d: %d, %v", i, n, err)
			}
		}
		got, err := db.Task(t.Context(), tasks[0].ID)
		if err != nil || got.State != catalog.TaskDead || got.ErrorCode != catalog.CodeWorkerLost {
			t.Errorf("%+v, %v", got, err)
		}
		if e, err := db.EntryByID(t.Context(), e.ID); err != nil || e.Status != catalog.EntryErrorImporting {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func TestAddedTasksWaitForExistingOnes(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, tasks := newEntry(t, db, manyTasks(3)...)
		finish(t, db, tasks[0].ID)
		add := func(name string, after ...catalog.TaskID) error {
			_, err := db.AddTasks(ctx, e.ID, []catalog.NewTask{{Stage: catalog.StageFinish, Name: name, AfterTasks: after}})
			return err
		}
		if err := errors.Join(add("x", tasks[0].ID), add("y", tasks[0].ID, tasks[1].ID, tasks[1].ID)); err != nil {
			t.Fatal(err)
		}
		got := states(t, db, e.ID)
		if got["x"] != catalog.TaskRunnable || got["y"] != catalog.TaskWaiting {
			t.Errorf("%v", got)
		}
		finish(t, db, tasks[1].ID)
		if got := states(t, db, e.ID)["y"]; got != catalog.TaskRunnable {
			t.Errorf("y is %s", got)
		}
		if _, err := db.CancelEntry(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		if err := add("z", tasks[2].ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("after a cancelled task: %v", err)
		}
	})
}

func TestProgressAddsUpTheTasks(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		graph := diamond()
		graph[2].Optional = true
		e, tasks := newEntry(t, db, graph...)
		other, _ := newEntry(t, db)
		at := func(done float64, stage catalog.Stage) {
			t.Helper()
			got, err := db.Progress(ctx, e.ID, other.ID)
			if err != nil {
				t.Fatal(err)
			}
			p := got[e.ID]
			if p.Done != done || p.Total != 22 || p.Stage != stage || len(p.Stages) != 4 || len(got) != 1 {
				t.Errorf("%v of %v in stage %s, want %v in %s", p.Done, p.Total, p.Stage, done, stage)
			}
		}
		at(0, catalog.StagePlan)
		finish(t, db, tasks[0].ID)
		at(1, catalog.StageTranscode)
		b := claim(t, db, tasks[1].ID)
		if err := db.Heartbeat(ctx, b.ID, b.Attempt, time.Minute, 30, 120, 4096); err != nil {
			t.Fatal(err)
		}
		at(1+2.5, catalog.StageTranscode)
		if got, _ := db.Progress(ctx, e.ID); got[e.ID].Stages[1].Bytes != 4096 || got[e.ID].Stages[1].Started.IsZero() {
			t.Errorf("%+v", got[e.ID].Stages[1])
		}
		if errs := db.CompleteMany(ctx, []catalog.Completion{{Task: b.ID, Attempt: b.Attempt, Total: 120, Bytes: 5000}}); errs[0] != nil {
			t.Fatal(errs[0])
		}
		at(11, catalog.StageTranscode)
		c := claim(t, db, tasks[2].ID)
		if _, err := db.Fail(ctx, c.ID, c.Attempt, "x", "y", false, 0); err != nil {
			t.Fatal(err)
		}
		at(21, catalog.StageAssemble)
		finish(t, db, tasks[3].ID)
		at(22, "")
	})
}

package catalog_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// diamond is a graph in which b and c wait for a, and d for both.
func diamond() []catalog.NewTask {
	return []catalog.NewTask{
		{Stage: catalog.StagePlan, Name: "a", Weight: 1},
		{Stage: catalog.StageTranscode, Name: "b", After: []int{0}, Weight: 10},
		{Stage: catalog.StageTranscode, Name: "c", After: []int{0}, Weight: 10},
		{Stage: catalog.StageAssemble, Name: "d", After: []int{1, 2}},
	}
}

func TestTasksRunWhenAllTheirPredecessorsAreDone(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, tasks := newEntry(t, db, diamond()...)
		type m = map[string]catalog.TaskState
		steps := []struct {
			finish int
			want   m
		}{
			{0, m{"a": "done", "b": "runnable", "c": "runnable", "d": "waiting"}},
			{2, m{"a": "done", "b": "runnable", "c": "done", "d": "waiting"}},
			{1, m{"a": "done", "b": "done", "c": "done", "d": "runnable"}},
			{3, m{"a": "done", "b": "done", "c": "done", "d": "done"}},
		}
		if diff := cmp.Diff(m{"a": "runnable", "b": "waiting", "c": "waiting", "d": "waiting"}, states(t, db, e.ID)); diff != "" {
			t.Fatal(diff)
		}
		for _, s := range steps {
			finish(t, db, tasks[s.finish].ID)
			if diff := cmp.Diff(s.want, states(t, db, e.ID)); diff != "" {
				t.Fatalf("after %s: %s", tasks[s.finish].Name, diff)
			}
		}
	})
}

func TestCompleteStoresResultAndFollowUpsTogether(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, tasks := newEntry(t, db, catalog.NewTask{Stage: catalog.StagePlan, Name: "plan", Payload: map[string]int{"n": 1}})
		task := claim(t, db, tasks[0].ID)
		if diff := cmp.Diff(`{"n":1}`, string(task.Payload)); diff != "" {
			t.Error(diff)
		}
		refused := errors.New("refused")
		then := func(fail error) func(tx *catalog.Tx) error {
			return func(tx *catalog.Tx) error {
				if _, err := tx.AddTasks(t.Context(), e.ID, []catalog.NewTask{
					{Stage: catalog.StageTranscode, Name: "next", AfterTasks: []catalog.TaskID{task.ID}},
				}); err != nil {
					return err
				}
				if _, err := tx.AddAssets(t.Context(), e.ID, []catalog.Asset{{Type: catalog.AssetFlavor, Name: "720p"}}); err != nil {
					return err
				}
				err := tx.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
					e.Status = catalog.EntryPreconvert
					return nil
				})
				return errors.Join(err, fail)
			}
		}
		if err := db.Complete(t.Context(), task.ID, task.Attempt, nil, then(refused)); !errors.Is(err, refused) {
			t.Fatalf("got %v", err)
		}
		want := map[string]catalog.TaskState{"plan": catalog.TaskRunning}
		if diff := cmp.Diff(want, states(t, db, e.ID)); diff != "" {
			t.Fatalf("a refused completion left a trace: %s", diff)
		}
		if err := db.Complete(t.Context(), task.ID, task.Attempt, json.RawMessage(`{"ok":true}`), then(nil)); err != nil {
			t.Fatal(err)
		}
		want = map[string]catalog.TaskState{"plan": catalog.TaskDone, "next": catalog.TaskRunnable}
		if diff := cmp.Diff(want, states(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		got, err := db.Task(t.Context(), task.ID)
		if err != nil || string(got.Result) != `{"ok":true}` {
			t.Errorf("result %s, %v", got.Result, err)
		}
		assets, err := db.Assets(t.Context(), e.ID)
		if err != nil || len(assets) != 1 {
			t.Errorf("assets %v, %v", assets, err)
		}
		if diff := cmp.Diff([]string{"entry.created", "entry.updated"}, eventNames(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStaleAttemptsAreFenced(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		_, tasks := newEntry(t, db, catalog.NewTask{Stage: catalog.StageProbe, Name: "p"})
		old := claim(t, db, tasks[0].ID)
		if _, err := db.Claim(ctx, old.ID, "other", time.Minute); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("second claim: %v", err)
		}
		if n, err := db.ExpireLeases(ctx, time.Now().Add(2*time.Minute)); err != nil || n != 1 {
			t.Fatalf("expired %d, %v", n, err)
		}
		now := claim(t, db, old.ID)
		if now.Attempt != old.Attempt+1 || now.ErrorCode != catalog.CodeWorkerLost {
			t.Errorf("attempt %d, error %q", now.Attempt, now.ErrorCode)
		}
		for name, err := range map[string]error{
			"heartbeat": db.Heartbeat(ctx, old.ID, old.Attempt, time.Minute, 1, 2, 3),
			"complete":  db.Complete(ctx, old.ID, old.Attempt, nil, nil),
			"release":   db.Release(ctx, old.ID, old.Attempt),
		} {
			if !errors.Is(err, catalog.ErrFenced) {
				t.Errorf("%s of the old attempt: %v", name, err)
			}
		}
		if _, err := db.Fail(ctx, old.ID, old.Attempt, "x", "y", true, 0); !errors.Is(err, catalog.ErrFenced) {
			t.Errorf("fail of the old attempt: %v", err)
		}
		if err := db.Heartbeat(ctx, now.ID, now.Attempt, time.Minute, 1, 2, 3); err != nil {
			t.Error(err)
		}
		if n, err := db.CancelEntry(ctx, now.Entry); err != nil || n != 1 {
			t.Errorf("cancelled %d, %v", n, err)
		}
		if err := db.Heartbeat(ctx, now.ID, now.Attempt, time.Minute, 1, 2, 3); !errors.Is(err, catalog.ErrCancelled) {
			t.Errorf("heartbeat of a cancelled task: %v", err)
		}
	})
}

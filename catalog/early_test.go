package catalog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// early is an entry whose original is being uploaded, with early work of a plan and two spans.
type early struct {
	*catalog.DB
	entry catalog.Entry
	token catalog.UploadToken
	work  catalog.EarlyWork
}

func newEarly(t *testing.T, db *catalog.DB) early {
	t.Helper()
	ctx := t.Context()
	e := early{DB: db}
	e.entry, _ = newEntry(t, db)
	var err error
	if e.token, err = db.AddUploadToken(ctx, catalog.UploadToken{Account: 1}, 0); err != nil {
		t.Fatal(err)
	}
	e.grow(t, 100)
	e.work = catalog.EarlyWork{Upload: e.token.ID, Generation: 1, Entry: e.entry.ID, Version: e.entry.Version, Path: "/p", Size: 1000}
	err = db.InTx(ctx, func(tx *catalog.Tx) error {
		return tx.BeginEarly(ctx, e.work, []catalog.NewTask{
			{Stage: catalog.StageEarly, Name: "plan", Upload: e.token.ID, Optional: true},
			{Stage: catalog.StageTranscode, Name: "one", Upload: e.token.ID, Optional: true, NeedsBytes: 400},
			{Stage: catalog.StageTranscode, Name: "two", Upload: e.token.ID, Optional: true, NeedsBytes: 1000, After: []int{0}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e early) grow(t *testing.T, to int64) {
	t.Helper()
	_, err := e.UpdateUploadToken(t.Context(), 1, e.token.ID, func(n *catalog.UploadToken) error {
		n.Status, n.Generation, n.Extents = catalog.UploadPartial, 1, n.Extents.Add(0, to)
		n.AttachedType, n.AttachedID = "entry", string(e.entry.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// plan gives the work a rendition.
func (e early) plan(t *testing.T) catalog.AssetID {
	t.Helper()
	id := catalog.NewAssetID()
	err := e.InTx(t.Context(), func(tx *catalog.Tx) error {
		_, err := tx.AddAssets(t.Context(), e.entry.ID, []catalog.Asset{{ID: id, Type: catalog.AssetFlavor, Status: catalog.AssetConverting, Name: "360p"}})
		if err != nil {
			return err
		}
		return tx.UpdateEarly(t.Context(), e.token.ID, func(w *catalog.EarlyWork) error {
			w.Renditions = map[string]catalog.AssetID{"360p": id}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (e early) wantStates(t *testing.T, plan, one, two catalog.TaskState) {
	t.Helper()
	want := map[string]catalog.TaskState{"plan": plan, "one": one, "two": two}
	if diff := cmp.Diff(want, states(t, e.DB, e.entry.ID)); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}

func (e early) release(t *testing.T, have int64, want int) {
	t.Helper()
	if n, err := e.ReleaseBytes(t.Context(), e.token.ID, have); err != nil || n != want {
		t.Errorf("with %d bytes %d tasks are released, %v; want %d", have, n, err, want)
	}
}

func (e early) tasks(t *testing.T) []catalog.Task {
	t.Helper()
	list, err := e.Tasks(t.Context(), e.entry.ID)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTasksWaitForTheirBytes(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e := newEarly(t, db)
		e.wantStates(t, catalog.TaskRunnable, catalog.TaskWaiting, catalog.TaskWaiting)
		if _, err := db.Claim(t.Context(), e.tasks(t)[1].ID, "w", time.Minute); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("claiming a task without its bytes: %v, want ErrConflict", err)
		}
		e.release(t, 399, 0)
		e.release(t, 400, 1)
		e.release(t, 400, 0)
		e.release(t, 5000, 1) // it still has a predecessor
		e.wantStates(t, catalog.TaskRunnable, catalog.TaskRunnable, catalog.TaskWaiting)
		finish(t, db, e.tasks(t)[0].ID)
		e.wantStates(t, catalog.TaskDone, catalog.TaskRunnable, catalog.TaskRunnable)

		one := claim(t, db, e.tasks(t)[1].ID)
		if err := db.AwaitBytes(t.Context(), one.ID, one.Attempt, 700); err != nil {
			t.Fatal(err)
		}
		e.wantStates(t, catalog.TaskDone, catalog.TaskWaiting, catalog.TaskRunnable)
		if err := db.AwaitBytes(t.Context(), one.ID, one.Attempt, 700); !errors.Is(err, catalog.ErrFenced) {
			t.Errorf("an attempt that gave its task back waits again: %v, want ErrFenced", err)
		}
		e.release(t, 700, 1)
		if one = claim(t, db, one.ID); one.Attempt != 2 || one.Forgiven != 1 {
			t.Errorf("after waiting, attempt %d with %d forgiven", one.Attempt, one.Forgiven)
		}
	})
}

func TestEarlyWorkIsAdoptedAsAWhole(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e := newEarly(t, db)
		adopt := func() (ids []catalog.TaskID, err error) {
			err = db.InTx(t.Context(), func(tx *catalog.Tx) error {
				ids, err = tx.AdoptEarly(t.Context(), e.token.ID)
				return err
			})
			return ids, err
		}
		if _, err := adopt(); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("adopting work without a plan: %v, want ErrConflict", err)
		}
		e.plan(t)
		ids, err := adopt()
		if err != nil || len(ids) != 3 {
			t.Fatalf("adopted %v, %v", ids, err)
		}
		for _, task := range e.tasks(t) {
			if task.Optional {
				t.Errorf("task %q is optional still", task.Name)
			}
		}
		if _, err := adopt(); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("adopting work twice: %v, want ErrConflict", err)
		}
		s, err := db.EarlyStatus(t.Context(), e.token.ID)
		if err != nil || s.State != catalog.EarlyAdopted || !s.Arriving() || s.Have != 100 || s.Account != 1 {
			t.Errorf("status %+v, %v", s, err)
		}
	})
}

func TestWorkOfWhichATaskDiedIsNotAdopted(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e := newEarly(t, db)
		e.plan(t)
		dead := claim(t, db, e.tasks(t)[0].ID)
		if _, err := db.Fail(t.Context(), dead.ID, dead.Attempt, "c", "t", false, 0); err != nil {
			t.Fatal(err)
		}
		if got, err := db.EntryByID(t.Context(), e.entry.ID); err != nil || got.Status == catalog.EntryErrorConverting {
			t.Errorf("an early task's death: status %d, %v", got.Status, err)
		}
		err := db.InTx(t.Context(), func(tx *catalog.Tx) error {
			_, err := tx.AdoptEarly(t.Context(), e.token.ID)
			return err
		})
		if !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("adopting: %v, want ErrConflict", err)
		}
	})
}

func TestDroppedWorkLeavesNothingToRetry(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e := newEarly(t, db)
		asset := e.plan(t)
		running := claim(t, db, e.tasks(t)[0].ID)
		if err := db.UpdateEntry(ctx, e.entry.ID, func(n *catalog.Entry) error { n.PlayableAt = time.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		drop := func(ctx context.Context) error {
			return db.InTx(ctx, func(tx *catalog.Tx) error { return tx.DropEarly(ctx, e.token.ID) })
		}
		for range 2 {
			if err := drop(ctx); err != nil {
				t.Fatal(err)
			}
		}
		e.wantStates(t, catalog.TaskCancelled, catalog.TaskCancelled, catalog.TaskCancelled)
		if err := db.During(ctx, running.ID, running.Attempt, func(*catalog.Tx) error { return nil }); !errors.Is(err, catalog.ErrCancelled) {
			t.Errorf("changes of an attempt that was cancelled: %v, want ErrCancelled", err)
		}
		if a, err := db.Asset(ctx, asset); err != nil || a.Status != catalog.AssetDeleted {
			t.Errorf("the rendition has status %d, %v", a.Status, err)
		}
		if got, err := db.EntryByID(ctx, e.entry.ID); err != nil || !got.PlayableAt.IsZero() {
			t.Errorf("the entry is playable since %v, %v", got.PlayableAt, err)
		}
		if n, err := db.RetryEntry(ctx, e.entry.ID); err != nil || n != 0 {
			t.Errorf("%d tasks live again, %v", n, err)
		}
		if err := db.EndEarly(ctx, e.token.ID); err != nil {
			t.Fatal(err)
		}
		if works, err := db.EarlyWorks(ctx); err != nil || len(works) != 0 {
			t.Errorf("works %v, %v", works, err)
		}
	})
}

func TestGrowingUploadsAreThoseThatEntriesWaitFor(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e := newEarly(t, db)
		if _, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1}, 0); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		got, err := db.GrowingUploads(t.Context(), time.Time{}, 10)
		if err != nil || len(got) != 1 || got[0].ID != e.token.ID {
			t.Errorf("growing: %v, %v", got, err)
		}
		if got, err := db.GrowingUploads(t.Context(), before, 10); err != nil || len(got) != 0 {
			t.Errorf("changed since: %v, %v", got, err)
		}
		e.grow(t, 200)
		if got, err := db.GrowingUploads(t.Context(), before, 10); err != nil || len(got) != 1 {
			t.Errorf("changed since: %v, %v", got, err)
		}
	})
}

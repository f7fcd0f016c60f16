package pipeline

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
)

// TestWhatIsOrMayBeCommittedIsKept: what an attempt stored is removed only when the catalog can no longer take its completion.
func TestWhatIsOrMayBeCommittedIsKept(t *testing.T) {
	ctx := t.Context()
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, _, err := db.EnsureAccount(ctx, 1, "a"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		end     func(task catalog.Task) error
		removed bool
	}{
		"still running": {func(catalog.Task) error { return nil }, false},
		"committed, though nobody heard of it": {func(task catalog.Task) error {
			return db.Complete(ctx, task.ID, task.Attempt, nil, nil)
		}, false},
		"failed": {func(task catalog.Task) error {
			_, err := db.Fail(ctx, task.ID, task.Attempt, "", "", true, 0)
			return err
		}, true},
		"postponed": {func(task catalog.Task) error { return db.Postpone(ctx, task.ID, task.Attempt, "", "", 0) }, true},
		"taken over": {func(task catalog.Task) error {
			if err := db.Release(ctx, task.ID, task.Attempt); err != nil {
				return err
			}
			_, err := db.Claim(ctx, task.ID, "another", time.Minute)
			return err
		}, true},
		"taken over and done": {func(task catalog.Task) error {
			if err := db.Release(ctx, task.ID, task.Attempt); err != nil {
				return err
			}
			again, err := db.Claim(ctx, task.ID, "another", time.Minute)
			if err != nil {
				return err
			}
			return db.Complete(ctx, again.ID, again.Attempt, nil, nil)
		}, true},
		"cancelled": {func(task catalog.Task) error { return db.DeleteEntry(ctx, task.Entry) }, true},
		"purged": {func(task catalog.Task) error {
			return errors.Join(db.DeleteEntry(ctx, task.Entry), db.PurgeEntry(ctx, task.Entry))
		}, true},
	} {
		_, _, tasks, err := db.CreateEntry(ctx, catalog.NewEntry{Account: 1, Name: name}, nil, []catalog.NewTask{{Stage: catalog.StageProbe}})
		if err != nil {
			t.Fatal(err)
		}
		task, err := db.Claim(ctx, tasks[0].ID, "one", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.end(task); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		removed := false
		run := &Run{Task: task}
		run.Discard(func(context.Context) { removed = true })
		w := &Worker{cfg: WorkerConfig{Catalog: db}}
		w.discard(ctx, run)
		if removed != test.removed {
			t.Errorf("%s: removed is %t", name, removed)
		}
	}
}

package catalog_test

import (
	"errors"
	"testing"
	"time"

	"sluice/catalog"
)

func TestPostponedTaskKeepsItsAttempts(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, tasks := newEntry(t, db, catalog.NewTask{Stage: catalog.StageProbe, MaxAttempts: 2})
		for range 5 {
			task := claim(t, db, tasks[0].ID)
			if err := db.Postpone(ctx, task.ID, task.Attempt, "disk_full", "The storage is full.", 0); err != nil {
				t.Fatal(err)
			}
			if err := db.Postpone(ctx, task.ID, task.Attempt, "", "", 0); !errors.Is(err, catalog.ErrFenced) {
				t.Fatalf("postponed twice: %v", err)
			}
		}
		got, err := db.Tasks(ctx, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if task := got[0]; task.State != catalog.TaskRunnable || task.ErrorCode != "disk_full" || task.Attempt != 5 || task.Forgiven != 5 {
			t.Errorf("postponed: %+v", task)
		}
		task := claim(t, db, tasks[0].ID)
		if err := db.Postpone(ctx, task.ID, task.Attempt, "disk_full", "The storage is full.", time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Claim(ctx, task.ID, "w", time.Minute); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("a resting task was claimed: %v", err)
		}
		if e, err := db.EntryByID(ctx, e.ID); err != nil || e.ErrorCode != "" {
			t.Errorf("entry %+v, %v", e, err)
		}
	})
}

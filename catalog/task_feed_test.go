package catalog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestRunnableTasksAreDealtFairly(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		names := map[catalog.TaskID]string{}
		add := func(account catalog.AccountID, name string, n, priority int) {
			t.Helper()
			newAccount(t, db, account)
			tasks := manyTasks(n)
			for i := range tasks {
				tasks[i].Priority = priority
			}
			_, _, made, err := db.CreateEntry(ctx, catalog.NewEntry{Account: account}, nil, tasks)
			if err != nil {
				t.Fatal(err)
			}
			for i, task := range made {
				names[task.ID] = fmt.Sprint(name, i)
			}
		}
		offered := func(limit int, last catalog.AccountID) []string {
			t.Helper()
			offers, err := db.Runnable(ctx, catalog.StageProbe, limit, last)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, o := range offers {
				out = append(out, names[o.Task])
			}
			return out
		}
		add(1, "a", 500, 0)
		add(1, "urgent", 1, -1)
		add(2, "b", 1, 0)
		add(3, "c", 3, 0)
		check := func(limit int, last catalog.AccountID, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, offered(limit, last)); diff != "" {
				t.Error(diff)
			}
		}
		check(8, 0, "urgent0", "b0", "c0", "a0", "c1", "a1", "c2", "a2")
		check(3, 1, "b0", "c0", "urgent0")
		check(1, 3, "urgent0")
		check(0, 0)
		if all := offered(10000, 0); len(all) != 505 || slices.Index(all, "b0") > 2 {
			t.Errorf("%d offered", len(all))
		}
		// What is queued and running weighs: account 3 has two, so the others come first.
		var ids []catalog.TaskID
		for id, n := range names {
			if n == "c0" || n == "c1" {
				ids = append(ids, id)
			}
		}
		if marked, err := db.MarkQueued(ctx, ids); err != nil || len(marked) != 2 {
			t.Fatalf("%v, %v", marked, err)
		}
		if marked, err := db.MarkQueued(ctx, ids); err != nil || len(marked) != 0 {
			t.Fatalf("marked twice: %v, %v", marked, err)
		}
		claim(t, db, ids[0])
		check(5, 0, "urgent0", "b0", "a0", "a1", "c2")
	})
}

func TestOlderEntriesAreFinishedFirst(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		first, _ := newEntry(t, db)
		second, _ := newEntry(t, db, manyTasks(2)...)
		made, err := db.AddTasks(t.Context(), first.ID, manyTasks(1))
		if err != nil {
			t.Fatal(err)
		}
		offers, err := db.Runnable(t.Context(), catalog.StageProbe, 3, 0)
		if err != nil || len(offers) != 3 || offers[0].Task != made[0].ID {
			t.Errorf("%v of entries %s, %s: %v", offers, first.ID, second.ID, err)
		}
	})
}

func TestLostAnnouncementsAreRunnableAgain(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, tasks := newEntry(t, db, manyTasks(4)...)
		ids := []catalog.TaskID{tasks[0].ID, tasks[1].ID, tasks[2].ID}
		if _, err := db.MarkQueued(ctx, ids); err != nil {
			t.Fatal(err)
		}
		claim(t, db, ids[2])
		if n, err := db.RequeueLost(ctx, catalog.StageProbe, nil, time.Now().Add(-time.Minute)); err != nil || n != 0 {
			t.Errorf("young ones: %d, %v", n, err)
		}
		if n, err := db.RequeueLost(ctx, catalog.StagePlan, nil, time.Now().Add(time.Minute)); err != nil || n != 0 {
			t.Errorf("another stage: %d, %v", n, err)
		}
		if n, err := db.RequeueLost(ctx, catalog.StageProbe, ids[:1], time.Now().Add(time.Minute)); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if diff := cmp.Diff(map[string]catalog.TaskState{
			"0": "queued", "1": "runnable", "2": "running", "3": "runnable",
		}, states(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		counts, err := db.TaskCounts(ctx)
		want := map[catalog.Stage]map[catalog.TaskState]int{catalog.StageProbe: {"queued": 1, "running": 1, "runnable": 2}}
		if diff := cmp.Diff(want, counts); err != nil || diff != "" {
			t.Error(err, diff)
		}
		got, err := db.TaskStates(ctx, append(ids, 1<<40))
		if diff := cmp.Diff(map[catalog.TaskID]catalog.TaskState{ids[0]: "queued", ids[1]: "runnable", ids[2]: "running"}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

func TestWakesTellOfRunnableTasks(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		wakes, stop := db.Wakes()
		defer stop()
		told := func() bool {
			select {
			case <-wakes:
				return true
			default:
				return false
			}
		}
		_, tasks := newEntry(t, db, diamond()...)
		if !told() {
			t.Error("a new graph was not told of")
		}
		task := claim(t, db, tasks[0].ID)
		if told() {
			t.Error("a claim was told of")
		}
		if err := db.Complete(t.Context(), task.ID, task.Attempt, nil, nil); err != nil || !told() {
			t.Errorf("freed successors were not told of, %v", err)
		}
	})
}

func TestRunnableStagesAreThoseWithTasksToAnnounce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		check := func(want ...catalog.Stage) {
			t.Helper()
			got, err := db.RunnableStages(ctx)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		}
		check()
		newAccount(t, db, 1)
		_, _, made, err := db.CreateEntry(ctx, catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{
			{Stage: catalog.StageProbe, Name: "a"}, {Stage: catalog.StageProbe, Name: "b"}, {Stage: catalog.StageThumbs, Name: "c"},
			{Stage: catalog.StageFinish, Name: "d", After: []int{0}},
		})
		if err != nil {
			t.Fatal(err)
		}
		check(catalog.StageProbe, catalog.StageThumbs)
		if _, err := db.MarkQueued(ctx, []catalog.TaskID{made[0].ID, made[1].ID}); err != nil {
			t.Fatal(err)
		}
		check(catalog.StageThumbs)
	})
}

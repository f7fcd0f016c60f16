package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// arrival is an entry with an original, an import and a probe that waits for it.
func arrival(name, key string) catalog.Arrival {
	e := catalog.BlankEntry(1)
	e.ID, e.Name, e.DedupKey, e.Status = catalog.NewEntryID(), name, key, catalog.EntryImport
	return catalog.Arrival{
		Entry:  e,
		Assets: []catalog.Asset{{ID: catalog.NewAssetID(), Type: catalog.AssetFlavor, Name: "source", Original: true, Size: 7}},
		Tasks: []catalog.NewTask{
			{Stage: catalog.StageImport, Name: "import", Payload: map[string]string{"of": name}},
			{Stage: catalog.StageProbe, Name: "probe", After: []int{0}},
		},
	}
}

func arrive(t *testing.T, db *catalog.DB, arrivals ...catalog.Arrival) (entries []catalog.Entry, added []bool, err error) {
	t.Helper()
	err = db.InTx(t.Context(), func(tx *catalog.Tx) (err error) {
		entries, added, err = tx.AddArrivals(t.Context(), 1, arrivals)
		return err
	})
	return entries, added, err
}

func TestArrivalsAreEntriesWithWhatTheyBeginWith(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		const n = 300 // more than one statement takes
		var all []catalog.Arrival
		for i := range n {
			a := arrival(fmt.Sprint("e", i), fmt.Sprint("key ", i))
			if i%100 == 0 {
				a.Entry.Categories = []string{"films"}
			}
			all = append(all, a)
		}
		entries, added, err := arrive(t, db, all...)
		if err != nil || len(entries) != n || len(added) != n {
			t.Fatalf("%d entries, %d flags: %v", len(entries), len(added), err)
		}
		for i, e := range entries {
			if !added[i] || e.ID != all[i].Entry.ID || e.Name != all[i].Entry.Name {
				t.Fatalf("arrival %d came back as %q, added %v", i, e.Name, added[i])
			}
		}
		for _, i := range []int{0, 1, 255, 256, 299} {
			id := entries[i].ID
			e, err := db.EntryByID(t.Context(), id)
			if err != nil || cmp.Diff(entries[i], e) != "" {
				t.Errorf("entry %d: %v %s", i, err, cmp.Diff(entries[i], e))
			}
			assets, err := db.Assets(t.Context(), id)
			if err != nil || len(assets) != 1 || assets[0].ID != all[i].Assets[0].ID || assets[0].Version != 1 {
				t.Errorf("assets of %d: %+v, %v", i, assets, err)
			}
			tasks, err := db.Tasks(t.Context(), id)
			if err != nil || len(tasks) != 2 {
				t.Fatalf("tasks of %d: %+v, %v", i, tasks, err)
			}
			var of map[string]string
			if err := json.Unmarshal(tasks[0].Payload, &of); err != nil || of["of"] != e.Name {
				t.Errorf("the import of %q is about %q: %v", e.Name, of, err)
			}
			if tasks[0].State != catalog.TaskRunnable || tasks[1].State != catalog.TaskWaiting || tasks[1].Blockers != 1 {
				t.Errorf("tasks of %d: %v, then %v with %d blockers", i, tasks[0].State, tasks[1].State, tasks[1].Blockers)
			}
		}
		events, err := db.Events(t.Context(), 0, 2*n)
		if err != nil || len(events) != n {
			t.Errorf("%d events: %v", len(events), err)
		}
		for i, e := range events {
			if e.Name != catalog.EventEntryCreated || e.Entry != entries[i].ID {
				t.Fatalf("event %d is %s of %s", i, e.Name, e.Entry)
			}
		}
	})
}

func TestAnArrivalThatCameBeforeIsTheSameEntry(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		first, _, err := arrive(t, db, arrival("a", "a"), arrival("b", "b"))
		if err != nil {
			t.Fatal(err)
		}
		again, added, err := arrive(t, db, arrival("c", "c"), arrival("b", "b"), arrival("d", "d"))
		if err != nil || cmp.Diff([]bool{true, false, true}, added) != "" {
			t.Fatalf("added %v, %v", added, err)
		}
		if again[1].ID != first[1].ID || again[0].Name != "c" || again[2].Name != "d" {
			t.Errorf("%q %q %q", again[0].Name, again[1].ID, again[2].Name)
		}
		if tasks, err := db.Tasks(t.Context(), first[1].ID); err != nil || len(tasks) != 2 {
			t.Errorf("the entry that was there has %d tasks: %v", len(tasks), err)
		}
	})
}

func TestArrivalsThatCannotBeAreAllOrNothing(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		taken, _, err := arrive(t, db, arrival("taken", "taken"))
		if err != nil {
			t.Fatal(err)
		}
		sameID, noKey, badID, badTask := arrival("x", "x"), arrival("x", ""), arrival("x", "y"), arrival("x", "z")
		sameID.Entry.ID, badID.Entry.ID = taken[0].ID, "nonsense"
		badTask.Tasks[1].After = []int{1}
		for name, c := range map[string]struct {
			bad  catalog.Arrival
			want error
		}{
			"an id that is taken":      {sameID, catalog.ErrConflict},
			"a key that two have":      {arrival("x", "good"), catalog.ErrConflict},
			"no key":                   {noKey, catalog.ErrInvalid},
			"no id of an entry":        {badID, catalog.ErrInvalid},
			"a task that waits for it": {badTask, catalog.ErrInvalid},
		} {
			if _, _, err := arrive(t, db, arrival("good", "good"), c.bad); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if _, total, err := db.QueryEntries(t.Context(), 1, catalog.Query{Limit: 10}); err != nil || total != 1 {
			t.Errorf("%d entries: %v", total, err)
		}
	})
}

func TestManyFilesOfAFolderChangeTogether(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		folder := newDropFolder(t, db, "/drop")
		var files []catalog.DropFolderFile
		for i := range 300 {
			f := dropFile(folder, fmt.Sprint("f", i))
			if f.Status = catalog.FilePending; i == 7 {
				f.Status = catalog.FileIgnored
			}
			files = append(files, f)
		}
		rows, _ := addDropFiles(t, db, catalog.Fence{}, files...)
		var ids []catalog.DropFolderFileID
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		var moved []catalog.DropFolderFile
		change := func(fence catalog.Fence, from catalog.DropFolderFileStatus, fn func(*catalog.DropFolderFile) error) error {
			return db.InLazyTx(t.Context(), func(tx *catalog.Tx) (err error) {
				moved, err = tx.UpdateDropFolderFiles(t.Context(), fence, ids, from, fn)
				return err
			})
		}
		claim := func(f *catalog.DropFolderFile) error {
			f.Status, f.Slug, f.Entry, f.Size = catalog.FileProcessing, "slug of "+f.Path, catalog.NewEntryID(), 99
			return nil
		}
		if err := change(catalog.Fence{Lease: "nobody has it", Token: 1}, catalog.FilePending, claim); !errors.Is(err, catalog.ErrFenced) {
			t.Errorf("without the lease: %v", err)
		}
		if err := change(catalog.Fence{}, catalog.FilePending, claim); err != nil || len(moved) != 299 {
			t.Fatalf("%d files moved: %v", len(moved), err)
		}
		for _, m := range moved {
			got, err := db.DropFolderFile(t.Context(), 1, m.ID)
			if err != nil || cmp.Diff(m, got) != "" {
				t.Fatalf("%v %s", err, cmp.Diff(m, got))
			}
			if got.Slug != "slug of "+got.Path || got.Size != 5 {
				t.Fatalf("%q has slug %q, %d bytes", got.Path, got.Slug, got.Size)
			}
		}
		err := change(catalog.Fence{}, catalog.FileProcessing, func(f *catalog.DropFolderFile) error {
			f.Status = catalog.FilePurged
			return nil
		})
		if err != nil || len(moved) != 299 || moved[0].Deleted != moved[0].ID {
			t.Fatalf("%d files purged: %v", len(moved), err)
		}
		if err := change(catalog.Fence{}, catalog.FilePurged, claim); err != nil || len(moved) != 0 {
			t.Errorf("%d files of history changed: %v", len(moved), err)
		}
		last, err := db.LastPurged(t.Context(), folder.ID, []string{catalog.PathKey("f0"), catalog.PathKey("f7"), catalog.PathKey("f299")})
		if err != nil || len(last) != 2 || last[catalog.PathKey("f299")].Slug != "slug of f299" {
			t.Errorf("%v, %v", last, err)
		}
		live, err := db.PickDropFolderFiles(t.Context(), catalog.FilePick{Folder: folder.ID})
		if err != nil || len(live) != 1 || live[0].Path != "f7" {
			t.Errorf("live: %+v, %v", live, err)
		}
	})
}

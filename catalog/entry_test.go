package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/catalog"
)

func TestAccountsAreMadeOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		var all sync.WaitGroup
		var mu sync.Mutex
		made := map[catalog.AccountID]int{}
		for i := range 8 {
			all.Go(func() {
				for _, id := range []catalog.AccountID{7, 0} {
					a, fresh, err := db.EnsureAccount(t.Context(), id, fmt.Sprint("n", i))
					if err != nil {
						t.Error(err)
					}
					if fresh {
						mu.Lock()
						made[a.ID]++
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		want := map[catalog.AccountID]int{7: 1}
		for id := range catalog.AccountID(8) {
			want[101+id] = 1
		}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Error(diff)
		}
		accounts, err := db.Accounts(t.Context())
		if err != nil || len(accounts) != 9 {
			t.Fatalf("%d accounts, %v", len(accounts), err)
		}
		got, err := db.Account(t.Context(), 7)
		if diff := cmp.Diff(accounts[0], got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if !got.PlayWhileProcessing || got.Status != catalog.AccountActive {
			t.Errorf("account %+v", got)
		}
		if _, err := db.Account(t.Context(), 8); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("account 8: %v", err)
		}
	})
}

func TestEntryIsMadeWholeAndReadBack(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		want := catalog.NewEntry{
			Account: 1, Name: "Fête ? 'quoted' \\ ½", ReferenceID: "ref", MediaType: catalog.MediaVideo, Description: "d\nd",
			Tags: []string{"a", "b c"}, SourceKey: "inbox/x.mp4", DedupKey: "k", ID: catalog.NewEntryID(),
		}
		e, assets, tasks, err := db.CreateEntry(t.Context(), want,
			[]catalog.Asset{{Name: "source", Type: catalog.AssetFlavor, Original: true, Size: 5, Parts: []catalog.Part{{Index: 1, Key: "k"}},
				Props: []byte(`{"a":1}`), FrameRate: 29.97, Default: true}}, diamond())
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Entry(t.Context(), 1, e.ID)
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if got.ID != want.ID || got.Name != want.Name || !slices.Equal(got.Tags, want.Tags) || got.Version != 1 || got.Revision != 1 {
			t.Errorf("entry %+v", got)
		}
		stored, err := db.Assets(t.Context(), e.ID, catalog.AssetFlavor, catalog.AssetThumb)
		if diff := cmp.Diff(assets, stored); err != nil || diff != "" {
			t.Error(err, diff)
		}
		rows, err := db.Tasks(t.Context(), e.ID)
		if diff := cmp.Diff(tasks, rows); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if _, err := db.Entry(t.Context(), 2, e.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's entry: %v", err)
		}
	})
}

func TestRefusedEntriesLeaveNoTrace(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		task := catalog.NewTask{Stage: catalog.StageProbe, Name: "t"}
		tests := map[string]struct {
			entry  catalog.NewEntry
			assets []catalog.Asset
			tasks  []catalog.NewTask
			want   error
		}{
			"no such account":    {catalog.NewEntry{Account: 9}, nil, nil, catalog.ErrNotFound},
			"name not UTF-8":     {catalog.NewEntry{Account: 1, Name: "a\xff"}, nil, nil, catalog.ErrInvalid},
			"NUL in name":        {catalog.NewEntry{Account: 1, Name: "a\x00"}, nil, nil, catalog.ErrInvalid},
			"name too long":      {catalog.NewEntry{Account: 1, Name: strings.Repeat("x", 1001)}, nil, nil, catalog.ErrInvalid},
			"bad id":             {catalog.NewEntry{Account: 1, ID: "../../etc"}, nil, nil, catalog.ErrInvalid},
			"same asset twice":   {catalog.NewEntry{Account: 1}, []catalog.Asset{{Name: "a"}, {Name: "a"}}, nil, catalog.ErrConflict},
			"bad asset id":       {catalog.NewEntry{Account: 1}, []catalog.Asset{{ID: "x"}}, nil, catalog.ErrInvalid},
			"same task twice":    {catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{task, task}, catalog.ErrConflict},
			"after itself":       {catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{{Stage: "s", After: []int{0}}}, catalog.ErrInvalid},
			"after a later one":  {catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{{Stage: "s", After: []int{1}}, task}, catalog.ErrInvalid},
			"after no such task": {catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{{Stage: "s", AfterTasks: []catalog.TaskID{99}}}, catalog.ErrNotFound},
			"no stage":           {catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{{}}, catalog.ErrInvalid},
			"payload no JSON":    {catalog.NewEntry{Account: 1}, nil, []catalog.NewTask{{Stage: "s", Payload: func() {}}}, catalog.ErrInvalid},
		}
		for name, test := range tests {
			if _, _, _, err := db.CreateEntry(t.Context(), test.entry, test.assets, test.tasks); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
		if _, total, err := db.ListEntries(t.Context(), catalog.EntryFilter{}); err != nil || total != 0 {
			t.Errorf("%d entries were left, %v", total, err)
		}
		if events, err := db.Events(t.Context(), 0, 10); err != nil || len(events) != 0 {
			t.Errorf("events %v, %v", events, err)
		}
	})
}

func TestSameArrivalMakesOneEntry(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		var all sync.WaitGroup
		var mu sync.Mutex
		ids := map[catalog.EntryID]int{}
		made := 0
		for range 8 {
			all.Go(func() {
				e, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: 1, Name: "n", DedupKey: "k"}, nil, diamond())
				mu.Lock()
				defer mu.Unlock()
				ids[e.ID]++
				switch {
				case err == nil:
					made++
				case !errors.Is(err, catalog.ErrConflict):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(ids) != 1 || made != 1 {
			t.Errorf("%d made, entries %v", made, ids)
		}
		if _, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: 2, DedupKey: "k"}, nil, nil); err != nil {
			t.Errorf("another account's: %v", err)
		}
	})
}

func TestConcurrentUpdatesAllCount(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, _ := newEntry(t, db)
		const goroutines, each = 8, 20
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for range each {
					err := db.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
						e.DurationMS++
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		got, err := db.EntryByID(t.Context(), e.ID)
		if err != nil || got.DurationMS != goroutines*each || got.Revision != 1+goroutines*each {
			t.Errorf("duration %d, revision %d, %v", got.DurationMS, got.Revision, err)
		}
	})
}

func TestStatusChangesAreToldAsEvents(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, tasks := newEntry(t, db, diamond()...)
		set := func(s catalog.EntryStatus) {
			t.Helper()
			err := db.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
				e.Status = s
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		set(catalog.EntryPreconvert)
		set(catalog.EntryPreconvert)
		set(catalog.EntryReady)
		refused := errors.New("no")
		if err := db.UpdateEntry(t.Context(), e.ID, func(*catalog.Entry) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("refused update: %v", err)
		}
		assets, err := db.AddAssets(t.Context(), e.ID, []catalog.Asset{{Name: "a"}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := db.UpdateAsset(t.Context(), assets[0].ID, func(a *catalog.Asset) error {
				a.Status = catalog.AssetReady
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := errors.Join(db.DeleteAsset(t.Context(), assets[0].ID), db.DeleteEntry(t.Context(), e.ID)); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{
			"entry.created", "entry.updated", "entry.ready", "entry.updated", "asset.ready", "asset.deleted", "entry.deleted",
		}
		if diff := cmp.Diff(want, eventNames(t, db, e.ID)); diff != "" {
			t.Error(diff)
		}
		for name, state := range states(t, db, e.ID) {
			if state != catalog.TaskCancelled {
				t.Errorf("task %s of the deleted entry is %s", name, state)
			}
		}
		if _, err := db.AddTasks(t.Context(), e.ID, []catalog.NewTask{{Stage: "s"}}); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("tasks for a deleted entry: %v", err)
		}
		if _, err := db.Claim(t.Context(), tasks[0].ID, "w", time.Minute); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("claim of a cancelled task: %v", err)
		}
	})
}

func TestPurgeTakesDeletedEntriesAway(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, tasks := newEntry(t, db, diamond()...)
		if _, err := db.AddAssets(ctx, e.ID, []catalog.Asset{{Name: "a"}}); err != nil {
			t.Fatal(err)
		}
		if err := db.PurgeEntry(ctx, e.ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("purge of a living entry: %v", err)
		}
		before := time.Now().Add(-time.Second)
		if err := db.DeleteEntry(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		for at, want := range map[time.Time]int{before: 0, time.Now().Add(time.Second): 1} {
			if got, err := db.Purgeable(ctx, at, 10); err != nil || len(got) != want {
				t.Errorf("%d purgeable, want %d, %v", len(got), want, err)
			}
		}
		if err := db.PurgeEntry(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		if err := db.PurgeEntry(ctx, e.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("second purge: %v", err)
		}
		if _, err := db.Task(ctx, tasks[0].ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("task of a purged entry: %v", err)
		}
		if assets, err := db.Assets(ctx, e.ID); err != nil || len(assets) != 0 {
			t.Errorf("assets %v, %v", assets, err)
		}
		if _, total, err := db.ListEntries(ctx, catalog.EntryFilter{Search: "purge"}); err != nil || total != 0 {
			t.Errorf("a purged entry is found: %d, %v", total, err)
		}
	})
}

func TestAssetNamesAreUniqueWhileTheyLive(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		e, _ := newEntry(t, db)
		add := func() (catalog.Asset, error) {
			made, err := db.AddAssets(ctx, e.ID, []catalog.Asset{{Name: "720p", Kind: "video"}})
			if err != nil {
				return catalog.Asset{}, err
			}
			return made[0], nil
		}
		first, err := add()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := add(); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("second of the name: %v", err)
		}
		if err := db.DeleteAsset(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		second, err := add()
		if err != nil {
			t.Fatal(err)
		}
		live, err := db.Assets(ctx, e.ID)
		if diff := cmp.Diff([]catalog.Asset{second}, live, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Error(err, diff)
		}
		old, err := db.Asset(ctx, first.ID)
		if err != nil || old.Status != catalog.AssetDeleted || old.DeletedAt.IsZero() {
			t.Errorf("deleted asset %+v, %v", old, err)
		}
		if _, err := db.Asset(ctx, "0_00000000"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("no such asset: %v", err)
		}
	})
}

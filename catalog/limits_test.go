package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/catalog"
)

func setLimits(t testing.TB, db *catalog.DB, id catalog.AccountID, l catalog.Limits) {
	t.Helper()
	if _, err := db.UpdateAccount(t.Context(), id, func(a *catalog.Account) error { a.Details.Limits = l; return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestEntriesOfADayAreBounded(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		made := 0
		add := func(id catalog.AccountID) error {
			made++
			e := catalog.BlankEntry(id)
			e.Name = fmt.Sprint("entry ", made)
			_, err := db.AddEntry(ctx, e)
			return err
		}
		for range 3 { // before there is a limit
			if err := add(1); err != nil {
				t.Fatal(err)
			}
		}
		db.SetLimits(catalog.Limits{EntriesADay: 5})
		if _, _, _, err := db.CreateEntry(ctx, catalog.NewEntry{Account: 1, Name: "fourth"}, nil, nil); err != nil {
			t.Fatal(err)
		}
		arrivals := func(n int) error {
			all := make([]catalog.Arrival, n)
			for i := range all {
				made++
				e := catalog.BlankEntry(1)
				e.ID, e.Name, e.DedupKey = catalog.NewEntryID(), "arrival", fmt.Sprint("key ", made)
				all[i].Entry = e
			}
			return db.InTx(ctx, func(tx *catalog.Tx) error {
				_, _, err := tx.AddArrivals(ctx, 1, all)
				return err
			})
		}
		if err := arrivals(2); !errors.Is(err, catalog.ErrEntriesADay) || !errors.Is(err, catalog.ErrQuota) {
			t.Errorf("two more than four of five: %v", err)
		}
		if err := db.EntriesLeft(ctx, 1); err != nil {
			t.Errorf("one is left: %v", err)
		}
		if err := arrivals(1); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{add(1), arrivals(1), db.EntriesLeft(ctx, 1)} {
			if !errors.Is(err, catalog.ErrEntriesADay) || !strings.Contains(err.Error(), "account 1 may make 5") {
				t.Errorf("a sixth: %v", err)
			}
		}
		if err := add(2); err != nil {
			t.Errorf("another account: %v", err)
		}
		setLimits(t, db, 1, catalog.Limits{EntriesADay: 6})
		if err := errors.Join(db.EntriesLeft(ctx, 1), add(1)); err != nil {
			t.Errorf("with a limit of its own: %v", err)
		}
		if err := add(1); !errors.Is(err, catalog.ErrEntriesADay) {
			t.Errorf("a seventh: %v", err)
		}
		if list, _, err := db.ListEntries(ctx, catalog.EntryFilter{Account: 1}); err != nil || len(list) != 6 {
			t.Errorf("%d entries, %v", len(list), err)
		}
	})
}

// TestEntriesOfADayAreCountedSideBySide lets many begin the day at once.
func TestEntriesOfADayAreCountedSideBySide(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		db.SetLimits(catalog.Limits{EntriesADay: 20})
		var made atomic.Int64
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				for i := range 5 {
					e := catalog.BlankEntry(1)
					e.Name = fmt.Sprint(w, " ", i)
					switch _, err := db.AddEntry(t.Context(), e); {
					case err == nil:
						made.Add(1)
					case !errors.Is(err, catalog.ErrEntriesADay):
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if n := made.Load(); n != 20 {
			t.Errorf("%d entries were made of 20", n)
		}
	})
}

func TestSessionsAndBulkJobsAndPullsOfAnAccountAreBounded(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		for _, id := range []catalog.AccountID{1, 2} {
			newAccount(t, db, id)
			for range 4 {
				if _, err := db.AddBulkJob(ctx, id, catalog.BulkJob{Type: "t", ObjectType: catalog.BulkEntries, Status: catalog.BulkPending}); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, _, err := db.CreateEntry(ctx, catalog.NewEntry{Account: id, Name: "pulled"}, nil, []catalog.NewTask{
				{Stage: catalog.StageFetch, Name: "a"}, {Stage: catalog.StageFetch, Name: "b"}, {Stage: catalog.StageFetch, Name: "c"}, {Stage: catalog.StageFetch, Name: "d"},
			}); err != nil {
				t.Fatal(err)
			}
		}
		db.SetLimits(catalog.Limits{Pulls: 2})
		setLimits(t, db, 2, catalog.Limits{Sessions: 1, BulkJobs: 1, Pulls: 3})
		count := map[catalog.AccountID]int{}
		for {
			j, err := db.ClaimBulkJob(ctx, "w", time.Minute, 2)
			if errors.Is(err, catalog.ErrNotFound) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			count[j.Account]++
		}
		if count[1] != 2 || count[2] != 1 {
			t.Errorf("bulk jobs run: %v, want 2 and 1", count)
		}
		pulled := map[catalog.AccountID]int{}
		for range 3 {
			offers, err := db.Runnable(ctx, catalog.StageFetch, 10, 0)
			if err != nil {
				t.Fatal(err)
			}
			var ids []catalog.TaskID
			for _, o := range offers {
				pulled[o.Account]++
				ids = append(ids, o.Task)
			}
			if _, err := db.MarkQueued(ctx, ids); err != nil {
				t.Fatal(err)
			}
		}
		if pulled[1] != 2 || pulled[2] != 3 {
			t.Errorf("pulls: %v, want 2 and 3", pulled)
		}
		for id, most := range map[catalog.AccountID]int{1: 2, 2: 1} {
			for i := range most + 1 {
				_, err := db.AddTransfer(ctx, catalog.Transfer{Account: id}, 2)
				if want := i == most; errors.Is(err, catalog.ErrQuota) != want {
					t.Errorf("account %d, transfer %d: %v", id, i, err)
				}
			}
		}
	})
}

// BenchmarkEntriesADay makes entries beside as many of the same day as the flag says, with a limit and without one.
func BenchmarkEntriesADay(b *testing.B) {
	for _, limit := range []int64{0, 1 << 40} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			at := "sqlite://" + b.TempDir() + "/catalog.db"
			db := open(b, at)
			newAccount(b, db, 101)
			for i := range 99 {
				newAccount(b, db, catalog.AccountID(102+i))
			}
			exec := rawExec(b, at)
			exec(fmt.Sprintf(seeds["sqlite"], *scaleRows))
			exec(fmt.Sprintf("UPDATE entries SET account = 101, created_at = %d + num", time.Now().UTC().Truncate(24*time.Hour).UnixMicro()))
			db.SetLimits(catalog.Limits{EntriesADay: limit})
			began := time.Now()
			for i := 0; b.Loop(); i++ {
				e := catalog.BlankEntry(101)
				e.Name = fmt.Sprint("entry ", i)
				if _, err := db.AddEntry(b.Context(), e); err != nil {
					b.Fatal(err)
				}
				if i == 0 {
					b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/first")
				}
			}
		})
	}
}

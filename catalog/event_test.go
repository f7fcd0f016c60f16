package catalog_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/catalog"
)

func TestFollowerOfEventsMissesNone(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		const writers, changes = 8, 40
		var entries []catalog.EntryID
		for range writers {
			e, _ := newEntry(t, db)
			entries = append(entries, e.ID)
		}
		start, err := db.LastEvent(ctx)
		if err != nil || start != writers {
			t.Fatalf("last event %d, %v", start, err)
		}
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range changes {
					// Every writer changes every entry, so that they wait for each other inside their transactions.
					err := db.UpdateEntry(ctx, entries[(w+i)%writers], func(e *catalog.Entry) error {
						e.Name = fmt.Sprint(w, " ", i)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		written := make(chan struct{})
		go func() {
			all.Wait()
			close(written)
		}()
		revision := map[catalog.EntryID]int64{}
		after, got, last := start, 0, false
		for {
			events, err := db.Events(ctx, after, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				var fact struct{ Revision int64 }
				if err := json.Unmarshal(e.Data, &fact); err != nil {
					t.Fatal(err)
				}
				if e.Seq <= after || fact.Revision <= revision[e.Entry] {
					t.Errorf("event %d after %d, revision %d after %d", e.Seq, after, fact.Revision, revision[e.Entry])
				}
				after, revision[e.Entry] = e.Seq, fact.Revision
				got++
			}
			if len(events) > 0 {
				continue
			}
			if last {
				break
			}
			select {
			case <-written:
				last = true
			default:
			}
		}
		if got != writers*changes {
			t.Errorf("followed %d events of %d", got, writers*changes)
		}
	})
}

func TestCursorsHoldEventsBack(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		for range 5 {
			newEntry(t, db)
		}
		set := func(consumer string, seq, want int64) {
			t.Helper()
			if err := db.SetCursor(ctx, consumer, seq); err != nil {
				t.Fatal(err)
			}
			if got, err := db.Cursor(ctx, consumer); err != nil || got != want {
				t.Errorf("cursor of %s is %d, want %d, %v", consumer, got, want, err)
			}
		}
		if got, err := db.Cursor(ctx, "new"); err != nil || got != 0 {
			t.Errorf("%d, %v", got, err)
		}
		set("fast", 4, 4)
		set("slow", 2, 2)
		set("fast", 3, 4)
		if n, err := db.TrimEvents(ctx, time.Now().Add(-time.Hour), 100); err != nil || n != 0 {
			t.Errorf("young events were trimmed: %d, %v", n, err)
		}
		if n, err := db.TrimEvents(ctx, time.Now().Add(time.Hour), 100); err != nil || n != 2 {
			t.Errorf("trimmed %d, %v", n, err)
		}
		events, err := db.Events(ctx, 0, 100)
		if err != nil || len(events) != 3 || events[0].Seq != 3 {
			t.Errorf("%v, %v", events, err)
		}
	})
}

func TestLeaseIsOneOwnersAtATime(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		acquire := func(owner string, ttl time.Duration, want int64) {
			t.Helper()
			token, ok, err := db.AcquireLease(ctx, "x", owner, ttl)
			if err != nil || ok != (want > 0) || token != want {
				t.Errorf("%s: token %d, %t, %v; want %d", owner, token, ok, err, want)
			}
		}
		acquire("a", time.Hour, 1)
		acquire("a", time.Hour, 1)
		acquire("b", time.Hour, 0)
		for _, token := range []int64{2, 1} { // the first is not a's
			if err := db.ReleaseLease(ctx, "x", "a", token); err != nil {
				t.Fatal(err)
			}
			if token == 2 {
				acquire("b", time.Hour, 0)
			}
		}
		acquire("b", time.Microsecond, 2)
		for { // until the lease is over
			token, ok, err := db.AcquireLease(ctx, "x", "c", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				if token != 3 {
					t.Errorf("token %d", token)
				}
				break
			}
		}
		if _, _, err := db.AcquireLease(ctx, "x", "", time.Hour); err == nil {
			t.Error("a lease without owner was given")
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		holders := map[string]int64{}
		for i := range 8 {
			all.Go(func() {
				owner := fmt.Sprint(i)
				token, ok, err := db.AcquireLease(ctx, "y", owner, time.Hour)
				if err != nil {
					t.Error(err)
				}
				if ok {
					mu.Lock()
					defer mu.Unlock()
					holders[owner] = token
				}
			})
		}
		all.Wait()
		if len(holders) != 1 {
			t.Errorf("holders %v", holders)
		}
	})
}

func TestQuarantineKeepsTheFirstReason(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		sum := fmt.Sprintf("%064d", 7)
		check := func(code string, in bool) {
			t.Helper()
			got, ok, err := db.Quarantined(ctx, sum)
			if err != nil || ok != in || got != code {
				t.Errorf("%q, %t, %v; want %q", got, ok, err, code)
			}
		}
		check("", false)
		for _, code := range []string{"media_crash", "limit_cpu"} {
			if err := db.Quarantine(ctx, sum, code); err != nil {
				t.Fatal(err)
			}
		}
		check("media_crash", true)
		if err := db.Unquarantine(ctx, sum); err != nil {
			t.Fatal(err)
		}
		check("", false)
		if err := db.Quarantine(ctx, "abc", "x"); err == nil {
			t.Error("half a sum was taken")
		}
	})
}

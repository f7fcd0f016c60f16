package catalog_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func addDelivery(t *testing.T, db *catalog.DB, d catalog.Delivery) (catalog.Delivery, bool) {
	t.Helper()
	var out catalog.Delivery
	var fresh bool
	err := db.InTx(t.Context(), func(tx *catalog.Tx) (err error) {
		out, fresh, err = tx.AddDelivery(t.Context(), 1, d, func(d *catalog.Delivery) error {
			d.Body = "body"
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, fresh
}

func TestNotificationTemplatesKeepPasswordsSealed(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		unlock(t, db, firstKey)
		want := catalog.NotificationSpec{URL: "https://a.example/x", Method: 2, Headers: []catalog.NotificationValue{{Key: "k", Value: "v"}}}
		made, err := db.AddNotificationTemplate(t.Context(), 1, catalog.NotificationTemplate{
			Name: "n", Status: catalog.TemplateActive, Automatic: true, Password: "hunter2", Spec: want,
		})
		if err != nil || made.Sealed == "hunter2" || made.Sealed == "" {
			t.Fatal(made, err)
		}
		unlock(t, db, secondKey, firstKey)
		got, err := db.NotificationTemplate(t.Context(), 1, made.ID)
		if err != nil || got.Password != "hunter2" {
			t.Fatal(got, err)
		}
		if diff := cmp.Diff(want, got.Spec); diff != "" {
			t.Error(diff)
		}
		if _, err := db.UpdateNotificationTemplate(t.Context(), 1, made.ID, func(tm *catalog.NotificationTemplate) error {
			tm.Name = "m"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		list, err := db.AutomaticTemplates(t.Context(), 1)
		if err != nil || len(list) != 1 || list[0].Name != "m" {
			t.Error(list, err)
		}
		if got, err := db.NotificationTemplate(t.Context(), 1, made.ID); err != nil || got.Password != "hunter2" {
			t.Error(got, err)
		}
		if _, err := db.NotificationTemplate(t.Context(), 2, made.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's template: %v", err)
		}
		if list, n, err := db.NotificationTemplates(t.Context(), 0, catalog.Query{Limit: 9}); err != nil || n != 1 || list[0].Spec.Events[0] != "entry.ready" {
			t.Error(list, n, err)
		}
	})
}

func TestDeliveriesAreClaimedOnceAndFairly(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		for seq := range int64(10) {
			if _, fresh := addDelivery(t, db, catalog.Delivery{Template: 1, EventSeq: &seq}); !fresh {
				t.Fatal("a new delivery is not new")
			}
			if _, fresh := addDelivery(t, db, catalog.Delivery{Template: 1, EventSeq: &seq}); fresh {
				t.Fatal("an event is told twice")
			}
		}
		addDelivery(t, db, catalog.Delivery{Template: 2})
		addDelivery(t, db, catalog.Delivery{Template: 2})
		claim := func(busy ...int64) []catalog.Delivery {
			list, err := db.ClaimDeliveries(t.Context(), 8, 3, time.Hour, busy)
			if err != nil {
				t.Error(err)
			}
			return list
		}
		seen := map[int64]int{}
		count := func(list []catalog.Delivery) (byTemplate map[int64]int) {
			byTemplate = map[int64]int{}
			for _, d := range list {
				seen[d.ID]++
				byTemplate[d.Template]++
				if d.Attempts != 1 || d.Body != "body" || d.Account != 1 {
					t.Errorf("claimed %+v", d)
				}
			}
			return byTemplate
		}
		if diff := cmp.Diff(map[int64]int{1: 3, 2: 2}, count(claim())); diff != "" {
			t.Error(diff)
		}
		if list := claim(1); len(list) != 0 {
			t.Errorf("a busy template was claimed: %v", list)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		for range 6 {
			all.Go(func() {
				list := claim()
				mu.Lock()
				defer mu.Unlock()
				count(list)
			})
		}
		all.Wait()
		for len(seen) < 12 {
			list := claim()
			if len(list) == 0 {
				break
			}
			count(list)
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("delivery %d was claimed %d times", id, n)
			}
		}
		if len(seen) != 12 {
			t.Errorf("%d deliveries were claimed", len(seen))
		}
	})
}

func TestDeliveriesEnd(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		addDelivery(t, db, catalog.Delivery{Template: 1})
		claim := func() catalog.Delivery {
			t.Helper()
			list, err := db.ClaimDeliveries(t.Context(), 8, 3, time.Hour, nil)
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			return list[0]
		}
		d := claim()
		stale := d
		stale.Attempts--
		if err := db.FinishDelivery(t.Context(), stale); !errors.Is(err, catalog.ErrFenced) {
			t.Errorf("an earlier try: %v", err)
		}
		d.Status, d.ResponseCode, d.Error, d.FinishedAt = catalog.DeliveryFailed, 500, "no\x00", catalog.StampOf(time.Now())
		if err := db.FinishDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if again, err := db.RetryDelivery(t.Context(), 1, d.ID); err != nil || again.Status != catalog.DeliveryPending || again.Attempts != 0 {
			t.Error(again, err)
		}
		if _, err := db.RetryDelivery(t.Context(), 2, d.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's delivery: %v", err)
		}
		d = claim()
		d.Status, d.FinishedAt = catalog.DeliveryDone, catalog.StampOf(time.Now().Add(-time.Hour))
		if err := db.FinishDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if _, err := db.RetryDelivery(t.Context(), 1, d.ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("delivered again: %v", err)
		}
		if list, n, err := db.Deliveries(t.Context(), 1, catalog.Query{Limit: 5, Conds: []catalog.Cond{{Field: "status", Op: catalog.OpEq, Values: []any{int64(1)}}}}); err != nil || n != 1 || list[0].ID != d.ID {
			t.Error(list, n, err)
		}
		if n, err := db.TrimDeliveries(t.Context(), time.Now().Add(-time.Minute), 10); err != nil || n != 1 {
			t.Error(n, err)
		}
	})
}

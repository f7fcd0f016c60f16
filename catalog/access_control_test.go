package catalog_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestAccessControlProfilesBelongToAnAccount(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		for _, id := range []catalog.AccountID{101, 102} {
			if _, _, err := db.EnsureAccount(ctx, id, "a"); err != nil {
				t.Fatal(err)
			}
		}
		first, err := db.DefaultAccessControl(ctx, 101)
		if err != nil || !first.Default || len(first.Rules) != 0 {
			t.Fatalf("default profile %+v, %v", first, err)
		}
		rules := []catalog.AccessRule{{
			Code: "c", Contexts: []string{"1"}, Stop: true, Conditions: []catalog.AccessCondition{{Type: "3", Not: true, Values: []string{"10.0.0.0/8"}}},
			Actions: []catalog.AccessAction{{Type: "2", Seconds: 30}},
		}}
		made, err := db.AddAccessControl(ctx, 101, catalog.AccessControl{Name: "n", SystemName: "s", Rules: rules})
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.AccessControl(ctx, 101, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rules, got.Rules); diff != "" {
			t.Errorf("rules (-want +got):\n%s", diff)
		}
		if _, err := db.AccessControl(ctx, 102, made.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's profile: %v", err)
		}
		if _, err := db.AddAccessControl(ctx, 101, catalog.AccessControl{Name: "n", SystemName: "s"}); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("a system name twice: %v", err)
		}
		if _, err := db.AddAccessControl(ctx, 102, catalog.AccessControl{Name: "n", SystemName: "s"}); err != nil {
			t.Errorf("another account's system name: %v", err)
		}
		list, total, err := db.AccessControls(ctx, 101, catalog.Query{Conds: []catalog.Cond{{Field: "systemName", Op: catalog.OpEq, Values: []any{"s"}}}, Limit: 10})
		if err != nil || total != 1 || list[0].ID != made.ID {
			t.Errorf("list: %d %v", total, err)
		}
	})
}

func TestAnAccountHasOneDefaultProfile(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		if _, _, err := db.EnsureAccount(ctx, 101, "a"); err != nil {
			t.Fatal(err)
		}
		first, err := db.DefaultAccessControl(ctx, 101)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.DeleteAccessControl(ctx, 101, first.ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("the default profile was deleted: %v", err)
		}
		second, err := db.AddAccessControl(ctx, 101, catalog.AccessControl{Name: "second", Default: true})
		if err != nil {
			t.Fatal(err)
		}
		third, err := db.AddAccessControl(ctx, 101, catalog.AccessControl{Name: "third"})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []catalog.AccessControl{second, third, first} {
			if want.ID != second.ID {
				_, err := db.UpdateAccessControl(ctx, 101, want.ID, func(p *catalog.AccessControl) error {
					p.Default = true
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if got, err := db.DefaultAccessControl(ctx, 101); err != nil || got.ID != want.ID {
				t.Errorf("default %d, %v; want %d", got.ID, err, want.ID)
			}
		}
		got, err := db.UpdateAccessControl(ctx, 101, first.ID, func(p *catalog.AccessControl) error {
			p.Default, p.Name = false, "renamed"
			return nil
		})
		if err != nil || !got.Default || got.Name != "renamed" {
			t.Errorf("a default profile that gives up being it: %+v, %v", got, err)
		}
		if err := db.DeleteAccessControl(ctx, 101, third.ID); err != nil {
			t.Error(err)
		}
		if _, err := db.AccessControl(ctx, 101, third.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a deleted profile: %v", err)
		}
	})
}

package catalog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestGatewayUsersAreOneOfAKind(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		for _, id := range []catalog.AccountID{101, 102} {
			if _, _, err := db.EnsureAccount(ctx, id, "a"); err != nil {
				t.Fatal(err)
			}
		}
		want := catalog.GatewayUser{
			Name: "Anna", PasswordHash: "h", Keys: []string{"ssh-ed25519 AAAA"}, Folders: []catalog.DropFolderID{3, 4},
			Rights: []catalog.GatewayRight{catalog.GatewayRead, catalog.GatewayWrite}, Rate: 5,
		}
		made, err := db.AddGatewayUser(ctx, 101, want)
		if err != nil {
			t.Fatal(err)
		}
		want.Name, want.ID, want.Record = "anna", made.ID, made.Record
		got, err := db.GatewayLogin(ctx, "aNNa")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the user (-want +got):\n%s", diff)
		}
		if !got.May(catalog.GatewayRead) || got.May(catalog.GatewayDelete) {
			t.Errorf("rights %v", got.Rights)
		}
		if _, err := db.AddGatewayUser(ctx, 102, catalog.GatewayUser{Name: "anna"}); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("the name in another account: %v", err)
		}
		if _, err := db.GatewayUser(ctx, 102, "anna"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's user: %v", err)
		}
		if err := db.SeenGatewayUser(ctx, made.ID, time.Unix(1000, 0)); err != nil {
			t.Fatal(err)
		}
		if got, err = db.GatewayUser(ctx, 101, "anna"); err != nil || got.SeenAt.Unix() != 1000 || got.UpdatedAt != made.UpdatedAt {
			t.Errorf("after a login it is %+v, %v", got, err)
		}
		if err := db.DeleteGatewayUser(ctx, 101, made.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := db.GatewayLogin(ctx, "anna"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a deleted user: %v", err)
		}
		if _, err := db.AddGatewayUser(ctx, 102, catalog.GatewayUser{Name: "anna"}); err != nil {
			t.Errorf("a name that is free again: %v", err)
		}
		list, total, err := db.GatewayUsers(ctx, 102, catalog.Query{Limit: 10})
		if err != nil || total != 1 || list[0].Name != "anna" {
			t.Errorf("list %v, %d, %v", list, total, err)
		}
	})
}

func TestGatewayUsersWhoMayNotComeIn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		if _, _, err := db.EnsureAccount(ctx, 101, "a"); err != nil {
			t.Fatal(err)
		}
		u, err := db.AddGatewayUser(ctx, 101, catalog.GatewayUser{Name: "anna"})
		if err != nil {
			t.Fatal(err)
		}
		block := func(blocked bool) {
			t.Helper()
			if _, err := db.UpdateGatewayUser(ctx, 101, u.ID, func(u *catalog.GatewayUser) error { u.Blocked = blocked; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		block(true)
		if _, err := db.GatewayLogin(ctx, "anna"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a blocked user: %v", err)
		}
		block(false)
		if _, err := db.GatewayLogin(ctx, "anna"); err != nil {
			t.Errorf("one that is not blocked any more: %v", err)
		}
		if _, err := db.UpdateAccount(ctx, 101, func(a *catalog.Account) error { a.Status = catalog.AccountBlocked; return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := db.GatewayLogin(ctx, "anna"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a user of a blocked account: %v", err)
		}
		for name, bad := range map[string]catalog.GatewayUser{
			"no name": {}, "a path": {Name: "a/b"}, "a blank": {Name: "a b"}, "a long name": {Name: strings.Repeat("a", 65)}, "a dot first": {Name: ".a"},
			"no such right": {Name: "b", Rights: []catalog.GatewayRight{"all"}}, "a rate": {Name: "b", Rate: -1}, "many keys": {Name: "b", Keys: make([]string, 101)},
		} {
			if _, err := db.AddGatewayUser(ctx, 101, bad); !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

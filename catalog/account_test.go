package catalog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/catalog/seal"
)

const (
	firstKey  = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	secondKey = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"
)

func unlock(t testing.TB, db *catalog.DB, keys ...string) []catalog.AccountID {
	t.Helper()
	made, err := db.Unlock(t.Context(), ring(t, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func ring(t testing.TB, keys ...string) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// secretTexts returns the secrets of an account by kind.
func secretTexts(t testing.TB, db *catalog.DB, account catalog.AccountID) map[catalog.SecretKind][]string {
	t.Helper()
	list, err := db.Secrets(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	out := map[catalog.SecretKind][]string{}
	for _, s := range list {
		out[s.Kind] = append(out[s.Kind], s.Text)
	}
	return out
}

func TestAccountsHaveSecretsOnceTheCatalogIsUnlocked(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		var all sync.WaitGroup
		var mu sync.Mutex
		var made []catalog.AccountID
		for range 4 {
			all.Go(func() {
				ids, err := db.Unlock(t.Context(), ring(t, firstKey))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				made = append(made, ids...)
				mu.Unlock()
			})
		}
		all.Wait()
		if diff := cmp.Diff([]catalog.AccountID{1}, made); diff != "" {
			t.Error(diff)
		}
		newAccount(t, db, 2)
		seen := map[string]bool{}
		for _, id := range []catalog.AccountID{1, 2} {
			secrets := secretTexts(t, db, id)
			if len(secrets[catalog.AdminSecret]) != 1 || len(secrets[catalog.UserSecret]) != 1 {
				t.Fatalf("account %d has secrets %v", id, secrets)
			}
			for _, list := range secrets {
				if len(list[0]) != 32 || seen[list[0]] {
					t.Errorf("secret %q is short or repeats", list[0])
				}
				seen[list[0]] = true
			}
		}
		if secrets := secretTexts(t, db, 3); len(secrets) != 0 {
			t.Errorf("account 3 does not exist and has secrets %v", secrets)
		}
	})
}

func TestLockedCatalogGivesNoSecretsAway(t *testing.T) {
	everyLocation(t, func(t *testing.T, location string) {
		db := open(t, location)
		unlock(t, db, firstKey)
		newAccount(t, db, 1)
		other := open(t, location)
		if _, err := other.Secrets(t.Context(), 1); !errors.Is(err, catalog.ErrLocked) {
			t.Errorf("secrets: %v", err)
		}
		if _, err := other.AddAppToken(t.Context(), 1, catalog.AppToken{HashType: "SHA1"}); !errors.Is(err, catalog.ErrLocked) {
			t.Errorf("app token: %v", err)
		}
		if _, err := other.Unlock(t.Context(), ring(t, secondKey)); !errors.Is(err, seal.ErrKey) {
			t.Errorf("another key: %v", err)
		}
	})
}

func TestSecretsInTheClearAreSealed(t *testing.T) {
	everyLocation(t, func(t *testing.T, location string) {
		db := open(t, location)
		newAccount(t, db, 1)
		rawExec(t, location)("UPDATE accounts SET admin_secret = 'plain-admin-secret', user_secret = 'plain-user-secret'")
		if made := unlock(t, db, firstKey); len(made) != 0 {
			t.Errorf("new secrets for %v", made)
		}
		want := map[catalog.SecretKind][]string{catalog.AdminSecret: {"plain-admin-secret"}, catalog.UserSecret: {"plain-user-secret"}}
		if diff := cmp.Diff(want, secretTexts(t, db, 1)); diff != "" {
			t.Error(diff)
		}
		path, ok := strings.CutPrefix(location, "sqlite://")
		if !ok {
			return
		}
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) < 2 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("plain-admin")) || bytes.Contains(b, []byte("plain-user")) {
				t.Errorf("%s still shows a secret", filepath.Base(f))
			}
		}
	})
}

func TestNewKeySealsOldSecretsAnew(t *testing.T) {
	everyLocation(t, func(t *testing.T, location string) {
		db := open(t, location)
		unlock(t, db, firstKey)
		newAccount(t, db, 1)
		token, err := db.AddAppToken(t.Context(), 1, catalog.AppToken{HashType: "SHA1", Status: catalog.AppTokenActive})
		if err != nil {
			t.Fatal(err)
		}
		before := secretTexts(t, db, 1)
		unlock(t, db, secondKey, firstKey)
		later := open(t, location)
		unlock(t, later, secondKey)
		if diff := cmp.Diff(before, secretTexts(t, later, 1)); diff != "" {
			t.Error(diff)
		}
		if got, err := later.AppToken(t.Context(), 1, token.ID); err != nil || got.Token != token.Token || len(got.Token) != 32 {
			t.Errorf("app token %+v, %v", got, err)
		}
	})
}

func TestRotatedSecretsOverlapForAsLongAsAsked(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		unlock(t, db, firstKey)
		newAccount(t, db, 1)
		first := secretTexts(t, db, 1)
		if err := db.RotateSecrets(t.Context(), 1, time.Hour, catalog.AdminSecret); err != nil {
			t.Fatal(err)
		}
		second := secretTexts(t, db, 1)
		if admin := second[catalog.AdminSecret]; len(admin) != 2 || admin[1] != first[catalog.AdminSecret][0] || admin[0] == admin[1] {
			t.Errorf("admin secrets %v, before %v", admin, first)
		}
		if diff := cmp.Diff(first[catalog.UserSecret], second[catalog.UserSecret]); diff != "" {
			t.Error(diff)
		}
		if err := db.RotateSecrets(t.Context(), 1, 0, catalog.AdminSecret, catalog.UserSecret); err != nil {
			t.Fatal(err)
		}
		third := secretTexts(t, db, 1)
		if len(third[catalog.AdminSecret]) != 1 || len(third[catalog.UserSecret]) != 1 {
			t.Fatalf("secrets %v", third)
		}
		if slices.Contains(second[catalog.AdminSecret], third[catalog.AdminSecret][0]) {
			t.Error("a secret came back")
		}
	})
}

func TestAccountsAreChanged(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		want, err := db.UpdateAccount(t.Context(), 1, func(a *catalog.Account) error {
			a.Name, a.Status, a.PlayWhileProcessing = "Newsroom", catalog.AccountBlocked, false
			a.Details = catalog.AccountDetails{Website: "https://news.example", TokenVersion: 1, MaxSession: 60}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Account(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		want.UpdatedAt = got.UpdatedAt
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got.Details.LongestSession() != time.Minute || (catalog.AccountDetails{}).LongestSession() != 24*time.Hour {
			t.Errorf("sessions last %v", got.Details.LongestSession())
		}
		if _, err := db.UpdateAccount(t.Context(), 2, func(*catalog.Account) error { return nil }); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("account 2: %v", err)
		}
	})
}

func TestRevocationsLastUntilTheirLatestEnd(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		now := time.Now()
		revoke := func(key string, end time.Time) {
			t.Helper()
			if err := db.Revoke(t.Context(), catalog.Revocation{Key: key, Account: 1, ExpiresAt: catalog.StampOf(end)}); err != nil {
				t.Fatal(err)
			}
		}
		revoke("a", now.Add(-time.Hour))
		revoke("b", now.Add(time.Hour))
		revoke("b", now.Add(-time.Hour))
		revoke("c", now.Add(-time.Hour))
		revoke("c", now.Add(time.Hour))
		if n, err := db.TrimRevocations(t.Context(), now, 100); err != nil || n != 1 {
			t.Errorf("%d trimmed, %v", n, err)
		}
		for key, want := range map[string]bool{"a": false, "b": true, "c": true} {
			if got, err := db.Revoked(t.Context(), "x", key); err != nil || got != want {
				t.Errorf("%s: %v, %v", key, got, err)
			}
		}
		var keys []string
		for after := ""; ; {
			page, err := db.Revocations(t.Context(), after, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			after = page[0].Key
			keys = append(keys, after)
		}
		if diff := cmp.Diff([]string{"b", "c"}, keys); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUsersAreTheAccountsOwn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		var all sync.WaitGroup
		for range 4 {
			for _, a := range []catalog.AccountID{1, 2} {
				all.Go(func() {
					if u, err := db.EnsureUser(t.Context(), a, "zoë"); err != nil || u.Account != a {
						t.Errorf("account %d: %+v, %v", a, u, err)
					}
				})
			}
		}
		all.Wait()
		for _, a := range []catalog.AccountID{1, 2} {
			list, n, err := db.Users(t.Context(), a, catalog.Query{Limit: 10})
			if err != nil || n != 1 || list[0].ID != "zoë" {
				t.Errorf("account %d: %v, %d, %v", a, list, n, err)
			}
		}
		if err := db.DeleteUser(t.Context(), 1, "zoë"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.User(t.Context(), 1, "zoë"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("deleted user: %v", err)
		}
		if _, err := db.EnsureUser(t.Context(), 1, "zoë"); err != nil {
			t.Errorf("the id stays taken: %v", err)
		}
		for _, id := range []string{"", strings.Repeat("x", 401), "a\x00"} {
			if _, err := db.EnsureUser(t.Context(), 1, id); !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("id %.10q: %v", id, err)
			}
		}
	})
}

func TestUsersAreFoundByLogin(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		for i := range catalog.AccountID(3) {
			newAccount(t, db, i+1)
			u := catalog.User{ID: "u", Login: "a@b.example", LoginEnabled: i < 2, LoginAt: catalog.Stamp(i), Details: catalog.UserDetails{City: "Bern"}}
			if _, err := db.AddUser(t.Context(), i+1, u); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.UsersByLogin(t.Context(), "a@b.example", 0, 10)
		if err != nil || len(got) != 2 || got[0].Account != 2 || got[1].Details.City != "Bern" {
			t.Errorf("found %+v, %v", got, err)
		}
		if got, err := db.UsersByLogin(t.Context(), "a@b.example", 1, 10); err != nil || len(got) != 1 || got[0].Account != 1 {
			t.Errorf("found %+v of account 1, %v", got, err)
		}
		_, err = db.AddUser(t.Context(), 1, catalog.User{ID: "v", Login: "a@b.example", LoginEnabled: true})
		if !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("the same login twice: %v", err)
		}
	})
}

func TestRolesOfTheSystemAreEveryones(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		vendor, err := db.RoleBySystemName(t.Context(), 5, "REACH_VENDOR_ROLE")
		if err != nil {
			t.Fatal(err)
		}
		for action, want := range map[string]bool{
			"baseentry.get": true, "caption_captionasset.add": true, "reach_entryvendortask.get": true, "media.update": true,
			"media.delete": false, "reach_entryvendortask.updatejob": false, "caption_captionasset.": true, "caption.get": false,
		} {
			service, name, _ := strings.Cut(action, ".")
			if got := vendor.Permits(service, name); got != want {
				t.Errorf("%s: %v", action, got)
			}
		}
		own, err := db.AddRole(t.Context(), 5, catalog.Role{Name: "mine", SystemName: "REACH_VENDOR_ROLE", Status: 1, Permissions: "*"})
		if err != nil || own.ID == vendor.ID {
			t.Fatal(own, err)
		}
		if got, err := db.RoleBySystemName(t.Context(), 5, "REACH_VENDOR_ROLE"); err != nil || got.ID != own.ID {
			t.Errorf("the account's own role does not come first: %+v, %v", got, err)
		}
		if list, n, err := db.Roles(t.Context(), 5, catalog.Query{Limit: 10}); err != nil || n != 2 || len(list) != 2 {
			t.Errorf("roles %v, %d, %v", list, n, err)
		}
		if _, err := db.Role(t.Context(), 6, own.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's role: %v", err)
		}
		if err := db.DeleteRole(t.Context(), 5, vendor.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("the system's role was deleted: %v", err)
		}
		if _, err := db.RoleBySystemName(t.Context(), 5, ""); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a role without a name: %v", err)
		}
		own.Status = 2
		if own.Permits("media", "get") {
			t.Error("a blocked role permits")
		}
	})
}

func TestWidgetsAndAppTokensAreTheAccountsOwn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		unlock(t, db, firstKey)
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		w, err := db.AddWidget(t.Context(), 1, catalog.Widget{Entry: "0_a", Details: catalog.WidgetDetails{Privileges: "view:*"}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := db.WidgetByID(t.Context(), w.ID); err != nil || got.Account != 1 || got.Details.Privileges != "view:*" {
			t.Errorf("widget %+v, %v", got, err)
		}
		if _, err := db.Widget(t.Context(), 2, w.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's widget: %v", err)
		}
		if _, err := db.AddWidget(t.Context(), 2, catalog.Widget{ID: w.ID}); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("an id that is taken: %v", err)
		}
		var ids []string
		for i := range 3 {
			tok, err := db.AddAppToken(t.Context(), 1, catalog.AppToken{HashType: "SHA256", Status: catalog.AppTokenActive, Description: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, tok.ID)
		}
		changed, err := db.UpdateAppToken(t.Context(), 1, ids[0], func(tok *catalog.AppToken) error {
			tok.Status = catalog.AppTokenDisabled
			return nil
		})
		if err != nil || changed.Status != catalog.AppTokenDisabled || len(changed.Token) != 32 {
			t.Errorf("changed to %+v, %v", changed, err)
		}
		if err := db.DeleteAppToken(t.Context(), 1, ids[1]); err != nil {
			t.Fatal(err)
		}
		list, n, err := db.AppTokens(t.Context(), 1, catalog.Query{Limit: 10, Order: []catalog.Order{{Field: "createdAt"}}})
		if err != nil || n != 2 || list[0].ID != ids[0] || list[1].ID != ids[2] || len(list[1].Token) != 32 {
			t.Errorf("app tokens %+v, %d, %v", list, n, err)
		}
		if _, err := db.AppToken(t.Context(), 2, ids[0]); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's token: %v", err)
		}
		if _, err := db.AddAppToken(t.Context(), 1, catalog.AppToken{HashType: "CRC32"}); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("an unknown hash: %v", err)
		}
	})
}

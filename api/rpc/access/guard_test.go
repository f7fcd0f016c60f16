package access_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// library is a catalog with accounts 102 and 103, each with an entry.
func library(t *testing.T) (db *catalog.DB, mine, foreign catalog.Entry) {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	entry := func(account catalog.AccountID) catalog.Entry {
		if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
			t.Fatal(err)
		}
		e, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: account, Name: "e", DedupKey: "e"}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	return db, entry(102), entry(103)
}

func call(t *testing.T, s *ks.Session) *rpc.Call {
	return &rpc.Call{Context: t.Context(), Account: catalog.Account{ID: 102}, Session: s}
}

func code(err error) string {
	var e *rpc.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestEntriesOfOthersAreAsIfTheyDidNotExist(t *testing.T) {
	db, mine, foreign := library(t)
	gone, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: 102, Name: "gone", DedupKey: "gone"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteEntry(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	c := call(t, session(2))
	if e, err := access.Entry(c, db, string(mine.ID), access.Edit); err != nil || e.ID != mine.ID {
		t.Errorf("own entry: %v", err)
	}
	for _, id := range []string{string(foreign.ID), string(gone.ID), "0_zzzzzzzz", "", "' OR 1=1 --"} {
		for _, want := range []access.Want{access.View, access.Edit} {
			_, err := access.Entry(c, db, id, want)
			var e *rpc.Error
			if !errors.As(err, &e) || e.Code != "ENTRY_ID_NOT_FOUND" || len(e.Args) != 1 || e.Args[0] != (rpc.Arg{Name: "ENTRY_ID", Value: id}) {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
}

func TestWhoMayEdit(t *testing.T) {
	db, e, _ := library(t)
	err := db.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
		e.Owner, e.Editors = "owner", []string{"editor"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	user := func(name string, privileges ...string) *ks.Session {
		s := session(0, privileges...)
		s.User = name
		return s
	}
	id := string(e.ID)
	for name, tt := range map[string]struct {
		session *ks.Session
		code    string
	}{
		"administrator":                {session(2), ""},
		"owner":                        {user("owner"), ""},
		"co-editor":                    {user("editor"), ""},
		"edit of this entry":           {user("x", "edit", id), ""},
		"edit of several":              {user("x", "edit", "0_other/"+id), ""},
		"edit of all":                  {user("x", "edit", "*"), ""},
		"every privilege":              {user("x", "*", ""), ""},
		"another user":                 {user("x"), "INVALID_KS"},
		"edit of another entry":        {user("x", "edit", "0_other"), "INVALID_KS"},
		"nobody":                       {user(""), "INVALID_KS"},
		"user 0":                       {user("0"), "INVALID_KS"},
		"no session":                   {nil, "INVALID_KS"},
		"administrator, limited":       {session(2, "limitentry", "0_other"), "INVALID_KS"},
		"administrator, limited to it": {session(2, "limitentry", id), ""},
	} {
		c := call(t, tt.session)
		if _, err := access.Entry(c, db, id, access.Edit); code(err) != tt.code {
			t.Errorf("%s: %v, want %q", name, err, tt.code)
		}
		if _, err := access.Entry(c, db, id, access.View); err != nil {
			t.Errorf("%s may not see: %v", name, err)
		}
	}
}

func TestAGuardFollowsProfilesScheduleAndModeration(t *testing.T) {
	db, e, _ := library(t)
	blocked, err := db.AddAccessControl(t.Context(), 102, catalog.AccessControl{Name: "b", Rules: []catalog.AccessRule{block("a")}})
	if err != nil {
		t.Fatal(err)
	}
	pictures := block("t")
	pictures.Contexts = []string{string(access.Thumbnail)}
	thumbs, err := db.AddAccessControl(t.Context(), 102, catalog.AccessControl{Name: "t", Rules: []catalog.AccessRule{pictures}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, tt := range map[string]struct {
		change                         func(e *catalog.Entry)
		session                        *ks.Session
		restricted, allowed, cacheable bool
	}{
		"open":                     {func(*catalog.Entry) {}, nil, false, true, true},
		"profile that blocks":      {func(e *catalog.Entry) { e.AccessControl = blocked.ID }, nil, true, false, false},
		"the same, administrator":  {func(e *catalog.Entry) { e.AccessControl = blocked.ID }, session(2), true, true, false},
		"profile about pictures":   {func(e *catalog.Entry) { e.AccessControl = thumbs.ID }, nil, false, true, true},
		"profile that is gone":     {func(e *catalog.Entry) { e.AccessControl = 999 }, nil, false, true, true},
		"before its time":          {func(e *catalog.Entry) { e.StartAt = now.Add(time.Hour) }, nil, true, false, false},
		"after its time":           {func(e *catalog.Entry) { e.EndAt = now.Add(-time.Hour) }, nil, true, false, false},
		"within its time":          {func(e *catalog.Entry) { e.StartAt, e.EndAt = now.Add(-time.Hour), now.Add(time.Hour) }, nil, false, true, true},
		"before its time, sview":   {func(e *catalog.Entry) { e.StartAt = now.Add(time.Hour) }, session(0, "sview", "*"), true, true, true},
		"awaits moderation":        {func(e *catalog.Entry) { e.Moderation = catalog.ModerationPending }, nil, true, false, false},
		"awaits moderation, sview": {func(e *catalog.Entry) { e.Moderation = catalog.ModerationPending }, session(0, "sview", string(e.ID)), true, true, true},
		"rejected":                 {func(e *catalog.Entry) { e.Moderation = catalog.ModerationRejected }, nil, true, false, false},
		"flagged":                  {func(e *catalog.Entry) { e.Moderation = catalog.ModerationFlagged }, nil, false, true, true},
		"blocked by its status":    {func(e *catalog.Entry) { e.Status = catalog.EntryBlocked }, nil, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := &access.Guard{Catalog: db}
			now := e
			tt.change(&now)
			if got, err := g.Restricted(t.Context(), now); err != nil || got != tt.restricted {
				t.Errorf("restricted: %t, %v", got, err)
			}
			d, err := g.Decide(t.Context(), now, &access.Request{Session: tt.session, Contexts: []access.Context{access.Play}, Now: time.Now()})
			if err != nil || d.Allowed() != tt.allowed || d.Cacheable() != tt.cacheable {
				t.Errorf("allowed %t, cacheable %t, %v", d.Allowed(), d.Cacheable(), err)
			}
		})
	}
	all := &access.Guard{Catalog: db, Always: true}
	if got, err := all.Restricted(t.Context(), e); err != nil || !got {
		t.Errorf("a guard of everything: %t, %v", got, err)
	}
}

func TestTheDefaultProfileIsThatOfEntriesWithoutOne(t *testing.T) {
	db, e, _ := library(t)
	if _, err := db.AddAccessControl(t.Context(), 102, catalog.AccessControl{Name: "new default", Default: true, Rules: []catalog.AccessRule{block("a")}}); err != nil {
		t.Fatal(err)
	}
	g := &access.Guard{Catalog: db}
	if got, err := g.Restricted(t.Context(), e); err != nil || !got {
		t.Errorf("restricted: %t, %v", got, err)
	}
}

package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/ingest/content"
)

// private fills an account with entries in and out of private categories and returns the entries by what they are in.
func private(t *testing.T, db *catalog.DB) map[string]catalog.Entry {
	t.Helper()
	category := func(parent catalog.CategoryID, name, owner, more string) catalog.CategoryID {
		c, err := db.AddCategory(t.Context(), 102, catalog.Category{Parent: parent, Name: name, Owner: owner, More: []byte(more)})
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	open := category(0, "open", "", `{"privacyContext":""}`)
	all := category(0, "all", "", `{"privacyContext":"club, shop"}`)
	users := category(0, "users", "", `{"privacyContext":"club","privacy":2}`)
	owner := category(0, "owner", "ann", `{"privacyContext":"club","privacy":3}`)
	below := category(owner, "below", "bob", `{"privacy":3}`)
	for user, in := range map[string]catalog.CategoryUser{
		"mia": {Category: owner, Level: catalog.LevelMember, Status: catalog.MemberActive},
		"moe": {Category: below, Level: catalog.LevelManager, Status: catalog.MemberActive},
		"ned": {Category: owner, Level: catalog.LevelNone, Status: catalog.MemberActive},
		"pat": {Category: owner, Level: catalog.LevelManager, Status: catalog.MemberPending},
	} {
		in.User = user
		if _, err := db.AddCategoryUser(t.Context(), 102, in); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]catalog.Entry{}
	for name, in := range map[string][]catalog.CategoryID{
		"none": nil, "open": {open}, "all": {all}, "users": {users}, "owner": {owner}, "below": {below}, "both": {open, owner}, "shared": {owner}, "child": {owner},
	} {
		e, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: 102, Name: name, DedupKey: name}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range in {
			if _, err := db.AddCategoryEntry(t.Context(), 102, catalog.CategoryEntry{Category: id, Entry: e.ID, Status: catalog.CategoryEntryActive}); err != nil {
				t.Fatal(err)
			}
		}
		if e, err = db.EntryByID(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		out[name] = e
	}
	for name, change := range map[string]func(*catalog.Entry){
		"shared": func(e *catalog.Entry) {
			e.Owner, e.Editors, e.Publishers, e.Viewers = "eve", []string{"cid"}, []string{"dan"}, []string{"fay"}
		},
		"child": func(e *catalog.Entry) { e.Parent = out["none"].ID },
	} {
		err := db.UpdateEntry(t.Context(), out[name].ID, func(e *catalog.Entry) error { change(e); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if out[name], err = db.EntryByID(t.Context(), out[name].ID); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestPrivateCategoriesKeepTheirEntries(t *testing.T) {
	db, mine, _ := library(t)
	if err := db.DeleteEntry(t.Context(), mine.ID); err != nil {
		t.Fatal(err)
	}
	entries := private(t, db)
	const everything = "all below both child none open owner shared users"
	user := func(id, privileges string) *ks.Session {
		return &ks.Session{Account: 102, User: id, Privileges: ks.ParsePrivileges(privileges)}
	}
	admin := func(privileges string) *ks.Session {
		s := user("root", privileges)
		s.Type = ks.AdminType
		return s
	}
	for name, c := range map[string]struct {
		session *ks.Session
		want    string
	}{
		"nobody":                       {nil, "all none open"},
		"a widget":                     {user("0", "widget:1,view:*"), "all none open"},
		"a user":                       {user("zoe", ""), "all none open users"},
		"an owner of a category":       {user("ann", ""), "all both child none open owner shared users"},
		"an owner of a lower category": {user("bob", ""), "all below none open users"},
		"an owner of an entry":         {user("eve", ""), "all none open shared users"},
		"an editor":                    {user("cid", ""), "all none open shared users"},
		"a publisher":                  {user("dan", ""), "all none open shared users"},
		"a viewer":                     {user("fay", ""), "all none open shared users"},
		"edit is another thing":        {user("zoe", "edit:*,list:*,sview:*,*"), "all none open users"},
		"without entitlement":          {user("zoe", "disableentitlement"), everything},
		"forced":                       {user("zoe", "disableentitlement,enableentitlement"), "all none open users"},
		"a context":                    {user("zoe", "privacycontext:shop"), "all"},
		"a member":                     {user("mia", ""), "all both child none open owner shared users"},
		"a member of a lower category": {user("moe", ""), "all below none open users"},
		"a member without a level":     {user("ned", ""), "all none open users"},
		"a member who waits":           {user("pat", ""), "all none open users"},
		"a member in a context":        {user("mia", "privacycontext:club"), "all both child owner shared users"},
		"a member in another context":  {user("mia", "privacycontext:shop"), "all"},
		"another context":              {user("zoe", "privacycontext:club"), "all users"},
		"a context of nothing":         {user("zoe", "privacycontext:x"), ""},
		"a context and its owner":      {user("ann", "privacycontext:club"), "all both child owner shared users"},
		"an entry":                     {user("zoe", "disableentitlementforentry:0_x/"+string(entries["owner"].ID)), "all none open owner users"},
		"an entry and its children":    {user("0", "widget:1,disableentitlementforentry:"+string(entries["none"].ID)), "all child none open"},
		"an administrator":             {admin(""), everything},
		"an administrator, forced":     {admin("enableentitlement"), "all none open users"},
	} {
		var single []string
		for name, e := range entries {
			ok, err := access.Entitled(t.Context(), db, c.session, e)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				single = append(single, name)
			}
		}
		slices.Sort(single)
		if d := cmp.Diff(c.want, strings.Join(single, " ")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		cond, ok, err := access.EntitledOnly(t.Context(), db, 102, c.session)
		if err != nil {
			t.Fatal(err)
		}
		q := catalog.Query{Limit: catalog.Everything}
		if ok {
			q.Conds = append(q.Conds, cond)
		}
		rows, total, err := db.QueryEntries(t.Context(), 102, q)
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for _, e := range rows {
			listed = append(listed, e.Name)
		}
		slices.Sort(listed)
		if d := cmp.Diff(single, listed); d != "" || total != len(listed) {
			t.Errorf("%s: the list of %d differs: %s", name, total, d)
		}
	}
}

func TestPlaylistsCarryPrivileges(t *testing.T) {
	db, _, _ := library(t)
	entries := private(t, db)
	list, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: 102, Name: "list", DedupKey: "list"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.UpdateEntry(t.Context(), list.ID, func(e *catalog.Entry) error {
		e.Type, e.Details.Content = catalog.EntryPlaylist, fmt.Sprintf("0_x, %s", entries["owner"].ID)
		e.Owner = "root"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	of := func(privileges string) *ks.Session {
		return &ks.Session{Account: 102, User: "zoe", Privileges: ks.ParsePrivileges(strings.ReplaceAll(privileges, "LIST", string(list.ID)))}
	}
	g := &access.Guard{Catalog: db}
	decide := func(s *ks.Session, e catalog.Entry) access.Decision {
		d, err := g.Decide(t.Context(), e, &access.Request{Contexts: []access.Context{access.Play}, Session: s, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	in, out := entries["owner"], entries["both"]
	in.Moderation, out.Moderation = catalog.ModerationPending, catalog.ModerationPending
	entitled := of("disableentitlementforplaylist:0_nothing1/LIST,sviewplaylist:LIST")
	if d := decide(entitled, in); !d.Allowed() || d.Cacheable() {
		t.Errorf("member: %+v", d)
	}
	if d := decide(entitled, out); d.Entitled || !d.Moderated {
		t.Errorf("not a member: %+v", d)
	}
	if d := decide(of("sviewplaylist:LIST"), in); d.Entitled || d.Moderated {
		t.Errorf("member, with entitlement: %+v", d)
	}
	for _, c := range []struct{ privileges, want string }{
		{"disableentitlement,editplaylist:LIST", ""},
		{"disableentitlement,editplaylist:0_nothing1", "INVALID_KS"},
		{"disableentitlement,editplaylist:LIST,limitentry:0_other123", "INVALID_KS"},
		{"editplaylist:LIST", "ENTRY_ID_NOT_FOUND"},
	} {
		if _, err := access.Entry(call(t, of(c.privileges)), db, string(in.ID), access.Edit); code(err) != c.want {
			t.Errorf("%s: %v, want %s", c.privileges, err, c.want)
		}
	}
	for name, want := range map[string]bool{"none": false, "all": false, "users": true, "below": true} {
		if got, err := g.Restricted(t.Context(), entries[name]); err != nil || got != want {
			t.Errorf("media of %s restricted: %v, %v", name, got, err)
		}
	}
}

func TestContentIsNotTakenFromPrivateEntries(t *testing.T) {
	db, _, _ := library(t)
	entries := private(t, db)
	for name, want := range map[string][2]string{"none": {"", ""}, "users": {"", ""}, "owner": {"ENTRY_ID_NOT_FOUND", "FLAVOR_ASSET_ID_NOT_FOUND"}} {
		e := entries[name]
		made, err := db.AddAssets(t.Context(), e.ID, []catalog.Asset{{Type: catalog.AssetFlavor, Name: "source", Original: true, Status: catalog.AssetReady}})
		if err != nil {
			t.Fatal(err)
		}
		c := call(t, &ks.Session{Account: 102, User: "zoe"})
		for i, src := range []content.Source{content.Entry{ID: e.ID}, content.Clips{Of: content.Asset{ID: made[0].ID}}} {
			if err := access.Source(c, db, src); code(err) != want[i] {
				t.Errorf("%s, %T: %v, want %q", name, src, err, want[i])
			}
		}
	}
}

package category_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/api/category"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

const account catalog.AccountID = 102

// sessions take "admin:user" and "user:user" for tokens.
type sessions struct{}

func (sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	s := &ks.Session{Token: token, Account: account, Expires: time.Now().Add(time.Hour)}
	class, user, _ := strings.Cut(token, ":")
	if s.User = user; class == "admin" {
		s.Type = ks.AdminType
	}
	return s, nil
}
func (sessions) Count(context.Context, *ks.Session) error { return nil }
func (sessions) Permits(context.Context, *ks.Session, string, string) (bool, error) {
	return true, nil
}

type obj = map[string]any

// house is the services behind real HTTP.
type house struct {
	*testing.T
	url string
	db  *catalog.DB
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	reg := rpc.NewRegistry()
	(&category.Service{Catalog: db}).Register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions{}, Accounts: db, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	return &house{t, server.URL, db}
}

// call calls an action and returns its answer.
func (h *house) call(session, action string, params obj) any {
	h.Helper()
	all := obj{"format": 1, "ks": session}
	for k, v := range params {
		all[k] = v
	}
	body, err := json.Marshal(all)
	if err != nil {
		h.Fatal(err)
	}
	service, name, _ := strings.Cut(action, ".")
	res, err := http.Post(h.url+"/api_v3/service/"+service+"/action/"+name, "application/json", bytes.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	var out any
	if json.Unmarshal(b, &out) != nil {
		return string(b)
	}
	return out
}

// get is a call that answers with an object.
func (h *house) get(action string, params obj) obj {
	h.Helper()
	out, ok := h.call("admin:root", action, params).(obj)
	if !ok {
		h.Fatalf("%s answers with no object", action)
	}
	return out
}

// code is the exception of a call.
func (h *house) code(session, action string, params obj) string {
	h.Helper()
	out, _ := h.call(session, action, params).(obj)
	code, _ := out["code"].(string)
	return code
}

func (h *house) entry(name, owner string) catalog.Entry {
	h.Helper()
	e := catalog.BlankEntry(account)
	e.Name, e.Owner = name, owner
	e, err := h.db.AddEntry(h.Context(), e)
	if err != nil {
		h.Fatal(err)
	}
	return e
}

func (h *house) add(name string, parent any) obj {
	h.Helper()
	c := obj{"name": name}
	if parent != nil {
		c["parentId"] = parent
	}
	return h.get("category.add", obj{"category": c})
}

// names are the categories of an entry as it has them itself.
func (h *house) names(id catalog.EntryID) string {
	h.Helper()
	e, err := h.db.Entry(h.Context(), account, id)
	if err != nil {
		h.Fatal(err)
	}
	return strings.Join(e.Categories, ",") + "|" + strings.Join(e.CategoryIDs, ",")
}

func TestEntriesFollowTheirCategories(t *testing.T) {
	h := newHouse(t)
	shows := h.add("Shows", nil)
	news := h.add("News", shows["id"])
	if news["fullName"] != "Shows>News" || news["depth"] != 1.0 || news["fullIds"] != "1>2" {
		t.Fatal(news)
	}
	e := h.entry("e", "ann")
	link := obj{"categoryEntry": obj{"categoryId": news["id"], "entryId": e.ID}}
	if got := h.get("categoryEntry.add", link); got["status"] != 2.0 || got["categoryFullIds"] != "1>2" {
		t.Fatal(got)
	}
	steps := []struct {
		action string
		params obj
		want   string
	}{
		{"category.update", obj{"id": shows["id"], "category": obj{"name": "Series"}}, "Series>News|2"},
		{"category.move", obj{"categoryIds": "2", "targetCategoryParentId": 0}, "News|2"},
		{"category.move", obj{"categoryIds": "2", "targetCategoryParentId": 1}, "Series>News|2"},
		{"category.delete", obj{"id": news["id"]}, "Series|1"},
		{"category.delete", obj{"id": shows["id"], "moveEntriesToParentCategory": false}, "|"},
	}
	for _, s := range steps {
		h.call("admin:root", s.action, s.params)
		if got := h.names(e.ID); got != s.want {
			t.Errorf("after %s %v: %q, want %q", s.action, s.params, got, s.want)
		}
	}
}

func TestEntriesNamedByPathMakeTheirCategories(t *testing.T) {
	h := newHouse(t)
	e := catalog.BlankEntry(account)
	e.Name, e.Categories = "e", []string{"a > b", "A>B", "c"}
	e, err := h.db.AddEntry(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.names(e.ID); got != "a>b,c|2,3" {
		t.Errorf("%q", got)
	}
	list := h.get("category.list", obj{"filter": obj{"fullNameStartsWith": "a", "orderBy": "+depth"}})
	objects, _ := list["objects"].([]any)
	if list["totalCount"] != 2.0 || objects[0].(obj)["entriesCount"] != 1.0 || objects[0].(obj)["directEntriesCount"] != 0.0 ||
		objects[0].(obj)["directSubCategoriesCount"] != 1.0 {
		t.Errorf("%v", list)
	}
	if got := h.get("categoryEntry.list", obj{"filter": obj{"entryIdEqual": e.ID}}); got["totalCount"] != 2.0 {
		t.Errorf("%v", got)
	}
	h.call("admin:root", "categoryEntry.delete", obj{"entryId": e.ID, "categoryId": 2})
	if got := h.names(e.ID); got != "c|3" {
		t.Errorf("%q", got)
	}
}

func TestCategoriesAreRefusedForReasons(t *testing.T) {
	h := newHouse(t)
	h.add("a", nil)
	h.add("b", 1)
	e := h.entry("e", "ann")
	h.call("admin:root", "categoryEntry.add", obj{"categoryEntry": obj{"categoryId": 1, "entryId": e.ID}})
	for name, c := range map[string]struct {
		session, action string
		params          obj
		want            string
	}{
		"same name":     {"admin:r", "category.add", obj{"category": obj{"name": "A"}}, "DUPLICATE_CATEGORY"},
		"no name":       {"admin:r", "category.add", obj{"category": obj{"description": "x"}}, "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		"comma":         {"admin:r", "category.add", obj{"category": obj{"name": "a,b"}}, "INVALID_PARAMETER_VALUE"},
		"no parent":     {"admin:r", "category.add", obj{"category": obj{"name": "c", "parentId": 99}}, "PARENT_CATEGORY_NOT_FOUND"},
		"below itself":  {"admin:r", "category.move", obj{"categoryIds": "1", "targetCategoryParentId": 2}, "INVALID_PARAMETER_VALUE"},
		"unknown":       {"admin:r", "category.get", obj{"id": 99}, "CATEGORY_NOT_FOUND"},
		"user adds":     {"user:ann", "category.add", obj{"category": obj{"name": "c"}}, "SERVICE_FORBIDDEN"},
		"there already": {"user:ann", "categoryEntry.add", obj{"categoryEntry": obj{"categoryId": 1, "entryId": e.ID}}, "CATEGORY_ENTRY_ALREADY_EXISTS"},
		"not there":     {"user:ann", "categoryEntry.delete", obj{"categoryId": 2, "entryId": e.ID}, "ENTRY_IS_NOT_ASSIGNED_TO_CATEGORY"},
		"another's":     {"user:bob", "categoryEntry.delete", obj{"categoryId": 1, "entryId": e.ID}, "INVALID_KS"},
		"no filter":     {"user:ann", "categoryEntry.list", nil, "MUST_FILTER_ON_ENTRY_OR_CATEGORY"},
	} {
		if got := h.code(c.session, c.action, c.params); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestCategoriesAreCopiedAndInheritPrivacy(t *testing.T) {
	h := newHouse(t)
	club := h.get("category.add", obj{"category": obj{"name": "Club", "privacyContext": "club", "privacy": 3, "owner": "ann"}})
	inner := h.add("Inner", club["id"])
	if club["privacyContexts"] != "club" || club["privacy"] != 3.0 || inner["privacyContexts"] != "club" || inner["privacyContext"] != nil || inner["privacy"] != 1.0 {
		t.Errorf("made %v and %v", club, inner)
	}
	other := h.add("Other", nil)
	for _, c := range []struct {
		params obj
		want   string
	}{
		{obj{"categoryId": inner["id"]}, "Club>Inner copy"},
		{obj{"categoryId": inner["id"], "newName": "Twin"}, "Club>Twin"},
		{obj{"categoryId": inner["id"], "parentCategoryId": other["id"]}, "Other>Inner"},
		{obj{"categoryId": club["id"], "parentCategoryId": 0, "newName": "Copy"}, "Copy"},
	} {
		if got := h.get("category.clone", c.params); got["fullName"] != c.want {
			t.Errorf("%v: %v, want %s", c.params, got["fullName"], c.want)
		}
	}
	for _, c := range []struct {
		action string
		params obj
		want   string
	}{
		{"category.clone", obj{"categoryId": inner["id"], "parentCategoryId": 999}, "PARENT_CATEGORY_NOT_FOUND"},
		{"category.add", obj{"category": obj{"name": "x", "privacy": 9}}, "INVALID_ENUM_VALUE"},
	} {
		got, _ := h.call("admin:root", c.action, c.params).(obj)
		if got["code"] != c.want {
			t.Errorf("%s %v: %v, want %s", c.action, c.params, got, c.want)
		}
	}
}

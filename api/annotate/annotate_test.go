package annotate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/annotate"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

type obj = map[string]any

// tokens are sessions by their token.
type tokens map[string]*ks.Session

func (s tokens) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	if found, ok := s[token]; ok {
		return found, nil
	}
	return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
}

func (tokens) Count(context.Context, *ks.Session) error                           { return nil }
func (tokens) Permits(context.Context, *ks.Session, string, string) (bool, error) { return true, nil }

// Tokens: administrators of two accounts, and users of the first.
const (
	admin   = "102"
	other   = "103"
	owner   = "owner"   // owns the entry
	viewer  = "viewer"  // owns nothing
	lister  = "lister"  // may list everything
	curator = "curator" // has the privilege for the cue point that the test names
)

// fixture is a server with the service, and entries: two of account 102, which last a minute, and one of account 103.
type fixture struct {
	*testing.T
	db                    *catalog.DB
	url                   string
	sessions              tokens
	entry, second, theirs string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := &fixture{T: t, db: db, sessions: tokens{}}
	for _, id := range []catalog.AccountID{102, 103} {
		if _, _, err := db.EnsureAccount(t.Context(), id, "a"); err != nil {
			t.Fatal(err)
		}
		f.sessions[fmt.Sprint(id)] = &ks.Session{Account: id, User: "root", Type: ks.AdminType}
	}
	f.session(owner, "")
	f.session(viewer, "")
	f.session(lister, "list:*")
	reg := rpc.NewRegistry()
	(&annotate.Service{Catalog: db}).Register(reg)
	server, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: f.sessions, Accounts: db, PublicURL: "http://media.test"})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	f.url = web.URL
	f.entry, f.second, f.theirs = f.addEntry(102), f.addEntry(102), f.addEntry(103)
	return f
}

// session makes a session of account 102 for the user of the token's name.
func (f *fixture) session(token, privileges string) {
	f.sessions[token] = &ks.Session{Account: 102, User: token, Privileges: ks.ParsePrivileges(privileges)}
}

func (f *fixture) addEntry(account catalog.AccountID) string {
	f.Helper()
	e := catalog.BlankEntry(account)
	e.Name, e.MediaType, e.Status, e.DurationMS, e.Owner = "clip", catalog.MediaVideo, catalog.EntryReady, 60_000, owner
	e, err := f.db.AddEntry(f.Context(), e)
	if err != nil {
		f.Fatal(err)
	}
	return string(e.ID)
}

// call calls an action of the service and returns what it answers.
func (f *fixture) call(token, action string, params obj) any {
	f.Helper()
	return f.ask(token, "cuePoint_cuePoint", action, params)
}

func (f *fixture) ask(token, service, action string, params obj) any {
	f.Helper()
	body := obj{"ks": token, "format": 1}
	for k, v := range params {
		body[k] = v
	}
	data, err := json.Marshal(body)
	if err != nil {
		f.Fatal(err)
	}
	resp, err := http.Post(f.url+"/api_v3/service/"+service+"/action/"+action, "application/json", bytes.NewReader(data))
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		f.Fatalf("%s: %v: %s", action, err, b)
	}
	return out
}

// must calls an action that must answer with an object.
func (f *fixture) must(token, action string, params obj) obj {
	f.Helper()
	out, ok := f.call(token, action, params).(obj)
	if !ok || out["objectType"] == "KalturaAPIException" {
		f.Fatalf("%s: %v", action, out)
	}
	return out
}

// fails calls an action that must fail, and returns the code and the arguments in the order of their names.
func (f *fixture) fails(token, action string, params obj) string {
	f.Helper()
	out, _ := f.call(token, action, params).(obj)
	if out["objectType"] != "KalturaAPIException" {
		f.Fatalf("%s: no exception: %v", action, out)
	}
	said := []string{fmt.Sprint(out["code"])}
	if args, ok := out["args"].(obj); ok {
		for k, v := range args {
			said = append(said, fmt.Sprintf("%s=%v", k, v))
		}
	}
	slices.Sort(said[1:])
	return strings.Join(said, " ")
}

// add adds a cue point and returns it. Fields are of the class, without the entry.
func (f *fixture) add(token, entry, class string, fields obj) obj {
	f.Helper()
	return f.must(token, "add", obj{"cuePoint": point(entry, class, fields)})
}

func point(entry, class string, fields obj) obj {
	p := obj{"objectType": "Kaltura" + class, "entryId": entry}
	for k, v := range fields {
		p[k] = v
	}
	return p
}

// names are the system names of what a list answers with.
func (f *fixture) names(token string, filter obj) string {
	f.Helper()
	list := f.must(token, "list", obj{"filter": filter})
	var out []string
	for _, o := range list["objects"].([]any) {
		out = append(out, fmt.Sprint(o.(obj)["systemName"]))
	}
	if n := f.call(token, "count", obj{"filter": filter}); n != list["totalCount"] || n != float64(len(out)) {
		f.Errorf("%v: %d objects, totalCount %v, count %v", filter, len(out), list["totalCount"], n)
	}
	return strings.Join(out, " ")
}

func TestEveryClassKeepsItsFields(t *testing.T) {
	f := newFixture(t)
	for class, c := range map[string]struct {
		typ          string
		fields, more obj // more is what the server adds
	}{
		"ThumbCuePoint": {"thumbCuePoint.Thumb", obj{"title": "One", "description": "first", "subType": 2.0, "assetId": "0_aaaaaaaa"}, obj{"isMomentary": true}},
		"CodeCuePoint":  {"codeCuePoint.Code", obj{"code": "x", "description": "d", "endTime": 9000.0}, obj{"duration": 4000.0, "isMomentary": false}},
		"Annotation":    {"annotation.Annotation", obj{"text": "nice", "endTime": 6000.0, "isPublic": true, "searchableOnEntry": false}, obj{"duration": 1000.0, "isMomentary": false, "depth": 0.0, "childrenCount": 0.0, "directChildrenCount": 0.0}},
		"AdCuePoint": {"adCuePoint.Ad", obj{"protocolType": "1", "sourceUrl": "https://ads.test/", "adType": "1", "title": "t", "endTime": 5000.0},
			obj{"duration": 0.0, "isMomentary": false}},
		"EventCuePoint": {"eventCuePoint.Event", obj{"eventType": "1"}, obj{"isMomentary": true}},
	} {
		fields := obj{"startTime": 5000.0, "tags": "a,b", "partnerData": "p", "partnerSortValue": 3.0, "systemName": class, "thumbOffset": 7.0, "forceStop": 1.0}
		for k, v := range c.fields {
			fields[k] = v
		}
		made := f.add(admin, f.entry, class, fields)
		for k, v := range c.more {
			fields[k] = v
		}
		fields["objectType"], fields["cuePointType"], fields["entryId"], fields["partnerId"] = "Kaltura"+class, c.typ, f.entry, 102.0
		fields["status"], fields["userId"] = 1.0, "root"
		for _, server := range []string{"id", "intId", "createdAt", "updatedAt"} {
			if made[server] == nil {
				t.Errorf("%s has no %s", class, server)
			}
			fields[server] = made[server]
		}
		if d := cmp.Diff(fields, made); d != "" {
			t.Errorf("%s as added (-want +got):\n%s", class, d)
		}
		if d := cmp.Diff(made, f.must(admin, "get", obj{"id": made["id"]})); d != "" {
			t.Errorf("%s as added and as got:\n%s", class, d)
		}
	}
}

func TestAnUpdateChangesOnlyWhatIsSent(t *testing.T) {
	f := newFixture(t)
	made := f.add(admin, f.entry, "ThumbCuePoint", obj{"title": "One", "description": "first", "subType": 2, "startTime": 1000, "tags": "a"})
	got := f.must(admin, "update", obj{"id": made["id"], "cuePoint": obj{"objectType": "KalturaThumbCuePoint", "title": "Two", "startTime": 2000, "tags__null": ""}})
	want := obj{"title": "Two", "description": "first", "subType": 2.0, "startTime": 2000.0, "tags": nil, "entryId": f.entry}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %v, want %v", k, got[k], v)
		}
	}
	got = f.must(admin, "update", obj{"id": made["id"], "cuePoint": obj{"objectType": "KalturaThumbCuePoint", "description__null": ""}})
	if got["description"] != nil || got["title"] != "Two" {
		t.Errorf("with the description cleared: %v", got)
	}
	for name, c := range map[string]struct {
		fields obj
		want   string
	}{
		"the entry":      {obj{"entryId": f.second}, "PROPERTY_VALIDATION_NOT_UPDATABLE PROP_NAME=KalturaThumbCuePoint::entryId"},
		"the type":       {obj{"cuePointType": "annotation.Annotation"}, "PROPERTY_VALIDATION_NOT_UPDATABLE PROP_NAME=KalturaThumbCuePoint::cuePointType"},
		"another class":  {obj{"objectType": "KalturaAnnotation", "text": "x"}, "INVALID_OBJECT_TYPE INVALID_OBJ_TYPE=KalturaAnnotation"},
		"beyond the end": {obj{"startTime": 60_001}, "PROPERTY_VALIDATION_MAX_VALUE MAX_VAL=60000 PROP_NAME=KalturaCuePoint::startTime"},
		"before start":   {obj{"startTime": -1}, "PROPERTY_VALIDATION_MIN_VALUE MIN_VAL=0 PROP_NAME=KalturaThumbCuePoint::startTime"},
	} {
		fields := obj{"objectType": "KalturaThumbCuePoint"}
		for k, v := range c.fields {
			fields[k] = v
		}
		if got := f.fails(admin, "update", obj{"id": made["id"], "cuePoint": fields}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestASpanMovesAndNeverEndsBeforeItStarts(t *testing.T) {
	f := newFixture(t)
	made := f.add(admin, f.entry, "Annotation", obj{"startTime": 1000, "endTime": 3000})
	got := f.must(admin, "updateCuePointsTimes", obj{"id": made["id"], "startTime": 4000, "endTime": 9000})
	if got["startTime"] != 4000.0 || got["endTime"] != 9000.0 || got["duration"] != 5000.0 {
		t.Errorf("moved: %v", got)
	}
	if got := f.must(admin, "updateCuePointsTimes", obj{"id": made["id"], "startTime": 5000}); got["startTime"] != 5000.0 || got["endTime"] != 9000.0 {
		t.Errorf("without an end: %v", got)
	}
	want := "PROPERTY_VALIDATION_MIN_VALUE MIN_VAL=5000 PROP_NAME=endTime"
	if got := f.fails(admin, "updateCuePointsTimes", obj{"id": made["id"], "startTime": 5000, "endTime": 4999}); got != want {
		t.Errorf("backwards: %s, want %s", got, want)
	}
	if got := f.must(admin, "get", obj{"id": made["id"]}); got["startTime"] != 5000.0 || got["endTime"] != 9000.0 {
		t.Errorf("what was refused stayed: %v", got)
	}
}

func TestAdditionsThatMakeNoSenseAreRefused(t *testing.T) {
	f := newFixture(t)
	taken := f.add(admin, f.entry, "Annotation", obj{"systemName": "taken"})
	elsewhere := f.add(admin, f.second, "Annotation", nil)
	for name, c := range map[string]struct {
		token string
		point obj
		want  string
	}{
		"no class":          {admin, obj{"entryId": f.entry}, "OBJECT_TYPE_ABSTRACT OBJ_TYPE=KalturaCuePoint"},
		"no entry":          {admin, obj{"objectType": "KalturaAnnotation"}, "PROPERTY_VALIDATION_CANNOT_BE_NULL PROP_NAME=KalturaCuePoint::entryId"},
		"an unknown entry":  {admin, point("0_zzzzzzzz", "Annotation", nil), "ENTRY_ID_NOT_FOUND ENTRY_ID=0_zzzzzzzz"},
		"another account's": {admin, point(f.theirs, "Annotation", nil), "ENTRY_ID_NOT_FOUND ENTRY_ID=" + f.theirs},
		"a taken name": {admin, point(f.entry, "Annotation", obj{"systemName": "taken"}),
			fmt.Sprintf("CUE_POINT_SYSTEM_NAME_EXISTS ID=%v NAME=taken", taken["id"])},
		"an unknown parent": {admin, point(f.entry, "Annotation", obj{"parentId": "0_zzzzzzzz"}), "PARENT_CUE_POINT_NOT_FOUND ID=0_zzzzzzzz"},
		"a parent elsewhere": {admin, point(f.entry, "Annotation", obj{"parentId": elsewhere["id"]}),
			fmt.Sprintf("PARENT_CUE_POINT_NOT_FOUND ID=%v", elsewhere["id"])},
		"a chapter by a viewer":  {viewer, point(f.entry, "ThumbCuePoint", obj{"subType": 2}), "INVALID_KS ERR_CODE=-4 ERR_DESC=INVALID_TYPE KSID="},
		"for another user":       {viewer, point(f.entry, "Annotation", obj{"userId": owner}), "PROPERTY_VALIDATION_ADMIN_PROPERTY PROP_NAME=KalturaCuePoint::userId"},
		"an unknown kind":        {admin, point(f.entry, "ThumbCuePoint", obj{"subType": 3}), "INVALID_ENUM_VALUE ENUM_TYPE=KalturaThumbCuePointSubType ENUM_VAL=3 PARAM_NAME=subType"},
		"an id":                  {admin, point(f.entry, "Annotation", obj{"id": "0_aaaaaaaa"}), "PROPERTY_VALIDATION_NOT_UPDATABLE PROP_NAME=KalturaAnnotation::id"},
		"an end before it start": {admin, point(f.entry, "CodeCuePoint", obj{"startTime": 10, "endTime": 9}), "PROPERTY_VALIDATION_MIN_VALUE MIN_VAL=10 PROP_NAME=endTime"},
	} {
		if got := f.fails(c.token, "add", obj{"cuePoint": c.point}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := f.names(admin, obj{"entryIdEqual": f.entry}); got != "taken" {
		t.Errorf("after refusals the entry has %q", got)
	}
	f.add(admin, f.second, "Annotation", obj{"systemName": "taken"}) // names are an entry's own
}

func TestListsAreOfNamedEntriesOrCuePoints(t *testing.T) {
	f := newFixture(t)
	one := f.add(admin, f.entry, "ThumbCuePoint", obj{"systemName": "one", "startTime": 1000, "subType": 2, "tags": "red,blue"})
	two := f.add(admin, f.entry, "CodeCuePoint", obj{"systemName": "two", "startTime": 2000, "endTime": 8000, "partnerSortValue": 5})
	f.add(admin, f.entry, "Annotation", obj{"systemName": "three", "startTime": 3000, "endTime": 4000, "parentId": f.add(admin, f.entry, "Annotation", obj{"systemName": "parent"})["id"]})
	f.add(admin, f.second, "EventCuePoint", obj{"systemName": "far", "startTime": 4000})
	f.add(other, f.theirs, "EventCuePoint", obj{"systemName": "theirs"})
	order := "+startTime"
	for name, c := range map[string]struct {
		filter obj
		want   string
	}{
		"an entry's":         {obj{"entryIdEqual": f.entry}, "parent one two three"},
		"two entries'":       {obj{"entryIdIn": f.entry + "," + f.second}, "parent one two three far"},
		"by id":              {obj{"idEqual": one["id"]}, "one"},
		"by ids":             {obj{"idIn": fmt.Sprintf("%v,%v,0_zzzzzzzz", one["id"], two["id"])}, "one two"},
		"of a type":          {obj{"entryIdEqual": f.entry, "cuePointTypeEqual": "codeCuePoint.Code"}, "two"},
		"of two types":       {obj{"entryIdEqual": f.entry, "cuePointTypeIn": "codeCuePoint.Code,thumbCuePoint.Thumb"}, "one two"},
		"from a time":        {obj{"entryIdEqual": f.entry, "startTimeGreaterThanOrEqual": 2000}, "two three"},
		"up to a time":       {obj{"entryIdEqual": f.entry, "startTimeLessThanOrEqual": 1000}, "parent one"},
		"with a tag":         {obj{"entryIdEqual": f.entry, "tagsMultiLikeOr": "blue,green"}, "one"},
		"with a sort value":  {obj{"entryIdEqual": f.entry, "partnerSortValueGreaterThanOrEqual": 5}, "two"},
		"by name":            {obj{"entryIdEqual": f.entry, "systemNameEqual": "three"}, "three"},
		"of a user":          {obj{"entryIdEqual": f.entry, "userIdEqual": "nobody"}, ""},
		"an unknown entry's": {obj{"entryIdEqual": "0_zzzzzzzz"}, ""},
		"another account's":  {obj{"entryIdEqual": f.theirs}, ""},
	} {
		filter := obj{"orderBy": order}
		for k, v := range c.filter {
			filter[k] = v
		}
		if got := f.names(admin, filter); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := f.names(admin, obj{"entryIdEqual": f.entry, "orderBy": "-startTime"}); got != "three two one parent" {
		t.Errorf("turned round: %q", got)
	}
	page := f.must(admin, "list", obj{"filter": obj{"entryIdEqual": f.entry, "orderBy": order}, "pager": obj{"pageSize": 2, "pageIndex": 2}})
	if n := len(page["objects"].([]any)); n != 2 || page["totalCount"] != 4.0 {
		t.Errorf("the second page has %d of %v", n, page["totalCount"])
	}
	for _, filter := range []any{nil, obj{}, obj{"cuePointTypeEqual": "codeCuePoint.Code"}, obj{"systemNameEqual": "one"}} {
		if got := f.fails(admin, "list", obj{"filter": filter}); !strings.HasPrefix(got, "PROPERTY_VALIDATION_CANNOT_BE_NULL ") {
			t.Errorf("%v: %s", filter, got)
		}
		if got := f.fails(admin, "count", obj{"filter": filter}); !strings.HasPrefix(got, "PROPERTY_VALIDATION_CANNOT_BE_NULL ") {
			t.Errorf("count %v: %s", filter, got)
		}
	}
}

func TestUsersListTheirOwnUnlessAllowedMore(t *testing.T) {
	f := newFixture(t)
	f.add(viewer, f.entry, "Annotation", obj{"systemName": "mine", "startTime": 1})
	f.add(owner, f.entry, "Annotation", obj{"systemName": "owners", "startTime": 2})
	f.session("one", "list:"+f.entry)
	f.session("seer", "sview:"+f.entry)
	for token, want := range map[string]string{viewer: "mine", owner: "owners", lister: "mine owners", "one": "mine owners", "seer": "mine owners", admin: "mine owners"} {
		if got := f.names(token, obj{"entryIdEqual": f.entry, "orderBy": "+startTime"}); got != want {
			t.Errorf("%s lists %q, want %q", token, got, want)
		}
	}
}

func TestOnlyMakersAndEditorsChange(t *testing.T) {
	f := newFixture(t)
	note := f.add(viewer, f.entry, "Annotation", obj{"text": "mine"})
	chapter := f.add(admin, f.entry, "ThumbCuePoint", obj{"subType": 2})
	f.session(curator, fmt.Sprintf("editcuepoint:%v", chapter["id"]))
	denied := "INVALID_KS ERR_CODE=-4 ERR_DESC=INVALID_TYPE KSID="
	for _, c := range []struct {
		token, class string
		of           obj
		may          bool
	}{
		{viewer, "Annotation", note, true}, {owner, "Annotation", note, true}, {admin, "Annotation", note, true}, {lister, "Annotation", note, false},
		{viewer, "ThumbCuePoint", chapter, false}, {owner, "ThumbCuePoint", chapter, true}, {curator, "ThumbCuePoint", chapter, true}, {curator, "Annotation", note, false},
	} {
		params := obj{"id": c.of["id"], "cuePoint": obj{"objectType": "Kaltura" + c.class, "tags": c.token}}
		if c.may {
			if got := f.must(c.token, "update", params); got["tags"] != c.token {
				t.Errorf("%s changed %s: %v", c.token, c.class, got)
			}
			continue
		}
		for action, more := range map[string]obj{"update": nil, "delete": nil, "updateStatus": {"status": 3}, "updateCuePointsTimes": {"startTime": 1}} {
			for k, v := range params {
				if more == nil {
					more = obj{}
				}
				more[k] = v
			}
			if got := f.fails(c.token, action, more); got != denied {
				t.Errorf("%s of %s by %s: %s", action, c.class, c.token, got)
			}
		}
	}
}

func TestCuePointsOfPrivateEntriesAreHidden(t *testing.T) {
	f := newFixture(t)
	hidden, shown := f.add(admin, f.entry, "ThumbCuePoint", obj{"subType": 2}), f.add(admin, f.second, "ThumbCuePoint", obj{"subType": 2})
	c, err := f.db.AddCategory(t.Context(), 102, catalog.Category{Name: "private", More: []byte(`{"privacyContext":"club","privacy":3}`)})
	if err != nil {
		t.Fatal(err)
	}
	link := catalog.CategoryEntry{Category: c.ID, Entry: catalog.EntryID(f.entry), Status: catalog.CategoryEntryActive}
	if _, err := f.db.AddCategoryEntry(t.Context(), 102, link); err != nil {
		t.Fatal(err)
	}
	f.session("outsider", "list:*")
	f.session("free", "list:*,disableentitlement")
	for token, want := range map[string]float64{"outsider": 1, "free": 2, admin: 2} {
		for _, filter := range []obj{{"entryIdIn": f.entry + "," + f.second}, {"idIn": fmt.Sprint(hidden["id"], ",", shown["id"])}} {
			if got := f.must(token, "list", obj{"filter": filter})["totalCount"]; got != want {
				t.Errorf("%s, %v: %v, want %v", token, filter, got, want)
			}
		}
	}
	if got := f.fails("outsider", "get", obj{"id": hidden["id"]}); got == "" {
		t.Error("the outsider gets it by its id")
	}
	if got := f.must("outsider", "list", obj{"filter": obj{"entryIdEqual": f.entry}}); got["totalCount"] != 0.0 {
		t.Errorf("the outsider lists %v", got)
	}
}

func TestNotesAreCuePointsByAnotherName(t *testing.T) {
	f := newFixture(t)
	note := f.add(admin, f.entry, "Annotation", obj{"text": "n", "startTime": 1000, "endTime": 3000})
	chapter := f.add(admin, f.entry, "ThumbCuePoint", obj{"subType": 2})
	ask := func(action string, id any, more obj) obj {
		params := obj{"id": id}
		for k, v := range more {
			params[k] = v
		}
		got, _ := f.ask(admin, "annotation_annotation", action, params).(obj)
		return got
	}
	if got := ask("updateCuePointsTimes", note["id"], obj{"startTime": 2000, "endTime": 4000}); got["startTime"] != 2000.0 || got["endTime"] != 4000.0 || got["text"] != "n" {
		t.Errorf("moved %v", got)
	}
	if got := ask("clone", note["id"], obj{"entryId": f.second}); got["entryId"] != f.second || got["text"] != "n" || got["id"] == note["id"] {
		t.Errorf("copied %v", got)
	}
	ask("updateStatus", note["id"], obj{"status": 3})
	if got := ask("get", note["id"], nil); got["status"] != 3.0 {
		t.Errorf("with another status %v", got)
	}
	for action, more := range map[string]obj{"updateCuePointsTimes": {"startTime": 1}, "clone": {"entryId": f.second}, "updateStatus": {"status": 3}} {
		if got := ask(action, chapter["id"], more); got["code"] != "INVALID_CUE_POINT_ID" {
			t.Errorf("%s of a chapter: %v", action, got)
		}
	}
}

func TestStatusesAndDeletion(t *testing.T) {
	f := newFixture(t)
	id := f.add(admin, f.entry, "CodeCuePoint", obj{"systemName": "it"})["id"]
	here := obj{"entryIdEqual": f.entry}
	for _, c := range []struct {
		status int
		listed string
	}{{3, "it"}, {4, ""}, {1, "it"}} {
		if out := f.call(admin, "updateStatus", obj{"id": id, "status": c.status}); out != nil {
			t.Fatalf("status %d: %v", c.status, out)
		}
		if got := f.must(admin, "get", obj{"id": id})["status"]; got != float64(c.status) {
			t.Errorf("the status is %v, want %d", got, c.status)
		}
		if got := f.names(admin, here); got != c.listed {
			t.Errorf("with status %d the list has %q, want %q", c.status, got, c.listed)
		}
	}
	if got := f.fails(admin, "updateStatus", obj{"id": id, "status": 9}); !strings.HasPrefix(got, "INVALID_ENUM_VALUE ") {
		t.Errorf("an unknown status: %s", got)
	}
	f.call(admin, "updateStatus", obj{"id": id, "status": 2})
	gone := fmt.Sprintf("INVALID_CUE_POINT_ID ID=%v", id)
	for action, more := range map[string]obj{
		"get": {}, "delete": {}, "updateStatus": {"status": 1}, "updateCuePointsTimes": {"startTime": 1}, "clone": {"entryId": f.second},
		"update": {"cuePoint": obj{"objectType": "KalturaCodeCuePoint"}},
	} {
		more["id"] = id
		if got := f.fails(admin, action, more); got != gone {
			t.Errorf("%s of what is deleted: %s, want %s", action, got, gone)
		}
	}
	second := f.add(admin, f.entry, "CodeCuePoint", obj{"systemName": "it"}) // the name is free again
	if out := f.call(admin, "delete", obj{"id": second["id"]}); out != nil {
		t.Errorf("delete: %v", out)
	}
	if got := f.names(admin, here); got != "" {
		t.Errorf("after deletion the list has %q", got)
	}
}

func TestACloneIsAnotherEntrysOwn(t *testing.T) {
	f := newFixture(t)
	made := f.add(admin, f.entry, "ThumbCuePoint", obj{"title": "One", "subType": 2, "startTime": 1000, "systemName": "it", "tags": "a"})
	clone := f.must(admin, "clone", obj{"id": made["id"], "entryId": f.second})
	want := obj{"entryId": f.second, "title": "One", "subType": 2.0, "startTime": 1000.0, "tags": "a", "copiedFrom": made["id"], "systemName": nil}
	for k, v := range want {
		if clone[k] != v {
			t.Errorf("%s of the clone is %v, want %v", k, clone[k], v)
		}
	}
	if clone["id"] == made["id"] || clone["intId"] == made["intId"] {
		t.Errorf("the clone is %v, as what it was made of", clone["id"])
	}
	f.must(admin, "update", obj{"id": clone["id"], "cuePoint": obj{"objectType": "KalturaThumbCuePoint", "title": "Two"}})
	if got := f.must(admin, "get", obj{"id": made["id"]}); got["title"] != "One" || got["copiedFrom"] != nil {
		t.Errorf("what was cloned is now %v", got)
	}
	if got := f.fails(viewer, "clone", obj{"id": made["id"], "entryId": f.second}); !strings.HasPrefix(got, "INVALID_KS ") {
		t.Errorf("a viewer's clone: %s", got)
	}
}

func TestAccountsDoNotSeeEachOther(t *testing.T) {
	f := newFixture(t)
	mine, theirs := f.add(admin, f.entry, "CodeCuePoint", nil)["id"], f.add(other, f.theirs, "CodeCuePoint", nil)["id"]
	want := fmt.Sprintf("INVALID_CUE_POINT_ID ID=%v", mine)
	for action, more := range map[string]obj{
		"get": {}, "delete": {}, "updateStatus": {"status": 3}, "updateCuePointsTimes": {"startTime": 1}, "clone": {"entryId": f.theirs},
		"update": {"cuePoint": obj{"objectType": "KalturaCodeCuePoint", "code": "x"}},
	} {
		more["id"] = mine
		if got := f.fails(other, action, more); got != want {
			t.Errorf("%s: %s, want %s", action, got, want)
		}
	}
	if got := f.fails(other, "clone", obj{"id": theirs, "entryId": f.entry}); got != "ENTRY_ID_NOT_FOUND ENTRY_ID="+f.entry {
		t.Errorf("clone to another account: %s", got)
	}
	for _, filter := range []obj{{"idEqual": mine}, {"idIn": mine}, {"entryIdEqual": f.entry}, {"entryIdIn": f.entry}} {
		if got := f.names(other, filter); got != "" {
			t.Errorf("%v: %q", filter, got)
		}
	}
	if got := f.must(admin, "get", obj{"id": mine}); got["status"] != 1.0 {
		t.Errorf("after the attempts: %v", got)
	}
}

func TestNotesKnowTheirAnswers(t *testing.T) {
	f := newFixture(t)
	add := func(parent any) any {
		fields := obj{}
		if parent != nil {
			fields["parentId"] = parent
		}
		return f.add(viewer, f.entry, "Annotation", fields)["id"]
	}
	top := add(nil)
	one, two := add(top), add(top)
	deep := add(one)
	want := map[any]string{top: "0 3 2", one: "1 1 1", two: "1 0 0", deep: "2 0 0"}
	check := func() {
		t.Helper()
		for _, o := range f.must(admin, "list", obj{"filter": obj{"entryIdEqual": f.entry}})["objects"].([]any) {
			n := o.(obj)
			if got := fmt.Sprintf("%v %v %v", n["depth"], n["childrenCount"], n["directChildrenCount"]); got != want[n["id"]] {
				t.Errorf("%v has depth and children %s, want %s", n["id"], got, want[n["id"]])
			}
		}
	}
	check()
	f.call(viewer, "delete", obj{"id": deep})
	want[top], want[one] = "0 2 2", "1 0 0"
	check()
	if got := f.must(viewer, "get", obj{"id": one}); got["depth"] != 1.0 || got["childrenCount"] != 0.0 {
		t.Errorf("by itself: %v", got)
	}
}

func TestNotesAreAServiceOfTheirOwn(t *testing.T) {
	f := newFixture(t)
	call := func(action string, params obj) any { return f.ask(admin, "annotation_annotation", action, params) }
	chapter := f.add(admin, f.entry, "ThumbCuePoint", obj{"subType": 2})["id"]
	note := call("add", obj{"annotation": obj{"entryId": f.entry, "text": "nice", "startTime": 5}}).(obj)
	if note["objectType"] != "KalturaAnnotation" || note["cuePointType"] != "annotation.Annotation" || note["text"] != "nice" {
		t.Fatalf("added %v", note)
	}
	if got := call("update", obj{"id": note["id"], "annotation": obj{"text": "nicer"}}).(obj); got["text"] != "nicer" || got["startTime"] != 5.0 {
		t.Errorf("changed to %v", got)
	}
	if got := call("get", obj{"id": note["id"]}).(obj); got["text"] != "nicer" {
		t.Errorf("got %v", got)
	}
	list := call("list", obj{"filter": obj{"entryIdEqual": f.entry}}).(obj)
	if list["totalCount"] != 1.0 || list["objects"].([]any)[0].(obj)["id"] != note["id"] || list["objectType"] != "KalturaAnnotationListResponse" {
		t.Errorf("listed %v", list)
	}
	if n := call("count", obj{"filter": obj{"entryIdEqual": f.entry}}); n != 1.0 {
		t.Errorf("counted %v", n)
	}
	for action, more := range map[string]obj{"get": {}, "delete": {}, "update": {"annotation": obj{"text": "x"}}} {
		more["id"] = chapter
		if got, _ := call(action, more).(obj); got["code"] != "INVALID_CUE_POINT_ID" {
			t.Errorf("%s of a chapter: %v", action, got)
		}
	}
	if got := call("delete", obj{"id": note["id"]}); got != nil {
		t.Errorf("delete: %v", got)
	}
	if got := f.names(admin, obj{"entryIdEqual": f.entry, "cuePointTypeEqual": "annotation.Annotation"}); got != "" {
		t.Errorf("left: %q", got)
	}
}

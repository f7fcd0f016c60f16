package metadata_test

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

	"sluice/api/metadata"
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
	(&metadata.Service{Catalog: db}).Register(reg)
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

const schema = `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"><xsd:element name="metadata"><xsd:complexType><xsd:sequence>
	<xsd:element id="md_1" name="Region" minOccurs="0" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element></xsd:schema>`

func (h *house) profile(xsd string) any {
	h.Helper()
	return h.get("metadata_metadataProfile.add", obj{
		"metadataProfile": obj{"name": "Rights", "systemName": "rights", "metadataObjectType": "1"}, "xsdData": xsd,
	})["id"]
}

func TestValuesAreKeptByVersion(t *testing.T) {
	h := newHouse(t)
	id, e := h.profile(schema), h.entry("e", "ann")
	values := func(region string) string { return "<metadata><Region>" + region + "</Region></metadata>" }
	m := h.get("metadata_metadata.add", obj{"metadataProfileId": id, "objectType": "1", "objectId": e.ID, "xmlData": values("EU")})
	if m["version"] != 1.0 || m["xml"] != values("EU") || m["metadataProfileVersion"] != 1.0 || m["status"] != 1.0 {
		t.Fatal(m)
	}
	if got := h.get("metadata_metadata.update", obj{"id": m["id"], "xmlData": values("US"), "version": 1}); got["version"] != 2.0 {
		t.Error(got)
	}
	if got := h.get("metadata_metadata.list", obj{"filter": obj{"objectIdEqual": e.ID, "metadataObjectTypeEqual": "1"}}); got["totalCount"] != 1.0 {
		t.Error(got)
	}
	if got := h.call("admin:r", "metadata_metadata.serve", obj{"id": m["id"]}); got != values("US") {
		t.Error(got)
	}
	for name, c := range map[string]struct {
		session, action string
		params          obj
		want            string
	}{
		"version":   {"admin:r", "metadata_metadata.update", obj{"id": m["id"], "xmlData": values("x"), "version": 1}, "INVALID_METADATA_VERSION"},
		"twice":     {"admin:r", "metadata_metadata.add", obj{"metadataProfileId": id, "objectType": "1", "objectId": e.ID, "xmlData": values("EU")}, "METADATA_ALREADY_EXISTS"},
		"invalid":   {"admin:r", "metadata_metadata.update", obj{"id": m["id"], "xmlData": "<metadata><Foo/></metadata>"}, "INVALID_METADATA_DATA"},
		"entity":    {"admin:r", "metadata_metadata.update", obj{"id": m["id"], "xmlData": "<!DOCTYPE m><metadata/>"}, "INVALID_METADATA_DATA"},
		"type":      {"admin:r", "metadata_metadata.add", obj{"metadataProfileId": id, "objectType": "3", "objectId": "nobody", "xmlData": values("EU")}, "INVALID_USER_ID"},
		"another's": {"user:bob", "metadata_metadata.delete", obj{"id": m["id"]}, "INVALID_KS"},
		"no entry":  {"admin:r", "metadata_metadata.add", obj{"metadataProfileId": id, "objectType": "1", "objectId": "0_zzzzzzzz", "xmlData": values("EU")}, "ENTRY_ID_NOT_FOUND"},
		"no values": {"admin:r", "metadata_metadata.get", obj{"id": 99}, "METADATA_NOT_FOUND"},
		"all":       {"user:ann", "metadata_metadata.list", nil, "MUST_FILTER_ON_OBJECT_ID"},
	} {
		if got := h.code(c.session, c.action, c.params); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	h.call("user:ann", "metadata_metadata.delete", obj{"id": m["id"]})
	if got := h.code("admin:r", "metadata_metadata.get", obj{"id": m["id"]}); got != "METADATA_NOT_FOUND" {
		t.Error(got)
	}
}

func TestSchemasAreCheckedWhenTheyAreSaved(t *testing.T) {
	h := newHouse(t)
	id := h.profile(schema)
	fields := h.get("metadata_metadataProfile.listFields", obj{"metadataProfileId": id})
	if list, _ := fields["objects"].([]any); len(list) != 1 || list[0].(obj)["key"] != "Region" {
		t.Error(fields)
	}
	longer := strings.Replace(schema, "</xsd:sequence>", `<xsd:element name="Until" minOccurs="0" type="xsd:date"/></xsd:sequence>`, 1)
	if got := h.get("metadata_metadataProfile.update", obj{"id": id, "metadataProfile": obj{"description": "d"}, "xsdData": longer}); got["version"] != 2.0 || got["description"] != "d" {
		t.Error(got)
	}
	if got := h.get("metadata_metadataProfile.revert", obj{"id": id, "toVersion": 1}); got["xsd"] != schema || got["version"] != 3.0 {
		t.Error(got)
	}
	for name, c := range map[string]struct {
		session string
		params  obj
		want    string
	}{
		"import":      {"admin:r", obj{"metadataProfile": obj{"name": "n"}, "xsdData": "<xsd:schema xmlns:xsd='http://www.w3.org/2001/XMLSchema'><xsd:import/></xsd:schema>"}, "INVALID_METADATA_PROFILE_SCHEMA"},
		"not XML":     {"admin:r", obj{"metadataProfile": obj{"name": "n"}, "xsdData": "x"}, "INVALID_METADATA_PROFILE_SCHEMA"},
		"system name": {"admin:r", obj{"metadataProfile": obj{"name": "n", "systemName": "rights"}, "xsdData": schema}, "SYSTEM_NAME_ALREADY_EXISTS"},
		"user":        {"user:ann", obj{"metadataProfile": obj{"name": "n"}, "xsdData": schema}, "SERVICE_FORBIDDEN"},
	} {
		if got := h.code(c.session, "metadata_metadataProfile.add", c.params); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	h.call("admin:r", "metadata_metadataProfile.delete", obj{"id": id})
	if got := h.code("admin:r", "metadata_metadataProfile.get", obj{"id": id}); got != "METADATA_PROFILE_NOT_FOUND" {
		t.Error(got)
	}
}

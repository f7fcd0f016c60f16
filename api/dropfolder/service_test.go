package dropfolder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/dropfolder"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	watch "sluice/ingest/dropfolder"
)

const account catalog.AccountID = 102

// sessions are all an administrator's.
type sessions struct{}

func (sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	return &ks.Session{Token: token, Account: account, Type: ks.AdminType, User: "ann", Expires: time.Now().Add(time.Hour)}, nil
}
func (sessions) Count(context.Context, *ks.Session) error { return nil }
func (sessions) Permits(context.Context, *ks.Session, string, string) (bool, error) {
	return true, nil
}

type obj = map[string]any

// serve is the services behind real HTTP; the function calls an action of them.
func serve(t *testing.T) func(action string, params obj) obj {
	t.Helper()
	dir := t.TempDir()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	reg := rpc.NewRegistry()
	(&dropfolder.Service{Catalog: db, Roots: watch.Roots{filepath.Join(dir, "folders")}}).Register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions{}, Accounts: db, TempDir: t.TempDir(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	return func(action string, params obj) obj {
		t.Helper()
		all := obj{"format": 1, "ks": "ks"}
		for k, v := range params {
			all[k] = v
		}
		sent, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(server.URL+"/api_v3/service/dropFolder_dropFolder/action/"+action, "application/json", bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		out := obj{}
		if err == nil {
			err = json.Unmarshal(b, &out)
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", action, err, b)
		}
		return out
	}
}

func content(more obj) obj {
	f := obj{
		"objectType": "KalturaDropFolder", "name": "in", "path": "in", "fileHandlerType": "1",
		"fileHandlerConfig": obj{"objectType": "KalturaDropFolderContentFileHandlerConfig", "contentMatchPolicy": 2},
	}
	for k, v := range more {
		f[k] = v
	}
	return f
}

func TestOptionsOfFoldersAreKept(t *testing.T) {
	call := serve(t)
	want := obj{
		"stability": "rename", "contentMatchKey": "sha256", "quotaBytes": 5e9, "priority": -3.0, "expandArchives": true, "maxFileSize": 7e6,
		"duplicatePolicy": "newVersion", "orphanPolicy": "ingestAsContent", "subfolderPolicy": "category", "sidecarTimeout": 60.0, "trashDays": 3.0,
	}
	sent := obj{"objectType": "KalturaDropFolderExtras"}
	for k, v := range want {
		sent[k] = v
	}
	made := call("add", obj{"dropFolder": content(obj{
		"x": sent, "categoriesMetadataFieldName": "/metadata/Category", "enforceEntitlement": true, "incremental": true,
	})})
	id, ok := made["id"].(float64)
	if !ok {
		t.Fatal(made)
	}
	got := call("get", obj{"dropFolderId": id})
	kept := obj{}
	for k := range want {
		kept[k] = got["x"].(obj)[k]
	}
	if diff := cmp.Diff(want, kept); diff != "" || got["categoriesMetadataFieldName"] != "/metadata/Category" || got["enforceEntitlement"] != true {
		t.Errorf("%s in %v", diff, got)
	}
	got = call("update", obj{"dropFolderId": id, "dropFolder": obj{"objectType": "KalturaDropFolder", "x": obj{
		"objectType": "KalturaDropFolderExtras", "priority": 0, "quotaBytes": 0, "expandArchives": false,
	}}})
	x, ok := got["x"].(obj)
	if !ok || x["priority"] != 0.0 || x["quotaBytes"] != nil || x["expandArchives"] != false || x["stability"] != "rename" {
		t.Errorf("after the update %v", got)
	}
}

func TestFoldersThatCouldNotBeWatchedAreRefused(t *testing.T) {
	call := serve(t)
	extras := func(key string, value any) obj {
		return obj{"x": obj{"objectType": "KalturaDropFolderExtras", key: value}}
	}
	remote := func(key string, value any) obj {
		f := extras(key, value)
		f["objectType"], f["type"], f["host"] = "KalturaSftpDropFolder", "4", "media.example.com"
		return f
	}
	for name, c := range map[string]struct {
		change    obj
		code, say string
	}{
		"match key":        {extras("contentMatchKey", "md5"), "PROPERTY_VALIDATION_WRONG_FORMAT", "contentMatchKey"},
		"stability":        {extras("stability", "soon"), "PROPERTY_VALIDATION_WRONG_FORMAT", "stability"},
		"field":            {obj{"categoriesMetadataFieldName": "//Category[1]"}, "PROPERTY_VALIDATION_WRONG_FORMAT", "categoriesMetadataFieldName"},
		"priority":         {extras("priority", 11), "PROPERTY_VALIDATION_WRONG_FORMAT", "priority"},
		"quota":            {extras("quotaBytes", -1), "PROPERTY_VALIDATION_WRONG_FORMAT", "quotaBytes"},
		"remote archives":  {remote("expandArchives", true), "PROPERTY_VALIDATION_WRONG_FORMAT", "LOCAL"},
		"remote stability": {remote("stability", "close"), "PROPERTY_VALIDATION_WRONG_FORMAT", "LOCAL"},
		"profile":          {obj{"metadataProfileId": 12345}, "INVALID_OBJECT_ID", "12345"},
		"outside":          {obj{"path": "/etc"}, "PROPERTY_VALIDATION_WRONG_FORMAT", "path"},
	} {
		got := call("add", obj{"dropFolder": content(c.change)})
		code, _ := got["code"].(string)
		message, _ := got["message"].(string)
		if got["objectType"] != "KalturaAPIException" || code != c.code || !strings.Contains(message, c.say) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if list := call("list", nil); list["totalCount"] != 0.0 {
		t.Errorf("folders were made: %v", list)
	}
}

package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/bulk"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/manifest"
	"sluice/storage/disk"
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

// house is the services behind real HTTP, with the jobs carried out beside.
type house struct {
	*testing.T
	url string
	db  *catalog.DB
}

func newHouse(t *testing.T) *house {
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
	store, err := disk.Open(filepath.Join(dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	jobs := &manifest.Jobs{Catalog: db, Store: store, Content: &content.Service{Catalog: db, Store: store, Log: log}, Log: log, Every: 5 * time.Millisecond}
	reg := rpc.NewRegistry()
	for _, name := range []string{"media", "user", "category", "categoryUser", "categoryEntry"} {
		reg.Service(name, "")
	}
	(&bulk.Service{Catalog: db, Jobs: jobs, Log: log}).Register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions{}, Accounts: db, TempDir: t.TempDir(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- jobs.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		store.Close()
	})
	return &house{t, server.URL, db}
}

// call calls an action; with a file it is a form, whose name is that of the file parameter.
func (h *house) call(session, action string, params map[string]any, file ...string) (*http.Response, []byte) {
	h.Helper()
	all := map[string]any{"format": 1, "ks": session}
	for k, v := range params {
		all[k] = v
	}
	sent, err := json.Marshal(all)
	if err != nil {
		h.Fatal(err)
	}
	kind, body := "application/json", bytes.NewBuffer(sent)
	if len(file) == 3 {
		body = &bytes.Buffer{}
		w := multipart.NewWriter(body)
		kind = w.FormDataContentType()
		w.WriteField("json", string(sent))
		part, err := w.CreateFormFile(file[0], file[1])
		if err != nil {
			h.Fatal(err)
		}
		io.WriteString(part, file[2])
		w.Close()
	}
	service, name, _ := strings.Cut(action, ".")
	res, err := http.Post(h.url+"/api_v3/service/"+service+"/action/"+name, kind, body)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	return res, b
}

// object is the object that an action answers with.
func (h *house) object(session, action string, params map[string]any, file ...string) map[string]any {
	h.Helper()
	_, b := h.call(session, action, params, file...)
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		h.Fatalf("%s: %s", action, b)
	}
	return out
}

// ended waits until a job has ended, and returns it.
func (h *house) ended(session string, id any) map[string]any {
	h.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if j := h.object(session, "bulkUpload_bulk.get", map[string]any{"id": id}); j["status"] != 0.0 && j["status"] != 2.0 {
			return j
		}
	}
	h.Fatalf("job %v does not end", id)
	return nil
}

const document = "*title,referenceId,conversionProfileId\none,r1,\ntwo,r2,777\n"

func TestADocumentGoesInAndItsLogComesOut(t *testing.T) {
	h := newHouse(t)
	made := h.object("admin:root", "media.bulkUploadAdd", nil, "fileData", "list.csv", document)
	if made["objectType"] != "KalturaBulkUpload" || made["bulkUploadType"] != "bulkUploadCsv.CSV" || made["status"] != 0.0 || made["uploadedByUserId"] != "root" {
		t.Fatal(made)
	}
	j := h.ended("admin:root", made["id"])
	results, _ := j["results"].([]any)
	if j["status"] != 12.0 || j["numOfObjects"] != 2.0 || j["numOfErrorObjects"] != 1.0 || len(results) != 2 {
		t.Fatal(j)
	}
	second, _ := results[1].(map[string]any)
	if second["status"] != 1.0 || second["lineIndex"] != 2.0 || second["errorCode"] != "BULK_ITEM_VALIDATION_FAILED" || second["rowData"] != "two,r2,777" {
		t.Error(second)
	}
	list := h.object("admin:root", "bulkUpload_bulk.listResults", map[string]any{"id": made["id"], "errorsOnly": true})
	if list["totalCount"] != 1.0 {
		t.Error(list)
	}
	res, b := h.call("admin:root", "bulkUpload_bulk.serveLog", map[string]any{"id": made["id"]})
	if res.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(string(b), "\n2,3,error,add,,r2,two,BULK_ITEM_VALIDATION_FAILED,") {
		t.Errorf("%v: %s", res.Header, b)
	}
	if _, b := h.call("admin:root", "bulkUpload.serveLog", map[string]any{"id": made["id"], "logFormat": "ndjson"}); strings.Count(string(b), "\n") != 2 {
		t.Errorf("%s", b)
	}
	if _, b := h.call("admin:root", "bulkUpload.serve", map[string]any{"id": made["id"]}); string(b) != document {
		t.Errorf("%s", b)
	}
	if again := h.object("admin:root", "bulkUpload_bulk.abort", map[string]any{"id": made["id"]}); again["status"] != 12.0 {
		t.Errorf("aborting what has ended: %v", again)
	}
}

func TestUsersSeeTheirOwnJobs(t *testing.T) {
	h := newHouse(t)
	made := h.object("user:ann", "bulkUpload.add", map[string]any{"bulkUploadType": "sluice.JSON", "fileName": "x"}, "csvFileData", "x", `{"name":"hers"}`)
	h.ended("user:ann", made["id"])
	if got := h.object("user:bob", "bulkUpload.get", map[string]any{"id": made["id"]}); got["code"] != "BULK_UPLOAD_NOT_FOUND" {
		t.Error(got)
	}
	for session, want := range map[string]float64{"user:ann": 1, "user:bob": 0, "admin:root": 1} {
		if got := h.object(session, "bulkUpload_bulk.list", nil); got["totalCount"] != want {
			t.Errorf("%s: %v", session, got)
		}
	}
	list, _, err := h.db.QueryEntries(t.Context(), account, catalog.Query{Limit: 1})
	if err != nil || len(list) != 1 || list[0].Owner != "ann" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestWhatCannotBeTakenIsRefused(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		params map[string]any
		file   [3]string
		want   string
	}{
		"not XML":    {nil, [3]string{"fileData", "x.xml", "<html/>"}, "INVALID_PARAMETER_VALUE"},
		"empty":      {nil, [3]string{"fileData", "x.csv", ""}, "INVALID_PARAMETER_VALUE"},
		"validation": {map[string]any{"validation": "none"}, [3]string{"fileData", "x.csv", "a"}, "INVALID_ENUM_VALUE"},
		"profile": {map[string]any{"bulkUploadEntryData": map[string]any{"objectType": "KalturaBulkUploadEntryData", "conversionProfileId": 77}},
			[3]string{"fileData", "x.csv", "a"}, "CONVERSION_PROFILE_ID_NOT_FOUND"},
	} {
		if got := h.object("admin:root", "media.bulkUploadAdd", c.params, c.file[:]...); got["code"] != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSchemasAreServed(t *testing.T) {
	h := newHouse(t)
	for typ, want := range map[string]string{"bulkUploadXml.bulkUploadXML": "<xs:schema", "sluice.JSON": `"$schema"`} {
		if _, b := h.call("", "schema.serve", map[string]any{"type": typ}); !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s: %s", typ, b)
		}
	}
}

// TestTheClassOfTheDataTellsTheForm sends a document whose name says nothing.
func TestTheClassOfTheDataTellsTheForm(t *testing.T) {
	h := newHouse(t)
	got := map[string]any{}
	for class, doc := range map[string]string{
		"KalturaBulkUploadXmlJobData": "<mrss><channel><item><type>1</type><name>x</name></item></channel></mrss>", "KalturaBulkUploadCsvJobData": "*title\nx\n",
		"KalturaBulkUploadJsonJobData": `{"name":"x"}`,
	} {
		made := h.object("admin:root", "media.bulkUploadAdd", map[string]any{"bulkUploadData": map[string]any{"objectType": class, "fileName": "doc"}}, "fileData", "x", doc)
		got[class] = fmt.Sprint(made["bulkUploadType"], " ", h.ended("admin:root", made["id"])["status"])
	}
	want := map[string]any{"KalturaBulkUploadXmlJobData": "bulkUploadXml.XML 5", "KalturaBulkUploadCsvJobData": "bulkUploadCsv.CSV 5", "KalturaBulkUploadJsonJobData": "sluice.JSON 5"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

package media_test

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
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/api/media"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	apiupload "sluice/api/upload"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
	"sluice/ingest/upload"
	"sluice/internal/pgtest"
	"sluice/storage/disk"
)

// obj is an object of the wire.
type obj = map[string]any

// fixture is a server of the API with a catalog, a store and the ways in, and accounts 101 and 102.
type fixture struct {
	*testing.T
	db      *catalog.DB
	content *content.Service
	url     string
}

// everyDatabase runs a test on a fresh fixture in SQLite and in PostgreSQL.
func everyDatabase(t *testing.T, test func(f *fixture)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(newFixture(t, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))) })
	t.Run("postgres", func(t *testing.T) { test(newFixture(t, postgres(t))) })
}

// onSQLite makes a fixture where the database makes no difference.
func onSQLite(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
}

func newFixture(t *testing.T, location string) *fixture {
	t.Helper()
	db, err := catalog.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for id := catalog.AccountID(101); id <= 102; id++ {
		if _, _, err := db.EnsureAccount(t.Context(), id, "test"); err != nil {
			t.Fatal(err)
		}
	}
	f := &fixture{T: t, db: db}
	f.content = newContent(t, db)
	reg := rpc.NewRegistry()
	(&media.Service{Catalog: db, Content: f.content, Uploads: f.content.Uploads, Pictures: still{picture(t)}}).Register(reg)
	(&apiupload.Service{Catalog: db, Engine: f.content.Uploads}).Register(reg)
	server, err := rpc.NewServer(rpc.Config{
		Registry: reg, Sessions: sessions{}, Accounts: db, PublicURL: "http://media.test", TempDir: t.TempDir(),
		Logger: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	f.url = web.URL
	return f
}

func newContent(t *testing.T, db *catalog.DB) *content.Service {
	t.Helper()
	dir := t.TempDir()
	store, err := disk.Open(filepath.Join(dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	guard, err := fetch.NewGuard([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	c := &content.Service{
		Catalog: db, Store: store, Incoming: filepath.Join(dir, "incoming"), Log: log,
		Fetcher: &fetch.Fetcher{Dir: filepath.Join(dir, "fetch"), Guard: guard},
	}
	c.Uploads = &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Arrived: c.Arrived, Lost: c.Lost, Log: log}
	return c
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// sessions takes tokens of the form account/type/user/privileges.
type sessions struct{}

func (sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	parts := strings.SplitN(token, "/", 4)
	if len(parts) != 4 {
		return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
	}
	s := &ks.Session{Token: token, User: parts[2], Privileges: ks.ParsePrivileges(parts[3]), Expires: time.Now().Add(time.Hour)}
	if _, err := fmt.Sscan(parts[0], &s.Account); err != nil {
		return nil, err
	}
	if parts[1] == "admin" {
		s.Type = ks.AdminType
	}
	return s, nil
}

func (sessions) Count(context.Context, *ks.Session) error { return nil }

func (sessions) Permits(context.Context, *ks.Session, string, string) (bool, error) { return true, nil }

// Tokens of sessions.
const (
	admin  = "101/admin/root/"
	joe    = "101/user/joe/"
	ann    = "101/user/ann/"
	widget = "101/user/0/view:*,widget:1"
	other  = "102/admin/root/"
)

// call calls an action and returns what it answers.
func (f *fixture) call(token, action string, params obj) any {
	f.Helper()
	return decode(f, f.raw(token, action, "1", params))
}

func decode(t testing.TB, body []byte) any {
	t.Helper()
	var out any
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return out
}

// raw is the body of an action's answer in a format.
func (f *fixture) raw(token, action, format string, params obj) []byte {
	f.Helper()
	body := obj{"ks": token, "format": format}
	for k, v := range params {
		body[k] = v
	}
	data, err := json.Marshal(body)
	if err != nil {
		f.Fatal(err)
	}
	return f.post(action, "application/json", bytes.NewReader(data))
}

func (f *fixture) post(action, kind string, body io.Reader) []byte {
	f.Helper()
	service, name, _ := strings.Cut(action, ".")
	resp, err := http.Post(f.url+"/api_v3/service/"+service+"/action/"+name, kind, body)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		f.Fatalf("%s: %s, %v", action, resp.Status, err)
	}
	return out
}

// get calls an action that must answer with an object.
func (f *fixture) get(token, action string, params obj) obj {
	f.Helper()
	out, ok := f.call(token, action, params).(obj)
	if !ok {
		f.Fatalf("%s: no object", action)
	}
	if code, failed := out["code"]; failed {
		f.Fatalf("%s: %v: %v %v", action, code, out["message"], out["args"])
	}
	return out
}

// fails calls an action that must answer with an exception, and returns its code and arguments as text.
func (f *fixture) fails(token, action string, params obj) string {
	f.Helper()
	out, _ := f.call(token, action, params).(obj)
	code, ok := out["code"].(string)
	if !ok {
		f.Fatalf("%s: no exception: %v", action, out)
	}
	if args, ok := out["args"].(obj); ok {
		data, _ := json.Marshal(args)
		return code + string(data)
	}
	return code
}

// add makes a media entry.
func (f *fixture) add(token string, fields obj) obj {
	f.Helper()
	return f.get(token, "media.add", obj{"entry": fields})
}

// set changes an entry past the API.
func (f *fixture) set(id any, change func(e *catalog.Entry)) {
	f.Helper()
	err := f.db.UpdateEntry(f.Context(), catalog.EntryID(id.(string)), func(e *catalog.Entry) error { change(e); return nil })
	if err != nil {
		f.Fatal(err)
	}
}

// ready makes an entry that is ready.
func (f *fixture) ready(token string, fields obj) string {
	f.Helper()
	id := f.add(token, fields)["id"]
	f.set(id, func(e *catalog.Entry) { e.Status = catalog.EntryReady })
	return id.(string)
}

// names lists what an action answers with, by the field.
func (f *fixture) names(token, action string, params obj) string {
	f.Helper()
	return names(f.call(token, action, params))
}

func names(answer any) string {
	list, ok := answer.([]any)
	if !ok {
		list, _ = answer.(obj)["objects"].([]any)
	}
	var out []string
	for _, o := range list {
		out = append(out, fmt.Sprint(o.(obj)["name"]))
	}
	return strings.Join(out, " ")
}

// uploaded is a token with a whole file.
func (f *fixture) uploaded(token, name string, data []byte) string {
	f.Helper()
	id := f.get(token, "uploadToken.add", nil)["id"].(string)
	f.upload(token, id, name, data)
	return id
}

func (f *fixture) upload(token, id, name string, data []byte) {
	f.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	head, _ := json.Marshal(obj{"ks": token, "format": 1, "uploadTokenId": id})
	_ = w.WriteField("json", string(head))
	part, err := w.CreateFormFile("fileData", name)
	if err != nil {
		f.Fatal(err)
	}
	_, _ = part.Write(data)
	_ = w.Close()
	if out := decode(f, f.post("uploadToken.upload", w.FormDataContentType(), &body)).(obj); out["code"] != nil {
		f.Fatalf("upload: %v", out)
	}
}

// One PostgreSQL server serves all tests of the package, each with a database of its own.
var server struct {
	once sync.Once
	tb   *packageTB
	url  string
}

func postgres(t testing.TB) string {
	t.Helper()
	server.once.Do(func() {
		server.tb = &packageTB{TB: t}
		server.url = pgtest.Start(server.tb)
	})
	if server.url == "" {
		t.Skip("needs PostgreSQL")
	}
	return pgtest.NewDatabase(t, server.url)
}

// packageTB keeps what pgtest cleans up until all tests have run.
type packageTB struct {
	testing.TB
	cleanups []func()
}

func (p *packageTB) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

func TestMain(m *testing.M) {
	code := m.Run()
	if server.tb != nil {
		for i := len(server.tb.cleanups) - 1; i >= 0; i-- {
			server.tb.cleanups[i]()
		}
	}
	os.Exit(code)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

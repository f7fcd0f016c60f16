package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/api/notify"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/catalog/seal"
	"sluice/ingest/fetch"
	"sluice/internal/pgtest"
)

var server struct {
	once     sync.Once
	url      string
	cleanups []func()
}

// packageTB keeps what pgtest cleans up until all tests have run.
type packageTB struct{ testing.TB }

func (packageTB) Cleanup(f func()) { server.cleanups = append(server.cleanups, f) }

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(server.cleanups) - 1; i >= 0; i-- {
		server.cleanups[i]()
	}
	os.Exit(code)
}

func everyDatabase(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newFixture(t, sqlite(t), "127.0.0.1")) })
	t.Run("postgres", func(t *testing.T) {
		server.once.Do(func() { server.url = pgtest.Start(packageTB{t}) })
		if server.url == "" {
			t.Skip("needs PostgreSQL")
		}
		test(t, newFixture(t, pgtest.NewDatabase(t, server.url), "127.0.0.1"))
	})
}

func sqlite(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "catalog.db") }

// fixture is accounts 1 and 2, an engine, the services, and someone who is told.
type fixture struct {
	t      *testing.T
	db     *catalog.DB
	engine *notify.Engine
	api    string
	secret string

	hook *httptest.Server
	mu   sync.Mutex
	got  []told
	// answer is what the hook says; it is called under mu.
	answer func(w http.ResponseWriter, n int)
}

// told is a request that arrived.
type told struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

func newFixture(t *testing.T, location string, allow ...string) *fixture {
	t.Helper()
	f := &fixture{t: t}
	var err error
	if f.db, err = catalog.Open(t.Context(), location); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.db.Close() })
	ring, err := seal.NewRing(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.db.Unlock(t.Context(), ring); err != nil {
		t.Fatal(err)
	}
	for id := range catalog.AccountID(2) {
		if _, _, err := f.db.EnsureAccount(t.Context(), id+1, "test"); err != nil {
			t.Fatal(err)
		}
	}
	secrets, err := f.db.Secrets(t.Context(), 1)
	if err != nil || secrets[0].Kind != catalog.AdminSecret {
		t.Fatal(secrets, err)
	}
	f.secret = secrets[0].Text
	guard, err := fetch.NewGuard(allow)
	if err != nil {
		t.Fatal(err)
	}
	f.engine = notify.NewEngine(notify.Config{
		Catalog: f.db, Guard: guard, Base: "https://media.example", Every: 20 * time.Millisecond, Backoff: 10 * time.Millisecond,
	})
	f.hook = httptest.NewServer(http.HandlerFunc(f.receive))
	t.Cleanup(f.hook.Close)
	f.api = f.serve()
	return f
}

func (f *fixture) receive(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, told{r.Method, r.URL.Path, r.URL.RawQuery, string(b), r.Header.Clone()})
	if f.answer != nil {
		f.answer(w, len(f.got))
	}
}

func (f *fixture) requests() []told {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]told(nil), f.got...)
}

// run runs the engine until the test, or stop, ends it.
func (f *fixture) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f.engine.Run(ctx); err != nil {
			f.t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	f.t.Cleanup(stop)
	return stop
}

// eventually waits for something that happens by itself.
func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: not within 30 s; deliveries %+v", what, f.deliveries(""))
		}
	}
}

// sessions takes the number of an account for the token of its administrator, and "user" for a user's.
type sessions struct{}

func (sessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	s := &ks.Session{Account: 1, Type: ks.AdminType, Expires: time.Now().Add(time.Hour)}
	switch token {
	case "2":
		s.Account = 2
	case "user":
		s.Type, s.User = ks.UserType, "u"
	}
	return s, nil
}

func (sessions) Count(context.Context, *ks.Session) error { return nil }

func (sessions) Permits(context.Context, *ks.Session, string, string) (bool, error) { return true, nil }

func (f *fixture) serve() string {
	f.t.Helper()
	reg := rpc.NewRegistry()
	(&notify.Service{Catalog: f.db, Engine: f.engine}).Register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions{}, Accounts: f.db})
	if err != nil {
		f.t.Fatal(err)
	}
	s := httptest.NewServer(srv)
	f.t.Cleanup(s.Close)
	return s.URL
}

type params = map[string]any

func (f *fixture) raw(action string, in params) any {
	f.t.Helper()
	body := params{"format": 1, "ks": "1"}
	for k, v := range in {
		body[k] = v
	}
	b, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	service := "eventnotification_eventnotificationtemplate"
	if name, ok := strings.CutPrefix(action, "log."); ok {
		service, action = "eventnotification_eventnotificationdelivery", name
	}
	res, err := http.Post(f.api+"/api_v3/service/"+service+"/action/"+action, "application/json", bytes.NewReader(b))
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	var out any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fixture) call(action string, in params) map[string]any {
	f.t.Helper()
	out, ok := f.raw(action, in).(map[string]any)
	if !ok || out["objectType"] == "KalturaAPIException" {
		f.t.Fatalf("%s: %v", action, out)
	}
	return out
}

// refused makes a call that must fail: "CODE[A:x]".
func (f *fixture) refused(action string, in params) string {
	f.t.Helper()
	m, ok := f.raw(action, in).(map[string]any)
	if !ok || m["objectType"] != "KalturaAPIException" {
		f.t.Fatalf("%s succeeded: %v", action, m)
	}
	args, _ := m["args"].(map[string]any)
	return fmt.Sprint(m["code"]) + strings.TrimPrefix(fmt.Sprint(args), "map")
}

// template adds a template of account 1 that posts to the hook, with the fields changed.
func (f *fixture) template(change params) map[string]any {
	f.t.Helper()
	t := params{
		"objectType": "KalturaHttpNotificationTemplate", "name": "test", "url": f.hook.URL + "/hook", "automaticDispatchEnabled": true,
		"eventType": "3", "eventObjectType": "1",
	}
	for k, v := range change {
		t[k] = v
	}
	return f.call("add", params{"eventNotificationTemplate": t})
}

// names is a condition on the names of events.
func names(list string) []params {
	return []params{{"objectType": "KalturaEventNameCondition", "names": list}}
}

// deliveries lists the log of account 1 in the order of making.
func (f *fixture) deliveries(status string) []map[string]any {
	f.t.Helper()
	filter := params{"orderBy": "+id"}
	if status != "" {
		filter["statusEqual"] = status
	}
	var out []map[string]any
	objects, _ := f.call("log.list", params{"filter": filter, "pager": params{"pageSize": 500}})["objects"].([]any)
	for _, o := range objects {
		out = append(out, o.(map[string]any))
	}
	return out
}

func (f *fixture) entry(account catalog.AccountID, name string) catalog.Entry {
	f.t.Helper()
	e, _, _, err := f.db.CreateEntry(f.t.Context(), catalog.NewEntry{Account: account, Name: name, MediaType: catalog.MediaVideo}, nil, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}

func (f *fixture) change(id catalog.EntryID, fn func(*catalog.Entry)) {
	f.t.Helper()
	if err := f.db.UpdateEntry(f.t.Context(), id, func(e *catalog.Entry) error { fn(e); return nil }); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) ready(id catalog.EntryID) {
	f.t.Helper()
	f.change(id, func(e *catalog.Entry) { e.Status = catalog.EntryReady })
}

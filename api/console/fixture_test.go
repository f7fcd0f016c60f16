package console_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/api/console"
	"sluice/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account catalog.AccountID = 1

// fixture is a console over a real catalog, served on loopback.
type fixture struct {
	*testing.T
	db     *catalog.DB
	url    string
	client *http.Transport
	// stop ends Console.Run and waits for it.
	stop func()
}

// start serves a console; change may alter its Config.
func start(t *testing.T, change func(*console.Config)) *fixture {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	cfg := console.Config{Catalog: db, Poll: 10 * time.Millisecond, Heartbeat: 50 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	c, err := console.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx) // it has no way to fail
	}()
	f := &fixture{T: t, db: db, client: &http.Transport{}, stop: func() {
		stop()
		<-ended
	}}
	server := httptest.NewServer(c)
	f.url = server.URL
	t.Cleanup(func() {
		f.stop()
		f.client.CloseIdleConnections()
		server.Close()
	})
	return f
}

// entry makes an entry with tasks; change may alter it afterwards.
func (f *fixture) entry(name string, change func(*catalog.Entry), assets []catalog.Asset, tasks ...catalog.NewTask) (catalog.Entry, []catalog.Task) {
	f.Helper()
	e, _, made, err := f.db.CreateEntry(f.Context(), catalog.NewEntry{
		Account: account, Name: name, MediaType: catalog.MediaVideo,
	}, assets, tasks)
	if err != nil {
		f.Fatal(err)
	}
	if change != nil {
		f.update(e.ID, change)
		if e, err = f.db.EntryByID(f.Context(), e.ID); err != nil {
			f.Fatal(err)
		}
	}
	return e, made
}

func (f *fixture) update(id catalog.EntryID, change func(*catalog.Entry)) {
	f.Helper()
	err := f.db.UpdateEntry(f.Context(), id, func(e *catalog.Entry) error {
		change(e)
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
}

func withStatus(s catalog.EntryStatus) func(*catalog.Entry) {
	return func(e *catalog.Entry) { e.Status = s }
}

// kill lets a task fail for good.
func (f *fixture) kill(id catalog.TaskID, code, text string) {
	f.Helper()
	t, err := f.db.Claim(f.Context(), id, "worker-1", time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := f.db.Fail(f.Context(), id, t.Attempt, code, text, false, 0); err != nil {
		f.Fatal(err)
	}
}

// call makes a request, checks its status and returns the decoded body.
func (f *fixture) call(method, path string, status int) map[string]any {
	f.Helper()
	response, body := f.do(method, path, nil)
	if response.StatusCode != status {
		f.Fatalf("%s %s: status %d, want %d: %s", method, path, response.StatusCode, status, body)
	}
	if len(body) == 0 {
		return nil
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		f.Fatalf("%s %s: %v: %s", method, path, err, body)
	}
	return v
}

func (f *fixture) do(method, path string, header http.Header) (*http.Response, []byte) {
	f.Helper()
	request, err := http.NewRequestWithContext(f.Context(), method, f.url+path, nil)
	if err != nil {
		f.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := f.client.RoundTrip(request)
	if err != nil {
		f.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.Fatal(err)
	}
	return response, body
}

// names are the names of the entries or tasks of a list.
func names(list map[string]any, key string) []string {
	out := []string{}
	for _, item := range list[key].([]any) {
		out = append(out, item.(map[string]any)["name"].(string))
	}
	return out
}

func ready(kind catalog.AssetType, name string, change func(*catalog.Asset)) catalog.Asset {
	a := catalog.Asset{Type: kind, Status: catalog.AssetReady, Name: name}
	if change != nil {
		change(&a)
	}
	return a
}

package account_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"sluice/api/account"
	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/catalog/seal"
	"sluice/internal/pgtest"
	"sluice/pipeline/redisd"
)

const (
	key         = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	adminSecret = "sluice-vector-admin-secret-0001"
	userSecret  = "sluice-vector-user-secret-0001"
)

// One PostgreSQL and one Redis serve all tests of the package.
var servers struct {
	once     sync.Once
	postgres string
	redis    *redisd.Server
	cleanups []func()
}

// packageTB keeps what pgtest cleans up until all tests have run.
type packageTB struct{ testing.TB }

func (packageTB) Cleanup(f func()) { servers.cleanups = append(servers.cleanups, f) }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "account-")
	if err != nil {
		panic(err)
	}
	servers.redis, err = redisd.Start(context.Background(), redisd.Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for i := len(servers.cleanups) - 1; i >= 0; i-- {
		servers.cleanups[i]()
	}
	_ = servers.redis.Close()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func everyDatabase(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newFixture(t, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))) })
	t.Run("postgres", func(t *testing.T) {
		servers.once.Do(func() { servers.postgres = pgtest.Start(packageTB{t}) })
		if servers.postgres == "" {
			t.Skip("needs PostgreSQL")
		}
		test(t, newFixture(t, pgtest.NewDatabase(t, servers.postgres)))
	})
}

// fixture is accounts 102 and 103, whose secrets are known (103's end in B), behind a server.
type fixture struct {
	t        *testing.T
	location string
	db       *catalog.DB
	redis    *redis.Client
	sessions *account.Sessions
	url      string

	mu  sync.Mutex
	now time.Time
}

func newFixture(t *testing.T, location string) *fixture {
	t.Helper()
	f := &fixture{t: t, location: location, now: time.Now()}
	f.db = f.open()
	for id, suffix := range map[catalog.AccountID]string{102: "", 103: "B"} {
		if _, _, err := f.db.EnsureAccount(t.Context(), id, fmt.Sprintf("account %d", id)); err != nil {
			t.Fatal(err)
		}
		f.exec(fmt.Sprintf("UPDATE accounts SET admin_secret = '%s', user_secret = '%s' WHERE id = %d", adminSecret+suffix, userSecret+suffix, id))
	}
	f.unlock(f.db)
	f.redis = redis.NewClient(servers.redis.Options())
	t.Cleanup(func() { _ = f.redis.Close() })
	if err := f.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	f.sessions = f.process()
	f.url = f.serve(f.sessions)
	return f
}

func (f *fixture) open() *catalog.DB {
	f.t.Helper()
	db, err := catalog.Open(f.t.Context(), f.location)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (f *fixture) unlock(db *catalog.DB) {
	f.t.Helper()
	ring, err := seal.NewRing(key)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := db.Unlock(f.t.Context(), ring); err != nil {
		f.t.Fatal(err)
	}
}

// exec runs a statement past the catalog.
func (f *fixture) exec(statement string) {
	f.t.Helper()
	driver, name := "pgx", f.location
	if path, ok := strings.CutPrefix(f.location, "sqlite://"); ok {
		driver, name = "sqlite", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		f.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		f.t.Fatal(err)
	}
}

// process is the sessions of another process on the same catalog and Redis.
func (f *fixture) process() *account.Sessions {
	return account.NewSessions(account.Config{Catalog: f.db, Redis: f.redis, Now: f.clock})
}

func (f *fixture) serve(sessions *account.Sessions) string {
	f.t.Helper()
	reg := rpc.NewRegistry()
	(&account.Service{Catalog: f.db, Sessions: sessions}).Register(reg)
	srv, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions, Accounts: sessions, Now: f.clock})
	if err != nil {
		f.t.Fatal(err)
	}
	s := httptest.NewServer(srv)
	f.t.Cleanup(s.Close)
	return s.URL
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// pass lets time go by.
func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// params of a call.
type params = map[string]any

// raw makes a call and returns its answer.
func (f *fixture) raw(path string, in params) any {
	f.t.Helper()
	body := params{"format": 1}
	for k, v := range in {
		body[k] = v
	}
	b, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	service, action, _ := strings.Cut(path, ".")
	res, err := http.Post(f.url+"/api_v3/service/"+service+"/action/"+action, "application/json", bytes.NewReader(b))
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	var out any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != 200 {
		f.t.Fatalf("%s: %d, %v", path, res.StatusCode, err)
	}
	return out
}

// call makes a call that must succeed.
func (f *fixture) call(path string, in params) any {
	f.t.Helper()
	out := f.raw(path, in)
	if m, ok := out.(map[string]any); ok && m["code"] != nil && m["message"] != nil {
		f.t.Fatalf("%s: %v", path, m)
	}
	return out
}

func (f *fixture) object(path string, in params) map[string]any {
	f.t.Helper()
	out, ok := f.call(path, in).(map[string]any)
	if !ok {
		f.t.Fatalf("%s did not return an object", path)
	}
	return out
}

// refused makes a call that must fail and returns the code with the arguments: "CODE" or "CODE A=x B=y", in order of names.
func (f *fixture) refused(path string, in params) string {
	f.t.Helper()
	m, ok := f.raw(path, in).(map[string]any)
	if !ok || m["objectType"] != "KalturaAPIException" {
		f.t.Fatalf("%s succeeded: %v", path, m)
	}
	text := fmt.Sprint(m["code"])
	if args, ok := m["args"].(map[string]any); ok {
		text += strings.TrimPrefix(fmt.Sprint(args), "map")
	}
	return text
}

// start starts a session of account 102 with its admin secret.
func (f *fixture) start(kind int, user, privileges string) string {
	f.t.Helper()
	return f.call("session.start", params{
		"secret": adminSecret, "userId": user, "type": kind, "partnerId": 102, "privileges": privileges,
	}).(string)
}

func (f *fixture) admin() string { return f.start(2, "admin", "") }

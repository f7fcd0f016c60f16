package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/api/account"
	"sluice/api/media"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/catalog/seal"
	"sluice/pipeline/redisd"
)

// apiAccount has all entries of the benchmark.
const apiAccount catalog.AccountID = 102

// runAPI answers calls of the API over a large account. The peer is a bare handler in the same process that makes the same
// query and writes the rows with encoding/json: what is between the two is the protocol.
func runAPI(ctx context.Context, e *Env, emit func(Result)) error {
	if _, err := tool("redis-server"); err != nil {
		return err
	}
	srv, err := redisd.Start(ctx, redisd.Config{Dir: filepath.Join(e.Dir, "redis"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer srv.Close()
	client := redis.NewClient(srv.Options())
	defer client.Close()
	databases := map[string]string{"sqlite": "sqlite://" + filepath.Join(e.Dir, "catalog.db")}
	if e.Postgres != "" {
		databases["postgres"] = e.Postgres
	} else {
		e.Log("without PostgreSQL: --postgres names none")
	}
	for _, name := range []string{"sqlite", "postgres"} {
		if databases[name] == "" {
			continue
		}
		if err := e.api(ctx, name, databases[name], client, emit); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// apiSide is the two servers of a measurement.
type apiSide struct {
	db         *catalog.DB
	rpc        *rpc.Server
	bare       http.Handler
	rpcAddr    string
	bareAddr   string
	token      string
	entries    int
	stopServer func()
}

func (e *Env) api(ctx context.Context, name, location string, client redis.UniversalClient, emit func(Result)) error {
	db, err := catalog.Open(ctx, location)
	if err != nil {
		return err
	}
	defer db.Close()
	s := &apiSide{db: db, entries: e.rounds(1_000_000, 50_000)}
	began := time.Now()
	if err := seedEntries(ctx, db, name, location, s.entries); err != nil {
		return err
	}
	e.Log("%s: %d entries after %v", name, s.entries, time.Since(began).Round(time.Second))
	if err := s.start(ctx, filepath.Join(e.Dir, name+".key"), client); err != nil {
		return err
	}
	defer s.stopServer()
	id := entryName(s.entries / 2)
	ks := url.QueryEscape(s.token)
	multi := make([]string, 50)
	for i := range multi {
		multi[i] = fmt.Sprintf("%d:service=baseEntry&%d:action=get&%d:entryId=%s", i+1, i+1, i+1, id)
	}
	for _, c := range []struct{ what, ours, theirs string }{
		{"get", "/api_v3/?service=baseEntry&action=get&format=1&entryId=" + id + "&ks=" + ks, "/get?id=" + id},
		{"list-100", "/api_v3/?service=media&action=list&format=1&pager[pageSize]=100&ks=" + ks, "/list"},
		{"multi-50", "/api_v3/?service=multirequest&format=1&ks=" + ks + "&" + strings.Join(multi, "&"), "/get?n=50&id=" + id},
	} {
		if err := e.apiCase(ctx, s, "api-"+c.what+"-"+name, c.ours, c.theirs, emit); err != nil {
			return err
		}
	}
	return nil
}

// apiCase measures requests a second, their 99th percentile, and allocations.
func (e *Env) apiCase(ctx context.Context, s *apiSide, name, ours, theirs string, emit func(Result)) error {
	if err := s.check(ctx, ours); err != nil {
		return err
	}
	duration := 5 * time.Second
	if e.Quick {
		duration = 1500 * time.Millisecond
	}
	var p99 [2][]float64
	rate := func(side int, addr, path string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			l := load{addr: addr, requests: []request{{path: path}}, conns: 8, duration: duration, timed: true}
			got, err := l.run(ctx)
			if err != nil {
				return 0, err
			}
			slices.Sort(got.times)
			if len(got.times) == 0 {
				return 0, errors.New("no request was answered")
			}
			at := func(part int) float64 { return float64(got.times[len(got.times)*part/100].Microseconds()) / 1000 }
			e.Log("%s: %s: p50 %.2f ms, p99 %.2f ms", name, path[:min(len(path), 30)], at(50), at(99))
			p99[side] = append(p99[side], at(99))
			return got.perSecond(), nil
		}
	}
	res, err := e.compare(ctx, pair{name, "bare handler", "requests/s", false, rate(0, s.rpcAddr, ours), rate(1, s.bareAddr, theirs)}, e.rounds(5, 2))
	if err != nil {
		return err
	}
	emit(res)
	emit(beside(res, "-p99", "ms", p99[0], p99[1]))
	a, b := allocations(ctx, s.rpc, ours), allocations(ctx, s.bare, theirs)
	emit(lesser(name+"-allocs", "bare handler", "allocs/request", []float64{a}, []float64{b}))
	return nil
}

// check makes sure that a call succeeds before it is measured.
func (s *apiSide) check(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	w := &recorder{head: http.Header{}}
	s.rpc.ServeHTTP(w, req)
	if body := string(w.body); strings.Contains(body, "KalturaAPIException") || !strings.Contains(body, "KalturaMediaEntry") {
		return fmt.Errorf("%.60s: %.300s", path, body)
	}
	return nil
}

// recorder keeps an answer.
type recorder struct {
	head http.Header
	body []byte
}

func (r *recorder) Header() http.Header { return r.head }
func (r *recorder) WriteHeader(int)     {}
func (r *recorder) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}

// allocations is how many a request takes, without those of net/http.
func allocations(ctx context.Context, h http.Handler, path string) float64 {
	const n = 200
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0
	}
	var before, after runtime.MemStats
	w := &recorder{}
	runtime.ReadMemStats(&before)
	for range n {
		w.head, w.body = http.Header{}, w.body[:0]
		h.ServeHTTP(w, req)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / n
}

// start listens for both sides.
func (s *apiSide) start(ctx context.Context, keyFile string, client redis.UniversalClient) error {
	keys, err := seal.LoadOrCreate(keyFile)
	if err != nil {
		return err
	}
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return err
	}
	if _, err := s.db.Unlock(ctx, ring); err != nil {
		return err
	}
	secrets, err := s.db.Secrets(ctx, apiAccount)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(secrets, func(v catalog.Secret) bool { return v.Kind == catalog.AdminSecret })
	if i < 0 {
		return errors.New("the account has no secret")
	}
	session := &ks.Session{Account: apiAccount, User: "bench", Type: ks.AdminType, Expires: time.Now().Add(12 * time.Hour)}
	if err := ks.Mint(session, 2, secrets[i].Text); err != nil {
		return err
	}
	s.token = session.Token
	reg := rpc.NewRegistry()
	sessions := account.NewSessions(account.Config{Catalog: s.db, Redis: client})
	(&media.Service{Catalog: s.db}).Register(reg)
	if s.rpc, err = rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions, Accounts: sessions}); err != nil {
		return err
	}
	s.bare = s.bareHandler()
	var stops []func()
	s.stopServer = func() {
		for _, stop := range stops {
			stop()
		}
	}
	for addr, h := range map[*string]http.Handler{&s.rpcAddr: s.rpc, &s.bareAddr: s.bare} {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			s.stopServer()
			return err
		}
		*addr = l.Addr().String()
		srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
		done := make(chan struct{})
		go func() { defer close(done); _ = srv.Serve(l) }()
		stops = append(stops, func() { srv.Close(); <-done })
	}
	return nil
}

// bareHandler makes the queries of the calls and writes the rows as they are.
func (s *apiSide) bareHandler() http.Handler {
	answer := func(w http.ResponseWriter, v any, err error) {
		var body []byte
		if err == nil {
			body, err = json.Marshal(v)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		n := 1
		if q.Get("n") != "" {
			if _, err := fmt.Sscan(q.Get("n"), &n); err != nil {
				answer(w, nil, err)
				return
			}
		}
		var all []catalog.Entry
		for range n {
			e, err := s.db.Entry(r.Context(), apiAccount, catalog.EntryID(q.Get("id")))
			if err != nil {
				answer(w, nil, err)
				return
			}
			all = append(all, e)
		}
		answer(w, all, nil)
	})
	mux.HandleFunc("/list", func(w http.ResponseWriter, r *http.Request) {
		list, total, err := s.db.QueryEntries(r.Context(), apiAccount, catalog.Query{
			Conds: []catalog.Cond{
				{Field: "status", Op: catalog.OpEq, Values: []any{int64(catalog.EntryReady)}},
				{Field: "moderationStatus", Op: catalog.OpNotIn, Values: []any{int64(1), int64(3)}},
				{Field: "displayInSearch", Op: catalog.OpNotIn, Values: []any{int64(-1), int64(-2)}},
			},
			Order: []catalog.Order{{Field: "createdAt", Desc: true}}, Limit: 100,
		})
		answer(w, map[string]any{"objects": list, "totalCount": total}, err)
	})
	return mux
}

func entryName(i int) string { return fmt.Sprintf("0_%08d", i) }

// seedEntries puts ready entries into the catalog's tables: one call a row would take long for a million.
func seedEntries(ctx context.Context, db *catalog.DB, kind, location string, n int) error {
	if _, _, err := db.EnsureAccount(ctx, apiAccount, "bench"); err != nil {
		return err
	}
	const columns = `INSERT INTO entries (id, account, status, media_type, name, description, reference_id, tags, source_key, dedup_key, version,
		duration_ms, width, height, error_code, error_text, playable_at, ready_at, deleted_at, created_at, updated_at, revision, search_words) `
	const values = `, 102, 2, 1, 'Film ' || i, 'What it shows', 'ref-' || i, 'a,b', '', 'k' || i, 1, i %% 7200000, 1280, 720, '', '', i, i, 0, 1700000000000000 + i, 1700000000000000 + i, 1, 'film ' || i `
	driver, source := "sqlite", strings.TrimPrefix(location, "sqlite://")
	statement := `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) ` + columns + `SELECT printf('0_%%08d', i)` + values + `FROM c`
	if kind == "postgres" {
		driver, source = "pgx", location
		statement = columns + `SELECT '0_' || lpad(i::text, 8, '0')` + values + `FROM generate_series(1::bigint, %d) i`
	}
	raw, err := sql.Open(driver, source) // the drivers are the catalog's
	if err != nil {
		return err
	}
	defer raw.Close()
	for done := 0; done < n; { // in parts: a transaction that counts a million times cannot be tidied up before it ends
		part := min(20_000, n-done)
		text := strings.ReplaceAll(fmt.Sprintf(statement, done+part), "SELECT 1 UNION", fmt.Sprintf("SELECT %d UNION", done+1))
		text = strings.ReplaceAll(text, "generate_series(1::bigint", fmt.Sprintf("generate_series(%d::bigint", done+1))
		if _, err := raw.ExecContext(ctx, text); err != nil {
			return err
		}
		done += part
	}
	_, err = raw.ExecContext(ctx, "ANALYZE")
	return err
}

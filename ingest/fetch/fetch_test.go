package fetch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/fetch"
	"sluice/pipeline/stage"
	"sluice/storage"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(runChild(dir))
	}
	os.Exit(m.Run())
}

func newFetcher(t testing.TB, dir string) *fetch.Fetcher {
	t.Helper()
	g, err := fetch.NewGuard([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return &fetch.Fetcher{Dir: dir, Guard: g, Tries: 3, FirstWait: time.Millisecond, Stall: 5 * time.Second}
}

func data(n int, seed uint64) []byte {
	b := make([]byte, n)
	rnd := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = rnd.Read(b) // never fails
	return b
}

// origin serves a file and misbehaves as a test wants it to.
type origin struct {
	body []byte
	tag  string
	// before sees each request, numbered from 1, first, and may answer it.
	before func(w http.ResponseWriter, r *http.Request, n int) bool
	n      atomic.Int64
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o.before != nil && o.before(w, r, int(o.n.Add(1))) {
		return
	}
	if o.tag != "" {
		w.Header().Set("ETag", strconv.Quote(o.tag))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.body))
}

// cut sends the first n bytes of an answer that announces more, and ends the connection.
func cut(w http.ResponseWriter, announced int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(announced))
	_, _ = w.Write(body)
	panic(http.ErrAbortHandler)
}

func get(t *testing.T, f *fetch.Fetcher, url string, headers ...string) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	err := f.Get(t.Context(), fetch.Request{URL: url, Headers: headers}, path)
	b, readErr := os.ReadFile(path)
	if err != nil && !errors.Is(readErr, os.ErrNotExist) {
		t.Errorf("a failed download left a file: %v", readErr)
	}
	return b, err
}

func codeOf(err error) fetch.Code {
	var e *fetch.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// TestOriginsMayMisbehave downloads from origins that cut, refuse, lie and change.
func TestOriginsMayMisbehave(t *testing.T) {
	body, other := data(200_000, 1), data(150_000, 2)
	for name, c := range map[string]struct {
		tag    string
		before func(w http.ResponseWriter, r *http.Request, n int) bool
		code   fetch.Code
		want   []byte
		n      int64 // requests, if it matters
	}{
		"well": {tag: "a", want: body, n: 1},
		"without a length": {want: body, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			_, _ = w.Write(body[:100_000])
			w.(http.Flusher).Flush()
			_, _ = w.Write(body[100_000:])
			return true
		}},
		"cuts twice and knows ranges": {tag: "a", want: body, n: 3, before: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				w.Header().Set("ETag", `"a"`)
				cut(w, len(body), body[:50_000])
			}
			if n == 2 {
				if r.Header.Get("Range") != "bytes=50000-" || r.Header.Get("If-Range") != `"a"` {
					return false
				}
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 50000-199999/%d", len(body)))
				w.Header().Set("Content-Length", "150000")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(body[50_000:120_000])
				panic(http.ErrAbortHandler)
			}
			return false
		}},
		"cuts and knows no ranges": {want: body, before: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n < 3 {
				cut(w, len(body), body[:30_000*n])
			}
			_, _ = w.Write(body)
			return true
		}},
		"lies about the length": {code: fetch.Failed, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			cut(w, len(body)+1000, body)
			return true
		}},
		"changes once": {tag: "b", want: body, before: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n == 1 {
				w.Header().Set("ETag", `"a"`)
				cut(w, len(other), other[:60_000])
			}
			return false
		}},
		"changes all the time": {code: fetch.Changed, before: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
			cut(w, len(body), body[:60_000+n])
			return true
		}},
		"is busy at first": {want: body, before: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n < 3 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
			}
			return n < 3
		}},
		"is broken": {code: fetch.Failed, n: 3, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			http.Error(w, "broken", http.StatusInternalServerError)
			return true
		}},
		"has no such file": {code: fetch.NotFound, n: 1, before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			http.NotFound(w, r)
			return true
		}},
		"forbids": {code: fetch.Refused, n: 1, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			http.Error(w, "no", http.StatusUnauthorized)
			return true
		}},
		"compresses": {code: fetch.Refused, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
			return true
		}},
		"redirects in circles": {code: fetch.Refused, before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			http.Redirect(w, r, "/again", http.StatusFound)
			return true
		}},
		"redirects to a file": {code: fetch.Refused, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
			return true
		}},
		"redirects once": {tag: "a", want: body, n: 2, before: func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				http.Redirect(w, r, "/there?x=1", http.StatusMovedPermanently)
			}
			return n == 1
		}},
		"is larger than allowed": {code: fetch.TooLarge, n: 1, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Content-Length", "2000000")
			_, _ = w.Write(make([]byte, 1000))
			return true
		}},
		"is larger than allowed and does not say so": {code: fetch.TooLarge, before: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			for range 200 {
				_, _ = w.Write(make([]byte, 10_000))
				w.(http.Flusher).Flush()
			}
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &origin{body: body, tag: c.tag, before: c.before}
			srv := httptest.NewServer(o)
			defer srv.Close()
			f := newFetcher(t, t.TempDir())
			f.MaxSize = 1_000_000
			got, err := get(t, f, srv.URL+"/dir/film.mp4?sig=secret")
			if codeOf(err) != c.code || c.code == "" && err != nil {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the secret: %v", err)
			}
			if !bytes.Equal(got, c.want) {
				t.Errorf("%d bytes, want %d", len(got), len(c.want))
			}
			if c.n != 0 && c.before != nil && o.n.Load() != c.n {
				t.Errorf("%d requests, want %d", o.n.Load(), c.n)
			}
		})
	}
}

func TestStalledConnectionsAreGivenUp(t *testing.T) {
	body := data(100_000, 3)
	release := make(chan struct{})
	o := &origin{body: body, tag: "a"}
	o.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 1 {
			return false
		}
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(body[:40_000])
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	}
	srv := httptest.NewServer(o)
	defer srv.Close()
	defer close(release)
	f := newFetcher(t, t.TempDir())
	f.Stall = 200 * time.Millisecond
	got, err := get(t, f, srv.URL)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestHeadersGoToTheirHostOnly(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	record := func(where string, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, where+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key")+" "+r.Header.Get("Range"))
	}
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record("far", r)
		_, _ = io.WriteString(w, "x")
	}))
	defer far.Close()
	near := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record("near", r)
		if r.URL.Path == "/start" {
			http.Redirect(w, r, "/next", http.StatusFound)
			return
		}
		http.Redirect(w, r, far.URL, http.StatusFound)
	}))
	defer near.Close()
	if _, err := get(t, newFetcher(t, t.TempDir()), near.URL+"/start", "Authorization: Bearer t", "X-Api-Key:k", "Range: bytes=0-0", ""); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(seen, "|"), "near Bearer t k |near Bearer t k |far   "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestInnerAddressesAreRefused leads downloads to loopback: by name, by redirect, by a name that is allowed at first.
func TestInnerAddressesAreRefused(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an inner server was reached") }))
	defer inner.Close()
	u, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL+"/secret", http.StatusFound)
	}))
	defer outer.Close()
	out, err := url.Parse(outer.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := newFetcher(t, t.TempDir())
	if f.Guard, err = fetch.NewGuard([]string{out.Host}); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{
		inner.URL, outer.URL, "http://localhost:" + u.Port(), "http://[::ffff:127.0.0.1]:" + u.Port(), "http://0.0.0.0:" + u.Port(), "http://2130706433:" + u.Port(),
		"http://0x7f.1:" + u.Port(), "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
		"http://127.1:" + u.Port(), "http://0177.0.0.1:" + u.Port(), "http://017700000001:" + u.Port(), "http://[::1]:" + u.Port(), "http://[::]:" + u.Port(),
		"http://[0:0:0:0:0:ffff:7f00:1]:" + u.Port(), "http://[64:ff9b::7f00:1]:" + u.Port(), "http://93.184.216.34@127.0.0.1:" + u.Port(),
		"http://LOCALHOST.:" + u.Port(), "http://localhost\t:" + u.Port(), "https://127.0.0.1:" + u.Port(), "http://①②⑦.0.0.1:" + u.Port(),
		"http://93.184.216.34:22/", "http://93.184.216.34:6379/", "ftp://127.0.0.1/a", "sftp://127.0.0.1/a", "file:///etc/passwd", "file://localhost/etc/passwd",
		"gopher://127.0.0.1:70/_a", "dict://127.0.0.1:11211/stat", "ldap://127.0.0.1/", "jar:http://127.0.0.1!/", "//127.0.0.1:" + u.Port(), "http:127.0.0.1",
	} {
		if _, err := get(t, f, target); !slices.Contains([]fetch.Code{fetch.Refused, fetch.NotFound, fetch.Failed, fetch.BadURL}, codeOf(err)) {
			t.Errorf("%s: %v", target, err)
		} else if target == inner.URL && codeOf(err) != fetch.Refused {
			t.Errorf("%s: %v", target, err)
		}
	}
	t.Setenv("HTTP_PROXY", outer.URL)
	if _, err := get(t, f, inner.URL); codeOf(err) != fetch.Refused {
		t.Errorf("through a proxy: %v", err)
	}
}

// TestLargeFilesComeInRanges downloads a large file in parallel from an origin that fails now and then.
func TestLargeFilesComeInRanges(t *testing.T) {
	body := data(70<<20, 4)
	var ranges atomic.Int64
	o := &origin{body: body, tag: "a"}
	o.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.Header.Get("Range") == "" {
			return false
		}
		ranges.Add(1)
		if n%4 == 0 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	srv := httptest.NewServer(o)
	defer srv.Close()
	f := newFetcher(t, t.TempDir())
	f.Tries = 20
	got, err := get(t, f, srv.URL)
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if ranges.Load() < 5 {
		t.Errorf("%d ranges", ranges.Load())
	}
}

// importer takes the file of a fetch task.
type importer struct {
	got  []byte
	fail error
}

func (i *importer) ImportFile(_ context.Context, _ catalog.Task, p stage.ImportPayload, _ stage.Progress) (stage.Outcome, error) {
	if i.fail != nil {
		return stage.Outcome{}, i.fail
	}
	b, err := os.ReadFile(p.Path)
	if err == nil {
		i.got, err = b, os.Remove(p.Path)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil // stored by the attempt before
	}
	return stage.Outcome{}, err
}

func task(t testing.TB, url string) catalog.Task {
	t.Helper()
	b, err := json.Marshal(fetch.Payload{Target: fetch.Target{URL: url}, ImportPayload: stage.ImportPayload{Asset: "0_aaaaaaaa", Key: "k"}})
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Task{ID: 7, Stage: catalog.StageFetch, Payload: b}
}

func TestATaskThatWasKilledAfterItsImportIsDone(t *testing.T) {
	o := &origin{body: data(1000, 5), tag: "a"}
	srv := httptest.NewServer(o)
	defer srv.Close()
	f := newFetcher(t, t.TempDir())
	in := &importer{}
	run := f.Stage(in)
	for range 2 {
		if _, err := run(t.Context(), task(t, srv.URL), func(int64, int64, int64) {}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := run(t.Context(), task(t, srv.URL), func(int64, int64, int64) {})
	if err != nil || !bytes.Equal(in.got, o.body) {
		t.Fatalf("%d bytes, %v", len(in.got), err)
	}
	out.After(t.Context())
	if left, err := os.ReadDir(f.Dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestACancelledTaskStops(t *testing.T) {
	o := &origin{before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}}
	srv := httptest.NewServer(o)
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newFetcher(t, t.TempDir()).Stage(&importer{})(ctx, task(t, srv.URL), func(done, _, _ int64) {
		if done > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The test binary becomes a process that runs a fetch task when childDir is set.
const childDir = "SLUICE_TEST_FETCH_DIR"

func runChild(dir string) int {
	g, err := fetch.NewGuard([]string{"127.0.0.1"})
	if err != nil {
		return 3
	}
	f := &fetch.Fetcher{Dir: dir, Guard: g, FirstWait: time.Millisecond}
	in := &importer{}
	b, err := json.Marshal(fetch.Payload{Target: fetch.Target{URL: os.Getenv("SLUICE_TEST_FETCH_URL")}})
	if err != nil {
		return 3
	}
	_, err = f.Stage(in)(context.Background(), catalog.Task{ID: 7, Payload: b}, func(int64, int64, int64) {})
	if err != nil {
		fmt.Println(err)
		return 3
	}
	if err := os.WriteFile(filepath.Join(dir, "imported"), in.got, 0o600); err != nil {
		return 3
	}
	return 0
}

// TestAKilledDownloadGoesOn kills the downloading process in the middle; the next one asks only for what is missing.
func TestAKilledDownloadGoesOn(t *testing.T) {
	body := data(50<<20, 6)
	const killAt = 45 << 20
	reached := make(chan struct{}, 1)
	var resumed atomic.Int64
	o := &origin{body: body, tag: "a"}
	o.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 1 {
			from, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"), 10, 64)
			resumed.Store(from)
			return false
		}
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:killAt])
		w.(http.Flusher).Flush()
		reached <- struct{}{}
		<-r.Context().Done()
		return true
	}
	srv := httptest.NewServer(o)
	defer srv.Close()
	dir := t.TempDir()
	child := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, "SLUICE_TEST_FETCH_URL="+srv.URL)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	first := child()
	<-reached
	waitFor(t, filepath.Join(dir, "task-7.json"))
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	if err := child().Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "imported"))
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if resumed.Load() < 16<<20 {
		t.Errorf("the second process went on at %d", resumed.Load())
	}
}

// waitFor waits until a file is there.
func waitFor(t *testing.T, path string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not appear", path)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestNothingIsFetchedWithoutRoom(t *testing.T) {
	o := &origin{body: data(1000, 7), tag: "a"}
	srv := httptest.NewServer(o)
	defer srv.Close()
	f := newFetcher(t, t.TempDir())
	f.Admit = func(grows int64) error { return fmt.Errorf("no room for %d: %w", grows, storage.ErrFull) }
	if _, err := get(t, f, srv.URL); !errors.Is(err, storage.ErrFull) {
		t.Errorf("%v", err)
	}
}

func TestNothingIsFetchedBeyondTheAccountsQuota(t *testing.T) {
	o := &origin{body: data(1000, 7), tag: "a"}
	srv := httptest.NewServer(o)
	defer srv.Close()
	f := newFetcher(t, t.TempDir())
	limit, held := int64(999), 0
	f.Keep = func(_ context.Context, id catalog.AccountID, bytes int64) (func(), error) {
		if bytes > limit {
			return nil, fmt.Errorf("account %d has no room for %d bytes: %w", id, bytes, catalog.ErrQuota)
		}
		held++
		return func() { held-- }, nil
	}
	tk := task(t, srv.URL)
	tk.Account = 101
	in := &importer{}
	_, err := f.Stage(in)(t.Context(), tk, func(int64, int64, int64) {})
	var e *fetch.Error
	if !errors.As(err, &e) || e.Code != fetch.OverQuota || !errors.Is(err, catalog.ErrQuota) {
		t.Errorf("%v", err)
	}
	if again, _ := e.RetryAfter(); again || in.got != nil {
		t.Errorf("it is tried again: %v; %d bytes came", again, len(in.got))
	}
	limit = 1000
	if _, err := f.Stage(in)(t.Context(), tk, func(int64, int64, int64) {}); err != nil || !bytes.Equal(in.got, o.body) || held != 0 {
		t.Errorf("%d bytes, %d holds are left, %v", len(in.got), held, err)
	}
}

func TestProgramsAreNotFetched(t *testing.T) {
	for name, head := range map[string]string{"program": "\x7fELF", "page": "<!DOCTYPE html><html>", "short": "#!"} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if name == "short" {
					_, _ = io.WriteString(w, head)
					return
				}
				w.Header().Set("Content-Length", "1000000000")
				for part := []byte(head); ; part = make([]byte, 64<<10) {
					n, err := w.Write(part)
					if sent.Add(int64(n)); err != nil {
						return
					}
				}
			}))
			defer srv.Close()
			f := newFetcher(t, t.TempDir())
			_, err := f.Stage(&importer{})(t.Context(), task(t, srv.URL), func(int64, int64, int64) {})
			var e *fetch.Error
			if !errors.As(err, &e) || e.Code != fetch.Restricted {
				t.Fatalf("%v", err)
			}
			if again, _ := e.RetryAfter(); again {
				t.Error("it is tried again")
			}
			srv.Close() // joins the origin
			if sent.Load() == 1_000_000_000 {
				t.Error("all of it came")
			}
		})
	}
}

func TestReachSaysWhatADownloadWouldMeet(t *testing.T) {
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/there":
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done() // nobody waits for the bytes
		case "/large":
			w.Header().Set("Content-Length", "1000000")
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		case "/forbidden":
			w.WriteHeader(http.StatusForbidden)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	f := newFetcher(t, t.TempDir())
	f.MaxSize = 1000
	for url, want := range map[string]fetch.Code{
		srv.URL + "/there": "", srv.URL + "/large": fetch.TooLarge, srv.URL + "/broken": fetch.Failed, srv.URL + "/forbidden": fetch.Refused,
		srv.URL + "/gone": fetch.NotFound, "http://10.0.0.1/x": fetch.Refused, "gopher://h/x": fetch.BadURL, "ftp://10.0.0.1/x": fetch.BadURL,
	} {
		err := f.Reach(t.Context(), fetch.Request{URL: url})
		var e *fetch.Error
		if want == "" && err != nil || want != "" && (!errors.As(err, &e) || e.Code != want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	if asked.Load() != 5 {
		t.Errorf("the origin was asked %d times", asked.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Reach(ctx, fetch.Request{URL: srv.URL + "/there"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// BenchmarkFetch downloads a file that comes in ranges.
func BenchmarkFetch(b *testing.B) {
	o := &origin{body: data(70<<20, 8), tag: "a"}
	srv := httptest.NewServer(o)
	defer srv.Close()
	f := newFetcher(b, b.TempDir())
	path := filepath.Join(b.TempDir(), "file")
	b.SetBytes(int64(len(o.body)))
	for b.Loop() {
		if err := f.Get(b.Context(), fetch.Request{URL: srv.URL}, path); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
}

package tus_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/quota"
	"sluice/ingest/tus"
	"sluice/ingest/upload"
	"sluice/pipeline/redisd"
	"sluice/storage/disk"
)

const account catalog.AccountID = 101

// shared is the Redis of all tests.
var shared struct {
	sync.Once
	client *redis.Client
	close  func()
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.close != nil {
		shared.close()
	}
	os.Exit(code)
}

func redisClient(t *testing.T) *redis.Client {
	t.Helper()
	shared.Do(func() {
		if network, addr, ok := strings.Cut(os.Getenv(childNet), " "); ok { // that of the parent
			shared.client = redis.NewClient(&redis.Options{Network: network, Addr: addr})
			return
		}
		dir, err := os.MkdirTemp("", "sluice-tus-")
		if err != nil {
			shared.err = err
			return
		}
		srv, err := redisd.Start(context.Background(), redisd.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			shared.err = err
			return
		}
		shared.client = redis.NewClient(srv.Options())
		shared.close = func() {
			_ = errors.Join(shared.client.Close(), srv.Close(), os.RemoveAll(dir))
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.client
}

// blank is the catalog that every test begins with: making it takes a second under the race detector.
var blank struct {
	sync.Once
	bytes []byte
	err   error
}

func emptyCatalog(t *testing.T) []byte {
	t.Helper()
	blank.Do(func() {
		path := filepath.Join(t.TempDir(), "catalog.db")
		db, err := catalog.Open(t.Context(), "sqlite://"+path)
		for _, id := range []catalog.AccountID{account, 102} {
			if err == nil {
				_, _, err = db.EnsureAccount(t.Context(), id, "test")
			}
		}
		if err == nil {
			err = db.Close()
		}
		if err == nil {
			blank.bytes, err = os.ReadFile(path)
		}
		blank.err = err
	})
	if blank.err != nil {
		t.Fatal(blank.err)
	}
	return blank.bytes
}

// house is a server behind real HTTP.
type house struct {
	*testing.T
	dir    string
	db     *catalog.DB
	engine *upload.Engine
	server *tus.Server
	url    string // of the collection of uploads
	root   string
	web    *httptest.Server
}

func newHouse(t *testing.T, change ...func(*tus.Config)) *house {
	t.Helper()
	return openHouse(t, t.TempDir(), change...)
}

// openHouse is another process on the same directory.
func openHouse(t *testing.T, dir string, change ...func(*tus.Config)) *house {
	t.Helper()
	path := filepath.Join(dir, "catalog.db")
	if _, err := os.Stat(path); err != nil {
		if err := os.WriteFile(path, emptyCatalog(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := catalog.Open(t.Context(), "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(filepath.Join(dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	c := &content.Service{Catalog: db, Store: store, Incoming: filepath.Join(dir, "incoming"), Log: slog.New(slog.DiscardHandler)}
	c.Uploads = &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Arrived: c.Arrived, Lost: c.Lost, MaxSize: 1 << 30}
	cfg := tus.Config{
		Catalog: db, Engine: c.Uploads, Content: c, Redis: redisClient(t), Path: "/files/", Auth: auth, Origins: []string{"https://pages.test"},
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := tus.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files/", s))
	mux.Handle("/form", s.Form())
	mux.Handle("/ingest/{folder}/{path...}", s.Put())
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		web.Close()
		if err := errors.Join(s.Close(), store.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return &house{T: t, dir: dir, db: db, engine: c.Uploads, server: s, url: web.URL + "/files/", root: web.URL, web: web}
}

// auth takes "user", "admin:user" and "102:user" for sessions.
func auth(r *http.Request, session string) (tus.Sender, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		session = strings.TrimPrefix(h, "KS ")
	}
	if q := r.URL.Query().Get("ks"); q != "" {
		session = q
	}
	if session == "" {
		return tus.Sender{}, &tus.Refusal{Status: http.StatusUnauthorized, Code: "MISSING_KS", Text: "no session"}
	}
	who := tus.Sender{Account: account, User: session}
	if user, ok := strings.CutPrefix(session, "admin:"); ok {
		who.User, who.All = user, true
	}
	if user, ok := strings.CutPrefix(session, "102:"); ok {
		who.Account, who.User = 102, user
	}
	return who, nil
}

// header is a list of names and values.
type header []string

// do makes a request as anna, unless the header says another, and returns the answer with its body read.
func (h *house) do(method, url string, hdr header, body io.Reader) (*http.Response, string) {
	h.Helper()
	resp, text, err := h.try(method, url, hdr, body)
	if err != nil {
		h.Fatal(err)
	}
	return resp, text
}

func (h *house) try(method, url string, hdr header, body io.Reader) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(h.Context(), method, url, body)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Header.Set("Authorization", "KS anna")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for i := 0; i < len(hdr); i += 2 {
		if hdr[i+1] == "" {
			req.Header.Del(hdr[i])
			continue
		}
		req.Header.Set(hdr[i], hdr[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

func (h *house) want(resp *http.Response, body string, status int, hdr ...string) {
	h.Helper()
	if resp.StatusCode != status {
		h.Fatalf("%s %s: status %d, want %d: %s", resp.Request.Method, resp.Request.URL.Path, resp.StatusCode, status, body)
	}
	for i := 0; i < len(hdr); i += 2 {
		if got := resp.Header.Get(hdr[i]); got != hdr[i+1] {
			h.Errorf("%s %s: %s is %q, want %q", resp.Request.Method, resp.Request.URL.Path, hdr[i], got, hdr[i+1])
		}
	}
}

// meta is metadata as tus sends it.
func meta(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(out, ",")
}

// create makes an upload and returns its URL and the answer.
func (h *house) create(size int, hdr ...string) (string, *http.Response) {
	h.Helper()
	resp, body := h.do(http.MethodPost, h.url, append(header{"Upload-Length", strconv.Itoa(size)}, hdr...), nil)
	h.want(resp, body, http.StatusCreated)
	return h.location(resp), resp
}

func (h *house) location(resp *http.Response) string {
	h.Helper()
	u, err := resp.Location()
	if err != nil {
		h.Fatal(err)
	}
	return u.String()
}

func (h *house) patch(url string, at int, data []byte, hdr ...string) (*http.Response, string) {
	h.Helper()
	return h.do(http.MethodPatch, url, append(header{"Upload-Offset", strconv.Itoa(at)}, hdr...), bytes.NewReader(data))
}

// token is the upload token behind a URL.
func (h *house) token(url string) catalog.UploadToken {
	h.Helper()
	id, _, _ := strings.Cut(url[strings.LastIndexByte(url, '/')+1:], "?")
	id, _, _ = strings.Cut(id, ".")
	t, err := h.db.UploadTokenByID(h.Context(), catalog.UploadTokenID(id))
	if err != nil {
		h.Fatal(err)
	}
	return t
}

func (h *house) entry(id string) catalog.Entry {
	h.Helper()
	e, err := h.db.Entry(h.Context(), account, catalog.EntryID(id))
	if err != nil {
		h.Fatal(err)
	}
	return e
}

// wantFile checks the file of an upload, which is complete.
func (h *house) wantFile(url string, want []byte) {
	h.Helper()
	t := h.token(url)
	if t.Status != catalog.UploadFull && t.Status != catalog.UploadClosed {
		h.Fatalf("status %d with %v", t.Status, t.Extents)
	}
	got, err := os.ReadFile(h.engine.Path(t))
	if err != nil {
		h.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		h.Errorf("the file has %d bytes that differ from the %d that were sent", len(got), len(want))
	}
}

// bytesOf returns n bytes that do not look like a program.
func bytesOf(n int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + rnd.UintN(26))
	}
	return b
}

func streamOf(text string) upload.Stream {
	return upload.Stream{Size: int64(len(text)), Body: strings.NewReader(text)}
}

// reserveUpTo refuses files larger than most.
func reserveUpTo(most int64) func(context.Context, catalog.AccountID, int64) (*quota.Room, error) {
	return func(_ context.Context, _ catalog.AccountID, n int64) (*quota.Room, error) {
		if n > most {
			return nil, fmt.Errorf("%w: %d bytes", catalog.ErrQuota, n)
		}
		return nil, nil
	}
}

// rateOf notes whose rate was asked for.
func rateOf(who *catalog.AccountID) func(context.Context, catalog.AccountID, io.Reader) io.Reader {
	return func(_ context.Context, a catalog.AccountID, r io.Reader) io.Reader {
		*who = a
		return r
	}
}

package hsu_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/hsu"
	"sluice/ingest/hsu/client"
	"sluice/ingest/hsu/server"
	"sluice/ingest/quota"
	"sluice/ingest/upload"
	"sluice/storage/disk"
)

const account catalog.AccountID = 101

// house is a server with its catalog, behind TLS, that can be restarted.
type house struct {
	*testing.T
	db     *catalog.DB
	tokens *upload.Engine
	config server.Config
	folder *folder

	mu  sync.Mutex // guards srv
	srv *server.Server

	tls   *httptest.Server
	state string
}

// folder is a drop folder that keeps what it is told.
type folder struct {
	dir  string
	mu   sync.Mutex // guards told
	told []string
}

func (f *folder) Dir() string { return f.dir }
func (f *folder) Detected(_ context.Context, rel string) error {
	f.tell("detected " + rel)
	return nil
}

func (f *folder) Uploaded(_ context.Context, files []server.Arrival) error {
	for _, a := range files {
		f.tell(fmt.Sprintf("uploaded %s %d", a.Path, a.Size))
	}
	return nil
}
func (f *folder) Aborted(_ context.Context, rel string) error { f.tell("aborted " + rel); return nil }
func (f *folder) tell(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, s)
}

func (f *folder) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(f.told)
	slices.Sort(out)
	return out
}

func newHouse(t *testing.T, change ...func(*server.Config)) *house {
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
	t.Cleanup(func() { _ = store.Close() })
	h := &house{T: t, db: db, state: filepath.Join(dir, "state"), folder: &folder{dir: filepath.Join(dir, "folder")}}
	if err := os.Mkdir(h.folder.dir, 0o750); err != nil {
		t.Fatal(err)
	}
	c := &content.Service{Catalog: db, Store: store, Incoming: filepath.Join(dir, "incoming")}
	h.tokens = &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Arrived: c.Arrived, Lost: c.Lost}
	c.Uploads = h.tokens
	h.config = server.Config{
		Catalog: db, Uploads: h.tokens, Content: c, Limits: quota.New(quota.Config{Accounts: db}), Authorize: authorize,
		Folder: func(_ context.Context, a catalog.AccountID, id int64) (server.Folder, error) {
			if a != account || id != 7 {
				return nil, catalog.ErrNotFound
			}
			return h.folder, nil
		},
	}
	for _, f := range change {
		f(&h.config)
	}
	h.srv = server.New(h.config)
	h.tls = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		srv := h.srv
		h.mu.Unlock()
		srv.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.tls.CloseClientConnections()
		_ = h.srv.Close()
		h.tls.Close()
	})
	return h
}

// authorize takes "admin:user" and "user:user" for sessions.
func authorize(_ *http.Request, session string) (server.Identity, error) {
	class, user, ok := strings.Cut(session, ":")
	if !ok {
		return server.Identity{}, server.ErrSession
	}
	return server.Identity{Account: account, User: user, Admin: class == "admin"}, nil
}

// restart puts another server in the place of the one there is, as after a crash.
func (h *house) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.srv.Close()
	h.srv = server.New(h.config)
}

func (h *house) options(paths ...string) client.Options {
	sum := sha256.Sum256(h.tls.Certificate().Raw)
	return client.Options{
		Server: h.tls.URL, Session: "user:anna", Fingerprint: hex.EncodeToString(sum[:]), Paths: paths, StateDir: h.state,
		Log: func(format string, args ...any) { h.Logf("client: "+format, args...) },
	}
}

// run runs a client and returns what became of the files by path.
func (h *house) run(ctx context.Context, o client.Options) (client.Progress, map[string]client.Result, error) {
	var mu sync.Mutex
	results := map[string]client.Result{}
	o.Done = func(r client.Result) {
		mu.Lock()
		defer mu.Unlock()
		results[r.Path] = r
	}
	p, err := client.Run(ctx, o)
	return p, results, err
}

// write makes a file of random bytes.
func write(t *testing.T, path string, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)})
	_, _ = rng.Read(b)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o640); err != nil {
		t.Fatal(err)
	}
	return b
}

// received returns the bytes that came in for an entry.
func (h *house) received(entry string) []byte {
	h.Helper()
	tokens, _, err := h.db.UploadTokens(h.Context(), account, catalog.Query{Limit: 100})
	if err != nil {
		h.Fatal(err)
	}
	for _, t := range tokens {
		if t.AttachedID == entry && t.Status == catalog.UploadClosed {
			b, err := os.ReadFile(h.tokens.Path(t))
			if err != nil {
				h.Fatal(err)
			}
			return b
		}
	}
	h.Fatalf("nothing came in for entry %q: %+v", entry, tokens)
	return nil
}

func TestFilesBecomeEntries(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	want := map[string][]byte{
		"night/a.mov":     write(t, filepath.Join(dir, "night", "a.mov"), 5<<20+17),
		"night/b/c.mov":   write(t, filepath.Join(dir, "night", "b", "c.mov"), 1<<20),
		"night/b/d é.mov": write(t, filepath.Join(dir, "night", "b", "d é.mov"), 1),
	}
	write(t, filepath.Join(dir, "night", "b", "skip.txt"), 10)
	write(t, filepath.Join(dir, "night", "copying.mov.part"), 10)
	o := h.options(filepath.Join(dir, "night"))
	o.Recursive, o.Exclude = true, []string{"*.txt"}
	o.Open.Metadata = &hsu.Metadata{Tags: []string{"night"}, Description: "shift"}
	p, results, err := h.run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if p.Done != 3 || p.Failed != 0 || p.Bytes != p.Total || len(results) != 3 {
		t.Errorf("progress %+v, results %v", p, results)
	}
	for path, b := range want {
		r := results[path]
		if !bytes.Equal(h.received(r.Entry), b) {
			t.Errorf("%s: other bytes came in", path)
		}
		var leaves []hsu.Leaf
		for at := 0; at < len(b); at += hsu.BlockSize {
			leaves = append(leaves, hsu.LeafOf(b[at:min(at+hsu.BlockSize, len(b))]))
		}
		if root := hsu.Root(int64(len(b)), leaves); r.Digest != hex.EncodeToString(root[:]) {
			t.Errorf("%s: digest %s, want %x", path, r.Digest, root)
		}
		e, err := h.db.EntryByID(t.Context(), catalog.EntryID(r.Entry))
		if err != nil || e.Name != filepath.Base(path) || e.Owner != "anna" || e.Description != "shift" || !slices.Equal(e.Tags, []string{"night"}) {
			t.Errorf("%s: entry %+v, %v", path, e, err)
		}
		if e.Status != catalog.EntryPreconvert {
			t.Errorf("%s: the entry's status is %v: what makes it playable does not run", path, e.Status)
		}
	}
	if names, err := os.ReadDir(h.state); err != nil || len(names) != 0 {
		t.Errorf("a finished upload is remembered: %v, %v", names, err)
	}
}

func TestAFileBecomesTheContentOfAnEntry(t *testing.T) {
	h := newHouse(t)
	blank := catalog.BlankEntry(account)
	blank.Name, blank.Owner = "film", "anna"
	e, err := h.db.AddEntry(t.Context(), blank)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "film.mov")
	b := write(t, file, 2<<20+5)
	o := h.options(file)
	o.Open.Entry = string(e.ID)
	o.Session = "user:berta"
	if _, _, err := h.run(t.Context(), o); !errors.Is(err, client.ErrAuth) {
		t.Errorf("into somebody else's entry: %v", err)
	}
	o.Session = "user:anna"
	_, results, err := h.run(t.Context(), o)
	if err != nil || results["film.mov"].Entry != string(e.ID) || !bytes.Equal(h.received(string(e.ID)), b) {
		t.Errorf("results %v, %v", results, err)
	}
	if _, _, err := h.run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has content") {
		t.Errorf("a second time: %v", err)
	}
}

func TestFilesGoToADropFolder(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	big := write(t, filepath.Join(dir, "in", "big.mxf"), 3<<20)
	small := write(t, filepath.Join(dir, "in", "s 1", "ep.xml"), 300)
	write(t, filepath.Join(dir, "in", "s 1", "empty.mov"), 0)
	at := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "in", "big.mxf"), at, at); err != nil {
		t.Fatal(err)
	}
	o := h.options(filepath.Join(dir, "in") + "/")
	o.Recursive, o.Open.Folder, o.Open.Prefix = true, 7, "from/anna"
	if _, _, err := h.run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"big.mxf": big, "s 1/ep.xml": small, "s 1/empty.mov": {}} {
		got, err := os.ReadFile(filepath.Join(h.folder.dir, "from/anna", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if st, err := os.Stat(filepath.Join(h.folder.dir, "from/anna/big.mxf")); err != nil || !st.ModTime().Equal(at) {
		t.Errorf("the file's time is not the sender's: %v, %v", st, err)
	}
	h.restart() // which waits until the folder was told
	want := []string{
		"detected from/anna/big.mxf",
		"uploaded from/anna/big.mxf 3145728", "uploaded from/anna/s 1/empty.mov 0", "uploaded from/anna/s 1/ep.xml 300",
	}
	if diff := cmp.Diff(want, h.folder.heard()); diff != "" {
		t.Error(diff)
	}
	if parts, err := os.ReadDir(filepath.Join(h.folder.dir, ".sluice-parts")); err != nil || len(parts) != 0 {
		t.Errorf("parts are left: %v, %v", parts, err)
	}
	o.Open.Folder = 8
	if _, _, err := h.run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("to a folder that is not there: %v", err)
	}
}

// until runs a client that is stopped when it has so many bytes acknowledged.
func (h *house) until(o client.Options, bytes int64) {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	defer cancel()
	o.Progress = func(p client.Progress) {
		if p.Bytes >= bytes {
			cancel()
		}
	}
	if _, _, err := h.run(ctx, o); !errors.Is(err, context.Canceled) {
		h.Fatalf("the upload ended before it was stopped: %v", err)
	}
}

func TestAnUploadGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"entry", "folder"} {
		t.Run(to, func(t *testing.T) {
			h := newHouse(t)
			dir := t.TempDir()
			file := filepath.Join(dir, "film.mov")
			b := write(t, file, 24<<20+123)
			o := h.options(file)
			o.Open.Rate = 8 * 4 << 20 // 4 MiB a second
			if to == "folder" {
				o.Open.Folder = 7
			}
			h.until(o, 2<<20)
			h.restart()
			o.Resume, o.Open.Rate = true, 0
			p, results, err := h.run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if p.Skipped < 2<<20 || p.Sent > int64(len(b))-p.Skipped+4<<20 {
				t.Errorf("the second run sent %d bytes again, and left %d out", p.Sent, p.Skipped)
			}
			var got []byte
			if to == "folder" {
				if got, err = os.ReadFile(filepath.Join(h.folder.dir, "film.mov")); err != nil {
					t.Fatal(err)
				}
			} else {
				got = h.received(results["film.mov"].Entry)
			}
			if !bytes.Equal(got, b) {
				t.Error("other bytes came in")
			}
			if results["film.mov"].Digest == "" {
				t.Error("the file has no digest")
			}
		})
	}
}

func TestAClientOutlivesItsServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	b := write(t, filepath.Join(dir, "film.mov"), 20<<20)
	for i := range 30 {
		write(t, filepath.Join(dir, fmt.Sprintf("clip%02d.mov", i)), 1000+i)
	}
	o := h.options(dir + "/")
	o.Recursive, o.Open.Folder, o.Open.Rate = true, 7, 8*8<<20
	var once sync.Once
	o.Progress = func(p client.Progress) {
		if p.Bytes > 4<<20 {
			once.Do(func() {
				h.restart()
				h.tls.CloseClientConnections()
			})
		}
	}
	p, _, err := h.run(t.Context(), o)
	if err != nil || p.Done != 31 {
		t.Fatalf("progress %+v, %v", p, err)
	}
	if got, err := os.ReadFile(filepath.Join(h.folder.dir, "film.mov")); err != nil || !bytes.Equal(got, b) {
		t.Errorf("other bytes came in: %v", err)
	}
	h.restart() // which waits until the folder was told
	uploaded := map[string]int{}
	for _, s := range h.folder.heard() {
		if strings.HasPrefix(s, "uploaded") {
			uploaded[s]++
		}
	}
	if len(uploaded) != 31 {
		t.Errorf("%d files were told of", len(uploaded))
	}
}

// TestAnotherNodeDoesNotMakeFilesOfHoles lets a server that has the catalog but not the bytes take a dead one's place.
func TestAnotherNodeDoesNotMakeFilesOfHoles(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"entry", "folder"} {
		t.Run(to, func(t *testing.T) {
			h := newHouse(t)
			dir := t.TempDir()
			file := filepath.Join(dir, "film.mov")
			b := write(t, file, 12<<20+5)
			o := h.options(file)
			o.Open.Rate = 8 * 4 << 20
			if to == "folder" {
				o.Open.Folder = 7
			}
			h.until(o, 2<<20)
			h.mu.Lock()
			_ = h.srv.Close()
			h.tokens.Dir, h.folder.dir = filepath.Join(dir, "uploads"), filepath.Join(dir, "folder")
			if err := os.Mkdir(h.folder.dir, 0o750); err != nil {
				t.Error(err)
			}
			h.srv = server.New(h.config)
			h.mu.Unlock()
			o.Resume, o.Open.Rate = true, 0
			var said []string
			var mu sync.Mutex
			o.Log = func(format string, args ...any) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, fmt.Sprintf(format, args...))
			}
			_, results, err := h.run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			if to == "folder" {
				got, err = os.ReadFile(filepath.Join(h.folder.dir, "film.mov"))
			} else {
				got = h.received(results["film.mov"].Entry)
			}
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("other bytes came in: %v", err)
			}
			node, _ := os.Hostname()
			mu.Lock()
			defer mu.Unlock()
			if all := strings.Join(said, "; "); !strings.Contains(all, fmt.Sprintf("is on node %q", node)) {
				t.Errorf("the client says: %s", all)
			}
		})
	}
}

func TestASessionThatEndedIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "film.mov")
	b := write(t, file, 12<<20)
	o := h.options(file)
	o.Open.Folder, o.Open.Rate = 7, 8*4<<20
	var once sync.Once
	o.Progress = func(p client.Progress) {
		if p.Bytes > 1<<20 {
			once.Do(func() {
				open, err := h.db.IdleTransfers(t.Context(), time.Now().Add(time.Hour), 10, catalog.TransferOpen)
				if err != nil || len(open) != 1 {
					t.Errorf("open transfers: %v, %v", open, err)
					return
				}
				if err := h.db.EndTransfer(t.Context(), open[0].ID, catalog.TransferDropped); err != nil {
					t.Error(err)
				}
				h.tls.CloseClientConnections()
			})
		}
	}
	if _, _, err := h.run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(h.folder.dir, "film.mov")); err != nil || !bytes.Equal(got, b) {
		t.Errorf("other bytes came in: %v", err)
	}
}

func TestProxiesThatDoNotUpgradeAreNoObstacle(t *testing.T) {
	h := newHouse(t)
	target, err := url.Parse(h.tls.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: h.tls.Client().Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Upgrade")
			r.Out.Header.Del("Connection")
		},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Path != "" && strings.HasSuffix(r.Request.URL.Path, "/stream") {
				r.Header.Del("Content-Type")
				r.Body = io.NopCloser(strings.NewReader("no"))
				r.ContentLength = 2
				r.Header.Set("Content-Length", "2")
			}
			return nil
		},
	})
	defer proxy.Close()
	dir := t.TempDir()
	b := write(t, filepath.Join(dir, "film.mov"), 11<<20+7)
	small := write(t, filepath.Join(dir, "a.mov"), 10)
	o := h.options(dir + "/")
	o.Server, o.Fingerprint, o.Recursive, o.Open.Folder = proxy.URL, "", true, 7
	if _, _, err := h.run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"film.mov": b, "a.mov": small} {
		if got, err := os.ReadFile(filepath.Join(h.folder.dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes came in: %v", name, err)
		}
	}
}

func TestFoldersAreWatched(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "first.mov"), 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := h.options(dir + "/")
	o.Recursive, o.Watch, o.Open.Folder = true, true, 7
	var mu sync.Mutex
	done := map[string]int{}
	o.Done = func(r client.Result) {
		mu.Lock()
		defer mu.Unlock()
		done[r.Path]++
		switch len(done) {
		case 1:
			write(t, filepath.Join(dir, "sub", "second.mov"), 200)
		case 2:
			cancel()
		}
	}
	if _, err := client.Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"first.mov": 1, "sub/second.mov": 1}, done); diff != "" {
		t.Error(diff)
	}
}

func TestGrowingFilesAreSentAsTheyGrow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "live.ts")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rng := rand.NewChaCha8([32]byte{1})
	var all []byte
	more := func(n int) {
		b := make([]byte, n)
		_, _ = rng.Read(b)
		all = append(all, b...)
		if _, err := f.Write(b); err != nil {
			t.Error(err)
		}
	}
	more(2<<20 + 5)
	o := h.options(file)
	o.Growing, o.Quiet, o.Open.Folder = true, 6*time.Second, 7
	step := 0
	o.Progress = func(p client.Progress) {
		if step < 3 && p.Bytes >= int64(len(all))/hsu.BlockSize*hsu.BlockSize { // all whole blocks that there are
			step++
			more(1<<20 + 1000)
		}
	}
	if _, _, err := h.run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(h.folder.dir, "live.ts")); err != nil || !bytes.Equal(got, all) || step != 3 {
		t.Errorf("%d bytes of %d came in after %d steps: %v", len(got), len(all), step, err)
	}
}

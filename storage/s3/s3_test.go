package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"sluice/internal/s3test"
	"sluice/storage"
	"sluice/storage/s3"
)

const mib = 1 << 20

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Idle connections of the S3 client; they end by themselves.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

func put(t *testing.T, s storage.Store, key string, content []byte) storage.Object {
	t.Helper()
	obj, err := s.Put(t.Context(), key, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func get(t *testing.T, s storage.Store, key string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.NewSectionReader(r, 0, r.Object().Size))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func TestAStoreWithoutACacheReadsTheSame(t *testing.T) {
	s := openStore(t, s3test.Start(t).URL, false)
	content := pattern(3*mib + 11)
	put(t, s, "k", content)
	r, err := s.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ off, n int }{{0, 10}, {mib, 2 * mib}, {3*mib + 5, 100}, {3*mib + 11, 1}} {
		want := content[min(c.off, len(content)):min(c.off+c.n, len(content))]
		buf := make([]byte, c.n)
		n, err := r.ReadAt(buf, int64(c.off))
		if !bytes.Equal(buf[:n], want) || (err == io.EOF) != (len(want) < c.n) || err != nil && err != io.EOF {
			t.Errorf("ReadAt(%d bytes, %d) = %d, %v", c.n, c.off, n, err)
		}
	}
	put(t, s, "k", content[1:])
	if _, err := r.ReadAt(make([]byte, 10), 0); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("ReadAt of a replaced object = %v, want ErrChanged", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt after Close = %v, want an error", err)
	}
}

func TestURLs(t *testing.T) {
	server := s3test.Start(t)
	good, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*url.URL)) string {
		u := *good
		change(&u)
		return u.String()
	}
	secret, _ := good.User.Password()
	for name, c := range map[string]struct{ url, want string }{
		"good":             {server.URL, ""},
		"prefix":           {with(func(u *url.URL) { u.Path += "/some/prefix/" }), ""},
		"path lookup":      {with(func(u *url.URL) { u.RawQuery += "&lookup=path" }), ""},
		"no region":        {with(func(u *url.URL) { u.RawQuery = "insecure=true" }), ""},
		"no bucket":        {with(func(u *url.URL) { u.Path = "/" }), "bucket is missing"},
		"no host":          {"s3:///bucket", "host is missing"},
		"other scheme":     {"http://host/bucket", "scheme"},
		"unknown option":   {with(func(u *url.URL) { u.RawQuery += "&regoin=x" }), "regoin"},
		"bad option":       {with(func(u *url.URL) { u.RawQuery = "insecure=perhaps" }), "perhaps"},
		"bad lookup":       {with(func(u *url.URL) { u.RawQuery += "&lookup=x" }), "lookup"},
		"bad auth":         {with(func(u *url.URL) { u.RawQuery += "&auth=x" }), "auth"},
		"bad prefix":       {with(func(u *url.URL) { u.Path += "/a/../b" }), "prefix"},
		"key only":         {with(func(u *url.URL) { u.User = url.User("k") }), "key and secret"},
		"missing bucket":   {with(func(u *url.URL) { u.Path = "/no-such-bucket" }), "no-such-bucket"},
		"wrong secret":     {with(func(u *url.URL) { u.User = url.UserPassword("sluicetest", "wrong-secret") }), "objects"},
		"not an URL":       {"s3://key:" + secret + "%zz@host/bucket", "S3 URL"},
		"unescaped secret": {"s3://key:" + secret + "@host/bucket", "S3 URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s3.Open(t.Context(), c.url, s3.Options{})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Open = %v, want an error with %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "wrong-secret")) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestCredentialsComeFromTheEnvironment(t *testing.T) {
	server := s3test.Start(t)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	t.Setenv("AWS_ACCESS_KEY_ID", u.User.Username())
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	u.User = nil
	put(t, openStore(t, u.String(), false), "k", []byte("x"))
}

func TestPrefixesKeepStoresApart(t *testing.T) {
	server := s3test.Start(t)
	a, ab := openStore(t, server.Below("a"), true), openStore(t, server.Below("ab"), true)
	put(t, a, "k", []byte("of a"))
	put(t, ab, "k", []byte("of ab"))
	if got := string(get(t, a, "k")); got != "of a" {
		t.Errorf("a has %q", got)
	}
	var keys []string
	for obj, err := range a.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, obj.Key)
	}
	if diff := cmp.Diff([]string{"k"}, keys); diff != "" {
		t.Errorf("a lists (-want +got):\n%s", diff)
	}
}

func TestABrokenOffUploadIsInvisibleAndSwept(t *testing.T) {
	server := s3test.Start(t)
	s := openStore(t, server.Below("p"), false)
	w, err := s.Create(t.Context(), "half")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := w.Write(pattern(20 * mib)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), "half"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Stat = %v, want ErrNotExist", err)
	}
	for obj, err := range s.List(t.Context(), "") {
		t.Errorf("List yields %+v, %v", obj, err)
	}
	for _, c := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-time.Hour), 0}, {time.Now().Add(time.Hour), 1}, {time.Now().Add(time.Hour), 0}} {
		if n, err := s.Sweep(t.Context(), c.before); n != c.want || err != nil {
			t.Errorf("Sweep = %d, %v; want %d", n, err, c.want)
		}
	}
}

// through runs a proxy before the server, and returns the URL that leads through it. The proxy asks meddle before and
// after each request is passed on.
func through(t *testing.T, server *s3test.Server, meddle func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter))) string {
	t.Helper()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	rp := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", u.Host, r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		meddle(w, r, func(w http.ResponseWriter) { rp.ServeHTTP(w, r) })
	}))
	t.Cleanup(proxy.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	v := *u
	v.Host = strings.TrimPrefix(proxy.URL, "http://")
	return v.String()
}

// TestALostAnswerIsNoLostObject cuts the connection after the upload was completed, before the answer comes.
func TestALostAnswerIsNoLostObject(t *testing.T) {
	server := s3test.Start(t)
	var lost atomic.Bool
	u := through(t, server, func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && !lost.Swap(true) {
			pass(httptest.NewRecorder())
			panic(http.ErrAbortHandler)
		}
		pass(w)
	})
	s := openStore(t, u, false)
	content := pattern(12 * mib)
	obj := put(t, s, "k", content)
	if !lost.Load() {
		t.Fatal("no answer was lost")
	}
	if st, err := s.Stat(t.Context(), "k"); err != nil || st.ETag != obj.ETag || st.SHA256 != obj.SHA256 {
		t.Errorf("Stat says %+v, %v; Put said %+v", st, err, obj)
	}
	if !bytes.Equal(get(t, s, "k"), content) {
		t.Error("wrong content")
	}
}

func TestAFailingPartFailsTheObject(t *testing.T) {
	server := s3test.Start(t)
	u := through(t, server, func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if r.URL.Query().Get("partNumber") == "2" {
			w.WriteHeader(http.StatusInsufficientStorage)
			return
		}
		pass(w)
	})
	s := openStore(t, u, false)
	if _, err := s.Put(t.Context(), "k", bytes.NewReader(pattern(40*mib))); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Put = %v, want ErrFull", err)
	}
	if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Stat = %v, want ErrNotExist", err)
	}
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d uploads were left, %v", n, err)
	}
}

// TestDamageOnTheWayIsRefused changes a byte of a part between us and the server.
func TestDamageOnTheWayIsRefused(t *testing.T) {
	server := s3test.Start(t)
	u := through(t, server, func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if r.Method == http.MethodPut {
			b, err := io.ReadAll(r.Body)
			if err != nil || len(b) == 0 {
				panic(http.ErrAbortHandler)
			}
			b[len(b)/2] ^= 1
			r.Body = io.NopCloser(bytes.NewReader(b))
		}
		pass(w)
	})
	s := openStore(t, u, false)
	for _, n := range []int{1000, 9 * mib} {
		if _, err := s.Put(t.Context(), "k", bytes.NewReader(pattern(n))); err == nil {
			t.Errorf("Put of %d damaged bytes succeeded", n)
		}
		if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Stat = %v, want ErrNotExist", err)
		}
	}
}

func TestReadsGoOnOverABadConnection(t *testing.T) {
	server := s3test.Start(t)
	content := pattern(6 * mib)
	put(t, openStore(t, server.URL, false), "k", content)
	var cut atomic.Int32
	u := through(t, server, func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if r.Method == http.MethodGet && r.Header.Get("Range") != "" && cut.Add(1) <= 2 {
			w = &cutting{ResponseWriter: w, left: 5 * mib / 2}
		}
		pass(w)
	})
	s := openStore(t, u, true)
	if !bytes.Equal(get(t, s, "k"), content) {
		t.Error("wrong content")
	}
	if cut.Load() < 2 {
		t.Errorf("%d ranges were asked for", cut.Load())
	}
}

// cutting breaks the connection off when left bytes are written.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(p)
}

func TestConcatCopiesWithinTheService(t *testing.T) {
	server := s3test.Start(t)
	var up, down atomic.Int64
	u := through(t, server, func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		up.Add(max(r.ContentLength, 0))
		pass(w)
		if r.Method == http.MethodGet && r.Header.Get("Range") != "" {
			down.Add(1)
		}
	})
	s := openStore(t, u, false)
	a, b := pattern(6*mib), pattern(7*mib)
	put(t, s, "a", a)
	put(t, s, "b", b)
	up.Store(0)
	if _, err := s.Concat(t.Context(), "ab", nil, []storage.Part{{Key: "a"}, {Key: "b"}}, false); err != nil {
		t.Fatal(err)
	}
	if up.Load() > 10_000 || down.Load() != 0 {
		t.Errorf("%d bytes went up, %d ranges came down", up.Load(), down.Load())
	}
	if !bytes.Equal(get(t, s, "ab"), append(a, b...)) {
		t.Error("wrong content")
	}
}

func TestImportKeepsTheFileUntilTheObjectIsConfirmed(t *testing.T) {
	server := s3test.Start(t)
	u := through(t, server, func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) {
		if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/k") {
			w.Header().Set("ETag", `"another"`)
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			return
		}
		pass(w)
	})
	s := openStore(t, u, false)
	path := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(path, pattern(1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), "k", path, storage.ImportOptions{}); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("Import = %v, want ErrChanged", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the source: %v", err)
	}
}

func TestManyPartsInOrder(t *testing.T) {
	s := openStore(t, s3test.Start(t).URL, false)
	var want []byte
	var parts []storage.Part
	for i := range 30 {
		content := bytes.Repeat(fmt.Appendf(nil, "%02d|", i), 300_000)
		key := fmt.Sprintf("p/%02d", i)
		put(t, s, key, content)
		parts = append(parts, storage.Part{Key: key})
		want = append(want, content...)
	}
	if _, err := s.Concat(t.Context(), "out", []byte("head"), parts, true); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(get(t, s, "out"), append([]byte("head"), want...)) {
		t.Error("wrong content")
	}
}

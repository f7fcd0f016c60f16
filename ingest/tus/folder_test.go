package tus_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/tus"
)

// told notes what a folder's watcher is told.
type told struct {
	mu    sync.Mutex
	files []string
}

func (l *told) add(text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = append(l.files, text)
	return nil
}

func (l *told) Detected(context.Context, catalog.DropFolderID, string, string) error { return nil }
func (l *told) Uploaded(_ context.Context, _ catalog.DropFolderID, rel string, size int64, by string) error {
	return l.add(fmt.Sprint(rel, " ", size, " ", by))
}
func (l *told) Renamed(context.Context, catalog.DropFolderID, string, string, int64, string) error {
	return nil
}
func (l *told) Aborted(context.Context, catalog.DropFolderID, string) error { return nil }

// folder makes a drop folder of an account and returns its directory and its URL.
func (h *house) folder(of catalog.AccountID) (dir, url string, id catalog.DropFolderID) {
	h.Helper()
	dir = h.TempDir()
	f, err := h.db.AddDropFolder(h.Context(), of, catalog.DropFolder{
		Name: "night", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: dir, Handler: catalog.HandleContent,
		DeletePolicy: catalog.DeleteManually,
	})
	if err != nil {
		h.Fatal(err)
	}
	return dir, fmt.Sprintf("%s/ingest/%d/", h.root, f.ID), f.ID
}

func TestPutMakesAFileOfADropFolder(t *testing.T) {
	var list told
	h := newHouse(t, func(c *tus.Config) { c.Transfers = &list })
	dir, url, _ := h.folder(account)
	data := bytesOf(300_000, 30)
	s, m := sha256.Sum256(data), md5.Sum(data)
	base := base64.StdEncoding.EncodeToString
	for name, hdr := range map[string]header{
		"plain.mp4":              nil,
		"sub/dir/Ä b.mov":        {"Repr-Digest", "sha-256=:" + base(s[:]) + ":"},
		"old digest, and md5.ts": {"Digest", "MD5=" + base(m[:]) + ",SHA-256=" + base(s[:])},
		"unknown.mp4":            {"Repr-Digest", "crc99=:AAAA:"},
		"fresh.mp4":              {"If-None-Match", "*"},
	} {
		resp, body := h.do(http.MethodPut, url+strings.ReplaceAll(name, " ", "%20"), append(header{"Authorization", "KS admin:root"}, hdr...), bytes.NewReader(data))
		h.want(resp, body, http.StatusCreated)
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		var got tus.Received
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Size != 300_000 || got.Path != name {
			t.Errorf("%s: %s", name, body)
		}
	}
	if len(list.files) != 5 || !strings.Contains(strings.Join(list.files, "\n"), "plain.mp4 300000 tus") {
		t.Errorf("told of %q", list.files)
	}
	h.wantParts(dir)
}

// wantParts checks that nothing unfinished is left in a folder.
func (h *house) wantParts(dir string) {
	h.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		left, err := filepath.Glob(filepath.Join(dir, ".sluice-parts", "*"))
		if err == nil && len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			h.Fatalf("left are %q, %v", left, err)
		}
	}
}

func TestPutIsRefusedAndLeavesNothing(t *testing.T) {
	h := newHouse(t)
	dir, url, _ := h.folder(account)
	_, foreign, _ := h.folder(102)
	if err := os.WriteFile(filepath.Join(dir, "there.mp4"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	zero := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		url    string
		hdr    header
		body   string
		status int
	}{
		"a user's session":       {url + "a.mp4", header{"Authorization", "KS anna"}, "x", 403},
		"no session":             {url + "a.mp4", header{"Authorization", ""}, "x", 401},
		"another's folder":       {foreign + "a.mp4", nil, "x", 404},
		"no folder":              {h.root + "/ingest/999/a.mp4", nil, "x", 404},
		"no number":              {h.root + "/ingest/night/a.mp4", nil, "x", 404},
		"a file that is there":   {url + "there.mp4", header{"If-None-Match", "*"}, "new", 412},
		"another digest":         {url + "a.mp4", header{"Repr-Digest", "sha-256=:" + zero + ":"}, "x", 422},
		"no digest":              {url + "a.mp4", header{"Repr-Digest", "sha-256=:xyz:"}, "x", 400},
		"a traversal":            {url + "..%2f..%2fetc%2fx.mp4", nil, "x", 400},
		"a deeper traversal":     {url + "a/%2e%2e/%2e%2e/x.mp4", nil, "x", 400},
		"a reserved name":        {url + ".sluice-parts/x.mp4", nil, "x", 400},
		"a control character":    {url + "a%0ab.mp4", nil, "x", 400},
		"not UTF-8":              {url + "a%ff.mp4", nil, "x", 400},
		"an empty component":     {url + "a%2f%2fb.mp4", nil, "x", 400},
		"a program":              {url + "a.mp4", nil, "MZ", 415},
		"a compressed body":      {url + "a.mp4", header{"Content-Encoding", "gzip"}, "x", 415},
		"deeper than is allowed": {url + strings.Repeat("a/", 40) + "b.mp4", nil, "x", 400},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := h.do(http.MethodPut, c.url, append(header{"Authorization", "KS admin:root"}, c.hdr...), strings.NewReader(c.body))
			if resp.StatusCode != c.status || !strings.Contains(body, ": ") {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, c.status, body)
			}
		})
	}
	resp, _ := h.do(http.MethodPut, url+"link/x.mp4", header{"Authorization", "KS admin:root"}, strings.NewReader("x"))
	if left, _ := os.ReadDir(outside); len(left) != 0 || resp.StatusCode < 400 {
		t.Errorf("a link led out: %d %v", resp.StatusCode, left)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "there.mp4")); err != nil || string(b) != "old" {
		t.Errorf("it holds %q, %v", b, err)
	}
	h.wantParts(dir)
}

func TestACutPutIsNoFile(t *testing.T) {
	h := newHouse(t)
	dir, url, _ := h.folder(account)
	for name, length := range map[string]int64{"with a length": 500_000, "without": -1} {
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(bytesOf(200_000, 31))
			_ = w.CloseWithError(io.ErrClosedPipe)
		}()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"cut.mp4", r)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "KS admin:root")
		req.ContentLength = length
		if resp, err := http.DefaultClient.Do(req); err == nil {
			t.Errorf("%s: the request was not cut: %d", name, resp.StatusCode)
		}
		h.wantParts(dir)
		if _, err := os.Stat(filepath.Join(dir, "cut.mp4")); err == nil {
			t.Errorf("%s: it became a file", name)
		}
	}
}

func TestCurlPutsFiles(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	h := newHouse(t)
	dir, url, _ := h.folder(account)
	if err := os.Remove(dir); err != nil { // nobody looked at the folder yet
		t.Fatal(err)
	}
	data := bytesOf(100_000, 32)
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), curl, "-sS", "--fail-with-body", "-H", "Authorization: KS admin:root", "-T", path, url+"s1/clip.mp4").CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "s1", "clip.mp4")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAnUploadOfOtherBytesThanItsSenderSaidIsNoFile(t *testing.T) {
	var list told
	h := newHouse(t, func(c *tus.Config) { c.Transfers = &list })
	dir, _, id := h.folder(account)
	data := bytesOf(1000, 51)
	sum := sha256.Sum256(data)
	about := meta("dropFolderId", fmt.Sprint(id), "filename", "x.mp4", "sha256", hex.EncodeToString(sum[:]))
	for _, sent := range [][]byte{bytesOf(1000, 52), data} {
		url, _ := h.create(len(sent), "Upload-Metadata", about, "Authorization", "KS admin:root")
		want := http.StatusNoContent
		if !bytes.Equal(sent, data) {
			want = http.StatusUnprocessableEntity
		}
		resp, body := h.patch(url, 0, sent, "Authorization", "KS admin:root")
		h.want(resp, body, want)
		if _, err := os.Stat(filepath.Join(dir, "x.mp4")); (err == nil) != (want == http.StatusNoContent) {
			t.Errorf("status %d, %v", want, err)
		}
	}
	h.wantParts(dir)
	resp, body := h.do(http.MethodPost, h.url, header{"Upload-Length", "5", "Upload-Metadata", meta("filename", "x.mp4", "sha256", "xyz")}, nil)
	h.want(resp, body, http.StatusBadRequest)
}

// TestAnUploadBecomesAFileOfADropFolder sends by tus: in one piece, in parts in place, and in parts that are joined.
func TestAnUploadBecomesAFileOfADropFolder(t *testing.T) {
	var list told
	h := newHouse(t, func(c *tus.Config) { c.Transfers = &list })
	dir, _, id := h.folder(account)
	data := bytesOf(90_000, 50)
	admin := []string{"Authorization", "KS admin:root"}
	create := func(size int, hdr ...string) string {
		t.Helper()
		url, _ := h.create(size, append(hdr, admin...)...)
		return url
	}
	send := func(url string, from, to int) {
		t.Helper()
		resp, body := h.patch(url, 0, data[from:to], admin...)
		h.want(resp, body, http.StatusNoContent)
	}
	in := func(path string) string {
		return meta("dropFolderId", fmt.Sprint(id), "path", path, "filename", "x.mp4")
	}

	whole := create(len(data), "Upload-Metadata", in("a/whole.mp4"))
	send(whole, 0, len(data))

	placed := create(len(data), "Upload-Metadata", in("a/placed.mp4"))
	for _, part := range [][2]int{{40_000, 90_000}, {0, 40_000}} {
		send(fmt.Sprintf("%s.%d-%d", placed, part[0], part[1]), part[0], part[1])
	}

	var parts []string
	for i := range 3 {
		parts = append(parts, create(30_000, "Upload-Concat", "partial"))
		send(parts[i], i*30_000, (i+1)*30_000)
	}
	resp, body := h.do(http.MethodPost, h.url, append(header{"Upload-Concat", "final;" + strings.Join(parts, " "), "Upload-Metadata", in("joined.mp4")}, admin...), nil)
	h.want(resp, body, http.StatusCreated)

	for _, name := range []string{"a/whole.mp4", "a/placed.mp4", "joined.mp4"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if !strings.Contains(strings.Join(list.files, "\n"), name+" 90000 tus") {
			t.Errorf("nobody was told of %s: %q", name, list.files)
		}
	}
	h.wantParts(dir)
	if tok := h.token(whole); tok.Status != catalog.UploadClosed || tok.AttachedType != "dropFolder" {
		t.Errorf("token %d %q", tok.Status, tok.AttachedType)
	}
	if _, n, err := h.db.ListEntries(t.Context(), catalog.EntryFilter{Account: account, Limit: 1}); err != nil || n != 0 {
		t.Errorf("%d entries, %v", n, err)
	}
	for name, c := range map[string]struct {
		session, meta string
		status        int
	}{
		"a user's session": {"KS anna", in("x.mp4"), 403}, "a traversal": {"KS admin:root", in("../x.mp4"), 400},
		"another account": {"KS 102:root", in("x.mp4"), 403}, "no folder": {"KS admin:root", meta("dropFolderId", "999", "path", "x.mp4"), 404},
	} {
		resp, body := h.do(http.MethodPost, h.url, header{"Authorization", c.session, "Upload-Length", "5", "Upload-Metadata", c.meta}, nil)
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

// TestADeliveryGoesOnAfterACrash: the process died when the upload was complete and its file had no name in the folder yet.
func TestADeliveryGoesOnAfterACrash(t *testing.T) {
	h := newHouse(t)
	dir, _, id := h.folder(account)
	data := bytesOf(5000, 51)
	m := meta("dropFolderId", fmt.Sprint(id), "path", "late.mp4")
	url, _ := h.create(len(data), "Upload-Metadata", m, "Authorization", "KS admin:root")
	tok := h.token(url)
	if _, _, err := h.engine.Receive(t.Context(), account, tok.ID, streamOf(string(data))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.engine.Complete(t.Context(), account, tok.ID, int64(len(data))); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.server.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "late.mp4")); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if tok := h.token(url); tok.Status != catalog.UploadClosed {
		t.Errorf("status %d", tok.Status)
	}
}

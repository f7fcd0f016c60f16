package tus_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

// client runs tus-js-client on a file; wait returns the upload's URL.
func (h *house) client(endpoint, file string, parts, chunk int) (wait func() string) {
	h.Helper()
	modules, err := filepath.Abs("../../api/console/web/node_modules")
	if err != nil {
		h.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "tus-js-client")); err != nil {
		h.Skip("tus-js-client is not installed: run make web")
	}
	cmd := exec.CommandContext(h.Context(), "node", "testdata/client.mjs", modules, endpoint, file, fmt.Sprint(parts), fmt.Sprint(chunk))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	return func() string {
		h.Helper()
		if err := cmd.Wait(); err != nil || errs.Len() > 0 {
			h.Fatalf("the client ended with %v: %s", err, errs.String())
		}
		return strings.TrimSpace(out.String())
	}
}

// wire is a network that breaks: it cuts the connection over which every so many bytes go to the server.
type wire struct {
	net.Listener
	to    string
	every int

	mu   sync.Mutex
	left int // cuts, guarded by mu
	sent int // bytes since the last one, guarded by mu
}

func newWire(t *testing.T, to string, every, cuts int) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, every: every, left: cuts}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.join(conn)
		}
	}()
	return w
}

func (w *wire) join(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(conn, server); conn.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil || w.cut(n) {
			return
		}
	}
}

func (w *wire) cut(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent += n
	if w.left == 0 || w.sent < w.every {
		return false
	}
	w.left, w.sent = w.left-1, 0
	return true
}

// TestTusJSClientThroughABrokenNetwork uploads with the client that browsers have, in one piece and in eight parts, over
// connections of which ten are cut.
func TestTusJSClientThroughABrokenNetwork(t *testing.T) {
	h := newHouse(t)
	data := bytesOf(24_000_001, 40)
	file := filepath.Join(t.TempDir(), "client.mp4")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, parts := range []int{1, 8} {
		t.Run(fmt.Sprint(parts), func(t *testing.T) {
			h := &house{T: t, db: h.db, engine: h.engine, url: h.url, root: h.root}
			w := newWire(t, strings.TrimPrefix(h.root, "http://"), 2_000_000, 10)
			url := h.client("http://"+w.Addr().String()+"/files/", file, parts, 3_000_000)()
			h.wantFile(url, data)
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.left > 0 {
				t.Errorf("%d cuts are left", w.left)
			}
		})
	}
	entries, n, err := h.db.ListEntries(t.Context(), catalog.EntryFilter{Account: account, Limit: 10})
	if err != nil || n != 2 {
		t.Errorf("%d entries %v, %v", n, entries, err)
	}
}

// The test binary becomes a server when childDir is set, until it is killed.
const (
	childDir  = "SLUICE_TEST_TUS_DIR"
	childAddr = "SLUICE_TEST_TUS_ADDR"
	childNet  = "SLUICE_TEST_TUS_REDIS"
)

// TestServeUntilKilled is the child of TestAKilledServerLosesNothing.
func TestServeUntilKilled(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("it is a part of another test")
	}
	h := openHouse(t, dir, func(c *tus.Config) {
		// Slow enough to be killed in the middle.
		c.Rate = func(_ context.Context, _ catalog.AccountID, r io.Reader) io.Reader { return slow{r} }
	})
	l, err := net.Listen("tcp", os.Getenv(childAddr))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files/", h.server))
	web := httptest.NewUnstartedServer(mux)
	web.Listener = l
	web.Start()
	select {}
}

type slow struct{ r io.Reader }

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	return s.r.Read(b[:min(len(b), 16<<10)])
}

// TestAKilledServerLosesNothing kills the server while tus-js-client uploads.
func TestAKilledServerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	h := openHouse(t, dir)
	data := bytesOf(24_000_001, 41)
	file := filepath.Join(t.TempDir(), "client.mp4")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	serve := func() (kill func()) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServeUntilKilled$")
		opts := redisClient(t).Options()
		cmd.Env = append(os.Environ(), childDir+"="+dir, childAddr+"="+addr, childNet+"="+opts.Network+" "+opts.Addr)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	}
	kill := serve()
	defer func() { kill() }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not start")
		}
	}
	wait := h.client("http://"+addr+"/files/", file, 1, 0)
	for _, share := range []int64{40} {
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
			tokens, _, err := h.db.UploadTokens(t.Context(), account, catalog.Query{Limit: 1})
			if err == nil && len(tokens) == 1 && tokens[0].Extents.Total() > int64(len(data))*share/100 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("it does not come to %d %%", share)
			}
		}
		kill()
		kill = serve()
	}
	url := wait()
	h.wantFile(url, data)
	entries, n, err := h.db.ListEntries(t.Context(), catalog.EntryFilter{Account: account, Limit: 10})
	if err != nil || n != 1 || entries[0].Status != catalog.EntryPreconvert || entries[0].Name != "By tus-js-client" {
		t.Errorf("%d entries %+v, %v", n, entries, err)
	}
}

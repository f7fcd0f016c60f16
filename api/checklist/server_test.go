package checklist

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
)

// The account of the checklist, with the secrets that the protocol's test vectors were made with.
const (
	account     = 102
	adminSecret = "sluice-vector-admin-secret-0001"
	userSecret  = "sluice-vector-user-secret-0001"
	// clipSeconds is how long the clip is that entries are made of.
	clipSeconds = 12
)

// server is a running `sluice serve` with a data directory of its own.
type server struct {
	base string
	log  *output
}

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) tail(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.b.String()
	return s[max(0, len(s)-n):]
}

var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("sluice-checklist-%d", os.Getpid()))
	out, err := exec.Command("go", "build", "-o", path, "sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.Remove(path)
	}
	os.Exit(code)
}

// start starts a server for the accounts given; all have the known secrets.
func start(t *testing.T, accounts ...catalog.AccountID) *server {
	t.Helper()
	exe, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	seed(t, data, accounts)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	s := &server{base: "http://" + addr, log: &output{}}
	cmd := exec.Command(exe, "serve", "--data-dir", data, "--http-listen", addr, "--account-id", fmt.Sprint(account), "--fetch-allow", "127.0.0.1")
	cmd.Env = append(os.Environ(), "SLUICE_STORAGE_RESERVE_BYTES=1", "SLUICE_HSU_LISTEN=")
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Error("the server did not stop within 30 s")
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("end of the server's log:\n%s", s.log.tail(5000))
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get(s.base + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return s
			}
		}
		select {
		case <-done:
			t.Fatalf("the server ended:\n%s", s.log.tail(3000))
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the server is not ready:\n%s", s.log.tail(3000))
		}
	}
}

// seed makes the accounts. Their secrets are put in as older programs stored them; the server seals them when it starts.
func seed(t *testing.T, data string, accounts []catalog.AccountID) {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(data, "catalog.db")
	db, err := catalog.Open(ctx, "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range accounts {
		if _, _, err := db.EnsureAccount(ctx, id, fmt.Sprint("account ", id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path) // the driver is the catalog's
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(ctx, "UPDATE accounts SET admin_secret = ?, user_secret = ?", adminSecret, userSecret); err != nil {
		t.Fatal(err)
	}
}

// origin serves the files that the server fetches; what is under /checked/ wants the header of the checklist.
func origin(t *testing.T, dir string) string {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.Handle("/checked/", http.StripPrefix("/checked", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Checklist") != "yes" {
			http.Error(w, "the header is missing", http.StatusForbidden)
			return
		}
		files.ServeHTTP(w, r)
	})))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// fixtures makes clip.mp4 and audio.m4a.
func fixtures(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	length := fmt.Sprint(clipSeconds)
	for name, args := range map[string][]string{
		"clip.mp4": {
			"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", length,
			"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k",
		},
		"audio.m4a": {"-f", "lavfi", "-i", "sine=frequency=880:sample_rate=48000", "-t", length, "-c:a", "aac", "-b:a", "96k"},
	} {
		out, err := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-loglevel", "error", "-y"}, args...), filepath.Join(dir, name))...).CombinedOutput()
		if err != nil {
			t.Fatalf("making %s: %v\n%s", name, err, out)
		}
	}
	return dir
}

package gateway_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/gateway"
)

const password = "open sesame"

// patience is how long a test waits for what must come: only a failure takes it.
const patience = 2 * time.Minute

// What all tests share, because making it takes a while: the server's keys, and a catalog, in which each house has a user.
var (
	hostKeys string
	shared   *catalog.DB
	users    atomic.Int64
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(runChild(dir))
	}
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		panic(err)
	}
	hostKeys = filepath.Join(dir, "keys")
	shared, err = catalog.Open(context.Background(), "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		panic(err)
	}
	if _, _, err := shared.EnsureAccount(context.Background(), 101, "a"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = shared.Close()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// recorder notes what the gateway tells folders.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
	return nil
}

func (r *recorder) Detected(_ context.Context, f catalog.DropFolderID, rel, by string) error {
	return r.add("%d detected %s by %s", f, rel, by)
}

func (r *recorder) Uploaded(_ context.Context, f catalog.DropFolderID, rel string, size int64, by string) error {
	return r.add("%d uploaded %s %d by %s", f, rel, size, by)
}

func (r *recorder) Renamed(_ context.Context, f catalog.DropFolderID, from, to string, size int64, by string) error {
	return r.add("%d renamed %s to %s %d by %s", f, from, to, size, by)
}

func (r *recorder) Aborted(_ context.Context, f catalog.DropFolderID, rel string) error {
	return r.add("%d aborted %s", f, rel)
}

func (r *recorder) has(line string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.lines, line)
}

func (r *recorder) count(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, l := range r.lines {
		if strings.Contains(l, part) {
			n++
		}
	}
	return n
}

// house is a gateway with a user and one folder, 7.
type house struct {
	t    *testing.T
	db   *catalog.DB
	dir  string // the folder
	keys string // of the server
	told *recorder
	cfg  gateway.Config
	user catalog.GatewayUser
	key  string // file with the user's private key

	sftp, ftps net.Addr
	stop       func()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	base := t.TempDir()
	h := &house{t: t, dir: filepath.Join(base, "folder"), keys: hostKeys, told: &recorder{}, key: filepath.Join(base, "id")}
	if err := os.Mkdir(h.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h.db = shared
	name := fmt.Sprintf("anna-%d", users.Add(1))
	h.user = h.addUser(catalog.GatewayUser{Name: name, PasswordHash: gateway.CheapHash(password), Keys: []string{h.makeKey(h.key)}})
	var log io.Writer = io.Discard
	if testing.Verbose() {
		log = t.Output()
	}
	folders := func(context.Context) ([]gateway.Folder, error) {
		return []gateway.Folder{{ID: 7, Name: "in", Dir: h.dir}}, nil
	}
	h.cfg = gateway.Config{
		Users: h.db, Transfers: h.told, Keys: h.keys, SFTP: "127.0.0.1:0", FTPS: "127.0.0.1:0", Incomplete: complete.CutOff,
		All: folders, Folders: func(ctx context.Context, _ catalog.GatewayUser) ([]gateway.Folder, error) { return folders(ctx) },
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return h
}

func (h *house) addUser(u catalog.GatewayUser) catalog.GatewayUser {
	h.t.Helper()
	if u.Rights == nil {
		u.Rights = []catalog.GatewayRight{catalog.GatewayRead, catalog.GatewayWrite, catalog.GatewayDelete}
	}
	u, err := h.db.AddGatewayUser(h.t.Context(), 101, u)
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// makeKey writes a private key and returns its public one.
func (h *house) makeKey(path string) string {
	h.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		h.t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// start runs the gateway until stop is called or the test ends.
func (h *house) start() *house {
	h.t.Helper()
	g, err := gateway.New(h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the gateway ended: %v", err)
		}
	})
	h.t.Cleanup(func() { h.stop() })
	wait, done := context.WithTimeout(ctx, patience)
	defer done()
	if h.sftp, h.ftps, err = g.Addresses(wait); err != nil {
		h.t.Fatal(err)
	}
	return h
}

func port(a net.Addr) string { return fmt.Sprint(a.(*net.TCPAddr).Port) }

// openssh runs OpenSSH's sftp with commands; it returns what the client says.
func (h *house) openssh(commands ...string) (string, error) {
	h.t.Helper()
	cmd := h.opensshCommand(h.t.Context(), commands...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (h *house) opensshCommand(ctx context.Context, commands ...string) *exec.Cmd {
	h.t.Helper()
	batch := filepath.Join(h.t.TempDir(), "batch")
	if err := os.WriteFile(batch, []byte(strings.Join(commands, "\n")+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, need(h.t, "sftp", "openssh-client"), "-q", "-b", batch, "-P", port(h.sftp), "-i", h.key,
		"-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", "-oIdentityAgent=none", "-F", "none", h.user.Name+"@127.0.0.1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (h *house) lftpCommand(ctx context.Context, commands ...string) *exec.Cmd {
	h.t.Helper()
	script := "set ssl:verify-certificate no; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set cmd:fail-exit yes; set net:max-retries 2; " +
		"set net:timeout 60; open -u " + h.user.Name + ",'" + password + "' ftp://127.0.0.1:" + port(h.ftps) + "; " + strings.Join(commands, "; ") + "; bye"
	cmd := exec.CommandContext(ctx, need(h.t, "lftp", "lftp"), "--norc", "-c", script)
	cmd.Env = []string{"HOME=" + h.t.TempDir(), "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (h *house) lftp(commands ...string) (string, error) {
	h.t.Helper()
	out, err := h.lftpCommand(h.t.Context(), commands...).CombinedOutput()
	return string(out), err
}

// killed starts a client, waits until some of the named file came, and kills it with all its processes.
func (h *house) killed(cmd *exec.Cmd, rel string) {
	h.t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.until("some of "+rel+" came", func() bool { return h.partBytes() > 100_000 })
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		h.t.Fatalf("the client ended before it was killed: %s", out.String())
	}
}

// partBytes is how much lies in unfinished files.
func (h *house) partBytes() int64 {
	parts, _ := filepath.Glob(filepath.Join(h.dir, ".sluice-parts", "*.part"))
	var n int64
	for _, p := range parts {
		if i, err := os.Stat(p); err == nil {
			n += i.Size()
		}
	}
	return n
}

func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain: %s; told %q", what, h.told.lines)
		}
	}
}

// local writes a file that a client can send.
func (h *house) local(name string, data []byte) string {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func (h *house) wantFile(rel string, want []byte) {
	h.t.Helper()
	got, err := os.ReadFile(filepath.Join(h.dir, rel))
	if err != nil {
		h.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		h.t.Errorf("%s has %d bytes, want %d; equal up to %d", rel, len(got), len(want), prefix(got, want))
	}
}

func prefix(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func (h *house) wantNoFile(rel string) {
	h.t.Helper()
	if _, err := os.Lstat(filepath.Join(h.dir, rel)); !errors.Is(err, fs.ErrNotExist) {
		h.t.Errorf("%s is there: %v", rel, err)
	}
}

// wantNoParts wants nothing left of uploads.
func (h *house) wantNoParts() {
	h.t.Helper()
	list, _ := os.ReadDir(filepath.Join(h.dir, ".sluice-parts"))
	for _, e := range list {
		h.t.Errorf("%s is left", e.Name())
	}
}

func data(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func need(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("needs %s, of Debian's package %s", program, pkg)
	}
	return path
}

package sftp_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	psftp "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
	"sluice/ingest/dropfolder/remote/storetest"
	"sluice/ingest/dropfolder/sftp"
	"sluice/ingest/fetch"
)

// server is an sshd of our own.
type server struct {
	cfg     sftp.Config
	hostKey string // as in known_hosts, without the host
	locked  string // the user's key, locked by "a phrase"
	dir     string
}

func writeKey(t *testing.T, path string, phrase string) (string, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(block))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if phrase != "" {
		if block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(phrase)); err != nil {
			t.Fatal(err)
		}
		text = string(pem.EncodeToMemory(block))
	}
	return text, key
}

// start runs sshd as the user of the test, who can log in with a key only.
func start(t *testing.T) *server {
	t.Helper()
	sshd := "/usr/sbin/sshd"
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("needs sshd, of Debian's package openssh-server")
	}
	if os.Getuid() == 0 { // it wants its folder then
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{dir: t.TempDir()}
	base := t.TempDir()
	_, host := writeKey(t, filepath.Join(base, "host"), "")
	var mine ssh.PublicKey
	s.locked, mine = writeKey(t, filepath.Join(base, "id"), "a phrase")
	private, err := os.ReadFile(filepath.Join(base, "id"))
	if err != nil {
		t.Fatal(err)
	}
	authorized := filepath.Join(base, "authorized")
	if err := os.WriteFile(authorized, ssh.MarshalAuthorizedKey(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	s.hostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host)))
	s.cfg = sftp.Config{Host: "127.0.0.1", User: me.Username, PrivateKey: string(private), Path: s.dir, Dial: storetest.Direct}
	for try := range 5 { // the port is free when we look, and most likely still is when the server does
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.cfg.Port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		conf := filepath.Join(base, "conf")
		text := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"+
			"PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nSubsystem sftp internal-sftp\n", s.cfg.Port, filepath.Join(base, "host"), authorized)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if why := s.run(t, sshd, conf); why == "" {
			return s
		} else if try == 4 {
			t.Skipf("sshd does not start here: %s", why)
		}
	}
	return nil
}

// run starts sshd; it returns why it ended if it did.
func (s *server) run(t *testing.T, sshd, conf string) string {
	t.Helper()
	cmd := exec.Command(sshd, "-D", "-e", "-f", conf)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-ended:
			return out.String()
		default:
		}
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.cfg.Port)); err == nil {
			_ = c.Close()
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-ended
			})
			return ""
		}
	}
	_ = cmd.Process.Kill()
	<-ended
	return "it does not listen: " + out.String()
}

func TestMachinesWithOpenSSHAreFolders(t *testing.T) {
	s := start(t)
	storetest.Run(t, storetest.Server{Dir: s.dir, Open: func(ctx context.Context, dial remote.Dial, flat bool) (dropfolder.Store, error) {
		cfg := s.cfg
		cfg.Dial, cfg.Flat = dial, flat
		return sftp.Open(ctx, cfg)
	}})
}

func TestWhatKeepsAFolderFromBeingListed(t *testing.T) {
	s := start(t)
	other, _ := writeKey(t, filepath.Join(t.TempDir(), "other"), "")
	_, stranger := writeKey(t, filepath.Join(t.TempDir(), "stranger"), "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	for name, c := range map[string]struct {
		change func(*sftp.Config)
		want   dropfolder.FolderCode
	}{
		"nobody there":       {func(c *sftp.Config) { c.Port = closed }, dropfolder.ErrConnect},
		"another key":        {func(c *sftp.Config) { c.PrivateKey = other }, dropfolder.ErrAuthenticate},
		"a password":         {func(c *sftp.Config) { c.PrivateKey, c.Password = "", "x" }, dropfolder.ErrAuthenticate},
		"another host key":   {func(c *sftp.Config) { c.HostKey = string(ssh.MarshalAuthorizedKey(stranger)) }, dropfolder.ErrAuthenticate},
		"its print":          {func(c *sftp.Config) { c.HostKey = ssh.FingerprintSHA256(stranger) }, dropfolder.ErrAuthenticate},
		"no host key at all": {func(c *sftp.Config) { c.HostKey = "MD5:00" }, dropfolder.ErrConfig},
		"no folder":          {func(c *sftp.Config) { c.Path = "/absent" }, dropfolder.ErrList},
		"a file":             {func(c *sftp.Config) { c.Path = "/etc/passwd" }, dropfolder.ErrList},
		"no host":            {func(c *sftp.Config) { c.Host = "" }, dropfolder.ErrConfig},
		"no user":            {func(c *sftp.Config) { c.User = "" }, dropfolder.ErrConfig},
		"no key":             {func(c *sftp.Config) { c.PrivateKey = "" }, dropfolder.ErrConfig},
		"a broken key":       {func(c *sftp.Config) { c.PrivateKey = "x" }, dropfolder.ErrConfig},
		"a wrong phrase":     {func(c *sftp.Config) { c.PrivateKey, c.PassPhrase = s.locked, "wrong" }, dropfolder.ErrConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := s.cfg
			c.change(&cfg)
			_, err := sftp.Open(t.Context(), cfg)
			storetest.WantCode(t, name, err, c.want)
			if err != nil && cfg.Password != "" && strings.Contains(err.Error(), `"x"`) {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}

func TestLockedKeysAndKnownHosts(t *testing.T) {
	s := start(t)
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.hostKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*sftp.Config){
		"a locked key":  func(c *sftp.Config) { c.PrivateKey, c.PassPhrase = s.locked, "a phrase" },
		"a phrase more": func(c *sftp.Config) { c.PassPhrase = "needless" },
		"the host key":  func(c *sftp.Config) { c.HostKey = s.hostKey },
		"its print":     func(c *sftp.Config) { c.HostKey = ssh.FingerprintSHA256(key) },
	} {
		cfg := s.cfg
		change(&cfg)
		st, err := sftp.Open(t.Context(), cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = st.Close()
	}
}

// TestTheFirstHostKeyIsKept opens a folder of the catalog: what it learns is what the server must have from then on.
func TestTheFirstHostKeyIsKept(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := db.EnsureAccount(ctx, 101, "a"); err != nil {
		t.Fatal(err)
	}
	f, err := db.AddDropFolder(ctx, 101, catalog.DropFolder{
		Name: "f", Type: catalog.DropFolderSFTP, Status: catalog.DropFolderEnabled, Path: s.dir, Handler: catalog.HandleContent, DeletePolicy: catalog.DeleteManually,
		Options: catalog.DropFolderOptions{Host: s.cfg.Host, Port: s.cfg.Port, Username: s.cfg.User},
	})
	if err != nil {
		t.Fatal(err)
	}
	open := sftp.Opener(db, storetest.Direct, slog.New(slog.DiscardHandler))
	try := func() error {
		f, err := db.DropFolder(ctx, 101, f.ID)
		if err != nil {
			t.Fatal(err)
		}
		f.Secrets = &catalog.DropFolderSecrets{PrivateKey: s.cfg.PrivateKey}
		st, err := open(ctx, f)
		if err == nil {
			err = st.Close()
		}
		return err
	}
	if err := try(); err != nil {
		t.Fatal(err)
	}
	if f, err = db.DropFolder(ctx, 101, f.ID); err != nil || f.Options.HostKey != s.hostKey {
		t.Errorf("kept is %q, %v; want %q", f.Options.HostKey, err, s.hostKey)
	}
	if err := try(); err != nil {
		t.Error(err)
	}
	_, stranger := writeKey(t, filepath.Join(t.TempDir(), "stranger"), "")
	_, err = db.UpdateDropFolder(ctx, 101, f.ID, func(f *catalog.DropFolder) error {
		f.Options.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(stranger)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	storetest.WantCode(t, "another server", try(), dropfolder.ErrAuthenticate)
}

func TestFilesAreFetchedByTheirURL(t *testing.T) {
	// The server of the test knows keys only, and a URL has a password: another server takes it.
	dir := t.TempDir()
	addr := passwordServer(t, dir)
	for _, u := range []string{"sftp://anna:secret@" + addr + dir + "/", "scp://anna:secret@" + addr + dir + "/"} {
		storetest.Fetches(t, storetest.Server{Dir: dir}, map[string]fetch.Remote{"sftp": sftp.URL, "scp": sftp.URL}, u+"a%20b.mov", u+"absent", "127.0.0.1")
	}
}

func TestFilesAreFetchedByTheirURLWithAKey(t *testing.T) {
	s := start(t)
	with := func(name string) string {
		t.Helper()
		raw := fmt.Sprintf("sftp://%s@127.0.0.1:%d%s/%s", s.cfg.User, s.cfg.Port, s.dir, name)
		keyed, err := fetch.WithKey(raw, s.locked, "a phrase")
		if err != nil {
			t.Fatal(err)
		}
		if fetch.Redact(keyed) != strings.Replace(raw, s.cfg.User+"@", "", 1) {
			t.Errorf("it is shown as %s", fetch.Redact(keyed))
		}
		return keyed
	}
	storetest.Fetches(t, storetest.Server{Dir: s.dir}, map[string]fetch.Remote{"sftp": sftp.URL}, with("a%20b.mov"), with("absent"), "127.0.0.1")
	if _, err := fetch.WithKey("https://host/a", s.locked, ""); err == nil {
		t.Error("HTTP takes a key")
	}
}

// passwordServer serves this machine's files to anna, by pkg/sftp.
func passwordServer(t *testing.T, dir string) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &ssh.ServerConfig{PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() != "anna" || string(password) != "secret" {
			return nil, fmt.Errorf("no")
		}
		return nil, nil
	}}
	cfg.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	serve := func(nc net.Conn) {
		defer nc.Close()
		_, chans, reqs, err := ssh.NewServerConn(nc, cfg)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(reqs)
		for c := range chans {
			ch, requests, err := c.Accept()
			if err != nil {
				return
			}
			go func() {
				for r := range requests {
					_ = r.Reply(r.Type == "subsystem", nil)
				}
			}()
			srv, err := psftp.NewServer(ch, psftp.ReadOnly(), psftp.WithServerWorkingDirectory(dir))
			if err != nil {
				return
			}
			go func() { _ = srv.Serve() }()
		}
	}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go serve(nc)
		}
	}()
	return l.Addr().String()
}

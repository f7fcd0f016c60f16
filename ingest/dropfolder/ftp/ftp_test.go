package ftp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/ftp"
	"sluice/ingest/dropfolder/remote"
	"sluice/ingest/dropfolder/remote/storetest"
	"sluice/ingest/fetch"
)

// server is a vsftpd of our own, with one user and a password.
type server struct {
	cfg ftp.Config
	dir string
}

const password = "open-sesame"

// certificate writes a certificate with its key, and returns who trusts it.
func certificate(t *testing.T, path string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(both)
	return &tls.Config{RootCAs: pool}
}

// start runs vsftpd. Without a password file of its own it knows no users but the anonymous one, which it asks for a password here.
func start(t *testing.T, mode string) *server {
	t.Helper()
	bin := "/usr/sbin/vsftpd"
	if _, err := os.Stat(bin); err != nil {
		t.Skip("needs vsftpd, of Debian's package vsftpd")
	}
	base, err := os.MkdirTemp("", "vsftpd") // one that the server's user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	s := &server{dir: filepath.Join(base, "root", "in")}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	account := me.Username
	if me.Uid == "0" {
		account = "ftp" // which the package makes
	}
	passwords, cert := filepath.Join(base, "passwords"), filepath.Join(base, "cert.pem")
	if err := os.WriteFile(passwords, []byte(password+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.cfg = ftp.Config{
		Host: "127.0.0.1", User: "anonymous", Password: password, TLS: mode, Dial: storetest.Direct, Certificates: certificate(t, cert),
		Path: "in", // from where the login leads: without root there is no jail
	}
	for try := range 5 { // the port is free when we look, and most likely still is when the server does
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.cfg.Port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		text := fmt.Sprintf("listen=YES\nlisten_address=127.0.0.1\nlisten_port=%d\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\nftp_username=%s\n"+
			"anon_root=%s\nsecure_email_list_enable=YES\nemail_password_file=%s\nwrite_enable=YES\nanon_upload_enable=YES\nanon_other_write_enable=YES\n"+
			"anon_world_readable_only=NO\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\nsecure_chroot_dir=%s\nxferlog_enable=NO\nmax_login_fails=3\ndelay_failed_login=0\n"+
			"connect_from_port_20=NO\nport_enable=NO\ndelay_successful_login=0\n", s.cfg.Port, account, filepath.Dir(s.dir), passwords, base)
		if me.Uid != "0" {
			text += "run_as_launching_user=YES\n"
		}
		if mode != ftp.Clear {
			text += "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\nssl_tlsv1=YES\nssl_ciphers=HIGH\nrsa_cert_file=" + cert + "\nrsa_private_key_file=" + cert + "\n"
		}
		if mode == ftp.Implicit {
			text += "implicit_ssl=YES\n"
		}
		conf := filepath.Join(base, "conf")
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if why := s.run(t, bin, conf); why == "" {
			return s
		} else if try == 4 {
			t.Skipf("vsftpd does not start here: %s", why)
		}
	}
	return nil
}

// run starts vsftpd; it returns why it ended if it did.
func (s *server) run(t *testing.T, bin, conf string) string {
	t.Helper()
	cmd := exec.Command(bin, conf)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop := func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its sessions are processes, too
		<-ended
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-ended:
			return out.String()
		default:
		}
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.cfg.Port)); err == nil {
			_ = c.Close()
			t.Cleanup(stop)
			return ""
		}
	}
	stop()
	return "it does not listen: " + out.String()
}

func TestServersWithVsftpdAreFolders(t *testing.T) {
	for _, mode := range []string{ftp.Clear, ftp.Explicit} {
		t.Run("TLS "+mode, func(t *testing.T) {
			s := start(t, mode)
			storetest.Run(t, storetest.Server{Dir: s.dir, Open: func(ctx context.Context, dial remote.Dial, flat bool) (dropfolder.Store, error) {
				cfg := s.cfg
				cfg.Dial, cfg.DialData, cfg.Flat = dial, dial, flat
				return ftp.Open(ctx, cfg)
			}})
		})
	}
}

func TestImplicitTLS(t *testing.T) {
	s := start(t, ftp.Implicit)
	storetest.Write(t, s.dir, map[string][]byte{"a.mov": []byte("abc")})
	st, err := ftp.Open(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if f, err := st.Stat(t.Context(), "a.mov"); err != nil || f.Size != 3 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestWhatKeepsAFolderFromBeingListed(t *testing.T) {
	s := start(t, ftp.Explicit)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	for name, c := range map[string]struct {
		change func(*ftp.Config)
		want   dropfolder.FolderCode
	}{
		"nobody there":      {func(c *ftp.Config) { c.Port = closed }, dropfolder.ErrConnect},
		"a wrong password":  {func(c *ftp.Config) { c.Password = "wrong" }, dropfolder.ErrAuthenticate},
		"another user":      {func(c *ftp.Config) { c.User = "somebody" }, dropfolder.ErrAuthenticate},
		"no TLS":            {func(c *ftp.Config) { c.TLS = ftp.Clear }, dropfolder.ErrAuthenticate},
		"no trust":          {func(c *ftp.Config) { c.Certificates = nil }, dropfolder.ErrConnect},
		"no folder":         {func(c *ftp.Config) { c.Path = "/absent" }, dropfolder.ErrList},
		"no host":           {func(c *ftp.Config) { c.Host = "" }, dropfolder.ErrConfig},
		"no such TLS":       {func(c *ftp.Config) { c.TLS = "yes" }, dropfolder.ErrConfig},
		"a command in path": {func(c *ftp.Config) { c.Path = "/in\r\nDELE x" }, dropfolder.ErrConfig},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.cfg
			c.change(&cfg)
			_, err := ftp.Open(t.Context(), cfg)
			storetest.WantCode(t, name, err, c.want)
		})
	}
}

func TestFilesAreFetchedByTheirURL(t *testing.T) {
	for mode, c := range map[string]struct{ scheme, query string }{ftp.Clear: {"ftp", ""}, ftp.Explicit: {"ftp", "?tls=explicit"}, ftp.Implicit: {"ftps", ""}} {
		t.Run("TLS "+mode, func(t *testing.T) {
			s := start(t, mode)
			base := fmt.Sprintf("%s://anonymous:%s@127.0.0.1:%d/in/", c.scheme, password, s.cfg.Port)
			open := ftp.URL(s.cfg.Certificates)
			storetest.Fetches(t, storetest.Server{Dir: s.dir}, map[string]fetch.Remote{"ftp": open, "ftps": open}, base+"a%20b.mov"+c.query, base+"absent"+c.query, "127.0.0.1")
		})
	}
}

package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ftpclient "github.com/jlaffaye/ftp"
)

// film is a file that tells by itself when a piece of it is missing: its index comes last.
func film(n int) []byte {
	var b bytes.Buffer
	box := func(kind string, body []byte) {
		_ = binary.Write(&b, binary.BigEndian, uint32(8+len(body)))
		b.WriteString(kind)
		b.Write(body)
	}
	box("ftyp", []byte("isom\x00\x00\x02\x00isom"))
	box("mdat", data(n))
	box("moov", make([]byte, 100))
	return b.Bytes()
}

// ftp logs in with explicit TLS.
func (h *house) ftp() *ftpclient.ServerConn {
	h.t.Helper()
	c, err := ftpclient.Dial(h.ftps.String(), ftpclient.DialWithExplicitTLS(&tls.Config{InsecureSkipVerify: true}), ftpclient.DialWithTimeout(patience)) //nolint:gosec // our own server
	if err != nil {
		h.t.Fatal(err)
	}
	if err := c.Login(h.user.Name, password); err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestLFTPUploadsListsAndRenames(t *testing.T) {
	h := newHouse(t).start()
	want, text := film(2<<20), []byte("not media")
	a, b := h.local("a.mov", want), h.local("b.txt", text)
	out, err := h.lftp("put "+a, "mkdir sub", "put "+b+" -o sub/b.part", "mv sub/b.part sub/ö.txt", "ls", "cls -l sub", "mkdir e", "rmdir e")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.until("both are told", func() bool { return h.told.count("uploaded") == 2 })
	h.wantFile("a.mov", want)
	h.wantFile("sub/ö.txt", text)
	h.wantNoFile("e")
	h.wantNoParts()
}

func TestLFTPMirrorsInParallel(t *testing.T) {
	h := newHouse(t).start()
	src := t.TempDir()
	want := map[string][]byte{}
	for _, name := range []string{"a.mov", "b.mov", "d/c.mov", "d/e/f.mov"} {
		want[name] = film(200_000)
		if err := os.MkdirAll(filepath.Join(src, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(src, name), want[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := h.lftp("mirror -R --parallel=4 " + src + " tree"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.until("all are told", func() bool { return h.told.count("uploaded") == len(want) })
	for name, b := range want {
		h.wantFile(filepath.Join("tree", name), b)
	}
	h.wantNoParts()
}

// TestAKilledLFTPLeavesNothingToTake kills the client in the middle: neither a film nor a text, of which no part can be told from
// the whole, is taken; both go on where they were cut.
func TestAKilledLFTPLeavesNothingToTake(t *testing.T) {
	for name, want := range map[string][]byte{"film.mov": film(3 << 20), "text.txt": bytes.Repeat([]byte("0123456789"), 300_000)} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.cfg.Quiet = 50 * time.Millisecond
			h.start()
			src := h.local(name, want)
			h.killed(h.lftpCommand(t.Context(), "set ftp:use-allo no", "set net:limit-rate 1000000", "put "+src), name)
			h.until("the server knows", func() bool { return h.resting() })
			h.wantNoFile(name)
			if out, err := h.lftp("set ftp:use-allo no", "put -c "+src); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			h.until("it is told", func() bool { return h.told.count("uploaded "+name) == 1 })
			h.wantFile(name, want)
			h.wantNoParts()
		})
	}
}

// resting says whether a record of an upload says that nothing is to be decided about it.
func (h *house) resting() bool {
	list, _ := filepath.Glob(filepath.Join(h.dir, ".sluice-parts", "*.json"))
	for _, p := range list {
		b, err := os.ReadFile(p)
		if err == nil && !bytes.Contains(b, []byte(`"state"`)) && bytes.Contains(b, []byte(`"extents"`)) {
			return true
		}
	}
	return false
}

// raw is an FTP client that does what it is told and nothing else.
type raw struct {
	t *testing.T
	*textproto.Conn
	nc  net.Conn
	cfg *tls.Config
}

func (h *house) raw() *raw {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.ftps.String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = nc.Close() })
	r := &raw{t: h.t, Conn: textproto.NewConn(nc), nc: nc, cfg: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // our own server
	r.want(220)
	r.say(234, "AUTH TLS")
	sec := tls.Client(nc, r.cfg)
	r.nc, r.Conn = sec, textproto.NewConn(sec)
	r.say(331, "USER "+h.user.Name)
	r.say(230, "PASS "+password)
	r.say(200, "PBSZ 0")
	r.say(200, "PROT P")
	return r
}

func (r *raw) want(code int) string {
	r.t.Helper()
	_, msg, err := r.ReadResponse(code)
	if err != nil {
		r.t.Fatal(err)
	}
	return msg
}

func (r *raw) say(code int, line string) string {
	r.t.Helper()
	if err := r.PrintfLine("%s", line); err != nil {
		r.t.Fatal(err)
	}
	return r.want(code)
}

// stor sends bytes by a command and ends the stream cleanly.
func (r *raw) stor(command string, b []byte) {
	r.t.Helper()
	msg := r.say(229, "EPSV")
	port := msg[strings.Index(msg, "(|||")+4 : strings.LastIndex(msg, "|)")]
	if err := r.PrintfLine("%s", command); err != nil {
		r.t.Fatal(err)
	}
	plain, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		r.t.Fatal(err)
	}
	conn := tls.Client(plain, r.cfg)
	r.want(150)
	if _, err := conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
	_ = conn.Close()
}

// TestTheEndOfAStreamIsDoubted cuts uploads at 70 % such that the stream looks well ended.
func TestTheEndOfAStreamIsDoubted(t *testing.T) {
	whole := film(500_000)
	cut := whole[:len(whole)*7/10]
	text := []byte(strings.Repeat("line\n", 1000))
	for name, c := range map[string]struct {
		file  string
		do    func(r *raw)
		taken bool
	}{
		"a film, and the client is gone":             {"a.mov", func(r *raw) { r.stor("STOR a.mov", cut); r.want(226); _ = r.nc.Close() }, false},
		"a film, and the client says goodbye":        {"a.mov", func(r *raw) { r.stor("STOR a.mov", cut); r.want(226); r.say(221, "QUIT") }, false},
		"a film, and the client says nothing":        {"a.mov", func(r *raw) { r.stor("STOR a.mov", cut); r.want(226) }, false},
		"a whole film, and the client is gone":       {"a.mov", func(r *raw) { r.stor("STOR a.mov", whole); r.want(226); _ = r.nc.Close() }, true},
		"a text, and the client is gone":             {"a.txt", func(r *raw) { r.stor("STOR a.txt", text); r.want(226); _ = r.nc.Close() }, false},
		"a text, and the client says goodbye":        {"a.txt", func(r *raw) { r.stor("STOR a.txt", text); r.want(226); r.say(221, "QUIT") }, true},
		"a text, and the client does something else": {"a.txt", func(r *raw) { r.stor("STOR a.txt", text); r.want(226); r.say(257, "PWD"); _ = r.nc.Close() }, true},
		"a text of the announced size":               {"a.txt", func(r *raw) { r.say(200, "ALLO 5000"); r.stor("STOR a.txt", text); r.want(226); _ = r.nc.Close() }, true},
		"a text of less than the announced size":     {"a.txt", func(r *raw) { r.say(200, "ALLO 5001"); r.stor("STOR a.txt", text); r.want(550); r.say(221, "QUIT") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.cfg.Quiet = 20 * time.Millisecond
			h.start()
			c.do(h.raw())
			if c.taken {
				h.until("it is taken", func() bool { return h.told.count("uploaded "+c.file) == 1 })
				return
			}
			h.until("it rests", h.resting)
			h.wantNoFile(c.file)
			if n := h.told.count("uploaded"); n != 0 {
				t.Errorf("told that it is complete: %q", h.told.lines)
			}
		})
	}
}

func TestFTPResumesAtAnOffset(t *testing.T) {
	h := newHouse(t)
	h.cfg.Quiet = time.Hour
	h.start()
	want := film(300_000)
	r := h.raw()
	r.stor("STOR a.mov", want[:100_000])
	r.want(226)
	if got := r.say(213, "SIZE a.mov"); got != "100000" {
		t.Errorf("its size is %s", got)
	}
	r.say(350, "REST 90000")
	r.stor("STOR a.mov", want[90_000:200_000])
	r.want(226)
	r.stor("APPE a.mov", want[200_000:])
	r.want(226)
	h.wantNoFile("a.mov")
	r.say(213, "MFMT 20200102030405 a.mov")
	r.say(221, "QUIT")
	h.until("it is taken", func() bool { return h.told.count("uploaded a.mov") == 1 })
	h.wantFile("a.mov", want)
	if i, err := os.Stat(filepath.Join(h.dir, "a.mov")); err != nil || i.ModTime().UTC().Format("20060102150405") != "20200102030405" {
		t.Errorf("its time is %v, %v", i.ModTime(), err)
	}
}

func TestFTPNeedsTLS(t *testing.T) {
	h := newHouse(t).start()
	c, err := ftpclient.Dial(h.ftps.String(), ftpclient.DialWithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Quit() //nolint:errcheck // it is refused
	if err := c.Login(h.user.Name, password); err == nil {
		t.Error("a password in the clear is taken")
	}
	r := h.raw()
	r.say(200, "PROT C")
	msg := r.say(229, "EPSV")
	plain, err := net.Dial("tcp", "127.0.0.1:"+msg[strings.Index(msg, "(|||")+4:strings.LastIndex(msg, "|)")])
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	r.say(421, "STOR a.mov")
	h.wantNoFile("a.mov")
}

func TestPlainFTPWorksWhereItIsAllowed(t *testing.T) {
	h := newHouse(t)
	h.cfg.PlainFTP = true
	h.start()
	c, err := ftpclient.Dial(h.ftps.String(), ftpclient.DialWithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Login(h.user.Name, password); err != nil {
		t.Fatal(err)
	}
	if err := c.Stor("a.txt", strings.NewReader("text")); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	h.until("it is taken", func() bool { return h.told.count("uploaded a.txt 4") == 1 })
}

func TestImplicitTLS(t *testing.T) {
	h := newHouse(t)
	h.cfg.FTPS, h.cfg.Implicit = "", "127.0.0.1:0"
	h.start()
	c, err := ftpclient.Dial(h.ftps.String(), ftpclient.DialWithTLS(&tls.Config{InsecureSkipVerify: true}), ftpclient.DialWithTimeout(patience)) //nolint:gosec // our own server
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Login(h.user.Name, password); err != nil {
		t.Fatal(err)
	}
	if err := c.Stor("a.txt", strings.NewReader("text")); err != nil {
		t.Fatal(err)
	}
	_ = c.Quit()
	h.until("it is taken", func() bool { return h.told.count("uploaded a.txt 4") == 1 })
}

func TestFTPStaysInTheHome(t *testing.T) {
	h := newHouse(t)
	outside := h.local("secret", []byte("secret"))
	if err := os.Symlink(outside, filepath.Join(h.dir, "link")); err != nil {
		t.Fatal(err)
	}
	h.start()
	c := h.ftp()
	defer c.Quit() //nolint:errcheck // the test is over
	for _, p := range []string{"../../../../../.." + outside, outside, "link", ".sluice-parts/x", "a\x01b"} {
		if r, err := c.Retr(p); err == nil {
			t.Errorf("%q can be read", p)
			_ = r.Close()
		}
		if err := c.Stor(p, strings.NewReader("x")); err == nil {
			t.Errorf("%q can be written", p)
		}
		if err := c.Rename("a", p); err == nil {
			t.Errorf("something can be renamed to %q", p)
		}
		if err := c.Delete(p); err == nil {
			t.Errorf("%q can be removed", p)
		}
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "secret" {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}

func TestFTPDownloadsAndChecksums(t *testing.T) {
	h := newHouse(t).start()
	want := data(100_000)
	if err := os.WriteFile(filepath.Join(h.dir, "a.mov"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	c := h.ftp()
	defer c.Quit() //nolint:errcheck // the test is over
	r, err := c.RetrFrom("a.mov", 40_000)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || !bytes.Equal(got, want[40_000:]) {
		t.Errorf("%d bytes come, %v", len(got), err)
	}
	list, err := c.List("/")
	if err != nil || len(list) != 1 || list[0].Name != "a.mov" || list[0].Size != 100_000 {
		t.Errorf("it lists %v, %v", list, err)
	}
	raw := h.raw()
	sum, err := exec.CommandContext(t.Context(), "sha256sum", filepath.Join(h.dir, "a.mov")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if msg := raw.say(250, "XSHA256 a.mov"); !strings.Contains(msg, string(sum[:64])) {
		t.Errorf("its checksum is %q, want %s", msg, sum)
	}
}

func TestCurlUploads(t *testing.T) {
	h := newHouse(t).start()
	want := film(200_000)
	cmd := exec.CommandContext(t.Context(), need(t, "curl", "curl"), "-sS", "--ssl-reqd", "-k", "-u", h.user.Name+":"+password, "-T", h.local("a.mov", want),
		"--ftp-create-dirs", "ftp://127.0.0.1:"+port(h.ftps)+"/x/y/a.mov")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.until("it is taken", func() bool { return h.told.count("uploaded x/y/a.mov") == 1 })
	h.wantFile("x/y/a.mov", want)
}

// TestTheServerStopsInTheMiddle stops the gateway while clients send, and finishes after the next start.
func TestTheServerStopsInTheMiddle(t *testing.T) {
	h := newHouse(t)
	h.cfg.Quiet = time.Hour
	h.start()
	want := film(200_000)
	r := h.raw()
	r.stor("STOR done.mov", want)
	r.want(226)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slow := h.lftpCommand(ctx, "set net:limit-rate 200000", "put "+h.local("slow.mov", film(5<<20)))
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	h.until("some came", func() bool { return h.partBytes() > 300_000 })
	h.stop()
	cancel()
	_ = slow.Wait()
	h.wantNoFile("done.mov")
	h.start()
	h.wantFile("done.mov", want)
	h.wantNoFile("slow.mov")
	if i, err := h.client().Stat("slow.mov"); err != nil || i.Size() == 0 {
		t.Errorf("what came of the other one: %v, %v", i, err)
	}
}

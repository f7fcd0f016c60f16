package gateway_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/catalog"
	"sluice/ingest/gateway"
)

// dial logs in by password.
func (h *house) dial(user, pass string) (*ssh.Client, error) {
	return ssh.Dial("tcp", h.sftp.String(), &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.Password(pass)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // our own server
		Timeout: patience,
	})
}

func (h *house) client() *sftp.Client {
	h.t.Helper()
	c, err := h.dial(h.user.Name, password)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	s, err := sftp.NewClient(c)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOpenSSHUploadsDownloadsAndRenames(t *testing.T) {
	h := newHouse(t).start()
	big, small := data(5<<20+17), data(11)
	a, b := h.local("a.mov", big), h.local("b.part", small)
	back := filepath.Join(t.TempDir(), "back")
	out, err := h.openssh(
		"put -p "+a, "mkdir sub", "put "+b+" sub/b.part", "rename sub/b.part sub/ö.mov", "get a.mov "+back, "df", "ls -l", "ls sub",
		"mkdir empty", "rmdir empty",
	)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.wantFile("a.mov", big)
	h.wantFile("sub/ö.mov", small)
	h.wantNoFile("sub/b.part")
	h.wantNoFile("empty")
	h.wantNoParts()
	if got, err := os.ReadFile(back); err != nil || len(got) != len(big) {
		t.Errorf("%d bytes come back, %v", len(got), err)
	}
	for _, want := range []string{
		"7 detected a.mov by sftp", "7 uploaded a.mov 5242897 by sftp", "7 uploaded sub/b.part 11 by sftp", "7 renamed sub/b.part to sub/ö.mov 11 by sftp",
	} {
		if !h.told.has(want) {
			t.Errorf("not told %q, but %q", want, h.told.lines)
		}
	}
	src, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	if dst, err := os.Stat(filepath.Join(h.dir, "a.mov")); err != nil || dst.ModTime().Unix() != src.ModTime().Unix() {
		t.Errorf("its time is %v, want %v", dst.ModTime(), src.ModTime())
	}
}

func TestAnUploadWhoseClientIsKilledIsResumedAndNeverTaken(t *testing.T) {
	h := newHouse(t).start()
	want := data(3 << 20)
	src := h.local("film.mov", want)
	cmd := h.opensshCommand(t.Context(), "put "+src)
	cmd.Args = append(cmd.Args[:1:1], append([]string{"-l", "8000"}, cmd.Args[1:]...)...) // 1 MB/s
	h.killed(cmd, "film.mov")
	h.wantNoFile("film.mov")
	// The server may not know yet that the client is gone: the next one goes on all the same.
	out, err := h.openssh("ls -l", "reput "+src+" film.mov")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.wantFile("film.mov", want)
	h.wantNoParts()
	if n := h.told.count("uploaded film.mov"); n != 1 {
		t.Errorf("told %d times that it is complete: %q", n, h.told.lines)
	}
}

func TestAnUploadRestsOverARestart(t *testing.T) {
	h := newHouse(t).start()
	want := data(3 << 20)
	src := h.local("film.mov", want)
	cmd := h.opensshCommand(t.Context(), "put "+src)
	cmd.Args = append(cmd.Args[:1:1], append([]string{"-l", "8000"}, cmd.Args[1:]...)...)
	h.killed(cmd, "film.mov")
	h.stop()
	h.start()
	h.wantNoFile("film.mov")
	c := h.client()
	info, err := c.Stat("film.mov")
	if err != nil || info.Size() == 0 || info.Size() >= int64(len(want)) {
		t.Fatalf("the client sees %v, %v", info, err)
	}
	list, err := c.ReadDir("/")
	if err != nil || len(list) != 1 || list[0].Name() != "film.mov" || list[0].Size() != info.Size() {
		t.Errorf("it lists %v, %v", list, err)
	}
	if out, err := h.openssh("reput " + src + " film.mov"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.wantFile("film.mov", want)
}

func TestTheClientSeesItsFileGrow(t *testing.T) {
	h := newHouse(t).start()
	c := h.client()
	f, err := c.OpenFile("a.mov", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at   int64
		text string
		size int64 // from the start on
	}{{0, "0123456789", 10}, {20, "x", 10}, {10, "0123456789", 21}} {
		if _, err := f.WriteAt([]byte(step.text), step.at); err != nil {
			t.Fatal(err)
		}
		if i, err := c.Stat("a.mov"); err != nil || i.Size() != step.size {
			t.Errorf("after byte %d it has %v bytes, %v; want %d", step.at, i, err, step.size)
		}
		h.wantNoFile("a.mov")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.wantFile("a.mov", []byte("01234567890123456789x"))
}

func TestAFileWithAHoleIsNotComplete(t *testing.T) {
	h := newHouse(t).start()
	f, err := h.client().OpenFile("a.mov", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 10); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("closing it: %v", err)
	}
	h.wantNoFile("a.mov")
}

func TestReplacingAFileIsOneStep(t *testing.T) {
	h := newHouse(t).start()
	path := filepath.Join(h.dir, "a.mov")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := h.client()
	f, err := c.Create("a.mov")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new and longer")); err != nil {
		t.Fatal(err)
	}
	h.wantFile("a.mov", []byte("old"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.wantFile("a.mov", []byte("new and longer"))
	// Without truncation the rest stays.
	if f, err = c.OpenFile("a.mov", os.O_WRONLY); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("NEW"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.wantFile("a.mov", []byte("NEW and longer"))
	h.wantNoParts()
}

func TestANewConnectionTakesAnUploadOver(t *testing.T) {
	h := newHouse(t).start()
	first, err := h.client().Create("a.mov")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Write([]byte("0123")); err != nil {
		t.Fatal(err)
	}
	second, err := h.client().OpenFile("a.mov", os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.WriteAt([]byte("4567"), 4); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Write([]byte("zzzz")); err == nil {
		t.Error("the old connection still writes")
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	h.wantNoFile("a.mov")
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	h.wantFile("a.mov", []byte("01234567"))
}

func TestNobodyGetsOut(t *testing.T) {
	h := newHouse(t)
	outside := h.local("secret", []byte("secret"))
	for name, target := range map[string]string{"link": outside, "dir": filepath.Dir(outside), "rel": h.keys} {
		if err := os.Symlink(target, filepath.Join(h.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(h.dir, ".sluice-parts"), 0o750); err != nil {
		t.Fatal(err)
	}
	h.start()
	c := h.client()
	for _, p := range []string{
		"/../" + outside, "../../../../etc/passwd", outside, "link", "dir/secret", "rel/ssh_host_rsa_key", ".sluice-parts", ".sluice-parts/x", "a\x00b",
	} {
		if f, err := c.Open(p); err == nil {
			t.Errorf("%q can be read", p)
			_ = f.Close()
		}
		if f, err := c.Create(p); err == nil {
			t.Errorf("%q can be written", p)
			_ = f.Close()
		}
		if err := c.Rename("a", p); err == nil {
			t.Errorf("something can be renamed to %q", p)
		}
		if _, err := c.ReadDir(p); err == nil {
			t.Errorf("%q can be listed", p)
		}
		if err := c.Remove(p); err == nil {
			t.Errorf("%q can be removed", p)
		}
	}
	for name, err := range map[string]error{
		"symlink": c.Symlink("/etc/passwd", "l"), "link": c.Link("/etc/passwd", "l"), "remove the home": c.RemoveDirectory("/"),
		"bad name": c.Mkdir("a\nb"), "long name": c.Mkdir(strings.Repeat("x", 256)), "not UTF-8": c.Mkdir("a\xffb"), "bidi": c.Mkdir("a\u202eb"),
		"own name": c.Mkdir(".sluice-trash"), "deep": c.Mkdir(strings.Repeat("a/", 40) + "b"),
	} {
		if err == nil {
			t.Errorf("%s is allowed", name)
		}
	}
	if list, err := c.ReadDir("/"); err != nil || len(list) != 0 {
		t.Errorf("it lists %v, %v", list, err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "secret" {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}

func TestUsersWithSeveralFoldersSeeEachAsADirectory(t *testing.T) {
	h := newHouse(t)
	base := t.TempDir()
	var folders []gateway.Folder
	for i, name := range []string{"news", "sport/live", "news"} {
		dir := filepath.Join(base, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, gateway.Folder{ID: catalog.DropFolderID(i + 1), Name: name, Dir: dir})
	}
	h.cfg.Folders = func(_ context.Context, _ catalog.GatewayUser) ([]gateway.Folder, error) { return folders, nil }
	h.start()
	c := h.client()
	list, err := c.ReadDir("/")
	var names []string
	for _, i := range list {
		names = append(names, i.Name())
	}
	if got := strings.Join(names, "|"); err != nil || got != "news|sport_live|news (3)" {
		t.Errorf("the home has %q, %v", got, err)
	}
	f, err := c.Create("/sport_live/a.mov")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(base, "1", "a.mov")); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"a file in the home": second(c.Create("/x")), "a folder in the home": c.Mkdir("/x"), "renaming between folders": c.Rename("/sport_live/a.mov", "/news/a.mov"),
		"removing a folder": c.RemoveDirectory("/news"),
	} {
		if err == nil {
			t.Errorf("%s is allowed", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRights(t *testing.T) {
	h := newHouse(t)
	if err := os.WriteFile(filepath.Join(h.dir, "a"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	hash := gateway.CheapHash(password)
	h.start()
	for _, c := range []struct {
		name                string
		right               catalog.GatewayRight
		read, write, remove bool
	}{{"reader", catalog.GatewayRead, true, false, false}, {"writer", catalog.GatewayWrite, false, true, false}, {"deleter", catalog.GatewayDelete, false, false, true}} {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf("%s-%d", c.name, users.Add(1)) // all tests share a catalog
			h.addUser(catalog.GatewayUser{Name: name, PasswordHash: hash, Rights: []catalog.GatewayRight{c.right}})
			conn, err := h.dial(name, password)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			s, err := sftp.NewClient(conn)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for what, got := range map[string][2]bool{
				"read": {c.read, second(s.Open("a")) == nil}, "write": {c.write, second(s.Create("b")) == nil}, "mkdir": {c.write, s.Mkdir("d") == nil},
				"remove": {c.remove, s.Remove("a") == nil},
			} {
				if got[0] != got[1] {
					t.Errorf("%s is allowed: %v, want %v", what, got[1], got[0])
				}
			}
			if _, err := s.ReadDir("/"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChecksumsCanBeAskedFor(t *testing.T) {
	h := newHouse(t).start()
	if err := os.WriteFile(filepath.Join(h.dir, "it's a"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := h.dial(h.user.Name, password)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	run := func(line string) (string, error) {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		out, err := s.Output(line)
		return string(out), err
	}
	sum := sha256.Sum256([]byte("abc"))
	want := hex.EncodeToString(sum[:]) + "  it's a\n"
	if out, err := run(`sha256sum 'it'\''s a'`); err != nil || out != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
	if out, err := run(`md5sum "it's a"`); err != nil || !strings.HasPrefix(out, "900150983cd24fb0d6963f7d28e17f72 ") {
		t.Errorf("%q, %v", out, err)
	}
	for _, line := range []string{"sh", "sha256sum", "sha256sum a; id", "sha256sum $(id)", "cat a", "sha256sum absent", "sum a", "sha256sum ../../etc/passwd", "sha256sum 'a"} {
		if out, err := run(line); err == nil {
			t.Errorf("%q gives %q", line, out)
		}
	}
}

func TestHostKeysAreKept(t *testing.T) {
	h := newHouse(t).start()
	key := func() (k ssh.PublicKey) {
		c, err := ssh.Dial("tcp", h.sftp.String(), &ssh.ClientConfig{
			User: h.user.Name, Auth: []ssh.AuthMethod{ssh.Password(password)}, Timeout: patience,
			HostKeyCallback: func(_ string, _ net.Addr, got ssh.PublicKey) error { k = got; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		return k
	}
	before := key()
	h.stop()
	h.start()
	if after := key(); string(after.Marshal()) != string(before.Marshal()) {
		t.Error("another host key after a restart")
	}
	for _, name := range []string{"ssh_host_ed25519_key", "ssh_host_rsa_key"} {
		if i, err := os.Stat(filepath.Join(h.keys, name)); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, i, err)
		}
	}
}

func TestGuessingIsBraked(t *testing.T) {
	h := newHouse(t).start()
	other := filepath.Join(t.TempDir(), "other")
	h.makeKey(other)
	mine := h.key
	h.key = other
	if out, err := h.openssh("ls"); err == nil {
		t.Fatalf("a key that is not the user's lets in: %s", out)
	}
	for range 4 {
		if c, err := h.dial(h.user.Name, "wrong password"); err == nil {
			_ = c.Close()
			t.Fatal("a wrong password lets in")
		}
	}
	if c, err := h.dial(h.user.Name, password); err == nil {
		_ = c.Close()
		t.Error("after five failures the right password still lets in")
	}
	h.key = mine
	if _, err := h.openssh("ls"); err == nil {
		t.Error("after five failures of the address a key still lets in")
	}
}

func TestUnknownUsersAndBlockedOnesStayOutside(t *testing.T) {
	h := newHouse(t).start()
	if _, err := h.dial("nobody", password); err == nil {
		t.Error("a user who does not exist comes in")
	}
	_, err := h.db.UpdateGatewayUser(t.Context(), 101, h.user.ID, func(u *catalog.GatewayUser) error { u.Blocked = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.dial(h.user.Name, password); err == nil {
		t.Error("a blocked user comes in by password")
	}
	if _, err := h.openssh("ls"); err == nil {
		t.Error("a blocked user comes in by key")
	}
}

func TestConnectionsOfAnAccountAreBounded(t *testing.T) {
	h := newHouse(t)
	h.cfg.MaxConnections = 2
	h.start()
	h.client()
	last := h.client()
	if c, err := h.dial(h.user.Name, password); err == nil {
		if _, err := sftp.NewClient(c); err == nil {
			t.Error("a third connection works")
		}
		_ = c.Close()
	}
	if _, err := last.ReadDir("/"); err != nil {
		t.Error(err)
	}
}

func TestUploadsThatNobodyGoesOnWithAreGivenUp(t *testing.T) {
	h := newHouse(t)
	now := time.Now()
	h.cfg.Now = func() time.Time { return now }
	h.start()
	f, err := h.client().Create("a.mov")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	h.stop()
	if h.partBytes() != 4 {
		t.Fatalf("%d bytes rest", h.partBytes())
	}
	now = now.Add(gateway.DefaultLifetime + time.Hour)
	h.start()
	h.until("the folder is told", func() bool { return h.told.has("7 aborted a.mov") })
	if h.partBytes() != 4 {
		t.Errorf("%d bytes are kept a day more", h.partBytes())
	}
	h.stop()
	now = now.Add(25 * time.Hour)
	h.start()
	h.until("nothing is left", func() bool { return h.partBytes() == 0 })
	if n := h.told.count("aborted"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestRemovingAnUploadEndsIt(t *testing.T) {
	h := newHouse(t).start()
	c := h.client()
	f, err := c.Create("a.mov")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if err := c.Rename("a.mov", "b.mov"); err == nil {
		t.Error("a file under way can be renamed")
	}
	if err := h.client().Remove("a.mov"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("more")); err == nil {
		t.Error("it can still be written")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Stat("a.mov"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
	h.wantNoFile("a.mov")
	h.wantNoParts()
}

func TestFilesLargerThanTheFolderTakesAreRefused(t *testing.T) {
	h := newHouse(t)
	h.cfg.Folders = func(_ context.Context, _ catalog.GatewayUser) ([]gateway.Folder, error) {
		return []gateway.Folder{{ID: 7, Dir: h.dir, MaxFile: 100}}, nil
	}
	h.start()
	f, err := h.client().Create("a.mov")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data(101)); err == nil || !strings.Contains(err.Error(), "100 bytes") {
		t.Errorf("writing it: %v", err)
	}
}

func TestManyFilesInParallel(t *testing.T) {
	h := newHouse(t).start()
	c := h.client()
	const n = 50
	done := make(chan error, n)
	for i := range n {
		go func() {
			f, err := c.Create(fmt.Sprintf("%d.mov", i))
			if err == nil {
				_, err = io.Copy(f, strings.NewReader(strings.Repeat(fmt.Sprint(i), 20_000)))
				err = errors.Join(err, f.Close())
			}
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for i := range n {
		h.wantFile(fmt.Sprintf("%d.mov", i), []byte(strings.Repeat(fmt.Sprint(i), 20_000)))
	}
	h.wantNoParts()
	if got := h.told.count("uploaded"); got != n {
		t.Errorf("told of %d files", got)
	}
}

// TestScpWorks uses the client that speaks SFTP under its old name.
func TestScpWorks(t *testing.T) {
	h := newHouse(t).start()
	want := data(300_000)
	cmd := exec.CommandContext(t.Context(), need(t, "scp", "openssh-client"), "-q", "-s", "-P", port(h.sftp), "-i", h.key,
		"-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", "-F", "none", h.local("a.mov", want), h.user.Name+"@127.0.0.1:b.mov")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.wantFile("b.mov", want)
}

// TestScpOfOldWorks uses the protocol that scp had before SFTP.
func TestScpOfOldWorks(t *testing.T) {
	h := newHouse(t).start()
	run := func(args ...string) error {
		t.Helper()
		all := append([]string{
			"-O", "-q", "-p", "-P", port(h.sftp), "-i", h.key, "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", "-F", "none",
		}, args...)
		out, err := exec.CommandContext(t.Context(), need(t, "scp", "openssh-client"), all...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	at := h.user.Name + "@127.0.0.1:"
	want, text := data(700_000), []byte("text")
	src := h.local("a.mov", want)
	old := time.Unix(1_600_000_000, 0)
	tree := filepath.Join(t.TempDir(), "tree")
	for _, err := range []error{
		os.Chtimes(src, old, old), os.MkdirAll(filepath.Join(tree, "deep", "empty"), 0o755), os.WriteFile(filepath.Join(tree, "deep", "b c.txt"), text, 0o644),
		os.WriteFile(filepath.Join(tree, "none.txt"), nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{src, at + "b.mov"}, {src, at + "/"}, {"-r", tree, at + "/"}, {"-r", tree, at + "again"}} {
		if err := run(args...); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
	}
	h.wantFile("b.mov", want)
	h.wantFile("a.mov", want)
	h.wantFile("tree/deep/b c.txt", text)
	h.wantFile("again/deep/b c.txt", text)
	h.wantFile("tree/none.txt", nil)
	h.wantNoParts()
	if st, err := os.Stat(filepath.Join(h.dir, "b.mov")); err != nil || !st.ModTime().Equal(old) {
		t.Errorf("its time is %v, %v", st.ModTime(), err)
	}
	back := t.TempDir()
	if err := run("-r", at+"tree", at+"b.mov", back); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"b.mov": want, "tree/deep/b c.txt": text} {
		if got, err := os.ReadFile(filepath.Join(back, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s came back with %d bytes, %v", name, len(got), err)
		}
	}
	for name, args := range map[string][]string{
		"a file that is not there": {at + "absent", back}, "out of the home": {src, at + "../../x.mov"}, "below no folder": {src, at + "no/x.mov"},
	} {
		if err := run(args...); (err == nil) != (name == "out of the home") { // the home has no outside
			t.Errorf("%s: %v", name, err)
		}
	}
	h.wantFile("x.mov", want)
}

// TestScpIsHeldToItsProtocol sends what no scp would.
func TestScpIsHeldToItsProtocol(t *testing.T) {
	h := newHouse(t).start()
	conn, err := h.dial(h.user.Name, password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, said := range map[string]string{
		"a path for a name": "C0644 4 ../x\ntext\x00", "no name": "C0644 4 \ntext\x00", "a size below nothing": "C0644 -4 x\ntext\x00", "half a header": "C0644\n",
		"a folder without -r": "D0755 0 d\n", "an end of nothing": "E\n", "no line": strings.Repeat("C", 5000), "another protocol": "GET / HTTP/1.1\n", "half a file": "C0644 4 x\nte",
		"a file that its sender lost": "C0644 4 x\ntext\x01it is gone\n",
	} {
		s, err := conn.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		s.Stdin = strings.NewReader(said)
		err = s.Run("scp -t .")
		if lost := name == "a file that its sender lost"; (err == nil) != lost {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.wantNoFile("x")
	if _, err := os.Stat(filepath.Join(h.dir, "..", "x")); err == nil {
		t.Error("a file is outside")
	}
}

// TestCertificatesVouchForKeys logs in with a key that the server never saw.
func TestCertificatesVouchForKeys(t *testing.T) {
	h := newHouse(t)
	signer := func() ssh.Signer {
		t.Helper()
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ca, other, mine := signer(), signer(), signer()
	h.cfg.UserCA = h.local("ca.pub", ssh.MarshalAuthorizedKey(ca.PublicKey()))
	h.start()
	now := time.Now()
	login := func(by ssh.Signer, change func(*ssh.Certificate)) error {
		t.Helper()
		cert := &ssh.Certificate{
			Key: mine.PublicKey(), CertType: ssh.UserCert, KeyId: "test", ValidPrincipals: []string{h.user.Name},
			ValidAfter: uint64(now.Add(-time.Hour).Unix()), ValidBefore: uint64(now.Add(time.Hour).Unix()),
		}
		change(cert)
		if err := cert.SignCert(rand.Reader, by); err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewCertSigner(cert, mine)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := ssh.Dial("tcp", h.sftp.String(), &ssh.ClientConfig{
			User: h.user.Name, Auth: []ssh.AuthMethod{ssh.PublicKeys(s)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // our own server
		})
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	if err := login(ca, func(*ssh.Certificate) {}); err != nil {
		t.Errorf("a good certificate: %v", err)
	}
	if err := login(ca, func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"source-address": "127.0.0.0/8"} }); err != nil {
		t.Errorf("a certificate for this address: %v", err)
	}
	refused := map[string]func(*ssh.Certificate){
		"another user": func(c *ssh.Certificate) { c.ValidPrincipals = []string{"ben"} }, "no user": func(c *ssh.Certificate) { c.ValidPrincipals = nil },
		"over": func(c *ssh.Certificate) { c.ValidBefore = uint64(now.Add(-time.Minute).Unix()) }, "a host's": func(c *ssh.Certificate) { c.CertType = ssh.HostCert },
	}
	for name, change := range refused {
		if err := login(ca, change); err == nil {
			t.Errorf("%s: it is let in", name)
		}
	}
	h.stop() // failures are counted
	h.start()
	for name, change := range map[string]func(*ssh.Certificate){
		"another address": func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"source-address": "192.0.2.0/24"} },
		"a command":       func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"force-command": "true"} },
	} {
		if err := login(ca, change); err == nil {
			t.Errorf("%s: it is let in", name)
		}
	}
	if err := login(other, func(*ssh.Certificate) {}); err == nil {
		t.Error("another authority: it is let in")
	}
}

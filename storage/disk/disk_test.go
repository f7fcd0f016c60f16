package disk_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/storage"
	"sluice/storage/disk"
)

// crashDir makes the test binary a process that has an object half-written in that store and waits to be killed.
const crashDir = "SLUICE_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeAndWait(dir)
		return
	}
	os.Exit(m.Run())
}

func writeAndWait(dir string) {
	s, err := disk.Open(dir)
	if err != nil {
		panic(err)
	}
	w, err := s.Create(context.Background(), "half")
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func put(t *testing.T, s *disk.Store, key, content string) storage.Object {
	t.Helper()
	obj, err := s.Put(t.Context(), key, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

// files returns every path below dir but locks.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			rel, _ := filepath.Rel(dir, p)
			got = append(got, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOpenSweepsWhatACrashLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	open(t, dir)
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("while the writer lives there are %q, want its temporary file", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s := open(t, dir)
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("after the crash and Open there are %q", got)
	}
	if _, err := s.Stat(t.Context(), "half"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Stat = %v, want ErrNotExist", err)
	}
}

func TestChecksumsSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	obj := put(t, open(t, dir), "k", "content")
	again := open(t, dir)
	st, err := again.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if st.SHA256 != obj.SHA256 || st.ETag != obj.ETag {
		t.Errorf("Stat says %+v, Put said %+v", st, obj)
	}
	if err := os.WriteFile(filepath.Join(dir, "k"), []byte("CONTENT"), 0o600); err != nil {
		t.Fatal(err)
	}
	st, err = again.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if st.SHA256 != "" || st.ETag == obj.ETag {
		t.Errorf("after a change behind the store's back Stat says %+v", st)
	}
}

func TestAKeyIsAnObjectOrAFolder(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a/b", "x")
	for _, key := range []string{"a", "a/b/c", "a/b/c/d"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("y")); !errors.Is(err, storage.ErrBadKey) {
			t.Errorf("Put(%q) = %v, want ErrBadKey", key, err)
		}
	}
	if got := files(t, s.Dir()); len(got) != 1 {
		t.Errorf("there are %q", got)
	}
}

func TestDeletingPrunesEmptyFolders(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a/b/c/d", "x")
	put(t, s, "a/e", "x")
	if err := s.Delete(t.Context(), "a/b/c/d"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), "a", "b")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a/b is left: %v", err)
	}
	if _, err := s.DeletePrefix(t.Context(), "a/"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), "a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a is left: %v", err)
	}
}

func TestForeignFilesAreNoObjects(t *testing.T) {
	s := open(t, t.TempDir())
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.Dir(), "link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(s.Dir(), "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"link", "fifo"} {
		if _, err := s.Open(t.Context(), key); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Open(%q) = %v, want ErrNotExist", key, err)
		}
	}
	for obj, err := range s.List(t.Context(), "") {
		t.Errorf("List yields %+v, %v", obj, err)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Sys().(*syscall.Stat_t).Ino
}

func TestImportOfOneFileSystemIsARename(t *testing.T) {
	base := t.TempDir()
	s := open(t, filepath.Join(base, "store"))
	src := filepath.Join(base, "film.mov")
	if err := os.WriteFile(src, bytes.Repeat([]byte("film"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	before := inode(t, src)
	if _, err := s.Import(t.Context(), "k", src, storage.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := inode(t, filepath.Join(s.Dir(), "k")); after != before {
		t.Errorf("inode %d became %d: the file was copied", before, after)
	}
}

func TestImportDoesNotShareAFileWithItsOtherName(t *testing.T) {
	base := t.TempDir()
	s := open(t, filepath.Join(base, "store"))
	src, other := filepath.Join(base, "film.mov"), filepath.Join(base, "other.mov")
	if err := errors.Join(os.WriteFile(src, []byte("film"), 0o600), os.Link(src, other)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), "k", src, storage.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if inode(t, other) == inode(t, filepath.Join(s.Dir(), "k")) {
		t.Error("the object is the file that the other name still leads to")
	}
	if _, err := os.Stat(src); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the source is left: %v", err)
	}
}

func TestImportRefusesAFileThatIsStillWritten(t *testing.T) {
	base := t.TempDir()
	s := open(t, filepath.Join(base, "store"))
	src := filepath.Join(base, "film.mov")
	w, err := os.Create(src)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Access(src, unix.W_OK); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), "k", src, storage.ImportOptions{}); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("Import = %v, want ErrChanged", err)
	}
	if _, err := os.Stat(src); err != nil {
		t.Errorf("the source is gone: %v", err)
	}
}

// mountSmall mounts a file system of 4 MiB.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestImportFromAnotherFileSystemCopies(t *testing.T) {
	src := filepath.Join(mountSmall(t), "film.mov")
	content := bytes.Repeat([]byte("film"), 500_000)
	if err := os.WriteFile(src, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, t.TempDir())
	if _, err := s.Import(t.Context(), "k", src, storage.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(s.Dir(), "k"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("the object has %d bytes, %v", len(got), err)
	}
	if _, err := os.Stat(src); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the source is left: %v", err)
	}
}

func TestAFullDiskIsReported(t *testing.T) {
	dir := mountSmall(t)
	s := open(t, dir)
	put(t, s, "small", "fits")
	big := make([]byte, 8<<20)
	if _, err := s.Put(t.Context(), "big", bytes.NewReader(big)); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Put = %v, want ErrFull", err)
	}
	src := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(src, big, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), "big", src, storage.ImportOptions{}); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Import = %v, want ErrFull", err)
	}
	if _, err := os.Stat(src); err != nil {
		t.Errorf("the source: %v", err)
	}
	parts := []storage.Part{}
	put(t, s, "mib", string(big[:1<<20]))
	for range 8 {
		parts = append(parts, storage.Part{Key: "mib"})
	}
	if _, err := s.Concat(t.Context(), "big", nil, parts, false); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Concat = %v, want ErrFull", err)
	}
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("there are %q, want the two objects", got)
	}
	put(t, s, "another", "still fits")
}

func TestUnwritableFoldersAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/nowhere"} {
		if s, err := disk.Open(dir); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("Open(%q) = %v, %v; want an error that names it", dir, s, err)
		}
	}
}

func BenchmarkPut1MiB(b *testing.B) {
	s, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	content := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		if _, err := s.Put(b.Context(), "k", bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s, err := disk.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Put(b.Context(), "100/0_abcdefgh/1/0_ijklmnop/v.mp4", strings.NewReader("x")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Open(b.Context(), "100/0_abcdefgh/1/0_ijklmnop/v.mp4")
		if err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}

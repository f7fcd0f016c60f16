// Package storetest is what every store of a drop folder on another machine must do, tried on a real server.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// Server is a server whose folder lies on this machine, too.
type Server struct {
	// Dir is what the server shows.
	Dir string
	// Open opens the folder; connections are made by dial.
	Open func(ctx context.Context, dial remote.Dial, flat bool) (dropfolder.Store, error)
	// Whole says that the server shows complete files only.
	Whole bool
	// Ahead is how many bytes of a file may be under way beyond a few MiB.
	Ahead int
	// Put, when set, gives the server a file; else it is written into Dir.
	Put func(ctx context.Context, rel string, b []byte) error
}

// Direct connects without a guard: servers of tests are on this machine.
func Direct(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// Run tries a server. Its folder must be empty.
func Run(t *testing.T, s Server) {
	t.Run("lists the tree in batches", s.lists)
	t.Run("reads from any place", s.reads)
	t.Run("goes on after cuts", s.cuts)
	t.Run("tells a file that changed", s.changes)
	t.Run("removes", s.removes)
	t.Run("ends with its context", s.cancels)
	t.Run("is used by several at once", s.parallel)
}

func (s Server) open(t *testing.T, dial remote.Dial, flat bool) dropfolder.Store {
	t.Helper()
	st, err := s.Open(t.Context(), dial, flat)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func (s Server) write(t *testing.T, files map[string][]byte) {
	t.Helper()
	if s.Put == nil {
		Write(t, s.Dir, files)
		return
	}
	Write(t, s.Dir, nil)
	for rel, b := range files {
		if err := s.Put(t.Context(), rel, b); err != nil {
			t.Fatal(err)
		}
	}
}

// Write makes files in a directory, for whoever the server is; others are removed.
func Write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for rel, b := range files {
		path := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.IsDir() {
			return os.Chmod(path, 0o777)
		}
		return os.Chmod(path, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, st dropfolder.Store) map[string]int64 {
	t.Helper()
	got := map[string]int64{}
	err := st.List(t.Context(), func(batch []dropfolder.File) error {
		if len(batch) == 0 || len(batch) > dropfolder.ListBatch {
			return fmt.Errorf("a batch of %d", len(batch))
		}
		for _, f := range batch {
			if _, dup := got[f.Path]; dup {
				return fmt.Errorf("%q comes twice", f.Path)
			}
			if f.ModTime.IsZero() {
				return fmt.Errorf("%q has no time", f.Path)
			}
			got[f.Path] = f.Size
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (s Server) lists(t *testing.T) {
	files, want, top := map[string][]byte{}, map[string]int64{}, map[string]int64{}
	for i := range dropfolder.ListBatch + 50 {
		files[fmt.Sprintf("many/%04d.mov", i)] = []byte("x")
	}
	for _, rel := range []string{"a.mov", "with space.mov", "ö.mov", "d/e/f/g.mov", "d/a b/c.mov", "#%&+=.mov", "it's.mov"} {
		files[rel] = bytes.Repeat([]byte("y"), len(rel))
	}
	for rel, b := range files {
		want[rel] = int64(len(b))
		if filepath.Dir(rel) == "." {
			top[rel] = int64(len(b))
		}
	}
	Write(t, s.Dir, files)
	if !s.Whole {
		if err := os.Symlink("/etc/passwd", filepath.Join(s.Dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc", filepath.Join(s.Dir, "linked")); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, listed(t, s.open(t, Direct, false))); diff != "" {
		t.Errorf("the tree (-want +got):\n%s", diff)
	}
	flat := s.open(t, Direct, true)
	if diff := cmp.Diff(top, listed(t, flat)); diff != "" {
		t.Errorf("without sub-folders (-want +got):\n%s", diff)
	}
	stop := errors.New("enough")
	if err := flat.List(t.Context(), func([]dropfolder.File) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callee: %v", err)
	}
	for rel, size := range top {
		f, err := flat.Stat(t.Context(), rel)
		if err != nil || f.Size != size || f.Path != rel || f.Whole != s.Whole {
			t.Errorf("%q is %+v, %v", rel, f, err)
		}
	}
	for _, rel := range []string{"absent", "absent/x", "d", "../x", "", "a\nb"} {
		if _, err := flat.Stat(t.Context(), rel); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%q): %v", rel, err)
		}
	}
}

// Random returns n bytes.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

const (
	large = "d/large file.mov"
	size  = 5<<20 + 7
)

func (s Server) reads(t *testing.T) {
	want := Random(size)
	s.write(t, map[string][]byte{large: want, "empty": {}})
	st := s.open(t, Direct, false)
	for _, at := range []int64{0, 3<<20 + 1, size - 1, size} {
		got, err := read(t.Context(), st, large, at)
		if err != nil || !bytes.Equal(got, want[at:]) {
			t.Errorf("from byte %d on: %d bytes, %v", at, len(got), err)
		}
	}
	if got, err := read(t.Context(), st, "empty", 0); err != nil || len(got) != 0 {
		t.Errorf("of an empty file come %d bytes, %v", len(got), err)
	}
	if _, err := read(t.Context(), st, "absent", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	// One that is not read to its end, and then another.
	rc, err := st.Open(t.Context(), large, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(rc, make([]byte, 100)); err != nil {
		t.Error(err)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
	if got, err := read(t.Context(), st, large, size-10); err != nil || !bytes.Equal(got, want[size-10:]) {
		t.Errorf("after one that was broken off: %d bytes, %v", len(got), err)
	}
}

func read(ctx context.Context, st dropfolder.Store, rel string, at int64) ([]byte, error) {
	rc, err := st.Open(ctx, rel, at)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(rc)
	return b, errors.Join(err, rc.Close())
}

// cutter ends connections when so much came through all of them.
type cutter struct {
	left atomic.Int64 // negative: never
	cuts atomic.Int64
}

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := Direct(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{nc, c}, nil
}

type cutConn struct {
	net.Conn
	c *cutter
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if left := c.c.left.Add(-int64(n)); left <= 0 && left+int64(n) > 0 {
		c.c.cuts.Add(1)
		_ = c.Close()
	}
	return n, err
}

func (s Server) cuts(t *testing.T) {
	want := Random(size)
	s.write(t, map[string][]byte{large: want})
	c := &cutter{}
	st := s.open(t, c.dial, false)
	rc, err := st.Open(t.Context(), large, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	var got []byte
	buf := make([]byte, 100_000)
	for next := 0; ; {
		if len(got) >= next {
			c.left.Store(50_000) // and again and again
			next += size / 4
		}
		n, err := rc.Read(buf)
		got = append(got, buf[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes and %d cuts: %v", len(got), c.cuts.Load(), err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes come, not the file's", len(got))
	}
	if c.cuts.Load() == 0 {
		t.Error("nothing was cut")
	}
	c.left.Store(1)
	if l := listed(t, st); len(l) != 1 {
		t.Errorf("after a cut it lists %v", l)
	}
}

func (s Server) changes(t *testing.T) {
	size := 3*size + s.Ahead
	s.write(t, map[string][]byte{large: Random(size)})
	c := &cutter{}
	st := s.open(t, c.dial, false)
	rc, err := st.Open(t.Context(), large, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if _, err := io.ReadFull(rc, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	// Under the same name another file, of another size and time.
	s.replace(t, large, Random(size+1))
	c.left.Store(1) // so that it must be opened again
	if _, err := io.Copy(io.Discard, rc); !errors.Is(err, remote.ErrChanged) {
		t.Errorf("reading on: %v", err)
	}
}

func (s Server) replace(t *testing.T, rel string, b []byte) {
	t.Helper()
	if s.Put != nil {
		if err := s.Put(t.Context(), rel, b); err != nil {
			t.Fatal(err)
		}
		return
	}
	tmp, later := filepath.Join(s.Dir, "new"), time.Now().Add(time.Hour)
	err := errors.Join(os.WriteFile(tmp, b, 0o666), os.Chmod(tmp, 0o666), os.Chtimes(tmp, later, later), os.Rename(tmp, filepath.Join(s.Dir, rel)))
	if err != nil {
		t.Fatal(err)
	}
}

func (s Server) removes(t *testing.T) {
	s.write(t, map[string][]byte{"a.mov": []byte("a"), "d/b c.mov": []byte("b")})
	st := s.open(t, Direct, false)
	if err := st.Remove(t.Context(), "d/b c.mov"); err != nil {
		t.Fatal(err)
	}
	for _, rel := range []string{"d/b c.mov", "absent", "../x"} {
		if err := st.Remove(t.Context(), rel); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove(%q): %v", rel, err)
		}
	}
	if got := slices.Collect(maps.Keys(listed(t, st))); !slices.Equal(got, []string{"a.mov"}) {
		t.Errorf("left is %q", got)
	}
}

func (s Server) cancels(t *testing.T) {
	s.write(t, map[string][]byte{large: Random(size)})
	st := s.open(t, Direct, false)
	ctx, cancel := context.WithCancel(t.Context())
	rc, err := st.Open(ctx, large, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(rc, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := io.Copy(io.Discard, rc); err == nil && n+10 < size {
		t.Errorf("after %d bytes it ends as if it were whole", n)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
	if err := st.List(ctx, func([]dropfolder.File) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a listing: %v", err)
	}
	if _, err := st.Stat(t.Context(), large); err != nil {
		t.Errorf("and then: %v", err)
	}
}

func (s Server) parallel(t *testing.T) {
	want := Random(1 << 20)
	files := map[string][]byte{}
	for i := range 12 {
		files[fmt.Sprintf("%d.mov", i)] = want
	}
	s.write(t, files)
	st := s.open(t, Direct, false)
	done := make(chan error, len(files))
	for rel := range files {
		go func() {
			got, err := read(t.Context(), st, rel, 0)
			if err == nil && !bytes.Equal(got, want) {
				err = fmt.Errorf("%s: %d bytes come, not the file's", rel, len(got))
			}
			if _, serr := st.Stat(t.Context(), rel); err == nil {
				err = serr
			}
			done <- err
		}()
	}
	for range files {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// WantCode wants an error of a folder, of a kind.
func WantCode(t *testing.T, what string, err error, want dropfolder.FolderCode) {
	t.Helper()
	var e *dropfolder.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("%s: %v, want code %d", what, err, want)
	}
}

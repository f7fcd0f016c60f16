package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"sluice/storage"
)

func anObjectAppearsOnCommit(t *testing.T, s storage.Store) {
	w, err := s.Create(t.Context(), "dir/new")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	content := noise(1, 100_000)
	for b := content; len(b) > 0; {
		n := min(len(b), 777)
		if _, err := w.Write(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	mustNotExist(t, s, "dir/new")
	if got := keys(t, s, ""); len(got) != 0 {
		t.Errorf("before Commit there are %q", got)
	}
	obj, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if obj.Size != int64(len(content)) || obj.SHA256 != sumOf(content) {
		t.Errorf("Commit says %+v", obj)
	}
	same(t, "content", get(t, s, "dir/new"), content)
}

func anAbortedObjectNeverAppears(t *testing.T, s storage.Store) {
	for _, n := range []int{0, 10, 12 * mib} {
		w, err := s.Create(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(noise(1, n)); err != nil {
			t.Fatal(err)
		}
		if err := w.Abort(); err != nil {
			t.Errorf("Abort: %v", err)
		}
		mustNotExist(t, s, "k")
	}
}

func aWriterEndsOnce(t *testing.T, s storage.Store) {
	w, err := s.Create(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("Write after Commit succeeded")
	}
	if _, err := w.Commit(); err == nil {
		t.Error("a second Commit succeeded")
	}
	same(t, "k", get(t, s, "k"), []byte("whole"))

	w, err = s.Create(t.Context(), "k2")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := w.Commit(); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	mustNotExist(t, s, "k2")
}

func aBigObjectIsWrittenInPieces(t *testing.T, s storage.Store) {
	content := noise(9, 20*mib+321)
	w, err := s.Create(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(content)}, make([]byte, 333_333)); err != nil {
		t.Fatal(err)
	}
	obj, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if obj.Size != int64(len(content)) || obj.SHA256 != sumOf(content) {
		t.Errorf("Commit says %+v", obj)
	}
	st, err := s.Stat(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	if st.ETag != obj.ETag || st.SHA256 != obj.SHA256 {
		t.Errorf("Stat says %+v, Commit said %+v", st, obj)
	}
	same(t, "big", get(t, s, "big"), content)
	// Another object of that key does not inherit the sum.
	other := put(t, s, "big", content[:len(content)-1])
	if st, err := s.Stat(t.Context(), "big"); err != nil || st.SHA256 != other.SHA256 || st.SHA256 == obj.SHA256 {
		t.Errorf("after replacing, Stat says %+v, %v", st, err)
	}
}

// cancelAfter cancels when n bytes have been read.
type cancelAfter struct {
	r      io.Reader
	n      int
	cancel context.CancelFunc
}

func (c *cancelAfter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n -= n; c.n <= 0 {
		c.cancel()
	}
	return n, err
}

func cancellingStopsWriting(t *testing.T, s storage.Store) {
	for _, size := range []int{3 * mib, 24 * mib} {
		ctx, cancel := context.WithCancel(t.Context())
		r := &cancelAfter{r: bytes.NewReader(noise(1, size)), n: size / 2, cancel: cancel}
		if _, err := s.Put(ctx, "k", r); !errors.Is(err, context.Canceled) {
			t.Errorf("Put of %d bytes = %v, want context.Canceled", size, err)
		}
		mustNotExist(t, s, "k")
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("some")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write(noise(1, mib)); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want context.Canceled", err)
	}
	if _, err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit = %v, want context.Canceled", err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort: %v", err)
	}
	mustNotExist(t, s, "k")
}

func aFailedSourceLeavesNothing(t *testing.T, s storage.Store) {
	broken := errors.New("broken source")
	for _, n := range []int{0, 1000, 18 * mib} {
		r := io.MultiReader(bytes.NewReader(noise(1, n)), iotest.ErrReader(broken))
		if _, err := s.Put(t.Context(), "k", r); !errors.Is(err, broken) {
			t.Errorf("Put = %v, want the reader's error", err)
		}
		mustNotExist(t, s, "k")
	}
}

func writeFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func importTakesTheFileOver(t *testing.T, s storage.Store) {
	for _, n := range []int{0, 1000, 11*mib + 5} {
		content := noise(uint64(n), n)
		path := writeFile(t, content)
		last := int64(0)
		obj, err := s.Import(t.Context(), "in/file", path, storage.ImportOptions{
			SHA256: sumOf(content),
			Progress: func(done int64) {
				if done < last || done > int64(n) {
					t.Errorf("progress %d after %d of %d", done, last, n)
				}
				last = done
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if obj.Key != "in/file" || obj.Size != int64(n) || obj.SHA256 != sumOf(content) || obj.ETag == "" {
			t.Errorf("Import says %+v", obj)
		}
		if last != int64(n) {
			t.Errorf("progress ended at %d of %d", last, n)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the source is still there: %v", err)
		}
		if st, err := s.Stat(t.Context(), "in/file"); err != nil || st.SHA256 != obj.SHA256 || st.ETag != obj.ETag {
			t.Errorf("Stat says %+v, %v; Import said %+v", st, err, obj)
		}
		same(t, "content", get(t, s, "in/file"), content)
	}
}

func importKeepsTheFile(t *testing.T, s storage.Store) {
	content := noise(3, 2*mib)
	path := writeFile(t, content)
	obj, err := s.Import(t.Context(), "in/file", path, storage.ImportOptions{Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	if obj.SHA256 != sumOf(content) {
		t.Errorf("Import says %+v", obj)
	}
	same(t, "the source", readFile(t, path), content)
	if err := os.WriteFile(path, []byte("changed later"), 0o600); err != nil {
		t.Fatal(err)
	}
	same(t, "the object", get(t, s, "in/file"), content)
}

func importChecksTheSum(t *testing.T, s storage.Store) {
	content := noise(3, mib)
	for _, keep := range []bool{true, false} {
		path := writeFile(t, content)
		opts := storage.ImportOptions{Keep: keep, SHA256: sumOf([]byte("something else"))}
		if _, err := s.Import(t.Context(), "k", path, opts); !errors.Is(err, storage.ErrChecksum) {
			t.Errorf("Import = %v, want ErrChecksum", err)
		}
		mustNotExist(t, s, "k")
		same(t, "the source", readFile(t, path), content)
	}
}

func importRefusesWhatIsNoFile(t *testing.T, s storage.Store) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing"), os.DevNull} {
		if _, err := s.Import(t.Context(), "k", path, storage.ImportOptions{}); err == nil || errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Import(%q) = %v, want an error that is about the file", path, err)
		}
	}
	mustNotExist(t, s, "k")
}

func aCancelledImportLeavesTheFile(t *testing.T, s storage.Store) {
	content := noise(3, 12*mib)
	for _, keep := range []bool{true, false} {
		path := writeFile(t, content)
		ctx, cancel := context.WithCancel(t.Context())
		opts := storage.ImportOptions{Keep: keep, Progress: func(int64) { cancel() }}
		if _, err := s.Import(ctx, "k", path, opts); !errors.Is(err, context.Canceled) {
			t.Errorf("Import = %v, want context.Canceled", err)
		}
		cancel()
		mustNotExist(t, s, "k")
		same(t, "the source", readFile(t, path), content)
	}
}

func anImportOfAGrowingFileFails(t *testing.T, s storage.Store) {
	for _, keep := range []bool{true, false} {
		path := writeFile(t, noise(3, 4*mib))
		grown := false
		opts := storage.ImportOptions{Keep: keep, Progress: func(int64) {
			if grown {
				return
			}
			grown = true
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				_, err = f.WriteString("tail")
			}
			if err := errors.Join(err, f.Close()); err != nil {
				t.Error(err)
			}
		}}
		if _, err := s.Import(t.Context(), "k", path, opts); !errors.Is(err, storage.ErrChanged) {
			t.Errorf("Import = %v, want ErrChanged", err)
		}
		mustNotExist(t, s, "k")
		if st, err := os.Stat(path); err != nil || st.Size() != 4*mib+4 {
			t.Errorf("the source: %v, %v", st, err)
		}
	}
}

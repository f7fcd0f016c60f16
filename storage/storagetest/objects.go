package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"sluice/storage"
)

const mib = 1 << 20

func objectsComeBackAsPut(t *testing.T, s storage.Store) {
	for _, n := range []int{0, 1, 4095, mib - 1, mib, mib + 1, 3*mib + 7} {
		content := noise(uint64(n), n)
		obj := put(t, s, "100/0_entry/1/asset/file.bin", content)
		if obj.Key != "100/0_entry/1/asset/file.bin" || obj.Size != int64(n) || obj.SHA256 != sumOf(content) || obj.ETag == "" ||
			obj.ModTime.IsZero() {
			t.Errorf("Put of %d bytes says %+v", n, obj)
		}
		st, err := s.Stat(t.Context(), obj.Key)
		if err != nil {
			t.Fatal(err)
		}
		if st.SHA256 != obj.SHA256 || st.ETag != obj.ETag || st.Size != obj.Size || st.Key != obj.Key {
			t.Errorf("Stat differs from Put: %s", cmp.Diff(obj, st))
		}
		same(t, "content", get(t, s, obj.Key), content)
	}
}

func bytesAreReadAtAnyRange(t *testing.T, s storage.Store) {
	content := noise(1, 3*mib+12345)
	put(t, s, "a/b", content)
	r, err := s.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	size := int64(len(content))
	if h, ok := r.(storage.Hinter); ok {
		h.Hint(mib/2, mib)
		h.Hint(-5, 10)
		h.Hint(size-1, 1<<40)
		h.Hint(size+5, 1)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		off := rng.Int64N(size)
		n := min(rng.Int64N(2*mib), size-off)
		buf := make([]byte, n)
		if got, err := r.ReadAt(buf, off); int64(got) != n || err != nil && err != io.EOF {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, got, err)
		}
		same(t, "range", buf, content[off:off+n])
	}
	for _, c := range []struct {
		off  int64
		n    int
		want int
	}{{size - 3, 10, 3}, {size, 10, 0}, {size + 100, 10, 0}} {
		if got, err := r.ReadAt(make([]byte, c.n), c.off); got != c.want || err != io.EOF {
			t.Errorf("ReadAt(%d bytes, %d) = %d, %v; want %d, EOF", c.n, c.off, got, err, c.want)
		}
	}
	if n, err := r.ReadAt(make([]byte, 1), -1); n != 0 || err == nil || err == io.EOF {
		t.Errorf("ReadAt before the start = %d, %v; want an error", n, err)
	}
	if n, err := r.ReadAt(nil, 5); n != 0 || err != nil {
		t.Errorf("ReadAt of nothing = %d, %v", n, err)
	}
	if r.Path() != "" {
		onDisk := readFile(t, r.Path())
		same(t, "the file at Path", onDisk, content)
	}
	small := content[:5000]
	put(t, s, "a/small", small)
	rs, err := s.Open(t.Context(), "a/small")
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	if err := iotest.TestReader(io.NewSectionReader(rs, 0, 5000), small); err != nil {
		t.Error(err)
	}
}

func manyReadersShareAReader(t *testing.T, s storage.Store) {
	content := noise(2, 4*mib)
	put(t, s, "shared", content)
	r, err := s.Open(t.Context(), "shared")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(i)))
			for range 20 {
				off := rng.Int64N(3 * mib)
				buf := make([]byte, rng.IntN(mib))
				if _, err := r.ReadAt(buf, off); err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(buf, content[off:off+int64(len(buf))]) {
					t.Errorf("wrong bytes at %d", off)
				}
			}
		})
	}
	wg.Wait()
}

func whatIsNotThereDoesNotExist(t *testing.T, s storage.Store) {
	put(t, s, "a/b", []byte("x"))
	for _, key := range []string{"nothing", "a", "a/b/c", "a/b2", "A/b"} {
		mustNotExist(t, s, key)
		if r, err := s.Open(t.Context(), key); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("Open(%q) = %v, %v; want ErrNotExist", key, r, err)
		} else if !strings.Contains(err.Error(), key) {
			t.Errorf("Open(%q): %v: does not name it", key, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
	same(t, "a/b", get(t, s, "a/b"), []byte("x"))
}

func badKeysAreRefused(t *testing.T, s storage.Store) {
	file := writeFile(t, []byte("x"))
	for _, key := range []string{
		"", "/abs", "a//b", "../up", "a/../../up", "a/.", "nul\x00", "line\nfeed", "a/", "bad\xff", strings.Repeat("k", 2000),
		".sluice-tmp/x",
	} {
		ctx := t.Context()
		for op, call := range map[string]func() error{
			"Put":    func() error { _, err := s.Put(ctx, key, strings.NewReader("x")); return err },
			"Create": func() error { _, err := s.Create(ctx, key); return err },
			"Import": func() error { _, err := s.Import(ctx, key, file, storage.ImportOptions{}); return err },
			"Open":   func() error { _, err := s.Open(ctx, key); return err },
			"Stat":   func() error { _, err := s.Stat(ctx, key); return err },
			"Delete": func() error { return s.Delete(ctx, key) },
			"Concat": func() error { _, err := s.Concat(ctx, key, []byte("x"), nil, false); return err },
		} {
			if err := call(); !errors.Is(err, storage.ErrBadKey) {
				t.Errorf("%s(%.20q) = %v, want ErrBadKey", op, key, err)
			}
		}
	}
	for _, prefix := range []string{"/", "../", "a/../", "a//"} {
		for _, err := range s.List(t.Context(), prefix) {
			if !errors.Is(err, storage.ErrBadKey) {
				t.Errorf("List(%q) = %v, want ErrBadKey", prefix, err)
			}
		}
	}
	same(t, "the file", readFile(t, file), []byte("x"))
	if got := keys(t, s, ""); len(got) != 0 {
		t.Errorf("objects were made: %q", got)
	}
}

func oddKeysComeBackByteForByte(t *testing.T, s storage.Store) {
	want := []string{
		"odd/ lead", "odd/a b", "odd/%2e%2e%2fx", "odd/-rf", "odd/@file", "odd/$(id)", "odd/a+b", "odd/a&b=c", "odd/a'b", "odd/a;b",
		"odd/.hidden", "odd/trail.", "odd/img%03d.png", "odd/#1?x", "odd/café", "odd/cafe\u0301", "odd/日本語", "odd/שלום", "odd/👩‍👧",
		"odd/\u200bzero", "odd/" + strings.Repeat("n", 255), "odd/x:y", "odd/[1]{2}", "odd/~tilde", "odd/…",
	}
	slices.Sort(want)
	for _, key := range want {
		put(t, s, key, []byte(key))
	}
	if diff := cmp.Diff(want, keys(t, s, "odd/")); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	for _, key := range want {
		same(t, key, get(t, s, key), []byte(key))
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
		mustNotExist(t, s, key)
	}
}

func replacingChangesTheETag(t *testing.T, s storage.Store) {
	one, two := noise(1, 2*mib), noise(2, 2*mib)
	a := put(t, s, "k", one)
	r, err := s.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := put(t, s, "k", two)
	if a.ETag == b.ETag {
		t.Errorf("both contents have the ETag %q", a.ETag)
	}
	same(t, "k", get(t, s, "k"), two)
	old := make([]byte, len(one))
	if _, err := r.ReadAt(old, 0); errors.Is(err, storage.ErrChanged) {
		return
	} else if err != nil && err != io.EOF {
		t.Fatalf("reading on: %v", err)
	}
	same(t, "the reader opened before", old, one)
}

func concurrentWritersOfAKeyLeaveOneWhole(t *testing.T, s storage.Store) {
	contend(t, s, false)
}

// ReadersNeverMix tests that a reader of a key that is being replaced gets one of its objects, whole. It is not part of Run:
// the S3 server of the tests looks up an object's ETag and opens its file in two steps, so that there one answer may carry
// the validator of one object and the bytes of the next.
func ReadersNeverMix(t *testing.T, s storage.Store) { contend(t, s, true) }

func contend(t *testing.T, s storage.Store, readers bool) {
	const writers = 6
	content := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 700_000+i) }
	check := func(b []byte) {
		if i := int(b[0] - 'a'); i < 0 || i >= writers || !bytes.Equal(b, content(i)) {
			t.Errorf("a mixture of %d bytes was read", len(b))
		}
	}
	put(t, s, "k", content(0))
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range 3 {
				if _, err := s.Put(t.Context(), "k", bytes.NewReader(content(i))); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
		if !readers {
			continue
		}
		wg.Go(func() {
			for range 3 {
				b, err := read(t.Context(), s, "k")
				if errors.Is(err, storage.ErrChanged) {
					continue
				}
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				check(b)
			}
		})
	}
	wg.Wait()
	check(get(t, s, "k"))
}

func aHealthyStoreIsHealthy(t *testing.T, s storage.Store) {
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := keys(t, s, ""); len(got) != 0 {
		t.Errorf("Check left %q", got)
	}
}

func aCancelledContextIsRefused(t *testing.T, s storage.Store) {
	put(t, s, "k", []byte("x"))
	file := writeFile(t, []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, call := range map[string]func() error{
		"Put":          func() error { _, err := s.Put(ctx, "k", strings.NewReader("y")); return err },
		"Import":       func() error { _, err := s.Import(ctx, "k", file, storage.ImportOptions{}); return err },
		"Open":         func() error { _, err := s.Open(ctx, "k"); return err },
		"Stat":         func() error { _, err := s.Stat(ctx, "k"); return err },
		"Delete":       func() error { return s.Delete(ctx, "k") },
		"DeletePrefix": func() error { _, err := s.DeletePrefix(ctx, "k/"); return err },
		"Concat":       func() error { _, err := s.Concat(ctx, "k", nil, []storage.Part{{Key: "k"}}, false); return err },
		"Check":        func() error { return s.Check(ctx) },
		"List": func() error {
			for _, err := range s.List(ctx, "") {
				return err
			}
			return nil
		},
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", op, err)
		}
	}
	same(t, "k", get(t, s, "k"), []byte("x"))
	same(t, "the file", readFile(t, file), []byte("x"))
}

func readersOutliveTheContextTheyOpenedWith(t *testing.T, s storage.Store) {
	content := noise(5, 2*mib)
	put(t, s, "k", content)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Open(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	got := make([]byte, len(content))
	if _, err := r.ReadAt(got, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	same(t, "content", got, content)
}

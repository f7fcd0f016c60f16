package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"sluice/storage"
	"sluice/storage/cache"
)

const block = 1 << 10

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string, maxBlocks int64) *cache.Cache {
	t.Helper()
	c, err := cache.Open(cache.Options{Dir: dir, MaxBytes: maxBlocks * block, BlockSize: block})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// remote is an object that records what is asked of it.
type remote struct {
	id      string
	content []byte
	gate    chan struct{}                         // when set, a fetch waits for it
	broken  func(try int, off int64) (int, error) // when set, how many bytes come before which error

	mu       sync.Mutex
	requests []string
	ended    int // fetches whose context ended
}

func newRemote(id string, size int) *remote {
	b := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(len(id)), id[0]})
	_, _ = rng.Read(b)
	return &remote{id: id, content: b}
}

func (r *remote) source() cache.Source {
	return cache.Source{ID: r.id, Size: int64(len(r.content)), Fetch: r.fetch}
}

func (r *remote) fetch(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	r.mu.Lock()
	try := len(r.requests)
	r.requests = append(r.requests, fmt.Sprintf("%d+%d", off, n))
	r.mu.Unlock()
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-ctx.Done():
			r.mu.Lock()
			r.ended++
			r.mu.Unlock()
			return nil, ctx.Err()
		}
	}
	body := io.Reader(bytes.NewReader(r.content[off : off+n]))
	if r.broken != nil {
		come, err := r.broken(try, off)
		if err != nil && come == 0 {
			return nil, err
		}
		if err != nil {
			body = io.MultiReader(io.LimitReader(body, int64(come)), failing{err})
		}
	}
	return io.NopCloser(body), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (r *remote) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.requests...)
}

func readAt(t *testing.T, c *cache.Cache, r *remote, off, n int64) {
	t.Helper()
	rd := c.Reader(r.source())
	defer rd.Close()
	buf := make([]byte, n)
	if got, err := rd.ReadAt(buf, off); err != nil || int64(got) != n {
		t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, got, err)
	}
	if !bytes.Equal(buf, r.content[off:off+n]) {
		t.Fatalf("ReadAt(%d bytes, %d): wrong bytes", n, off)
	}
}

func TestABlockTravelsOnce(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 10*block+100)
	readAt(t, c, r, 5, 10)
	readAt(t, c, r, 500, 100)
	readAt(t, c, r, 10, 3*block)      // blocks 1..3 are new
	readAt(t, c, r, 9*block, block+1) // blocks 9 and 10
	readAt(t, c, r, 3*block, 6*block) // blocks 4..8
	readAt(t, c, r, 0, 10*block+100)
	want := []string{"0+1024", "1024+3072", "9216+1124", "4096+5120"}
	if diff := cmp.Diff(want, r.asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestMissingNeighboursTravelTogetherAroundWhatIsThere(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 10*block)
	readAt(t, c, r, 5*block, 1)
	readAt(t, c, r, 0, 10*block)
	want := map[string]bool{"5120+1024": true, "0+5120": true, "6144+4096": true}
	for _, q := range r.asked() {
		if !want[q] {
			t.Errorf("unexpected request %s", q)
		}
		delete(want, q)
	}
	if len(want) != 0 {
		t.Errorf("not requested: %v", want)
	}
}

func TestReadersWhoMissTogetherShareTheFetch(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 4*block)
	r.gate = make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { readAt(t, c, r, 0, 4*block) })
	}
	until(t, func() bool { return len(r.asked()) > 0 })
	close(r.gate)
	wg.Wait()
	if got := r.asked(); len(got) != 1 {
		t.Errorf("requests %v, want one", got)
	}
}

// until polls: what it waits for happens in another goroutine.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never happened")
		}
	}
}

func TestAnotherETagIsAnotherObject(t *testing.T) {
	c := open(t, t.TempDir(), 100)
	one, two := newRemote("key etag1", 2*block), newRemote("key etag22", 2*block)
	readAt(t, c, one, 0, 2*block)
	readAt(t, c, two, 0, 2*block)
	readAt(t, c, one, 0, 2*block)
	if len(one.asked()) != 1 || len(two.asked()) != 1 {
		t.Errorf("requests %v and %v", one.asked(), two.asked())
	}
}

func TestAHintFetchesAhead(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 20*block)
	rd := c.Reader(r.source())
	defer rd.Close()
	rd.Hint(100, 9*block)
	rd.Hint(2*block, 5*block) // nothing new
	until(t, func() bool { return len(r.asked()) == 1 })
	buf := make([]byte, 8*block)
	if _, err := rd.ReadAt(buf, 100); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf, r.content[100:100+8*block]) {
		t.Error("wrong bytes")
	}
	if diff := cmp.Diff([]string{"0+10240"}, r.asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestReadingInARowFetchesAhead(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 20*block)
	rd := c.Reader(r.source())
	defer rd.Close()
	buf := make([]byte, block/4)
	for off := int64(0); off < 4*block; off += int64(len(buf)) {
		if _, err := rd.ReadAt(buf, off); err != nil || !bytes.Equal(buf, r.content[off:off+int64(len(buf))]) {
			t.Fatalf("ReadAt(%d): %v or wrong bytes", off, err)
		}
	}
	until(t, func() bool { return strings.Contains(strings.Join(r.asked(), " "), fmt.Sprint(7*block, "+")) })
	// Jumping about does not.
	before := len(r.asked())
	for _, at := range []int64{15, 10, 17, 12} {
		if _, err := rd.ReadAt(buf, at*block); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.asked()) - before; got > 4 {
		t.Errorf("%d requests for 4 jumps", got)
	}
}

func TestHintsAreBounded(t *testing.T) {
	c, r := open(t, t.TempDir(), 1000), newRemote("a", 200*block)
	r.gate = make(chan struct{})
	rd := c.Reader(r.source())
	defer rd.Close()
	for i := range int64(100) {
		rd.Hint(i*2*block, 1)
	}
	until(t, func() bool { return len(r.asked()) == 16 })
	close(r.gate)
	readAt(t, c, r, 0, 200*block)
}

func TestClosingAReaderEndsWhatOnlyItWants(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 20*block)
	r.gate = make(chan struct{})
	a, b := c.Reader(r.source()), c.Reader(r.source())
	defer b.Close()
	a.Hint(10*block, block)
	got := make(chan error)
	read := func(rd *cache.Reader) {
		_, err := rd.ReadAt(make([]byte, block), 0)
		got <- err
	}
	go read(a)
	until(t, func() bool { return len(r.asked()) == 2 })
	go read(b)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the closed reader's read ends with %v, want os.ErrClosed", err)
	}
	close(r.gate)
	if err := <-got; err != nil {
		t.Errorf("the other reader's read ends with %v", err)
	}
	if _, err := a.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("ReadAt after Close = %v", err)
	}
}

func TestClosingTheOnlyReaderCancelsTheFetch(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 20*block)
	r.gate = make(chan struct{})
	rd := c.Reader(r.source())
	rd.Hint(0, 20*block)
	until(t, func() bool { return len(r.asked()) == 1 })
	if err := rd.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.ended == 1 })
	close(r.gate)
	readAt(t, c, r, 0, 20*block)
}

func TestABrokenStreamGoesOnWhereItBroke(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 5*block)
	r.broken = func(try int, _ int64) (int, error) {
		if try == 0 {
			return 2*block + 100, io.ErrUnexpectedEOF
		}
		return 0, nil
	}
	readAt(t, c, r, 0, 5*block)
	if diff := cmp.Diff([]string{"0+5120", "2048+3072"}, r.asked()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestFailuresAreReportedAndNotKept(t *testing.T) {
	c, r := open(t, t.TempDir(), 100), newRemote("a", 5*block)
	r.broken = func(try int, _ int64) (int, error) {
		if try == 0 {
			return 0, storage.ErrChanged
		}
		return 0, nil
	}
	rd := c.Reader(r.source())
	defer rd.Close()
	if n, err := rd.ReadAt(make([]byte, 10), 0); !errors.Is(err, storage.ErrChanged) || n != 0 {
		t.Errorf("ReadAt = %d, %v; want ErrChanged", n, err)
	}
	readAt(t, c, r, 0, 5*block)
}

func TestManyReadersOfManyObjectsInASmallCache(t *testing.T) {
	c := open(t, t.TempDir(), 8)
	var rs []*remote
	for i := range 4 {
		rs = append(rs, newRemote(strings.Repeat("x", i+1), 16*block+i))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for range 60 {
				r := rs[rng.IntN(len(rs))]
				rd := c.Reader(r.source())
				if rng.IntN(3) == 0 {
					rd.Hint(rng.Int64N(16*block), 6*block)
				}
				off := rng.Int64N(15 * block)
				buf := make([]byte, 1+rng.IntN(int(16*block-off)))
				if _, err := rd.ReadAt(buf, off); err != nil || !bytes.Equal(buf, r.content[off:off+int64(len(buf))]) {
					t.Errorf("ReadAt(%d bytes, %d): %v or wrong bytes", len(buf), off, err)
				}
				_ = rd.Close()
			}
		})
	}
	wg.Wait()
}

func TestBadOptionsAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []cache.Options{{Dir: file}, {Dir: t.TempDir(), MaxBytes: 10}, {Dir: t.TempDir(), MaxBytes: -1}, {Dir: t.TempDir(), BlockSize: -1}} {
		if c, err := cache.Open(opts); err == nil || !strings.Contains(err.Error(), opts.Dir) {
			t.Errorf("Open(%+v) = %v, %v; want an error that names the folder", opts, c, err)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	c, err := cache.Open(cache.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := newRemote("a", 4<<20)
	rd := c.Reader(r.source())
	defer rd.Close()
	buf := make([]byte, 256<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if _, err := rd.ReadAt(buf, i%15*int64(len(buf))); err != nil {
			b.Fatal(err)
		}
	}
}

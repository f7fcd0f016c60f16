package cache

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Defaults of Options.
const (
	DefaultMaxBytes  = 8 << 30
	DefaultBlockSize = 1 << 20
	// maxFetch bounds one request, and with it the memory of a run of blocks.
	maxFetch = 8 << 20
	// maxHint bounds what one Hint starts to fetch: a few segments of the largest rung.
	maxHint = 64 << 20
	// maxHints bounds the requests that hints have under way; a hint that finds none free is dropped.
	maxHints = 16
	// touchEvery is how stale the time of last use on disk, which only a restart needs, may be.
	touchEvery = time.Minute
)

// Options of a cache.
type Options struct {
	Dir       string
	MaxBytes  int64 // 0 means DefaultMaxBytes
	BlockSize int64 // 0 means DefaultBlockSize
}

// Cache keeps blocks of remote objects. It is safe for concurrent use.
type Cache struct {
	dir   string
	lock  *os.File
	max   int64
	block int64

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	runs   sync.WaitGroup
	hints  chan struct{}

	mu      sync.Mutex // guards what is below
	blocks  map[blockID]*block
	lru     *list.List // of *block, last used first
	bytes   int64
	flights map[blockID]*flight
	closed  bool
}

// blockID names a block for good.
type blockID struct {
	source [16]byte
	index  int64
}

// block is a stored block.
type block struct {
	id      blockID
	size    int64
	sum     uint32
	trusted bool // its sum was computed or compared by this process
	used    time.Time
	touched time.Time
	elem    *list.Element
}

// Source is a remote object that never changes under its ID.
type Source struct {
	// ID names the bytes: store, key and ETag together.
	ID   string
	Size int64
	// Fetch returns bytes [off, off+n); the stream may break off early, and is then asked for again from there on.
	Fetch func(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

// Open opens the cache in opts.Dir with the blocks that are there.
func Open(opts Options) (*Cache, error) {
	c := &Cache{
		max: opts.MaxBytes, block: opts.BlockSize,
		hints: make(chan struct{}, maxHints), lru: list.New(),
		blocks: map[blockID]*block{}, flights: map[blockID]*flight{},
	}
	if c.max == 0 {
		c.max = DefaultMaxBytes
	}
	if c.block == 0 {
		c.block = DefaultBlockSize
	}
	if c.max < c.block || c.block < 0 {
		return nil, fmt.Errorf("open block cache %q: %d bytes do not hold a block of %d", opts.Dir, c.max, c.block)
	}
	var err error
	if c.dir, c.lock, err = takeFolder(opts.Dir); err != nil {
		return nil, fmt.Errorf("open block cache %q: %w", opts.Dir, err)
	}
	if err := c.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open block cache %q: %w", opts.Dir, err), c.lock.Close())
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// takeFolder locks the first numbered folder below dir that no other process has.
func takeFolder(dir string) (string, *os.File, error) {
	const most = 64
	for i := range most {
		sub := filepath.Join(dir, strconv.Itoa(i))
		if err := os.MkdirAll(sub, 0o750); err != nil {
			return "", nil, err
		}
		lock, err := os.OpenFile(filepath.Join(sub, "lock"), os.O_RDWR|os.O_CREATE, 0o640)
		if err != nil {
			return "", nil, err
		}
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return sub, lock, nil
		}
		_ = lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("%d processes use it already", most)
}

// Close ends every fetch and waits for it; readers fail from then on.
func (c *Cache) Close() error {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	held := c.bytes
	c.mu.Unlock()
	if was {
		return nil
	}
	c.cancel()
	c.runs.Wait()
	cachedBytes.Sub(float64(held))
	return c.lock.Close()
}

// sourceID names the source's blocks. Their size is part of it: blocks of another size are other bytes.
func (c *Cache) sourceID(id string) [16]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", c.block, id))
	return [16]byte(sum[:16])
}

// keep enters a block whose file is in place, and makes room for it.
func (c *Cache) keep(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.blocks[b.id]; old != nil {
		c.forget(old, old.sum != b.sum)
	}
	c.evict(c.max - b.size)
	b.elem = c.lru.PushFront(b)
	c.blocks[b.id] = b
	c.grow(b.size)
}

// find returns the block and marks it as used, or nil.
func (c *Cache) find(id blockID) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.blocks[id]
	if b == nil {
		return nil
	}
	c.lru.MoveToFront(b.elem)
	b.used = time.Now()
	if b.used.Sub(b.touched) > touchEvery {
		b.touched = b.used
		_ = os.Chtimes(c.file(b), b.used, b.used)
	}
	return b
}

// drop forgets a block that turned out to be unusable.
func (c *Cache) drop(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocks[b.id] == b {
		c.forget(b, true)
	}
}

// evict removes the blocks used longest ago until at most limit bytes are left. The caller holds the lock.
func (c *Cache) evict(limit int64) {
	for c.bytes > limit {
		last := c.lru.Back()
		if last == nil {
			return
		}
		c.forget(last.Value.(*block), true)
		evictions.Inc()
	}
}

func (c *Cache) forget(b *block, remove bool) {
	delete(c.blocks, b.id)
	c.lru.Remove(b.elem)
	c.grow(-b.size)
	if remove {
		file := c.file(b)
		_ = os.Remove(file)
		_ = unix.Rmdir(filepath.Dir(file))
	}
}

func (c *Cache) grow(n int64) {
	c.bytes += n
	if !c.closed {
		cachedBytes.Add(float64(n))
	}
}

package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

var errClosed = fmt.Errorf("block cache: %w", os.ErrClosed)

// Reader reads a source through the cache. It is safe for concurrent use.
type Reader struct {
	cache  *Cache
	source Source
	id     [16]byte

	once   sync.Once
	closed chan struct{}

	mu     sync.Mutex
	hinted []*run // released at Close
	next   int64  // where the last read ended
	row    int64  // bytes read in a row up to there
}

// Reader returns a reader of src. Close releases it.
func (c *Cache) Reader(src Source) *Reader {
	return &Reader{cache: c, source: src, id: c.sourceID(src.ID), closed: make(chan struct{})}
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d: negative offset", off)
	}
	select {
	case <-r.closed:
		return 0, errClosed
	default:
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= r.source.Size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), r.source.Size-off)
	r.readAhead(off, want)
	// A long read goes in steps, so that what is on its way stays bounded; the next step travels meanwhile.
	done := int64(0)
	for done < want {
		n := min(want-done, maxFetch)
		if rest := min(want-done-n, maxFetch); rest > 0 {
			r.Hint(off+done+n, rest)
		}
		got, err := r.readStep(p[done:done+n], off+done)
		done += int64(got)
		if err != nil {
			return int(done), err
		}
	}
	if done < int64(len(p)) {
		return int(done), io.EOF
	}
	return int(done), nil
}

// readAhead fetches beyond a reader who goes through the object from end to end, as a demuxer does: from the third block
// that was read in a row, the next four are under way.
func (r *Reader) readAhead(off, n int64) {
	const after, ahead = 2, 4
	block := r.cache.block
	r.mu.Lock()
	if off == r.next {
		r.row += n
	} else {
		r.row = 0
	}
	r.next = off + n
	row := r.row
	r.mu.Unlock()
	if row >= after*block && (off%block == 0 || off/block != (off+n)/block) {
		r.Hint(off+n, ahead*block)
	}
}

// readStep reads a range that lies within the source.
func (r *Reader) readStep(p []byte, off int64) (int, error) {
	c := r.cache
	first, last := off/c.block, (off+int64(len(p))-1)/c.block
	cl, err := c.want(&r.source, r.id, first, last, false)
	if err != nil {
		return 0, err
	}
	defer c.release(cl.runs)
	done := 0
	for i, f := range cl.flights {
		index := first + int64(i)
		from := off + int64(done) - index*c.block
		n := min(int64(len(p)-done), c.block-from)
		if err := r.readBlock(p[done:done+int(n)], index, from, f); err != nil {
			return done, err
		}
		done += int(n)
	}
	return done, nil
}

// readBlock fills p from offset from of a block, which is on its way (f) or at hand (f is nil).
func (r *Reader) readBlock(p []byte, index, from int64, f *flight) error {
	if f != nil {
		return r.await(p, from, f)
	}
	c := r.cache
	size := min(c.block, r.source.Size-index*c.block)
	for {
		b := c.find(blockID{source: r.id, index: index})
		if b != nil {
			err := c.read(b, p, from, size)
			if err == nil {
				return nil
			}
			// Thrown out since we looked, or damaged: either way it must come anew.
			if errors.Is(err, errCorrupt) {
				corruptions.Inc()
			}
			c.drop(b)
		}
		cl, err := c.want(&r.source, r.id, index, index, false)
		if err != nil {
			return err
		}
		if f := cl.flights[0]; f != nil {
			defer c.release(cl.runs)
			return r.await(p, from, f)
		}
	}
}

func (r *Reader) await(p []byte, from int64, f *flight) error {
	select {
	case <-f.done:
	case <-r.closed:
		return errClosed
	}
	if f.err != nil {
		return f.err
	}
	copy(p, f.data[from:])
	return nil
}

// Hint starts to fetch what is missing of bytes [off, off+n), as far as there is room for it.
func (r *Reader) Hint(off, n int64) {
	if off < 0 || off >= r.source.Size || n <= 0 {
		return
	}
	n = min(n, r.source.Size-off, maxHint)
	c := r.cache
	cl, err := c.want(&r.source, r.id, off/c.block, (off+n-1)/c.block, true)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if isClosed(r.closed) {
		c.release(cl.runs)
		return
	}
	r.hinted = append(c.unended(r.hinted), cl.runs...)
}

func isClosed(ch chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// Close ends the reads that wait, and what only this reader fetches.
func (r *Reader) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cache.release(r.hinted)
		r.hinted = nil
	})
	return nil
}

package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"sluice/storage"
)

// flight is a block on its way. Its data stays readable after it has landed.
type flight struct {
	run  *run
	done chan struct{} // closed when data or err is set
	data []byte
	err  error
}

// run is one request for neighbouring blocks. It is cancelled when nobody wants any of them any more.
type run struct {
	cache   *Cache
	source  *Source
	ids     []blockID
	flights []*flight
	cancel  context.CancelFunc
	wanted  int  // claims that wait for it or hinted at it; guarded by Cache.mu
	ended   bool // guarded by Cache.mu
}

// claim is a caller's hold on neighbouring blocks: a flight for each, or nil where the block is at hand. The runs that it
// waits for go on until it is released.
type claim struct {
	flights []*flight
	runs    []*run
}

func (cl *claim) add(i int64, f *flight) {
	cl.flights[i] = f
	if n := len(cl.runs); n == 0 || cl.runs[n-1] != f.run {
		f.run.wanted++
		cl.runs = append(cl.runs, f.run)
	}
}

// want makes sure that the blocks first..last are on their way or at hand. With hint, it starts only what finds a free
// place.
func (c *Cache) want(src *Source, id [16]byte, first, last int64, hint bool) (claim, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return claim{}, errClosed
	}
	cl := claim{flights: make([]*flight, last-first+1)}
	var missing []blockID
	perRun := int(max(1, maxFetch/c.block))
	flush := func() {
		for len(missing) > 0 {
			n := min(len(missing), perRun)
			r := c.start(src, missing[:n], hint)
			missing = missing[n:]
			if r == nil {
				continue
			}
			for i, f := range r.flights {
				cl.add(r.ids[i].index-first, f)
			}
		}
	}
	for i := first; i <= last; i++ {
		b := blockID{source: id, index: i}
		f := c.flights[b]
		switch {
		case c.blocks[b] != nil:
			blocksRead.WithLabelValues("hit").Inc()
		case f != nil:
			blocksRead.WithLabelValues("joined").Inc()
			cl.add(i-first, f)
		default:
			if !hint {
				blocksRead.WithLabelValues("miss").Inc()
			}
			missing = append(missing, b)
			continue
		}
		flush()
	}
	flush()
	return cl, nil
}

// start begins to fetch neighbouring blocks; nil if it is a hint and there is no place for it. The caller holds the lock.
func (c *Cache) start(src *Source, ids []blockID, hint bool) *run {
	if hint {
		select {
		case c.hints <- struct{}{}:
		default:
			return nil
		}
	}
	ctx, cancel := context.WithCancel(c.ctx)
	r := &run{cache: c, source: src, ids: append([]blockID(nil), ids...), cancel: cancel}
	for _, id := range ids {
		f := &flight{run: r, done: make(chan struct{})}
		r.flights = append(r.flights, f)
		c.flights[id] = f
	}
	c.runs.Go(func() {
		defer cancel()
		if hint {
			defer func() { <-c.hints }()
		}
		r.fetch(ctx)
	})
	return r
}

// release ends the caller's hold on the runs. One that nobody holds is cancelled; what it has not delivered leaves the
// table, so that nobody joins it.
func (c *Cache) release(runs []*run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range runs {
		if r.wanted--; r.wanted > 0 || r.ended {
			continue
		}
		r.cancel()
		for i, f := range r.flights {
			if !isClosed(f.done) {
				c.land(r.ids[i], f)
			}
		}
	}
}

// unended returns the runs that still go on, in the slice that it is given.
func (c *Cache) unended(runs []*run) []*run {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := runs[:0]
	for _, r := range runs {
		if !r.ended {
			kept = append(kept, r)
		}
	}
	clear(runs[len(kept):])
	return kept
}

// land takes the flight off the table. The caller holds the lock.
func (c *Cache) land(id blockID, f *flight) {
	if c.flights[id] == f {
		delete(c.flights, id)
	}
}

// fetch brings the blocks in order, and asks again where a stream breaks off.
func (r *run) fetch(ctx context.Context) {
	const attempts = 4
	c, next := r.cache, 0
	var err error
	for try := 0; next < len(r.ids) && try < attempts; try++ {
		if try > 0 && !wait(ctx, 100*time.Millisecond<<try) {
			break
		}
		before := next
		next, err = r.stream(ctx, next)
		if next > before {
			try = 0
		}
		if err == nil || final(ctx, err) {
			break
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// A hint's holder keeps the run for long, and must not keep its data.
	defer func() { r.ended, r.flights = true, nil }()
	for i := next; i < len(r.ids); i++ {
		c.land(r.ids[i], r.flights[i])
		r.flights[i].err = err
		close(r.flights[i].done)
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// final reports that trying again cannot help.
func final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, storage.ErrNotExist) || errors.Is(err, storage.ErrChanged)
}

// stream sends one request for the blocks from next on, and returns the first that did not come.
func (r *run) stream(ctx context.Context, next int) (int, error) {
	size := r.cache.block
	off := r.ids[next].index * size
	end := min((r.ids[len(r.ids)-1].index+1)*size, r.source.Size)
	body, err := r.source.Fetch(ctx, off, end-off)
	if err != nil {
		return next, err
	}
	defer body.Close()
	for ; next < len(r.ids); next++ {
		at := r.ids[next].index * size
		data := make([]byte, min(size, r.source.Size-at))
		n, err := io.ReadFull(body, data)
		fetchedBytes.Add(float64(n))
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return next, fmt.Errorf("%d bytes from %d: %w", end-at, at, err)
		}
		r.deliver(next, data)
	}
	return next, nil
}

// deliver hands the block to those who wait, then stores it: a disk that fails or is full costs the next reader a fetch,
// not this one an error.
func (r *run) deliver(i int, data []byte) {
	c := r.cache
	r.flights[i].data = data
	close(r.flights[i].done)
	b, err := c.store(r.ids[i], data)
	if err == nil {
		c.keep(b)
	} else {
		writeErrors.Inc()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, syscall.ENOSPC) {
		c.evict(c.bytes - c.bytes/10)
	}
	c.land(r.ids[i], r.flights[i])
}

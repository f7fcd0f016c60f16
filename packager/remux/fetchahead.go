package remux

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	chunkSize = 256 << 10
	// queueChunks is how far one segment is read ahead: 8 MiB. When the queue is full the download waits.
	queueChunks = 32
	// localChunks does for files: enough to keep both sides busy, few enough to stay in the cache.
	localChunks = 3
	attempts    = 4
	firstPause  = 200 * time.Millisecond
)

var chunks = sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }}

// download is a segment on its way. Its owner is the goroutine that fills it; the consumer reads next until it is done.
type download struct {
	seg   *segment
	ready chan *[]byte
	err   error // valid once ready is closed
}

// next returns the next chunk, to be given back with release; ok is false at the end or on an error.
func (d *download) next() (*[]byte, bool) {
	b, ok := <-d.ready
	return b, ok
}

func release(b *[]byte) {
	*b = (*b)[:chunkSize]
	chunks.Put(b)
}

// drain ends a download that nobody reads any more; its context must be cancelled or its bytes few.
func (d *download) drain() {
	for b := range d.ready {
		release(b)
	}
}

// ahead downloads the segments of a list, at most parallel at a time, and hands them out in order. The goroutines end with wg
// when ctx does.
func (in *input) ahead(ctx context.Context, wg *sync.WaitGroup, l *list, parallel int) <-chan *download {
	// One more is being started, and one is being read.
	out := make(chan *download, max(0, parallel-2))
	wg.Go(func() {
		defer close(out)
		for i := range l.segments {
			depth := queueChunks
			if l.segments[i].at.local {
				depth = localChunks
			}
			d := &download{seg: &l.segments[i], ready: make(chan *[]byte, depth)}
			wg.Go(func() {
				defer close(d.ready)
				d.err = in.fill(ctx, d)
			})
			select {
			case out <- d:
			case <-ctx.Done():
				d.drain()
				return
			}
		}
	})
	return out
}

// fill reads one segment into its queue.
func (in *input) fill(ctx context.Context, d *download) error {
	s := d.seg
	if s.gap {
		return nil
	}
	limit := in.o.Limits.SegmentBytes
	if s.dur == 0 && s.n < 0 && s.index == 0 {
		limit = in.o.Limits.TotalBytes // a whole file given as input
	}
	src := &retryReader{ctx: ctx, in: in, at: s.at, off: s.off, n: s.n}
	defer src.Close()
	r, err := in.decrypt(ctx, src, s.key, s.seq)
	if err != nil {
		return err
	}
	var total int64
	for {
		b := chunks.Get().(*[]byte)
		n, err := io.ReadFull(r, *b)
		*b = (*b)[:n]
		total += int64(n)
		if n > 0 {
			select {
			case d.ready <- b:
			case <-ctx.Done():
				release(b)
				return ctx.Err()
			}
		} else {
			release(b)
		}
		switch {
		case total > limit:
			return fail(LimitExceeded, s.at.String(), "segment is larger than %d bytes", limit)
		case in.read.Add(int64(n)) > in.o.Limits.TotalBytes:
			return fail(LimitExceeded, s.at.String(), "more than %d bytes in all", in.o.Limits.TotalBytes)
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF) && src.ended:
			return nil
		case err != nil:
			return err
		}
	}
}

// retryReader reads a place and goes on where a broken transfer stopped.
type retryReader struct {
	ctx    context.Context
	in     *input
	at     place
	off, n int64
	body   io.ReadCloser
	tries  int
	ended  bool // the source said that it is complete
}

func (r *retryReader) Read(p []byte) (int, error) {
	for {
		if r.body == nil {
			var err error
			if r.body, err = r.in.open(r.ctx, r.at, r.off, r.n); err != nil {
				if !r.again(err) {
					return 0, err
				}
				continue
			}
		}
		n, err := r.body.Read(p)
		r.off += int64(n)
		if r.n >= 0 {
			r.n -= int64(n)
		}
		switch {
		case err == nil:
			return n, nil
		case err == io.EOF:
			r.ended = true
			return n, err
		}
		r.Close()
		if !r.again(err) {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// again waits before the next attempt, unless there is none.
func (r *retryReader) again(err error) bool {
	var refused *Error
	var status *StatusError
	switch {
	case r.at.local, r.ctx.Err() != nil, errors.As(err, &refused):
		return false
	case errors.As(err, &status) && status.Status < 500 && status.Status != 429 && status.Status != 408:
		return false
	}
	if r.tries++; r.tries >= attempts {
		return false
	}
	r.in.retries.Add(1)
	t := time.NewTimer(firstPause << (r.tries - 1))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func (r *retryReader) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}

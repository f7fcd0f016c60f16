package s3

import (
	"context"
	"io"
	"sync"

	"sluice/ingest/dropfolder/remote"
)

// Ranges of an object that are fetched at a time. What is fetched ahead lies in memory: ranges times rangeBytes for each reader.
const (
	ranges     = 8
	rangeBytes = 4 << 20
)

// ranged reads an object in order while ranges ahead are under way.
type ranged struct {
	ctx    context.Context //nolint:containedctx // of the reading, as of an HTTP request's body
	cancel context.CancelFunc
	left   int64          // bytes that Read has not given
	parts  chan chan part // in order; as many wait in it as may be under way
	work   sync.WaitGroup
	now    []byte
	err    error
}

type part struct {
	b   []byte
	err error
}

func newRanged(ctx context.Context, from, size int64, get func(ctx context.Context, from, to int64) (io.ReadCloser, error)) *ranged {
	ctx, cancel := context.WithCancel(ctx)
	r := &ranged{ctx: ctx, cancel: cancel, left: max(0, size-from), parts: make(chan chan part, ranges-1)}
	r.work.Go(func() {
		defer close(r.parts)
		for at := from; at < size; at += rangeBytes {
			end := min(at+rangeBytes, size)
			c := make(chan part, 1)
			select {
			case r.parts <- c:
			case <-ctx.Done():
				return
			}
			r.work.Go(func() {
				b, err := bring(ctx, at, end, get)
				c <- part{b, err}
			})
		}
	})
	return r
}

// bring brings one range, going on after cuts.
func bring(ctx context.Context, from, to int64, get func(ctx context.Context, from, to int64) (io.ReadCloser, error)) ([]byte, error) {
	rd, err := remote.NewReader(ctx, from, to, func(ctx context.Context, at int64) (io.ReadCloser, error) { return get(ctx, at, to) })
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	b := make([]byte, to-from)
	_, err = io.ReadFull(rd, b)
	return b, err
}

func (r *ranged) Read(b []byte) (int, error) {
	for len(r.now) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		c, ok := <-r.parts
		if !ok {
			if r.err = io.EOF; r.left > 0 {
				r.err = context.Cause(r.ctx)
			}
			continue
		}
		p := <-c
		r.now, r.err = p.b, p.err
		if p.err != nil {
			r.now = nil
		}
	}
	n := copy(b, r.now)
	r.now = r.now[n:]
	r.left -= int64(n)
	return n, nil
}

// Close ends the reading and what is under way.
func (r *ranged) Close() error {
	r.cancel()
	for range r.parts { // the one that hands ranges out may wait
	}
	r.work.Wait()
	return nil
}

//go:build cgo

package av

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/codec"
)

// chunkResult is what a lane made of a chunk.
type chunkResult struct {
	rungs []rungResult
	err   error
}

type rungResult struct {
	config []byte
	delay  int64
	out    *coded
}

// chunkMode runs lanes over chunks: one goroutine demuxes and cuts, each lane decodes and encodes whole chunks in its own
// thread and helps with others' when there are no more, and this goroutine delivers the chunks in order.
func (r *videoRun) chunkMode(in *input, first *packet) error {
	lanes := max(1, r.job.Tokens)
	if r.job.Safe {
		lanes = 1
	}
	eg, ctx := errgroup.WithContext(r.g.ctx)
	work := make(chan *chunk)
	// Chunks in order of the output. When it is full the demuxer waits, so that finished chunks don't pile up behind a slow one.
	order := make(chan *chunk, lanes+1)
	pool := &sync.Pool{New: func() any { return &coded{} }}
	eg.Go(func() error {
		defer close(order)
		defer close(work)
		return r.demux(ctx, in, first, work, order)
	})
	f := newFloor(ctx, lanes)
	defer f.close()
	for range lanes {
		eg.Go(func() error { return r.lane(ctx, in, work, f, pool) })
	}
	err := r.collect(ctx, order, pool)
	if err != nil {
		eg.Go(func() error { return err }) // cancels the others
	}
	for range order { // chunks nobody waits for any more
	}
	if werr := eg.Wait(); werr != nil && (err == nil || codec.CodeOf(err) == "") {
		err = werr
	}
	if e := r.g.interrupted("encode"); e != nil {
		return e
	}
	return err
}

// demux reads the span's packets and hands chunks to the lanes.
func (r *videoRun) demux(ctx context.Context, in *input, first *packet, work, order chan<- *chunk) error {
	defer r.g.bind()()
	s := &in.streams[r.vp.Stream]
	ck := newChunker(r.vp, r.plan.Chunks, s, r.plan.OriginUS, r.from, r.to, in.fix.clocks[r.vp.Stream].ordered)
	defer ck.close()
	hand := func(list []*chunk) error {
		for i, c := range list {
			if !send(ctx, order, c) || !send(ctx, work, c) {
				for _, rest := range list[i:] {
					rest.free()
				}
				return ctx.Err()
			}
		}
		return nil
	}
	for ck.start < r.to {
		p, err := r.nextPacket(in, &first)
		if err != nil {
			return err
		}
		if p == nil {
			if broken(in) {
				r.mu.Lock()
				r.short = true
				r.mu.Unlock()
			}
			return hand(ck.finish(broken(in)))
		}
		if err := hand(ck.add(p)); err != nil {
			return err
		}
	}
	return nil
}

func send[T any](ctx context.Context, ch chan<- T, v T) bool {
	select {
	case ch <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// lane decodes and encodes chunks until there are no more, then helps the other lanes. The decoder and the scalers live as long
// as the lane.
func (r *videoRun) lane(ctx context.Context, in *input, work <-chan *chunk, f *floor, pool *sync.Pool) error {
	defer r.g.bind()()
	leave := sync.OnceFunc(f.leave)
	defer leave()
	fr, err := newFramer(r.g, r.vp, &in.streams[r.vp.Stream], r.plan.OriginUS, r.decOpts(in, 1))
	if err != nil {
		return err
	}
	defer func() {
		r.count(fr)
		fr.close()
	}()
	l := newLadder(r.g, r.vp, r.plan.Chunks.Batch, r.rungs, &r.encoded)
	defer l.close()
	l.tap = r.tiles.tap(r.g, r.vp, r.rungs)
	for {
		select {
		case c, ok := <-work:
			if !ok {
				leave()
				return f.help(ctx)
			}
			res := r.make(ctx, f, fr, l, c, pool)
			c.free()
			c.result <- res
			if res.err != nil {
				return res.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *videoRun) count(fr *framer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rep.FramesIn += fr.dec.frames
	r.rep.FramesLost += fr.dec.lost
}

// make produces one chunk.
func (r *videoRun) make(ctx context.Context, f *floor, fr *framer, l *ladder, c *chunk, pool *sync.Pool) (res chunkResult) {
	for _, g := range l.rungs {
		g.out = pool.Get().(*coded)
	}
	if res.err = l.begin(c.to); res.err != nil {
		return res
	}
	defer l.closeEncoders()
	cr := newCrew(fr, l, c)
	defer cr.close()
	if res.err = f.work(ctx, cr); res.err != nil {
		return res
	}
	for _, g := range l.rungs {
		res.rungs = append(res.rungs, rungResult{g.enc.config, g.enc.delay, g.out})
	}
	return res
}

// collect delivers finished chunks in order.
func (r *videoRun) collect(ctx context.Context, order <-chan *chunk, pool *sync.Pool) error {
	for {
		var c *chunk
		var ok bool
		select {
		case c, ok = <-order:
			if !ok {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		res, err := r.await(ctx, c)
		if err != nil {
			return err
		}
		if res.err != nil {
			return res.err
		}
		r.rep.Chunks++
		if err := r.deliver(res, pool); err != nil {
			return err
		}
	}
}

func (r *videoRun) deliver(res chunkResult, pool *sync.Pool) error {
	for i, rr := range res.rungs {
		s := r.stitch[i]
		if len(rr.out.units) > 0 {
			if err := s.begin(rr.config, rr.delay); err != nil {
				return err
			}
			if err := s.add(rr.out.buf, rr.out.units); err != nil {
				return err
			}
		}
		pool.Put(rr.out)
	}
	return nil
}

// await waits for a chunk. Meanwhile it tells what the lanes have encoded: a chunk may take longer than a watchdog waits.
func (r *videoRun) await(ctx context.Context, c *chunk) (chunkResult, error) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case res := <-c.result:
			return res, nil
		case <-ctx.Done():
			return chunkResult{}, ctx.Err()
		case <-tick.C:
			n := min(max(r.encoded.Load(), r.doneFrames()), r.to-r.from)
			r.d.progress(n, mulDiv(r.from+n, r.vp.FPS.Den*1_000_000, r.vp.FPS.Num))
		}
	}
}

//go:build cgo

package av

import (
	"context"
	"sync/atomic"

	"github.com/asticode/go-astiav"
	"golang.org/x/sync/errgroup"

	"sluice/codec"
)

// rungDepth bounds the batches between the decoder and a rung: deeper queues only push frames out of the cache.
const rungDepth = 2

// rungMode decodes once and gives every rung its own goroutine, by reference. It suits short sources and sources of a single
// GOP, which chunks would decode again and again.
func (r *videoRun) rungMode(in *input, first *packet) error {
	threads := 1
	if r.job.Tokens > 1 {
		threads = 2
	}
	ctx, cancel := context.WithCancel(r.g.ctx)
	defer cancel()
	eg, ctx := errgroup.WithContext(ctx)
	ends := make([]chan []slotted, len(r.rungs))
	results := make(chan rungBatch, 4*len(r.rungs))
	groups := r.groups()
	for i := range groups {
		ends[i] = make(chan []slotted, rungDepth)
	}
	eg.Go(func() error {
		defer func() {
			for i := range groups {
				close(ends[i])
			}
		}()
		return r.feed(ctx, in, first, threads, ends[:len(groups)])
	})
	for i, group := range groups {
		eg.Go(func() error {
			err := r.rungLane(ctx, group, ends[i], results)
			if err != nil {
				cancel()
			}
			for b := range ends[i] { // after an error: whatever is still queued
				freeBatch(b)
			}
			return err
		})
	}
	wait := make(chan error, 1)
	go func() {
		wait <- eg.Wait()
		close(results)
	}()
	err := r.receive(results, cancel)
	if werr := <-wait; err == nil {
		err = werr
	}
	if e := r.g.interrupted("encode"); e != nil {
		return e
	}
	r.rep.Chunks++
	return err
}

// groups splits the rungs into goroutines: one each, but a rung scaled from another stays with it; and with a single
// token all stay together, so that one core works through them batch by batch.
func (r *videoRun) groups() [][]int {
	if r.job.Tokens <= 1 || r.job.Safe || newPicture(r.vp).needsBase() {
		return [][]int{r.rungs}
	}
	var out [][]int
	at := map[int]int{}
	for _, i := range r.rungs {
		if from := r.vp.Rungs[i].From; from >= 0 {
			if g, ok := at[from]; ok {
				out[g] = append(out[g], i)
				at[i] = g
				continue
			}
		}
		at[i] = len(out)
		out = append(out, []int{i})
	}
	return out
}

// feed decodes and hands batches of references to every rung.
func (r *videoRun) feed(ctx context.Context, in *input, first *packet, threads int, outs []chan []slotted) error {
	defer r.g.bind()()
	fr, err := newFramer(r.g, r.vp, &in.streams[r.vp.Stream], r.plan.OriginUS, r.decOpts(in, threads))
	if err != nil {
		return err
	}
	defer func() {
		r.count(fr)
		fr.close()
	}()
	var batch []slotted
	defer func() { freeBatch(batch) }()
	limit := max(1, r.plan.Chunks.Batch)
	flush := func() error {
		for _, o := range outs {
			b, err := refBatch(batch)
			if err != nil {
				return r.g.fail(codec.OutOfMemory, "decode", err)
			}
			if !send(ctx, o, b) {
				freeBatch(b)
				return ctx.Err()
			}
		}
		freeBatch(batch)
		batch = batch[:0]
		return nil
	}
	fr.begin(r.from, r.to, func(n int64, f *astiav.Frame, id int64) error {
		c := f.Clone()
		if c == nil {
			return r.g.fail(codec.OutOfMemory, "decode", nil)
		}
		batch = append(batch, slotted{c, n, id})
		if len(batch) < limit {
			return nil
		}
		return flush()
	})
	err = fr.run(func() (*packet, error) { return r.nextPacket(in, &first) }, func() bool {
		if broken(in) {
			r.mu.Lock()
			r.short = true
			r.mu.Unlock()
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	return flush()
}

func refBatch(in []slotted) ([]slotted, error) {
	out := make([]slotted, 0, len(in))
	for _, s := range in {
		c := s.f.Clone()
		if c == nil {
			freeBatch(out)
			return nil, astiav.Error(-12)
		}
		out = append(out, slotted{c, s.n, s.id})
	}
	return out, nil
}

func freeBatch(b []slotted) {
	for _, s := range b {
		s.f.Free()
	}
}

// rungBatch is a piece of a rung's output on its way to the sink; ack returns the buffer.
type rungBatch struct {
	at     int // index into stitch
	config []byte
	delay  int64
	out    *coded
}

// rungLane scales and encodes the batches for its rungs.
func (r *videoRun) rungLane(ctx context.Context, rungs []int, in <-chan []slotted, results chan<- rungBatch) error {
	defer r.g.bind()()
	l := newLadder(r.g, r.vp, r.plan.Chunks.Batch, rungs, new(atomic.Int64))
	defer l.close()
	l.tap = r.tiles.tap(r.g, r.vp, rungs)
	if err := l.begin(r.to); err != nil {
		return err
	}
	emit := func() error {
		for _, g := range l.rungs {
			out := r.whole(g)
			if out == nil {
				continue
			}
			if !send(ctx, results, rungBatch{r.position(g.index), g.enc.config, g.enc.delay, out}) {
				return ctx.Err()
			}
		}
		return nil
	}
	for b := range in {
		err := l.prepare(b)
		if err == nil {
			err = l.encode(l.rungs, b)
		}
		freeBatch(b)
		if err != nil {
			return err
		}
		if err := emit(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.drain(l.rungs); err != nil {
		return err
	}
	return emit()
}

func (r *videoRun) position(index int) int {
	for i, v := range r.rungs {
		if v == index {
			return i
		}
	}
	return 0
}

// whole takes a rung's output so far. Decode times need the presentation order of a whole group of pictures only with a
// variable rate; it is cheap enough to wait for the next keyframe always.
func (r *videoRun) whole(g *rung) *coded {
	units := g.out.units
	cut := len(units)
	if g.enc != nil && !g.drained {
		cut = 0
		for i := len(units) - 1; i > 0; i-- {
			if units[i].key {
				cut = i
				break
			}
		}
	}
	if cut == 0 {
		return nil
	}
	out := &coded{units: append([]unit(nil), units[:cut]...)}
	end := len(g.out.buf)
	if cut < len(units) {
		end = units[cut].off
	}
	out.buf = append(out.buf, g.out.buf[:end]...)
	rest := g.out.buf[end:]
	n := copy(g.out.buf, rest)
	g.out.buf = g.out.buf[:n]
	g.out.units = append(g.out.units[:0], units[cut:]...)
	for i := range g.out.units {
		g.out.units[i].off -= end
	}
	return out
}

// receive delivers the rungs' output as it comes.
func (r *videoRun) receive(results <-chan rungBatch, cancel func()) error {
	var failed error
	for b := range results {
		if failed != nil {
			continue
		}
		s := r.stitch[b.at]
		if failed = s.begin(b.config, b.delay); failed == nil {
			failed = s.add(b.out.buf, b.out.units)
		}
		if failed != nil {
			cancel()
			continue
		}
		n := r.doneFrames()
		r.d.progress(n, mulDiv(r.from+n, r.vp.FPS.Den*1_000_000, r.vp.FPS.Num))
	}
	return failed
}

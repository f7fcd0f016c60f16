//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// slotted is a source frame and the output frame it shows in.
type slotted struct {
	f  *astiav.Frame
	n  int64
	id int64 // equal for repeats of one source frame
}

// ladder scales and encodes frames into all rungs of one chunk, in batches: so many frames for the first rung, then the same
// frames for the next, which keeps each encoder's state in the cache. Rungs of different groups may be encoded at the same time.
type ladder struct {
	g      *guard
	vp     *codec.VideoPlan
	pic    *picture
	rungs  []*rung
	groups [][]*rung // a rung scaled from another is in its group
	limit  int       // frames in a batch
	base   *scaler   // tone mapping and compositing, once for all rungs
	// encoded counts output frames that went through every rung; another goroutine reads it for progress.
	encoded *atomic.Int64
	tap     *tileTap // nil: no tiles come from here

	mu   sync.Mutex
	free []*astiav.Frame // guarded by mu
}

// rung scales and encodes one rendition.
type rung struct {
	plan    *codec.RungPlan
	index   int
	scale   *scaler
	enc     *videoEncoder
	out     *coded
	frame   *astiav.Frame
	id      int64
	keep    bool // another rung is scaled from this one
	kept    []*astiav.Frame
	drained bool // the encoder gave everything
	source  *rung
}

// newLadder makes the rungs; scalers persist over chunks, encoders come and go with begin and closeEncoders.
func newLadder(g *guard, vp *codec.VideoPlan, batch int, only []int, encoded *atomic.Int64) *ladder {
	l := &ladder{g: g, vp: vp, pic: newPicture(vp), limit: max(1, batch), encoded: encoded}
	byIndex, group := map[int]*rung{}, map[*rung]int{}
	for _, i := range only {
		r := &rung{plan: &vp.Rungs[i], index: i, out: &coded{}, frame: astiav.AllocFrame(), id: -1}
		l.rungs = append(l.rungs, r)
		byIndex[i] = r
		if src := byIndex[r.plan.From]; src != nil && src != r {
			r.source, src.keep = src, true
			group[r] = group[src]
			l.groups[group[r]] = append(l.groups[group[r]], r)
			continue
		}
		group[r] = len(l.groups)
		l.groups = append(l.groups, []*rung{r})
	}
	if l.pic.needsBase() {
		l.base = newScaler(g, l.pic.baseChain, colorNumbers(vp.In))
	}
	for _, r := range l.rungs {
		in := colorNumbers(vp.In)
		chain := l.pic.rungChain(r.plan)
		switch {
		case r.source != nil:
			in, chain = colorNumbers(vp.Out), l.pic.cascadeChain(r.plan)
		case l.base != nil:
			in, chain = colorNumbers(l.pic.baseColor), l.pic.fromBaseChain(r.plan)
		}
		r.scale = newScaler(g, chain, in)
	}
	live("ladder", 1)
	return l
}

// begin opens fresh encoders, for frames before to.
func (l *ladder) begin(to int64) error {
	for _, r := range l.rungs {
		enc, err := newVideoEncoder(l.g, l.vp, r.plan)
		if err != nil {
			return err
		}
		r.enc = enc
		enc.tail = newTail(l.vp, &r.plan.Enc, to)
		r.out.reset()
		r.id, r.drained = -1, false
	}
	return nil
}

func (l *ladder) get() *astiav.Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		f := l.free[n-1]
		l.free = l.free[:n-1]
		return f
	}
	return astiav.AllocFrame()
}

func (l *ladder) put(f *astiav.Frame) {
	f.Unref()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) < 4*l.limit {
		l.free = append(l.free, f)
		return
	}
	f.Free()
}

// prepare replaces the batch's frames by what the base chain makes of them.
func (l *ladder) prepare(batch []slotted) error {
	if l.base == nil {
		return nil
	}
	for i := range batch {
		if i > 0 && batch[i].id == batch[i-1].id {
			batch[i].f.Unref()
			if err := batch[i].f.Ref(batch[i-1].f); err != nil {
				return l.g.fail(codec.OutOfMemory, "filter", err)
			}
			continue
		}
		out := l.get()
		if err := l.base.run(batch[i].f, out); err != nil {
			l.put(out)
			return err
		}
		l.put(batch[i].f)
		batch[i].f = out
	}
	return nil
}

// encode runs a prepared batch through rungs: whole groups of them.
func (l *ladder) encode(rungs []*rung, batch []slotted) error {
	defer l.drop(rungs)
	for _, r := range rungs {
		for i, s := range batch {
			if e := l.g.interrupted("encode"); e != nil {
				return e
			}
			src := s.f
			if r.source != nil {
				src = r.source.kept[i]
			}
			if err := l.one(r, src, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *ladder) one(r *rung, src *astiav.Frame, s slotted) error {
	if s.id != r.id {
		if err := r.scale.run(src, r.frame); err != nil {
			return err
		}
		r.id = s.id
	}
	if err := l.tap.look(r.index, s.n, r.frame); err != nil {
		return err
	}
	if r.keep {
		k := l.get()
		if err := k.Ref(r.frame); err != nil {
			return l.g.fail(codec.OutOfMemory, "filter", err)
		}
		r.kept = append(r.kept, k)
	}
	setFrame(r.frame, s.n, isKey(l.vp, s.n))
	return r.enc.encode(r.frame, r.out)
}

// drop releases what rungs kept of a batch.
func (l *ladder) drop(rungs []*rung) {
	for _, r := range rungs {
		for _, k := range r.kept {
			l.put(k)
		}
		r.kept = r.kept[:0]
	}
}

// drain takes from encoders what they still hold. The rungs' outputs stay until the next begin.
func (l *ladder) drain(rungs []*rung) error {
	for _, r := range rungs {
		if e := l.g.interrupted("encode"); e != nil {
			return e
		}
		if err := r.enc.encode(nil, r.out); err != nil {
			return err
		}
		r.drained = true
	}
	return nil
}

func (l *ladder) closeEncoders() {
	for _, r := range l.rungs {
		if r.enc != nil {
			r.enc.close()
			r.enc = nil
		}
	}
}

func (l *ladder) close() {
	l.closeEncoders()
	for _, r := range l.rungs {
		r.scale.close()
		r.frame.Free()
	}
	if l.base != nil {
		l.base.close()
	}
	l.tap.close()
	for _, f := range l.free {
		f.Free()
	}
	l.free = nil
	live("ladder", -1)
}

// isKey says whether output frame n of the whole video is a keyframe.
func isKey(vp *codec.VideoPlan, n int64) bool {
	if len(vp.Grid) == 0 {
		return n%vp.GOP == 0
	}
	return onGrid(vp.Grid, n)
}

// scaler runs frames through a graph that it rebuilds when the frames change their size or format.
type scaler struct {
	g     *guard
	chain func(in *C.sl_frame) string // "" means the frame is right as it is
	in    colors
	graph *graph
	w, h  C.int
	fmt   C.int
	ready bool
	tmp   *astiav.Frame
}

func newScaler(g *guard, chain func(*C.sl_frame) string, in colors) *scaler {
	return &scaler{g: g, chain: chain, in: in, tmp: astiav.AllocFrame()}
}

// run makes dst of src; src stays the caller's.
func (s *scaler) run(src, dst *astiav.Frame) error {
	s.tmp.Unref()
	if err := s.tmp.Ref(src); err != nil {
		return s.g.fail(codec.OutOfMemory, "filter", err)
	}
	s.in.tag(s.tmp)
	var f C.sl_frame
	C.sl_frame_get((*C.AVFrame)(cptr(s.tmp)), &f)
	if !s.ready || f.width != s.w || f.height != s.h || f.format != s.fmt {
		if err := s.build(&f); err != nil {
			return err
		}
	}
	if s.graph == nil {
		dst.Unref()
		dst.MoveRef(s.tmp)
		return nil
	}
	if err := s.graph.push(s.tmp); err != nil {
		return s.g.fail(codec.EngineBug, "filter", fmt.Errorf("filters %q: %w", s.graph.desc, err))
	}
	ok, err := s.graph.pull(dst)
	if err != nil || !ok {
		return s.g.fail(codec.EngineBug, "filter", fmt.Errorf("filters %q gave no frame: %w", s.graph.desc, err))
	}
	return nil
}

func (s *scaler) build(f *C.sl_frame) error {
	s.graph.close()
	s.graph = nil
	s.w, s.h, s.fmt, s.ready = f.width, f.height, f.format, true
	desc := s.chain(f)
	if desc == "" {
		return nil
	}
	in := videoIn(s.tmp, codec.Rational{Num: 1, Den: 1_000_000})
	g, err := newGraph(s.g, &in, desc)
	s.graph = g
	return err
}

func (s *scaler) close() {
	s.graph.close()
	s.tmp.Free()
}

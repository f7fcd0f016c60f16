//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"sort"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// framer decodes one stream into the frames of the output: packets in, (slot, frame) out. One goroutine uses it.
type framer struct {
	g      *guard
	vp     *codec.VideoPlan
	s      *stream
	dec    *decoder
	origin int64 // ticks
	mode   string
	deint  *graph
	shape  graphIn
	tmp    *astiav.Frame
	out    *astiav.Frame
	slots  *slotter
}

func newFramer(g *guard, vp *codec.VideoPlan, s *stream, originUS int64, o decOpts) (*framer, error) {
	dec, err := newDecoder(g, s, o)
	if err != nil {
		return nil, err
	}
	f := &framer{g: g, vp: vp, s: s, dec: dec, origin: fromUS(originUS, s.tb), tmp: astiav.AllocFrame(), out: astiav.AllocFrame()}
	for _, op := range vp.Pre {
		if op.Kind == "deinterlace" {
			f.mode = "send_frame"
			if op.Value == "field" {
				f.mode = "send_field"
			}
		}
	}
	return f, nil
}

// begin starts on the output frames [from, to).
func (f *framer) begin(from, to int64, emit func(n int64, fr *astiav.Frame, id int64) error) {
	f.finish()
	f.slots = newSlotter(from, to, emit)
	if f.vp.VFR {
		f.slots.sparse, f.slots.need = true, func(n int64) bool { return isKey(f.vp, n) }
	}
	f.dec.reset()
	f.deint.close()
	f.deint = nil
}

// run decodes what next returns until all wanted frames were emitted or the packets end. With fill the last picture is repeated
// up to the end; without, the output ends where the pictures end.
func (f *framer) run(next func() (*packet, error), fill func() bool) error {
	for {
		if done, err := f.step(next, fill); done || err != nil {
			return err
		}
	}
}

// step does a part of run, one packet; true is the end.
func (f *framer) step(next func() (*packet, error), fill func() bool) (bool, error) {
	p, err := next()
	if err != nil {
		return false, err
	}
	if e := f.g.interrupted("decode"); e != nil {
		if p != nil {
			p.free()
		}
		return false, e
	}
	err = f.dec.send(p)
	ended := p == nil
	if p != nil {
		p.free()
	}
	if err != nil {
		return false, err
	}
	if done, err := f.drain(); done || err != nil {
		return done, err
	}
	if !ended {
		return false, nil
	}
	if f.deint != nil {
		if err := f.deint.push(nil); err == nil {
			if done, err := f.pullDeint(); done || err != nil {
				return done, err
			}
		}
	}
	return true, f.tail(fill())
}

// tail emits the held frame at the end of the packets.
func (f *framer) tail(fill bool) error {
	s := f.slots
	if !s.have {
		return nil
	}
	end := s.to
	if !fill {
		end = s.curSlot + 1
	}
	return s.flush(end)
}

// drain takes all frames that the decoder has now.
func (f *framer) drain() (bool, error) {
	for {
		fr, t, err := f.dec.receive()
		if err != nil || fr == nil {
			return false, err
		}
		done, err := f.frame(fr, t-f.origin)
		if err != nil || done {
			return done, err
		}
	}
}

func (f *framer) frame(fr *astiav.Frame, rel int64) (bool, error) {
	if f.mode == "" {
		return f.slots.push(fr, slotOf(rel, f.s.tb, f.vp.FPS))
	}
	f.tmp.Unref()
	if err := f.tmp.Ref(fr); err != nil {
		return false, f.g.fail(codec.OutOfMemory, "filter", err)
	}
	f.tmp.SetPts(rel)
	in := videoIn(f.tmp, f.s.tb)
	if f.deint == nil || in != f.shape {
		if f.deint != nil {
			if err := f.deint.push(nil); err != nil {
				return false, err
			}
			if done, err := f.pullDeint(); err != nil || done {
				return done, err
			}
			f.deint.close()
		}
		g, err := newGraph(f.g, &in, "bwdif=mode="+f.mode+":deint=interlaced")
		if err != nil {
			return false, err
		}
		f.deint, f.shape = g, in
	}
	if err := f.deint.push(f.tmp); err != nil {
		return false, f.g.fail(codec.EngineBug, "filter", err)
	}
	return f.pullDeint()
}

func (f *framer) pullDeint() (bool, error) {
	tb := f.deint.timebase()
	for {
		ok, err := f.deint.pull(f.out)
		if err != nil {
			return false, f.g.fail(codec.EngineBug, "filter", err)
		}
		if !ok {
			return false, nil
		}
		done, err := f.slots.push(f.out, slotOf(f.out.Pts(), tb, f.vp.FPS))
		if err != nil || done {
			return done, err
		}
	}
}

// finish releases what one span held.
func (f *framer) finish() {
	if f.slots != nil {
		f.slots.close()
		f.slots = nil
	}
}

func (f *framer) close() {
	f.finish()
	f.deint.close()
	f.dec.close()
	f.tmp.Free()
	f.out.Free()
}

// preRoll is how many frames before a span a filter must have seen.
func preRoll(vp *codec.VideoPlan) int64 {
	for _, op := range vp.Pre {
		if op.Kind == "deinterlace" {
			return 3
		}
	}
	return 0
}

// onGrid says whether n is in the ascending grid.
func onGrid(grid []int64, n int64) bool {
	i := sort.Search(len(grid), func(i int) bool { return grid[i] >= n })
	return i < len(grid) && grid[i] == n
}

// boundaryFrom is the first keyframe position at or after n.
func boundaryFrom(vp *codec.VideoPlan, n int64) int64 {
	if g := vp.Grid; len(g) > 0 {
		i := sort.Search(len(g), func(i int) bool { return g[i] >= n })
		if i < len(g) {
			return g[i]
		}
		return vp.Frames
	}
	return (n + vp.GOP - 1) / vp.GOP * vp.GOP
}

//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"cmp"
	"slices"

	"sluice/codec"
)

const (
	// reachStepUS is how fine a Reach is.
	reachStepUS = 1_000_000
	// reachAhead is how many packets behind a picture a run may read before it has decoded it: what a chunk waits for, and the
	// buffers of the demuxer.
	reachAhead = 2*maxReorder + 8
	reachSlack = 2 * ioBuffer
)

// reach notes, while a source that still grows is scanned, where its pictures end. The zero value notes nothing.
type reach struct {
	have  int64
	times []int64 // microseconds, in decode order
	ends  []int64 // bytes
}

// add notes where a picture ends and says whether it is there.
func (r *reach) add(p *packet, pts int64, tb codec.Rational) bool {
	if r.have == 0 {
		return true
	}
	pos := p.av.Pos()
	if pos < 0 {
		return false
	}
	end := pos + int64(p.size)
	if n := len(r.ends); n > 0 {
		r.ends = append(r.ends, max(r.ends[n-1], end))
	} else {
		r.ends = append(r.ends, end)
	}
	r.times = append(r.times, toUS(pts, tb))
	return end <= r.have
}

// marks are what was noted, a mark a second.
func (r *reach) marks() []codec.Reach {
	if len(r.times) == 0 {
		return nil
	}
	byStep := map[int64]int64{}
	for i, t := range r.times {
		step := t / reachStepUS
		byStep[step] = max(byStep[step], r.ends[min(i+reachAhead, len(r.ends)-1)]+reachSlack)
	}
	out := make([]codec.Reach, 0, len(byStep))
	for step, end := range byStep {
		out = append(out, codec.Reach{UntilUS: (step + 1) * reachStepUS, Bytes: end})
	}
	slices.SortFunc(out, func(a, b codec.Reach) int { return cmp.Compare(a.UntilUS, b.UntilUS) })
	for i := 1; i < len(out); i++ {
		out[i].Bytes = max(out[i].Bytes, out[i-1].Bytes)
	}
	return out
}

// goByTables goes back to the first packet and takes packets as the container's tables have them from there on: no parser looks
// into them, and those that are not there yet are zeros. Only MP4 has such tables.
func (in *input) goByTables() error {
	if !isMP4(in.format) {
		return in.g.fail(codec.NotYet, "probe", errNotYet)
	}
	in.src.tables = true
	if err := avErr(C.sl_fmt_rewind(in.c())); err != nil {
		return in.g.fail(codec.DamagedHeader, "probe", err)
	}
	return nil
}

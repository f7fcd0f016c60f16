package cmaf

import (
	"math/bits"

	"sluice/packager"
)

// defaultSliceSeconds is the length of an audio fragment when the video's GOP is not given.
const defaultSliceSeconds = 2

// slicer finds the frames at which audio fragments start. Its times are rounded as Track.Segments rounds boundaries, so that
// segments of whole slices are whole fragments.
type slicer struct {
	priming int64
	rate    uint32 // the track's timescale
	ticks   int64
	scale   uint32
	times   []int64
	k       int   // the next slice
	next    int64 // its start in media time
}

func newSlicer(m *packager.Media, o *Options) slicer {
	s := slicer{priming: int64(m.Priming), rate: m.Timescale, ticks: o.SliceTicks, scale: o.SliceScale, times: o.Slices}
	if s.scale == 0 {
		s.scale = 1
		s.times = nil
		s.ticks = 0
	}
	if s.ticks <= 0 {
		s.ticks = defaultSliceSeconds * int64(s.scale)
	}
	s.advance()
	return s
}

// passed reports whether a frame at media time pts is at or after the next slice's start, and if so moves on to the slice
// after it.
func (s *slicer) passed(pts int64) bool {
	if pts < s.next {
		return false
	}
	for pts >= s.next {
		s.advance()
	}
	return true
}

// advance computes the start of the next slice; slice 0 starts the first fragment and is not a cut.
func (s *slicer) advance() {
	s.k++
	at := int64(0)
	switch n := len(s.times); {
	case s.k < n:
		at = s.times[s.k]
	case n > 0:
		at = s.times[n-1] + int64(s.k-n+1)*s.ticks
	default:
		at = int64(s.k) * s.ticks
	}
	s.next = max(s.next+1, rescale(at, s.scale, s.rate)+s.priming)
}

// rescale converts a time ≥ 0 between timescales, rounding to nearest, without overflow in between.
func rescale(v int64, from, to uint32) int64 {
	if from == to {
		return v
	}
	hi, lo := bits.Mul64(uint64(max(0, v)), uint64(to))
	lo, carry := bits.Add64(lo, uint64(from)/2, 0)
	hi += carry
	if hi >= uint64(from) {
		return 1<<63 - 1
	}
	q, _ := bits.Div64(hi, lo, uint64(from))
	return int64(min(q, 1<<63-1))
}

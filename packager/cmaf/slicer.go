package cmaf

import "sluice/packager"

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
		s.scale = max(1, m.Timescale)
	}
	if s.ticks <= 0 {
		s.ticks = defaultSliceSeconds * int64(s.scale)
	}
	s.advance()
	return s
}

// passed reports whether a frame at media time pts is at or after the next slice's start, and if so moves on to the first
// slice that starts after it.
func (s *slicer) passed(pts int64) bool {
	if pts < s.next {
		return false
	}
	// Past the listed slices the next one follows by division: a gap of years must not be walked slice by slice.
	if n := len(s.times); s.k >= n {
		at := packager.Rescale(pts-s.priming, s.rate, s.scale)
		if n > 0 {
			s.k = n - 1 + int((at-s.times[n-1])/s.ticks)
		} else {
			s.k = int(at / s.ticks)
		}
	}
	for pts >= s.next {
		s.advance()
	}
	return true
}

// advance computes the start of the next slice; slice 0 starts the first fragment and is not a cut.
func (s *slicer) advance() {
	s.k++
	var at int64
	switch n := len(s.times); {
	case s.k < n:
		at = s.times[s.k]
	case n > 0:
		at = s.times[n-1] + int64(s.k-n+1)*s.ticks
	default:
		at = int64(s.k) * s.ticks
	}
	s.next = max(s.next+1, packager.Rescale(at, s.scale, s.rate)+s.priming)
}

package packager

import "slices"

// rushMS is where a clip from fromMS must start so that every frame that t needs before it has a time of its own: some
// milliseconds before fromMS, or at the sync sample when that is not earlier.
func (t *Track) rushMS(fromMS int64) int64 {
	from := Rescale(fromMS, 1000, t.Timescale) + int64(t.Priming)
	first := t.syncAtOrBefore(from)
	sync := t.Sample(first).PTS
	if sync >= from {
		return fromMS
	}
	n := int64(0)
	t.Walk(first, t.Len()-first, func(_ int, s Sample) bool {
		if s.PTS < from {
			n++
		}
		return s.DTS+t.MinOffset() < from // others need what comes later
	})
	scale := int64(t.Timescale)
	return max(0, fromMS-n*1000/scale-1, (sync-int64(t.Priming))*1000/scale)
}

// rush is the part [from, to) of t's presentation, in which what is shown before at is shown in the ticks from from to at. The
// samples that are decoded before at are decoded as fast, in their order.
func (t *Track) rush(from, at, to int64) *Track {
	start, seam, end := from+int64(t.Priming), at+int64(t.Priming), to+int64(t.Priming)
	first := t.syncAtOrBefore(seam)
	switch {
	case to <= at: // nothing is shown
		return clipTicks(t, at, to)
	case t.Sample(first).PTS >= start || start >= seam: // nothing to hurry
		return clipTicks(t, from, to)
	}
	var samples []Sample
	t.Walk(first, t.clipLast(first, end)-first, func(_ int, s Sample) bool {
		samples = append(samples, s)
		return true
	})
	var shown []int64 // before the seam, in order
	decoded := 0      // before the seam
	for _, s := range samples {
		if s.PTS < seam {
			shown = append(shown, s.PTS)
		}
		if s.DTS < seam {
			decoded++
		}
	}
	slices.Sort(shown)
	n := int64(len(shown))
	if n == 0 || n > seam-start {
		return clipTicks(t, from, to)
	}
	step := (seam - start) / n
	for i := range samples {
		s := &samples[i]
		if s.PTS < seam {
			rank, _ := slices.BinarySearch(shown, s.PTS)
			s.PTS = seam - (n-int64(rank))*step
		}
		if i < decoded {
			s.DTS = seam - int64(decoded-i)*step
		}
	}
	return t.retimed(samples, start)
}

// retimed builds a track of samples with times of their own, whose presentation starts at media time start.
func (t *Track) retimed(samples []Sample, start int64) *Track {
	b := NewBuilder(t.Media, t.Files...)
	b.Grow(len(samples))
	base := min(start, samples[0].DTS)
	for i, s := range samples {
		if i+1 < len(samples) {
			s.Dur = uint32(samples[i+1].DTS - s.DTS)
		}
		s.DTS -= base
		s.PTS -= base
		b.Add(s)
	}
	out := b.Track()
	out.Priming = uint32(start - base)
	return out
}

package packager

// Clip returns the part [fromMS, toMS) of t's presentation as a track of its own; toMS 0, or one past the end, means the
// end. The clip's presentation starts at fromMS exactly: a video starts with the sync sample at or before that time and an
// audio track one frame early, and Priming hides what comes before. A clip that holds no sample is an empty track.
//
// A clip that starts at 0 keeps the stored fragments of t; another one has none, because their decode times differ.
func Clip(t *Track, fromMS, toMS int64) *Track {
	from := Rescale(max(0, fromMS), 1000, t.Timescale)
	to := t.Duration()
	if toMS > 0 {
		to = min(to, Rescale(toMS, 1000, t.Timescale))
	}
	return clipTicks(t, from, to)
}

// SnapClip clips the tracks of one presentation together. Where there is video, the clip starts at the presentation time of
// the sync sample of the first video track at or before fromMS, in every track: nothing of that track is hidden, so the
// clip can be served in segments to players that ignore edit lists.
func SnapClip(tracks []*Track, fromMS, toMS int64) []*Track {
	from, scale := max(0, fromMS), uint32(1000)
	for _, t := range tracks {
		if t.Kind == Video && t.Len() > 0 {
			at := Rescale(from, 1000, t.Timescale)
			i := t.syncAtOrBefore(at + int64(t.Priming))
			from, scale = max(0, t.Sample(i).PTS-int64(t.Priming)), t.Timescale
			break
		}
	}
	out := make([]*Track, len(tracks))
	for k, t := range tracks {
		to := t.Duration()
		if toMS > 0 {
			to = min(to, Rescale(toMS, 1000, t.Timescale))
		}
		out[k] = clipTicks(t, Rescale(from, scale, t.Timescale), to)
	}
	return out
}

// syncAtOrBefore returns the last sync sample whose PTS is at most pts, or the first sample.
func (t *Track) syncAtOrBefore(pts int64) int {
	best := 0
	for i := t.NextSync(0); i < t.Len(); i = t.NextSync(i + 1) {
		if t.Sample(i).PTS > pts {
			break
		}
		best = i
	}
	return best
}

// clipTicks cuts [from, to) of the presentation, in ticks of t.
func clipTicks(t *Track, from, to int64) *Track {
	if t.Len() == 0 || (from == 0 && to >= t.Duration()) {
		return t
	}
	start, end := from+int64(t.Priming), to+int64(t.Priming) // in media time
	first := t.clipFirst(start)
	last := first // one after the last sample shown
	if to > from {
		last = t.clipLast(first, end)
	}
	return t.part(first, last, start)
}

// clipFirst is the sample that decoding must start with so that what is shown at media time start is right.
func (t *Track) clipFirst(start int64) int {
	if t.Kind == Video || !t.allSync {
		return t.syncAtOrBefore(start)
	}
	i := t.At(start + 1) // the first frame after start; the one before it covers start, and one more settles the decoder
	return max(0, i-2)
}

// clipLast is one after the last sample, in decode order, that is shown before end. Frames shown later may come before it:
// others need them.
func (t *Track) clipLast(first int, end int64) int {
	limit := t.Len()
	if t.HasOffsets() {
		limit = min(limit, t.At(end-t.MinOffset()+1))
	} else {
		limit = t.At(end)
	}
	for limit > first && t.Sample(limit-1).PTS >= end {
		limit--
	}
	return max(first, limit)
}

// part builds the track of samples [first, last) whose presentation starts at media time start.
func (t *Track) part(first, last int, start int64) *Track {
	b := NewBuilder(t.Media, t.Files...)
	b.Grow(last - first)
	base := start // a track that starts late keeps its gap
	if first < last {
		base = min(base, t.Sample(first).DTS)
	}
	k := 0
	whole := len(t.frags) // fragments that lie in the clip whole, with the decode times they were stored with
	if first != 0 || base != 0 {
		whole = 0
	}
	for whole > 0 && t.fragEnd(whole-1) > last {
		whole--
	}
	t.Walk(first, last-first, func(i int, s Sample) bool {
		switch {
		case k < whole && int(t.frags[k].first) == i:
			b.Fragment(int(t.frags[k].file), t.frags[k].off)
			k++
		case whole > 0 && k == whole && i == t.fragEnd(whole-1):
			b.EndFragments()
		}
		s.DTS -= base
		s.PTS -= base
		b.Add(s)
		return true
	})
	out := b.Track()
	out.Priming = uint32(max(0, start-base))
	return out
}

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

// SegmentClip clips the tracks of one presentation together, so that the clip can be served in segments to players that
// ignore edit lists, and returns with it where it starts: milliseconds of the presentation. Decoding must begin with a sync
// sample; the frames between that and fromMS rush past in the few milliseconds before fromMS, which players drop or show for
// less than a frame. Where the ticks are too coarse for that, the clip starts with the sync sample.
func SegmentClip(tracks []*Track, fromMS, toMS int64) (clip []*Track, startMS int64) {
	fromMS = max(0, fromMS)
	startMS = fromMS
	for _, t := range tracks {
		if t.Kind == Video && t.Len() > 0 {
			startMS = min(startMS, t.rushMS(fromMS))
		}
	}
	clip = make([]*Track, len(tracks))
	for k, t := range tracks {
		to := t.Duration()
		if toMS > 0 {
			to = min(to, Rescale(toMS, 1000, t.Timescale))
		}
		from := Rescale(startMS, 1000, t.Timescale)
		if t.Kind == Video && startMS < fromMS {
			clip[k] = t.rush(from, Rescale(fromMS, 1000, t.Timescale), to)
		} else {
			clip[k] = clipTicks(t, from, to)
		}
	}
	return clip, startMS
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

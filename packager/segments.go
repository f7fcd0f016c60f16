package packager

// DefaultSegmentSeconds is the target duration of a VOD segment.
const DefaultSegmentSeconds = 6

// Boundaries are the presentation times at which segments start, in ticks of Scale: the first is 0. All renditions of a
// set share them, so that their segments line up.
type Boundaries struct {
	Scale uint32
	Times []int64
}

// Cut chooses the segment boundaries of a set. Boundary k is the first sync sample of the reference video track whose
// presentation time is at or after k·D, less half a frame; a time that is not a sync sample in every other video track is
// passed over. Without video the boundaries are the multiples of D.
func Cut(s *Set) Boundaries {
	ticks, scale := s.SegmentTicks, s.SegmentScale
	if ticks == 0 || scale == 0 {
		ticks, scale = DefaultSegmentSeconds, 1
	}
	var videos []*Track
	var longest *Track
	for _, f := range s.Files {
		for _, t := range f.Tracks {
			if t.Len() == 0 || t.Kind == Text {
				continue
			}
			if t.Kind == Video {
				videos = append(videos, t)
			}
			if longest == nil || t.micros() > longest.micros() {
				longest = t
			}
		}
	}
	if len(videos) > 0 {
		return cutAtSyncs(videos, int64(ticks), int64(scale))
	}
	b := Boundaries{Scale: scale, Times: []int64{0}}
	if longest == nil {
		b.Times = nil
		return b
	}
	end := Rescale(longest.Duration(), longest.Timescale, scale)
	for k := int64(ticks); k < end && len(b.Times) < maxSegments; k += int64(ticks) {
		b.Times = append(b.Times, k)
	}
	return b
}

// maxSegments bounds a playlist against tracks whose times make no sense: 70 days of the default duration.
const maxSegments = 1 << 20

// micros is the duration in microseconds.
func (t *Track) micros() int64 { return Rescale(t.Duration(), t.Timescale, 1_000_000) }

func cutAtSyncs(videos []*Track, ticks, scale int64) Boundaries {
	ref := videos[0]
	b := Boundaries{Scale: ref.Timescale, Times: []int64{0}}
	d := ticks * int64(ref.Timescale) // D in units of 1/scale ticks of ref
	others := make([]map[int64]bool, 0, len(videos)-1)
	for _, v := range videos[1:] {
		others = append(others, syncTimes(v, ref.Timescale))
	}
	next := d
	for i := ref.NextSync(0); i < ref.Len(); i = ref.NextSync(i + 1) {
		s := ref.Sample(i)
		pts := s.PTS - int64(ref.Priming)
		at := (pts + int64(s.Dur)/2) * scale
		if pts <= 0 || at < next || !inAll(others, pts) {
			continue
		}
		b.Times = append(b.Times, pts)
		next = (at/d + 1) * d
	}
	return b
}

func inAll(sets []map[int64]bool, pts int64) bool {
	for _, m := range sets {
		if !m[pts] && !m[pts-1] && !m[pts+1] {
			return false
		}
	}
	return true
}

// syncTimes returns the presentation times of t's sync samples in ticks of scale, rounded.
func syncTimes(t *Track, scale uint32) map[int64]bool {
	m := make(map[int64]bool, t.SyncCount())
	for i := t.NextSync(0); i < t.Len(); i = t.NextSync(i + 1) {
		pts := t.Sample(i).PTS - int64(t.Priming)
		m[Rescale(pts, t.Timescale, scale)] = true
	}
	return m
}

// Segments cuts the track at b. A video segment starts at the sync sample on the boundary; an audio segment at the first
// frame whose presentation time is at or after the boundary, so that no frame is split or repeated. Segment k of every
// track of a set belongs to boundary k, even when it holds no samples (Count 0).
func (t *Track) Segments(b Boundaries) []Segment {
	segs := make([]Segment, 0, len(b.Times))
	at := 0
	for k := range b.Times {
		next := t.Len()
		if k+1 < len(b.Times) {
			next = max(at, t.firstAt(b.Times[k+1], b.Scale, at))
		}
		segs = append(segs, t.segment(at, next-at))
		at = next
	}
	return segs
}

// firstAt returns the first sample at or after i, in decode order, that starts a segment at time v of scale.
func (t *Track) firstAt(v int64, scale uint32, i int) int {
	want := Rescale(v, scale, t.Timescale) + int64(t.Priming)
	if t.Kind == Video {
		for j := t.NextSync(i); j < t.Len(); j = t.NextSync(j + 1) {
			if s := t.Sample(j); s.PTS+1 >= want {
				return j
			}
		}
		return t.Len()
	}
	return max(i, t.At(want))
}

func (t *Track) segment(first, count int) Segment {
	seg := Segment{First: first, Count: count}
	if count == 0 {
		seg.Start = t.Duration()
		if first < t.Len() {
			seg.Start = max(0, t.Sample(first).PTS-int64(t.Priming))
		}
		return seg
	}
	seg.Bytes = t.SampleBytes(first, count)
	seg.Start = t.segmentStart(first)
	end := t.Duration()
	if first+count < t.Len() {
		end = t.segmentStart(first + count)
	}
	seg.Dur = end - seg.Start
	return seg
}

// segmentStart is the earliest presentation time of a segment that starts at sample i: that of the sync sample itself,
// since a segment starts with a closed GOP.
func (t *Track) segmentStart(i int) int64 {
	if i == 0 {
		return 0
	}
	return max(0, t.Sample(i).PTS-int64(t.Priming))
}

package packager

// Table is the cut of a set: its boundaries and every track's segments. It is made once per set and immutable.
type Table struct {
	Set    *Set
	Bounds Boundaries
	// Ready counts the segments, from the first, that will not change any more: all of them when the set is complete, else
	// those whose end is a boundary that every track has reached.
	Ready int

	segs  map[Ref][]Segment
	endMS int64
}

// NewTable cuts s.
func NewTable(s *Set) *Table {
	t := &Table{Set: s, Bounds: Cut(s), segs: make(map[Ref][]Segment), endMS: s.DurationMS}
	if len(t.Bounds.Times) == 0 && len(s.Refs(Text)) > 0 {
		t.Bounds = Boundaries{Scale: 1000, Times: []int64{0}}
	}
	t.Ready = len(t.Bounds.Times)
	if !s.Complete {
		t.Ready = max(0, t.Ready-1)
	}
	for _, k := range []Kind{Video, Audio, Text} {
		for _, r := range s.Refs(k) {
			if tr := s.Track(r); tr != nil {
				t.add(r, tr)
			}
		}
	}
	return t
}

func (t *Table) add(r Ref, tr *Track) {
	t.segs[r] = tr.Segments(t.Bounds)
	ts, scale := int64(tr.Timescale), int64(t.Bounds.Scale)
	t.endMS = max(t.endMS, (tr.Duration()*1000+ts-1)/ts)
	if t.Set.Complete || tr.Kind == Text {
		return
	}
	for t.Ready > 0 && tr.Duration()*scale < t.Bounds.Times[t.Ready]*ts {
		t.Ready--
	}
}

// Segments returns the segments of the track that r names, one a boundary; nil for cues and unknown tracks.
func (t *Table) Segments(r Ref) []Segment { return t.segs[r] }

// EndMS is where the longest track ends, in milliseconds; for a set that still grows, where its ready part ends.
func (t *Table) EndMS() int64 {
	if !t.Set.Complete && t.Ready < len(t.Bounds.Times) {
		return t.startMS(t.Ready)
	}
	return t.endMS
}

// Span is the presentation time [from, to) of segment k (from 0) in milliseconds; text is cut by it.
func (t *Table) Span(k int) (from, to int64) {
	from, to = t.startMS(k), t.endMS
	if k+1 < len(t.Bounds.Times) {
		to = t.startMS(k + 1)
	}
	return from, max(from, to)
}

func (t *Table) startMS(k int) int64 {
	s := int64(t.Bounds.Scale)
	return (t.Bounds.Times[k]*1000 + s/2) / s
}

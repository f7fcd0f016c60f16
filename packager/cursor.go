package packager

import "slices"

// cursor reads samples one after the other; it holds what would otherwise be searched for each.
type cursor struct {
	t        *Track
	i        int
	ext      int // current extent
	extEnd   int // first sample of the next one
	file     int
	off      int64
	run      int // current run, when times are runs
	runEnd   int // when they are a column, the number of samples
	dur      uint32
	dts      int64
	sync     int // position in syncs
	nextSync int
}

func (t *Track) cursorAt(first int) cursor {
	_ = t.sizes.at(first)
	c := cursor{t: t, i: first}
	c.ext = t.extents.find(first)
	var start int
	start, c.file, c.off = t.extents.get(c.ext)
	c.off += t.sizes.sum(start, first-start)
	c.extEnd = t.extents.first(c.ext+1, t.Len())
	c.run, c.runEnd, c.dts, c.dur = t.times.seek(first, t.Len())
	if !t.allSync {
		c.sync, _ = slices.BinarySearch(t.syncs, int32(first))
		c.nextSync = t.syncAt(c.sync)
	}
	return c
}

// syncAt is the k-th sync sample, or Len.
func (t *Track) syncAt(k int) int {
	if k < len(t.syncs) {
		return int(t.syncs[k])
	}
	return t.Len()
}

// advance moves to the extent and the run that hold the current sample, where it is the first of them.
func (c *cursor) advance() {
	t := c.t
	if c.i == c.extEnd {
		c.ext++
		_, c.file, c.off = t.extents.get(c.ext)
		c.extEnd = t.extents.first(c.ext+1, t.Len())
	}
	if c.i == c.runEnd {
		c.run++
		c.dts, c.dur = t.times.runs[c.run].dts, t.times.runs[c.run].dur
		c.runEnd = t.times.runEnd(c.run, t.Len())
	}
}

// walk yields samples up to end. It runs through stretches in which neither extent nor run changes, so that little is left
// to decide for each sample.
func (c *cursor) walk(end int, yield func(i int, s Sample) bool) {
	t := c.t
	varied, reordered := t.times.marks != nil, t.offs.len() > 0
	sizes, offs := t.sizes, t.offs
	for c.i < end {
		c.advance()
		s := Sample{DTS: c.dts, Dur: c.dur, Sync: t.allSync, File: c.file, Offset: c.off}
		stop := min(end, c.extEnd, c.runEnd)
		for i := c.i; i < stop; i++ {
			if varied {
				s.Dur = t.times.durs.at(i)
			}
			s.Size = sizes.at(i)
			s.PTS = s.DTS
			if reordered {
				s.PTS += int64(t.offBase) + int64(offs.at(i))
			}
			if !t.allSync {
				if s.Sync = i == c.nextSync; s.Sync {
					c.sync++
					c.nextSync = t.syncAt(c.sync)
				}
			}
			if !yield(i, s) {
				return
			}
			s.DTS += int64(s.Dur)
			s.Offset += int64(s.Size)
		}
		c.i, c.dts, c.off = stop, s.DTS, s.Offset
	}
}

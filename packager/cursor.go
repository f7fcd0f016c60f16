package packager

import "slices"

// cursor reads samples one after the other; it holds what would otherwise be searched for each.
type cursor struct {
	t      *Track
	i      int
	ext    int // current extent
	extEnd int // first sample of the next one
	file   int
	off    int64
	run    int // current run, when times are runs
	runEnd int
	dur    uint32
	dts    int64
	sync   int // position in syncs
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
	}
	return c
}

func (c *cursor) next() Sample {
	t, i := c.t, c.i
	if i == c.extEnd {
		c.ext++
		_, c.file, c.off = t.extents.get(c.ext)
		c.extEnd = t.extents.first(c.ext+1, t.Len())
	}
	if t.times.marks != nil {
		c.dur = t.times.durs.at(i)
	} else if i == c.runEnd {
		c.run++
		c.dts, c.dur = t.times.runs[c.run].dts, t.times.runs[c.run].dur
		c.runEnd = t.times.runEnd(c.run, t.Len())
	}
	s := Sample{DTS: c.dts, PTS: c.dts, Dur: c.dur, Size: t.sizes.at(i), Sync: t.allSync, File: c.file, Offset: c.off}
	if t.offs.len() > 0 {
		s.PTS += int64(t.offBase) + int64(t.offs.at(i))
	}
	if c.sync < len(t.syncs) && int(t.syncs[c.sync]) == i {
		s.Sync = true
		c.sync++
	}
	c.dts += int64(s.Dur)
	c.off += int64(s.Size)
	c.i++
	return s
}

package ts

import "sluice/packager"

const (
	// pcrEvery is the distance of clock references, in 90 kHz ticks, where frames lie further apart than pcrLimit.
	pcrEvery = 90 * 90
	pcrLimit = 95 * 90
	// maxPCRFill bounds the clock references that fill a pause.
	maxPCRFill = 110

	// maxGroupBytes keeps the length of an audio PES packet within its 16 bits.
	maxGroupBytes = 60000

	batch = 64 // samples that a cursor takes from the index at once
)

// unit is one PES packet, or a lone clock reference when count is 0.
type unit struct {
	first    int // sample
	count    int
	dts, pts int64 // 90 kHz, without PTSOffset
	payload  int   // bytes after the PES header
	packets  int
	sync     bool
}

// cursor walks the units of one segment of a stream in decode order without touching media.
type cursor struct {
	s     *stream
	pcr   bool // carries the clock
	group int  // audio frames in a PES packet

	next, end int // samples not yet taken from the index
	buf       [batch]packager.Sample
	at, n     int // in buf
	first     int // sample number of buf[0]

	cur     unit
	ok      bool
	fill    int   // lone clock references still to come after cur
	fillDTS int64 // time of the last one given
}

func (c *cursor) reset(s *stream, seg packager.Segment, pcr bool, group int) {
	c.s, c.pcr, c.group = s, pcr, group
	c.next, c.end = seg.First, seg.First+seg.Count
	c.at, c.n, c.fill = 0, 0, 0
	c.advance()
}

// peek returns the next sample without taking it.
func (c *cursor) peek() (*packager.Sample, bool) {
	if c.at == c.n {
		if c.next == c.end {
			return nil, false
		}
		c.first, c.at, c.n = c.next, 0, 0
		c.s.track.Walk(c.next, min(batch, c.end-c.next), func(_ int, s packager.Sample) bool {
			c.buf[c.n] = s
			c.n++
			return true
		})
		c.next += c.n
	}
	return &c.buf[c.at], true
}

// advance moves to the next unit; ok tells whether there is one.
func (c *cursor) advance() {
	if c.fill > 0 {
		c.fill--
		c.fillDTS += pcrEvery
		c.cur = unit{dts: c.fillDTS, packets: 1}
		return
	}
	x, ok := c.peek()
	if c.ok = ok; !ok {
		return
	}
	var end int64
	if c.s.track.Kind == packager.Video {
		end = c.video(x)
	} else {
		end = c.audio(x)
	}
	if c.pcr && end-c.cur.dts > pcrLimit {
		c.fill = min(int((end-c.cur.dts-1)/pcrEvery), maxPCRFill)
		c.fillDTS = c.cur.dts
	}
}

func (c *cursor) video(x *packager.Sample) (end int64) {
	t, shift := c.s.track, c.s.shift+int64(c.s.track.Priming)
	i := c.first + c.at
	c.cur = unit{
		first: i, count: 1, sync: x.Sync,
		dts:     ticks90(x.DTS-shift, t.Timescale),
		pts:     ticks90(x.PTS-int64(t.Priming), t.Timescale),
		payload: c.s.payload(i, *x),
	}
	end = ticks90(x.DTS+int64(x.Dur)-shift, t.Timescale)
	c.at++
	c.size()
	return end
}

// audio joins frames that follow each other into one PES packet.
func (c *cursor) audio(x *packager.Sample) (end int64) {
	t := c.s.track
	c.cur = unit{first: c.first + c.at, sync: true, payload: len(c.s.pce)}
	c.cur.dts = ticks90(x.PTS-int64(t.Priming), t.Timescale)
	c.cur.pts = c.cur.dts
	for ok := true; ok; {
		c.cur.payload += c.s.payload(0, *x)
		c.cur.count++
		c.at++
		stop := x.PTS + int64(x.Dur)
		end = ticks90(stop-int64(t.Priming), t.Timescale)
		if c.cur.count == c.group {
			break
		}
		if x, ok = c.peek(); ok && (x.PTS != stop || c.cur.payload+int(x.Size) > maxGroupBytes) {
			break
		}
	}
	c.size()
	return end
}

// pesHeader is the length of the unit's PES header.
func (u *unit) pesHeader() int {
	if u.pts != u.dts {
		return 19
	}
	return 14
}

// adaptation is the length of the adaptation field in the unit's first packet, before stuffing.
func (c *cursor) adaptation() int {
	switch {
	case c.pcr:
		return 8
	case c.cur.sync && c.s.track.Kind == packager.Video:
		return 2
	}
	return 0
}

func (c *cursor) size() {
	u := &c.cur
	u.packets = (u.payload + u.pesHeader() + c.adaptation() + payloadSize - 1) / payloadSize
}

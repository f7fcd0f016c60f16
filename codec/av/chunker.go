//go:build cgo

package av

import (
	"sluice/codec"
)

// chunkBytes bounds the packets of one chunk; with one chunk a lane and one being collected it bounds the packets in flight.
const chunkBytes = 32 << 20

// chunk is a piece of the output that one lane makes: the output frames [from, to) and the packets to decode for them.
type chunk struct {
	from, to int64
	packets  []*packet
	cut      bool // the source ends in here, damaged: do not fill up
	result   chan chunkResult
}

// next hands out the chunk's packets one by one, with their ownership.
func (c *chunk) next() (*packet, error) {
	if len(c.packets) == 0 {
		return nil, nil
	}
	p := c.packets[0]
	c.packets = c.packets[1:]
	return p, nil
}

func (c *chunk) free() {
	for _, p := range c.packets {
		p.free()
	}
	c.packets = nil
}

// chunker cuts the packets of a span into chunks. A chunk starts at a keyframe position of the output and its packets at
// the last source keyframe before it; packets that two chunks need are shared by reference. Where to cut depends on the
// plan and the packets only, never on the number of lanes, so that the output is the same on every machine.
type chunker struct {
	vp       *codec.VideoPlan
	policy   codec.ChunkPolicy
	from, to int64 // of the span
	start    int64 // of the chunk being collected
	index    int
	early    bool // the span is the video's first: its first chunks are short
	origin   int64
	tb       codec.Rational
	win      []windowed
	bytes    int64
	roll     int64
	broken   bool // the source broke off
	back     int  // keyframes to start before the nearest one
}

type windowed struct {
	p    *packet
	slot int64
	key  bool
}

// newChunker cuts the span [from, to). Where packets carry decode times only (ordered), presentation times settle at the
// second keyframe after the start, because pictures that precede the first one in presentation may be missing.
func newChunker(vp *codec.VideoPlan, pol codec.ChunkPolicy, s *stream, originUS, from, to int64, ordered bool) *chunker {
	c := &chunker{vp: vp, policy: pol, from: from, to: to, start: from, early: from == 0, origin: fromUS(originUS, s.tb), tb: s.tb, roll: preRoll(vp)}
	if ordered {
		c.back = 2
	}
	return c
}

// add takes ownership of p and returns the chunks that are complete now.
func (c *chunker) add(p *packet) []*chunk {
	t := p.pts
	if t == noPTS {
		t = p.dts
	}
	slot := slotOf(t-c.origin, c.tb, c.vp.FPS)
	c.win = append(c.win, windowed{p, slot, p.key})
	c.bytes += int64(p.size)
	if p.key && c.start == c.from {
		c.drop(c.entry(c.start)) // a later keyframe before the span makes what came before useless
	}
	return c.ready(false)
}

// drop forgets the first n packets of the window.
func (c *chunker) drop(n int) {
	for _, w := range c.win[:n] {
		c.bytes -= int64(w.p.size)
		w.p.free()
	}
	c.win = append(c.win[:0], c.win[n:]...)
}

// finish returns what is left at the end of the source. cut says that the source broke off.
func (c *chunker) finish(cut bool) []*chunk {
	c.broken = cut
	out := c.ready(true)
	if cut && len(out) > 0 {
		out[len(out)-1].cut = true
	}
	return out
}

// ready cuts as many chunks as the collected packets allow.
func (c *chunker) ready(eof bool) []*chunk {
	var out []*chunk
	for c.start < c.to {
		lo, want, hi := c.goal()
		full := c.bytes > chunkBytes
		if full {
			hi = min(hi, c.covered())
		}
		if !eof && !c.reached(hi) {
			return out
		}
		to := c.choose(lo, want, hi, full)
		if to <= c.start { // too many bytes within one GOP: go on collecting
			if !eof {
				return out
			}
			to = c.to
		}
		if !eof && !c.reached(to) {
			return out
		}
		out = append(out, c.cutAt(to))
		if eof && c.exhausted() {
			break
		}
	}
	return out
}

// exhausted says that no packet is left for the chunk that starts now. A source that ended cleanly is filled up with its last
// picture; one that broke off just ends.
func (c *chunker) exhausted() bool {
	if !c.broken {
		return len(c.win) == 0
	}
	for _, w := range c.win {
		if w.slot >= c.start {
			return false
		}
	}
	return true
}

// goal returns the least, wished and largest end of the chunk being collected.
func (c *chunker) goal() (lo, want, hi int64) {
	length := func(us int64) int64 { return max(c.vp.GOP, mulDiv(us, c.vp.FPS.Num, c.vp.FPS.Den*1_000_000)) }
	least, most := length(c.policy.MinUS), length(c.policy.MaxUS)
	if c.policy.MaxUS <= 0 {
		most = length(16_000_000)
	}
	left := c.to - c.start
	l := min(max(left/4, least), max(most, least))
	if c.early && c.index < 2 && c.policy.FirstUS > 0 {
		l = length(c.policy.FirstUS)
		return c.start + l, c.start + l, c.start + l
	}
	if left <= l*7/5 {
		return c.to, c.to, c.to
	}
	return c.start + l*6/10, c.start + l, c.start + l*14/10
}

// reached says that every packet of frames before slot n was seen: as many later ones as a codec can hold back followed.
func (c *chunker) reached(n int64) bool {
	later := 0
	for i := len(c.win) - 1; i >= 0; i-- {
		if c.win[i].slot >= n+c.roll {
			if later++; later > maxReorder {
				return true
			}
		}
	}
	return false
}

// covered is the last slot for which reached holds.
func (c *chunker) covered() int64 {
	best := c.start
	for n := boundaryFrom(c.vp, c.start+1); n < c.to && c.reached(n); n = boundaryFrom(c.vp, n+1) {
		best = n
	}
	return best
}

// choose picks the end of the chunk: the keyframe position with the least decoding before it, weighed against the distance
// from the wish.
func (c *chunker) choose(lo, want, hi int64, full bool) int64 {
	if lo >= c.to {
		return c.to
	}
	if full {
		lo = min(lo, c.start+1)
	}
	best, bestCost := int64(-1), int64(0)
	for b := boundaryFrom(c.vp, lo); b < c.to; b = boundaryFrom(c.vp, b+1) {
		if b > hi && (best >= 0 || full) {
			break
		}
		dist := abs64(b - want)
		if cost := 10*c.rollTo(b) + 3*dist; best < 0 || cost < bestCost {
			best, bestCost = b, cost
		}
		if b > hi {
			break
		}
	}
	if best < 0 && !full {
		return c.to
	}
	return best
}

// rollTo is how many frames are decoded only to get to frame n.
func (c *chunker) rollTo(n int64) int64 {
	for i := len(c.win) - 1; i >= 0; i-- {
		if w := c.win[i]; w.key && w.slot <= n-c.roll {
			return n - w.slot
		}
	}
	return n - c.start
}

// entry is the window index of the keyframe from which frame n can be decoded.
func (c *chunker) entry(n int64) int {
	back := c.back
	for i := len(c.win) - 1; i >= 0; i-- {
		if w := c.win[i]; w.key && w.slot <= n-c.roll {
			if back == 0 {
				return i
			}
			back--
		}
	}
	return 0
}

// cutAt ends the collected chunk at frame to and keeps the packets the next one needs.
func (c *chunker) cutAt(to int64) *chunk {
	ch := &chunk{from: c.start, to: to, result: make(chan chunkResult, 1)}
	end := c.endFor(to)
	for _, w := range c.win[:end] {
		ch.packets = append(ch.packets, w.p.ref())
	}
	keep := len(c.win)
	if to < c.to {
		keep = c.entry(to)
	}
	c.drop(keep)
	c.start = to
	c.index++
	return ch
}

// endFor is the window index behind the last packet that frames before to may need.
func (c *chunker) endFor(to int64) int {
	later := 0
	for i, w := range c.win {
		if w.slot >= to+c.roll {
			if later++; later > maxReorder {
				return i + 1
			}
		}
	}
	return len(c.win)
}

func (c *chunker) close() {
	for _, w := range c.win {
		w.p.free()
	}
	c.win = nil
}

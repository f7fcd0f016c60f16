package plan

import (
	"sort"

	"sluice/codec"
)

// preRollFrames is what a deinterlacer needs to see before the first frame of a task.
const preRollFrames = 3

// spans cuts the video into tasks of about Policy.SpanUS. A cut lies on a GOP boundary, close after a keyframe of the source
// so that little is decoded twice. The first task is half as long, so that the first playback comes early; sources shorter
// than two tasks, and sources of a single GOP, stay whole.
func (b *builder) spans(vp *codec.VideoPlan) []codec.Span {
	c := newCutter(b, vp)
	if c.frames(c.want*2) > vp.Frames || singleGOP(b.src.video, ticksToUS(vp.Frames*vp.FrameDur, vp.Timescale)) {
		return []codec.Span{c.span(0, 0, vp.Frames)}
	}
	var out []codec.Span
	start := int64(0)
	length := c.frames(c.want / 2)
	for start < vp.Frames {
		end := vp.Frames
		// What is left stays one task while it is below one and a half.
		if vp.Frames-start > c.frames(c.want*3/2) {
			end = c.cut(start, length)
		}
		out = append(out, c.span(len(out), start, end))
		start, length = end, c.frames(c.want)
	}
	return out
}

// cutter finds the places to cut.
type cutter struct {
	vp       *codec.VideoPlan
	originUS int64
	want     int64   // wished length, microseconds
	keyUS    []int64 // source keyframes, container clock
	keySlot  []int64 // the same as output frames
	preRoll  int64   // frames that must be decoded before a task's first
}

func newCutter(b *builder, vp *codec.VideoPlan) *cutter {
	c := &cutter{vp: vp, originUS: b.src.originUS, want: firstOf(b.req.Policy.SpanUS, defaultSpanUS)}
	if k := b.src.video.Video.Keyframes; k != nil {
		c.keyUS = k.TimesUS
		c.keySlot = make([]int64, len(k.TimesUS))
		for i, t := range k.TimesUS {
			c.keySlot[i] = slotOf(t-c.originUS, vp.FPS)
		}
		// Pre-roll of more than a quarter of a task is waste: with long GOPs the tasks grow.
		c.want = max(c.want, 4*k.MedianGapUS)
	}
	for _, op := range vp.Pre {
		if op.Kind == "deinterlace" {
			c.preRoll = preRollFrames
		}
	}
	return c
}

func (c *cutter) frames(us int64) int64 { return slotOf(us, c.vp.FPS) }

// cut returns the best boundary for a task that starts at start: among those between 0.6 and 1.4 of the wished length the
// one with the least decoding before it, weighed against the distance from the wish.
func (c *cutter) cut(start, length int64) int64 {
	lo, hi := start+length*6/10, start+length*14/10
	best, bestCost := int64(-1), int64(0)
	for b := c.boundaryFrom(lo); b < c.vp.Frames && (b <= hi || best < 0); b = c.boundaryFrom(b + 1) {
		dist := b - start - length
		if dist < 0 {
			dist = -dist
		}
		cost := 10*c.preRollAt(b) + 3*dist
		if best < 0 || cost < bestCost {
			best, bestCost = b, cost
		}
	}
	if best < 0 {
		return c.vp.Frames
	}
	return best
}

// boundaryFrom is the first GOP boundary at or after frame n.
func (c *cutter) boundaryFrom(n int64) int64 {
	if g := c.vp.Grid; len(g) > 0 {
		i := sort.Search(len(g), func(i int) bool { return g[i] >= n })
		if i == len(g) {
			return c.vp.Frames
		}
		return g[i]
	}
	return (n + c.vp.GOP - 1) / c.vp.GOP * c.vp.GOP
}

// keyBefore is the index of the last source keyframe from which frame n can be decoded, or -1.
func (c *cutter) keyBefore(n int64) int {
	return sort.Search(len(c.keySlot), func(i int) bool { return c.keySlot[i] > n-c.preRoll }) - 1
}

func (c *cutter) preRollAt(n int64) int64 {
	if len(c.keySlot) == 0 {
		return 0
	}
	if i := c.keyBefore(n); i >= 0 {
		return n - c.keySlot[i]
	}
	return n
}

func (c *cutter) span(index int, start, end int64) codec.Span {
	s := codec.Span{Index: index, Start: start, End: end, SeekUS: c.originUS}
	if i := c.keyBefore(start); i >= 0 && start > 0 {
		s.SeekUS = c.keyUS[i]
	}
	return s
}

//go:build cgo

package av

import (
	"bytes"
	"errors"
	"fmt"

	"sluice/codec"
)

// runCopy delivers the rungs and audio tracks that are the source's own samples, in one pass and without decoding.
func runCopy(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	plan := &job.Plan
	in, err := openInput(g, src, inputOpts{format: plan.Format, rebase: plan.Discontinuities, sequential: src.Sequential})
	if err != nil {
		return err
	}
	defer in.close()
	byStream := map[int][]*copier{}
	want := map[int]bool{}
	add := func(c *copier) error {
		if c.stream < 0 || c.stream >= len(in.streams) {
			return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("copy of stream %d, which the source lacks", c.stream), nil)
		}
		c.s = &in.streams[c.stream]
		if err := in.refuseEncrypted(c.stream); err != nil {
			return err
		}
		c.g, c.d, c.origin = g, d, fromUS(plan.OriginUS, c.s.tb)
		byStream[c.stream] = append(byStream[c.stream], c)
		want[c.stream] = true
		return c.open()
	}
	for _, c := range copiers(plan) {
		if err := add(c); err != nil {
			return err
		}
	}
	if len(want) == 0 {
		return nil
	}
	in.keep(want)
	d.total = plan.DurationUS / 1000
	for {
		p, err := in.read()
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		for _, c := range byStream[p.stream] {
			if err = c.packet(p); err != nil {
				break
			}
		}
		p.free()
		if err != nil {
			return err
		}
	}
	for _, list := range byStream {
		for _, c := range list {
			if err := c.finish(); err != nil {
				return err
			}
		}
	}
	if broken(in) {
		rep.Warnings = append(rep.Warnings, codec.Warning{Code: codec.DamagedPartly, Stream: -1, Message: "The file ends early; what can be read of it was copied."})
	}
	return nil
}

// copiers lists what a plan copies.
func copiers(plan *codec.Plan) []*copier {
	var out []*copier
	rungs := 0
	if vp := plan.Video; vp != nil {
		rungs = len(vp.Rungs)
		for i := range vp.Rungs {
			if vp.Rungs[i].Copy {
				out = append(out, &copier{id: i, stream: vp.Stream, vp: vp, rung: &vp.Rungs[i]})
			}
		}
	}
	for i := range plan.Audio {
		if plan.Audio[i].Copy {
			out = append(out, &copier{id: rungs + i, stream: plan.Audio[i].Stream, audio: &plan.Audio[i]})
		}
	}
	return out
}

// copier turns the packets of one stream into the samples of one track.
type copier struct {
	g      *guard
	d      *delivery
	id     int
	stream int
	s      *stream
	origin int64
	vp     *codec.VideoPlan
	rung   *codec.RungPlan
	audio  *codec.AudioPlan

	begun   bool
	config  []byte
	sets    paramSets
	nalSize int
	held    *codec.Sample // its duration ends where the next sample begins
	buf     []byte        // the held sample's data
	scratch []byte
	order   decodeClock
	placed  [2 * maxReorder]int64 // presentation times given last
	next    int64                 // audio: where the next packet should start
	priming int64
	ended   bool
	skipped int64
}

func (c *copier) open() error {
	if c.vp == nil {
		return nil
	}
	switch c.s.codec {
	case "h264", "hevc":
		c.sets.hevc = c.s.codec == "hevc"
		c.nalSize = c.sets.fromExtradata(c.s.extradata)
	default:
		return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("video of codec %q cannot be copied", c.s.codec), nil)
	}
	return nil
}

func (c *copier) packet(p *packet) error {
	if c.ended || p.size == 0 {
		return nil
	}
	if c.vp != nil {
		return c.video(p)
	}
	return c.sound(p)
}

// video places one access unit on the output timeline.
func (c *copier) video(p *packet) error {
	if p.pts == noPTS {
		return c.g.fail(codec.DamagedMedia, "demux", errors.New("a copied picture has no time"))
	}
	vp := c.vp
	pts := c.place(p.pts - c.origin)
	if !c.begun && (!p.key || pts < 0 || p.discard) {
		c.skipped++
		return nil
	}
	if p.discard || pts >= vp.Frames*vp.FrameDur && !c.inside(p) {
		return nil
	}
	c.scratch = c.repack(c.scratch[:0], p.data())
	if len(c.scratch) == 0 {
		return nil
	}
	if !c.begun {
		// Encoded rungs show the first picture from 0 on, also where the source begins later. A rung that began elsewhere
		// would be played with another offset: players take the clock from the first rendition they load.
		pts = 0
		if err := c.beginVideo(); err != nil {
			return err
		}
		c.order.start(pts, c.reorderDelay(), vp.FrameDur)
	}
	dts, ok := c.order.next(pts)
	if !ok {
		return c.g.fail(codec.DamagedMedia, "demux", fmt.Errorf("copied pictures are out of order at output tick %d", pts))
	}
	dur := mulDiv(p.dur, c.s.tb.Num*vp.Timescale, c.s.tb.Den)
	if dur <= 0 {
		dur = vp.FrameDur
	}
	return c.hold(codec.Sample{PTS: pts, DTS: dts, Dur: dur, Key: p.key}, c.scratch)
}

// place puts a picture on the exact grid of the encoded rungs, so that keyframes of all rungs coincide: at most half a
// frame from where the source has it. Where a variable rate gives two pictures one place, the second keeps its own time.
func (c *copier) place(rel int64) int64 {
	vp := c.vp
	pts := slotOf(rel, c.s.tb, vp.FPS) * vp.FrameDur
	for _, used := range c.placed {
		if used == pts+1 { // stored plus one, so that the zero value means unused
			pts = mulDiv(rel, c.s.tb.Num*vp.Timescale, c.s.tb.Den)
			break
		}
	}
	copy(c.placed[1:], c.placed[:])
	c.placed[0] = pts + 1
	return pts
}

// reorderDelay is how many pictures the source's decoder holds back: what the demuxer found, or what the stream declares.
func (c *copier) reorderDelay() int {
	d := c.s.videoDelay
	if !c.sets.hevc && len(c.sets.sps) > 0 {
		if sps := parseSPS(bytes.Clone(c.sets.sps[0])); sps != nil && sps.VUI != nil && sps.VUI.BitstreamRestrictionFlag {
			d = max(d, int(sps.VUI.MaxNumReorderFrames))
		}
	}
	return min(d, maxReorder)
}

// inside says that pictures shown before the end may still depend on a picture shown after it.
func (c *copier) inside(p *packet) bool { return !p.key }

func (c *copier) beginVideo() error {
	config := c.config
	if c.nalSize > 0 && c.nalSize == 4 && config == nil && len(c.s.extradata) > 0 {
		config = c.s.extradata
	}
	if config == nil {
		var err error
		if config, err = c.sets.config(); err != nil {
			return c.g.fail(codec.DamagedMedia, "demux", err)
		}
	}
	c.begun, c.config = true, config
	sar := c.s.sar
	if sar.IsZero() {
		sar = codec.Rational{Num: 1, Den: 1}
	}
	return c.d.track(codec.Track{ID: c.id, Name: c.rung.Name, Kind: codec.Video, Codec: c.s.codec, Config: bytes.Clone(config), Timescale: c.vp.Timescale,
		Width: c.s.width, Height: c.s.height, SAR: sar, FrameRate: c.vp.FPS, Color: c.s.color, Copied: true})
}

// repack appends an access unit with 4-byte lengths and without what a stored sample leaves out.
func (c *copier) repack(dst, data []byte) []byte {
	put := func(n []byte) {
		kind := h264Kind(n)
		if c.sets.hevc {
			kind = hevcCopyKind(n)
		}
		switch kind {
		case nalParams:
			c.sets.add(n)
		case nalKeep:
			dst = appendPrefixed(dst, n)
		}
	}
	if c.nalSize == 0 {
		eachAnnexB(data, put)
	} else {
		eachPrefixed(data, c.nalSize, put)
	}
	return dst
}

// hevcCopyKind keeps user data of a source; only our own encoder's is dropped.
func hevcCopyKind(n []byte) nalKind {
	if n[0]>>1&63 == 39 {
		return nalKeep
	}
	return hevcKind(n)
}

// hold keeps a sample until the next one tells its duration, and delivers the one before.
func (c *copier) hold(s codec.Sample, data []byte) error {
	if err := c.release(s.DTS); err != nil {
		return err
	}
	c.buf = append(c.buf[:0], data...)
	s.Data = c.buf
	c.held = &s
	return nil
}

func (c *copier) release(nextDTS int64) error {
	h := c.held
	if h == nil {
		return nil
	}
	c.held = nil
	if nextDTS > h.DTS {
		h.Dur = nextDTS - h.DTS
	}
	if err := c.d.sample(c.id, *h); err != nil {
		return err
	}
	us := mulDiv(h.PTS, 1_000_000, c.d.scale[c.id])
	c.d.progress(us/1000, us)
	return nil
}

func (c *copier) finish() error {
	if !c.begun {
		what := "picture"
		if c.audio != nil {
			what = "sound"
		}
		return c.g.fail(codec.DamagedMedia, "demux", fmt.Errorf("stream %d: no %s to copy", c.stream, what))
	}
	return c.release(noPTS)
}

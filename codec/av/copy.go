//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"sluice/codec"
)

// runCopy delivers the rungs and audio tracks that are the source's own samples, in one pass and without decoding.
func runCopy(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	if job.Safe {
		return codec.NewError(codec.EngineBug, "plan", "a safe run copies nothing", nil)
	}
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

// sound places one audio packet on the output timeline.
func (c *copier) sound(p *packet) error {
	data := p.data()
	rate := int64(c.audio.SampleRate)
	if c.s.sampleRate > 0 {
		rate = int64(c.s.sampleRate)
	}
	raw, config, err := c.soundData(data)
	if err != nil {
		return nil // a damaged frame is left out
	}
	if p.pts == noPTS {
		return nil
	}
	pts := mulDiv(p.pts-c.origin, c.s.tb.Num*rate, c.s.tb.Den)
	dur := mulDiv(p.dur, c.s.tb.Num*rate, c.s.tb.Den)
	if c.s.frameSize > 0 {
		dur = int64(c.s.frameSize)
	}
	if !c.begun {
		c.priming = int64(p.skipStart)
		if pts < 0 && c.priming == 0 {
			c.priming = -pts // starts before the picture's origin: what is before it is not shown
		}
		if pts+dur <= -c.priming {
			return nil
		}
		if err := c.beginSound(config, rate); err != nil {
			return err
		}
	} else if abs64(pts-c.next) <= max(dur/2, rate/500) {
		pts = c.next // the container's rounding
	} else if pts < c.next {
		return nil
	}
	if us := c.audio.DurationUS; us > 0 && pts >= mulDiv(us, rate, 1_000_000) {
		c.ended = true
		return nil
	}
	c.next = pts + dur
	return c.hold(codec.Sample{PTS: pts, DTS: pts, Dur: max(1, dur), Key: true}, raw)
}

func (c *copier) beginSound(config []byte, rate int64) error {
	c.begun = true
	a := c.audio
	return c.d.track(codec.Track{ID: c.id, Name: a.Name, Kind: codec.Audio, Codec: c.s.codec, Config: config, Timescale: rate,
		SampleRate: int(rate), Channels: c.s.channels, Priming: int(c.priming), Language: a.Language, Title: a.Title, Default: a.Default, Copied: true})
}

// soundData returns the stored form of an audio packet and the track's configuration.
func (c *copier) soundData(data []byte) (raw, config []byte, err error) {
	switch c.s.codec {
	case "aac":
		if len(c.s.extradata) >= 2 && !(len(data) >= 2 && data[0] == 0xff && data[1]&0xf6 == 0xf0) {
			return data, c.s.extradata, nil
		}
		h, err := parseADTS(data)
		if err != nil {
			return nil, nil, err
		}
		return data[h.header:h.frame], h.config(), nil
	case "mp3":
		return data, nil, nil
	case "opus":
		config, _, err := opusConfig(c.s.extradata)
		return data, config, err
	case "flac":
		if len(c.s.extradata) != 34 {
			return nil, nil, errors.New("no STREAMINFO")
		}
		// dfLa: version and flags, then the block as the last one (FLAC in ISOBMFF §3.3.2).
		config := append([]byte{0, 0, 0, 0, 0x80, 0, 0, 34}, c.s.extradata...)
		return data, config, nil
	case "ac3":
		config, err := ac3Config(data)
		return data, config, err
	case "eac3":
		config, err := eac3Config(data, c.s.bitRate)
		return data, config, err
	}
	return nil, nil, fmt.Errorf("audio of codec %q cannot be copied", c.s.codec)
}

// ac3Config makes the dac3 payload from a frame's header (ETSI TS 102 366 §F.4).
func ac3Config(b []byte) ([]byte, error) {
	if len(b) < 8 || binary.BigEndian.Uint16(b) != 0x0b77 {
		return nil, errors.New("no AC-3 frame")
	}
	fscod, rate, bsid, bsmod, acmod := b[4]>>6, b[4]&63>>1, b[5]>>3, b[5]&7, b[6]>>5
	bit := 3
	if acmod&1 != 0 && acmod != 1 {
		bit += 2
	}
	if acmod&4 != 0 {
		bit += 2
	}
	if acmod == 2 {
		bit += 2
	}
	lfe := byte(bitsAt(b[6:], bit, 1))
	v := uint32(fscod)<<22 | uint32(bsid)<<17 | uint32(bsmod)<<14 | uint32(acmod)<<11 | uint32(lfe)<<10 | uint32(rate)<<5
	return []byte{byte(v >> 16), byte(v >> 8), byte(v)}, nil
}

// eac3Config makes the dec3 payload for one independent substream (ETSI TS 102 366 §F.6).
func eac3Config(b []byte, bitRate int64) ([]byte, error) {
	if len(b) < 6 || binary.BigEndian.Uint16(b) != 0x0b77 {
		return nil, errors.New("no E-AC-3 frame")
	}
	fscod, acmod, lfe, bsid := b[4]>>6, b[4]>>1&7, b[4]&1, b[5]>>3
	v := uint64(min(bitRate/1000, 8191))<<27 | uint64(fscod)<<22 | uint64(bsid)<<17 | uint64(acmod)<<9 | uint64(lfe)<<8
	return []byte{byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, nil
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
	c.d.progress(c.d.tracks[c.id].Samples, mulDiv(h.PTS, 1_000_000, c.d.scale[c.id]))
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

// decodeClock gives pictures in decode order their decode times: with a reorder delay of d pictures, the i-th is decoded when
// the (i-d)-th is shown. It needs no decode times of the container, which are often missing or rounded.
type decodeClock struct {
	delay   int
	count   int
	first   int64
	step    int64
	last    int64
	pending []int64 // presentation times not used as decode times yet, ascending
}

func (k *decodeClock) start(pts int64, delay int, step int64) {
	*k = decodeClock{delay: delay, first: pts, step: step, last: noPTS}
}

// next returns the decode time for the next picture; false when the pictures are in no decodable order.
func (k *decodeClock) next(pts int64) (int64, bool) {
	i, _ := slices.BinarySearch(k.pending, pts)
	k.pending = slices.Insert(k.pending, i, pts)
	var dts int64
	if k.count < k.delay {
		dts = k.first - int64(k.delay-k.count)*k.step
	} else {
		dts = k.pending[0]
		k.pending = k.pending[1:]
	}
	k.count++
	if dts > pts { // the stream reorders more than it said
		dts = pts
	}
	if k.last != noPTS && dts <= k.last {
		if dts = k.last + 1; dts > pts {
			return 0, false
		}
	}
	k.last = dts
	return dts, true
}

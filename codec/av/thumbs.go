//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"slices"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// runThumbs makes the poster and the storyboard from keyframes only. Either every keyframe is looked at once, and decoded only
// when a tile or a poster candidate falls between it and the next; or, with an index and pictures far apart, the keyframe of
// each picture is looked up.
func runThumbs(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	tp := job.Plan.Thumbs
	if tp == nil {
		return nil
	}
	if tp.FrameUS != nil {
		return runFrame(g, cfg, src, job, d)
	}
	if tilesOf(job) != nil { // the storyboard comes out of the transcode
		if !tp.Poster {
			return nil
		}
		poster := *tp
		poster.Columns = 0
		tp = &poster
	}
	in, err := openInput(g, src, inputOpts{format: job.Plan.Format, rebase: job.Plan.Discontinuities, sequential: src.Sequential})
	if err != nil {
		return err
	}
	defer in.close()
	if tp.Stream < 0 || tp.Stream >= len(in.streams) || in.streams[tp.Stream].kind != codec.Video {
		return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("stream %d has no pictures", tp.Stream), nil)
	}
	s := &in.streams[tp.Stream]
	if err := in.refuseEncrypted(tp.Stream); err != nil {
		return err
	}
	in.keep(map[int]bool{tp.Stream: true})
	t := &thumbs{g: g, cfg: cfg, in: in, s: s, tp: tp, d: d, origin: fromUS(job.Plan.OriginUS, s.tb), frame: astiav.AllocFrame(), small: astiav.AllocFrame()}
	defer t.close()
	if err := t.open(job.Safe); err != nil {
		return err
	}
	if !tp.Cover {
		C.sl_stream_discard(in.c(), C.int(tp.Stream), 1)
	}
	if tp.Seek && !tp.Cover && !job.Safe && !src.Sequential {
		err = t.lookUp()
	} else {
		err = t.scan()
	}
	if err != nil {
		return err
	}
	return t.finish()
}

type thumbs struct {
	g      *guard
	cfg    Config
	in     *input
	s      *stream
	tp     *codec.ThumbPlan
	d      *delivery
	origin int64
	dec    *decoder
	frame  *astiav.Frame // decoded
	small  *astiav.Frame // at tile size
	tile   *renderer
	sheet  *storyboard

	held      *packet // the last keyframe, until it is known what falls after it
	heldUS    int64
	seen      int
	cand      []int64 // poster candidate times, ascending
	best      *packet
	bestScore int64
	decoded   int
	shown     bool  // small holds a picture:
	shownUS   int64 // that of the keyframe at this time
}

func (t *thumbs) open(safe bool) error {
	tp := t.tp
	fast := !safe && !tp.Cover
	dec, err := newDecoder(t.g, t.s, decOpts{threads: 1, maxPixels: t.cfg.MaxPixels, fast: fast, careful: safe})
	if err != nil {
		return err
	}
	t.dec = dec
	w, h := tp.TileWidth, tp.TileHeight
	if hasBoard(tp) {
		t.sheet = newStoryboard(tp)
		t.d.total = int64(t.sheet.total)
	} else {
		w, h = 160, 90
	}
	t.tile = newRenderer(t.g, t.s, tp, w, h, false)
	if tp.Poster {
		n := max(1, tp.Candidates)
		for i := range n {
			t.cand = append(t.cand, tp.DurationUS*int64(2*i+1)/int64(2*n))
		}
	}
	return nil
}

// scan reads the keyframes.
func (t *thumbs) scan() error {
	for {
		p, err := t.in.read()
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		if p.stream != t.tp.Stream || p.size == 0 || !p.key && !t.tp.Cover && t.seen > 0 {
			p.free()
			continue
		}
		if err := t.take(p); err != nil {
			return err
		}
		if t.tp.Cover {
			break
		}
	}
	return t.settle(1<<62 - 1)
}

// take holds the next keyframe and uses the one held before.
func (t *thumbs) take(p *packet) error {
	us := t.heldUS + 1
	if p.pts != noPTS {
		us = toUS(p.pts-t.origin, t.s.tb)
	}
	err := t.settle(us)
	t.held, t.heldUS = p, us
	t.seen++
	return err
}

// settle uses the held keyframe for every tile and candidate before the time of the next one.
func (t *thumbs) settle(nextUS int64) error {
	p := t.held
	if p == nil {
		return nil
	}
	t.held = nil
	defer p.free()
	wanted := t.sheet != nil && t.sheet.wants(nextUS)
	candidate := false
	for len(t.cand) > 0 && t.cand[0] < nextUS {
		candidate = true
		t.cand = t.cand[1:]
	}
	if candidate && t.best == nil && t.sheet == nil && len(t.cand) == 0 { // nothing to choose from
		t.best = p.ref()
		return nil
	}
	if !wanted && !candidate {
		return nil
	}
	if !t.shown || t.shownUS != t.heldUS {
		ok, err := t.decode(t.dec, p)
		if err != nil || !ok {
			return err
		}
		if err := t.tile.render(t.frame, t.small); err != nil {
			return err
		}
		t.shown, t.shownUS = true, t.heldUS
	}
	if wanted {
		if err := t.sheet.fill(t.small, nextUS, t.d); err != nil {
			return err
		}
		t.d.progress(int64(t.sheet.next), int64(t.sheet.next)*t.tp.IntervalUS)
	}
	if candidate {
		t.judge(p)
	}
	return nil
}

// decode decodes one keyframe by itself.
func (t *thumbs) decode(dec *decoder, p *packet) (bool, error) {
	if e := t.g.interrupted("decode"); e != nil {
		return false, e
	}
	dec.reset()
	if err := dec.send(p); err != nil {
		return false, err
	}
	if err := dec.send(nil); err != nil {
		return false, err
	}
	f, _, err := dec.receive()
	if err != nil || f == nil {
		return false, err
	}
	t.frame.Unref()
	if err := t.frame.Ref(f); err != nil {
		return false, t.g.fail(codec.OutOfMemory, "decode", err)
	}
	t.decoded++
	return true, nil
}

// judge keeps the packet if its picture is the best candidate so far: detail and contrast count, black and flat pictures
// are only taken when there is nothing else.
func (t *thumbs) judge(p *packet) {
	var mean, variance, gradient C.int
	C.sl_frame_luma((*C.AVFrame)(cptr(t.small)), &mean, &variance, &gradient)
	score := int64(variance) + 20*int64(gradient) + 1
	if mean < 20 || mean > 240 || variance < 30 {
		score /= 100
	}
	if t.best == nil || score > t.bestScore {
		if t.best != nil {
			t.best.free()
		}
		t.best, t.bestScore = p.ref(), score
	}
}

// finish writes the rest of the storyboard and the poster.
func (t *thumbs) finish() error {
	if t.sheet != nil {
		if err := t.sheet.finish(t.d); err != nil {
			return err
		}
	}
	if t.tp.Poster {
		if err := t.poster(); err != nil {
			return err
		}
	}
	if t.decoded == 0 {
		return t.g.fail(codec.DamagedMedia, "decode", fmt.Errorf("stream %d: no picture could be decoded", t.tp.Stream))
	}
	return nil
}

// poster decodes the chosen keyframe again, at full quality, and writes it.
func (t *thumbs) poster() error {
	if t.best == nil {
		return nil
	}
	dec, err := newDecoder(t.g, t.s, decOpts{threads: 1, maxPixels: t.cfg.MaxPixels})
	if err != nil {
		return err
	}
	defer dec.close()
	ok, err := t.decode(dec, t.best)
	if err != nil || !ok {
		return err
	}
	r := newRenderer(t.g, t.s, t.tp, t.tp.Width, t.tp.Height, true)
	defer r.close()
	if err := r.render(t.frame, t.small); err != nil {
		return err
	}
	data, err := encodeJPEG(yccOf(t.small), posterQuality)
	if err != nil {
		return t.g.fail(codec.EngineBug, "encode", err)
	}
	return t.d.file("poster.jpg", data)
}

func (t *thumbs) close() {
	for _, p := range []*packet{t.held, t.best} {
		if p != nil {
			p.free()
		}
	}
	if t.dec != nil {
		t.dec.close()
	}
	if t.tile != nil {
		t.tile.close()
	}
	t.frame.Free()
	t.small.Free()
}

// renderer makes an upright, full-range picture of a given size out of decoded frames.
type renderer struct {
	g     *guard
	base  *scaler
	scale *scaler
	deint bool
	tmp   *astiav.Frame
	tmp2  *astiav.Frame
}

// jpegColor is what JFIF files hold: BT.601, full range, chroma between the lines.
var jpegColor = codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "bt470bg", Range: "pc", Chroma: "center"}

func newRenderer(g *guard, s *stream, tp *codec.ThumbPlan, w, h int, deint bool) *renderer {
	in := tp.In
	if in.Matrix == "" {
		in = codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "bt709", Range: "tv"}
	}
	filter := "spline36"
	if w <= 320 {
		filter = "bilinear"
	}
	vp := &codec.VideoPlan{Pre: tp.Pre, In: in, Out: jpegColor, DecodeWidth: s.width, DecodeHeight: s.height,
		Rungs: []codec.RungPlan{{Width: w, Height: h, Scaler: filter}}}
	pic := newPicture(vp)
	r := &renderer{g: g, tmp: astiav.AllocFrame(), tmp2: astiav.AllocFrame()}
	if pic.needsBase() {
		r.base = newScaler(g, pic.baseChain, colorNumbers(in))
		r.scale = newScaler(g, pic.fromBaseChain(&vp.Rungs[0]), colorNumbers(pic.baseColor))
	} else {
		r.scale = newScaler(g, pic.rungChain(&vp.Rungs[0]), colorNumbers(in))
	}
	r.deint = deint && slices.ContainsFunc(tp.Pre, func(o codec.Op) bool { return o.Kind == "deinterlace" })
	return r
}

func (r *renderer) render(src, dst *astiav.Frame) error {
	if r.deint {
		if err := r.single(src); err != nil {
			return err
		}
		src = r.tmp2
	}
	if r.base != nil {
		if err := r.base.run(src, r.tmp); err != nil {
			return err
		}
		src = r.tmp
	}
	return r.scale.run(src, dst)
}

// single deinterlaces one picture by itself into tmp2.
func (r *renderer) single(src *astiav.Frame) error {
	in := videoIn(src, codec.Rational{Num: 1, Den: 1_000_000})
	g, err := newGraph(r.g, &in, "bwdif=mode=send_frame:deint=interlaced")
	if err != nil {
		return err
	}
	defer g.close()
	r.tmp.Unref()
	if err := r.tmp.Ref(src); err != nil {
		return r.g.fail(codec.OutOfMemory, "filter", err)
	}
	r.tmp.SetPts(0)
	if err := g.push(r.tmp); err != nil {
		return err
	}
	if err := g.push(nil); err != nil {
		return err
	}
	ok, err := g.pull(r.tmp2)
	if err != nil || !ok {
		return r.g.fail(codec.EngineBug, "filter", fmt.Errorf("deinterlacing one picture: %w", err))
	}
	return nil
}

func (r *renderer) close() {
	if r.base != nil {
		r.base.close()
	}
	r.scale.close()
	r.tmp.Free()
	r.tmp2.Free()
}

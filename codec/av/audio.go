//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// runAudio encodes all audio tracks that are not copies: one pass over the source, each stream decoded once, however many
// renditions are made of it.
func runAudio(g *guard, cfg Config, src codec.Source, job *codec.Job, d *delivery, rep *codec.Report) error {
	r := &audioRun{g: g, cfg: cfg, plan: &job.Plan, job: job, d: d, rep: rep}
	defer r.close()
	for i := range r.plan.Audio {
		p := &r.plan.Audio[i]
		if p.Copy {
			continue
		}
		t, err := newAudioTrack(g, r.plan, i, d)
		if err != nil {
			return err
		}
		r.tracks = append(r.tracks, t)
	}
	if len(r.tracks) == 0 {
		return nil
	}
	if err := r.decode(src); err != nil {
		return err
	}
	return r.finish()
}

type audioRun struct {
	g      *guard
	cfg    Config
	plan   *codec.Plan
	job    *codec.Job
	d      *delivery
	rep    *codec.Report
	tracks []*audioTrack
	decs   map[int]*audioSource // by stream index
	in     *input
}

// audioSource is a decoded stream and the tracks made of it.
type audioSource struct {
	dec    *decoder
	origin int64
	tracks []*audioTrack
}

// decode reads the source once and feeds the tracks.
func (r *audioRun) decode(src codec.Source) error {
	r.decs = map[int]*audioSource{}
	real := false
	for _, t := range r.tracks {
		real = real || t.plan.Stream >= 0
	}
	if !real {
		return nil
	}
	in, err := openInput(r.g, src, inputOpts{format: r.plan.Format, rebase: r.plan.Discontinuities, sequential: src.Sequential})
	if err != nil {
		return err
	}
	r.in = in
	want := map[int]bool{}
	for _, t := range r.tracks {
		if err := r.attach(t, want); err != nil {
			return err
		}
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
		err = r.packet(p)
		p.free()
		if err != nil {
			return err
		}
	}
	for _, s := range r.decs {
		if err := r.feed(s, nil); err != nil {
			return err
		}
	}
	return nil
}

// attach opens the decoder a track needs, once a stream. A stream that cannot be decoded costs its tracks, not the job.
func (r *audioRun) attach(t *audioTrack, want map[int]bool) error {
	i := t.plan.Stream
	if i < 0 {
		return nil
	}
	if i >= len(r.in.streams) || r.in.streams[i].kind != codec.Audio {
		return codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("stream %d is not an audio stream of this source", i), nil)
	}
	s := r.decs[i]
	if s == nil {
		st := &r.in.streams[i]
		if err := r.in.refuseEncrypted(i); err != nil {
			return err
		}
		dec, err := newDecoder(r.g, st, decOpts{threads: 1, maxPixels: r.cfg.MaxPixels, careful: r.job.Safe})
		if err != nil {
			t.dropped, t.refused = codec.UserText(codec.UnsupportedCodec), err
			return nil
		}
		s = &audioSource{dec: dec, origin: fromUS(r.plan.OriginUS, st.tb)}
		r.decs[i] = s
	}
	s.tracks = append(s.tracks, t)
	want[i] = true
	return nil
}

func (r *audioRun) packet(p *packet) error {
	s := r.decs[p.stream]
	if s == nil || p.size == 0 {
		return nil
	}
	return r.feed(s, p)
}

// feed decodes a packet (nil: the end) into all tracks of its stream.
func (r *audioRun) feed(s *audioSource, p *packet) error {
	if err := s.dec.send(p); err != nil {
		return err
	}
	for {
		f, t, err := s.dec.receive()
		if err != nil || f == nil {
			return err
		}
		if e := r.g.interrupted("decode"); e != nil {
			return e
		}
		f.SetPts(t - s.origin)
		for _, tr := range s.tracks {
			if err := tr.push(f, s.dec.s.tb); err != nil {
				return err
			}
		}
		r.progress()
	}
}

func (r *audioRun) progress() {
	if r.job.Video {
		return
	}
	n := r.tracks[0].samplesOut
	for _, t := range r.tracks {
		n = min(n, t.samplesOut)
	}
	rate := int64(r.tracks[0].plan.SampleRate)
	r.d.progress(n, mulDiv(n, 1_000_000, max(1, rate)))
}

// finish drains the tracks and judges what was lost.
func (r *audioRun) finish() error {
	alive := 0
	for _, t := range r.tracks {
		if t.plan.Stream >= 0 && t.samplesIn == 0 {
			if t.dropped == "" {
				t.dropped = "No sound could be decoded."
			}
			r.rep.Warnings = append(r.rep.Warnings, codec.Warning{Code: codec.TracksDropped, Stream: t.plan.Stream,
				Message: fmt.Sprintf("audio track %q was left out: %s", t.plan.Name, t.dropped)})
			continue
		}
		if err := t.finish(); err != nil {
			return err
		}
		alive++
		if l, ok := t.loudness(); ok {
			if r.rep.Loudness == nil {
				r.rep.Loudness = map[string]codec.Loudness{}
			}
			r.rep.Loudness[t.plan.Name] = l
		}
	}
	for i, s := range r.decs {
		if in, lost := s.dec.frames, s.dec.lost; lost > 0 && in > 0 {
			r.rep.Warnings = append(r.rep.Warnings, codec.Warning{Code: codec.DamagedPartly, Stream: i,
				Message: fmt.Sprintf("%d of %d audio frames were damaged", lost, in+lost)})
		}
	}
	if alive == 0 && r.plan.Video == nil {
		for _, t := range r.tracks {
			if t.refused != nil {
				return t.refused
			}
		}
		return r.g.fail(codec.DamagedMedia, "decode", fmt.Errorf("no sound could be decoded"))
	}
	return nil
}

func (r *audioRun) close() {
	for _, t := range r.tracks {
		t.close()
	}
	for _, s := range r.decs {
		s.dec.close()
	}
	if r.in != nil {
		r.in.close()
	}
}

// audioTrack makes one rendition. Two graphs in a row: norm brings whatever the decoder gives to the track's rate and
// channels and is rebuilt when the source changes in the middle; shape fills gaps, pads or cuts, and frames for the encoder.
type audioTrack struct {
	g          *guard
	plan       *codec.AudioPlan
	id         int
	d          *delivery
	enc        *audioEncoder
	norm       *graph
	normIn     graphIn
	shape      *graph
	loud       *loudMeter
	tmp, out   *astiav.Frame
	samplesIn  int64
	samplesOut int64
	dropped    string
	refused    error // no decoder
}

func newAudioTrack(g *guard, plan *codec.Plan, i int, d *delivery) (*audioTrack, error) {
	p := &plan.Audio[i]
	if p.SampleRate <= 0 || p.Channels <= 0 || p.Channels > 8 {
		return nil, codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("audio track %q: %d Hz, %d channels", p.Name, p.SampleRate, p.Channels), nil)
	}
	enc, err := newAudioEncoder(g, p)
	if err != nil {
		return nil, err
	}
	rungs := 0
	if plan.Video != nil {
		rungs = len(plan.Video.Rungs)
	}
	t := &audioTrack{g: g, plan: p, id: rungs + i, d: d, enc: enc, tmp: astiav.AllocFrame(), out: astiav.AllocFrame()}
	in := graphIn{audio: 1, format: C.int(enc.format), tb_num: 1, tb_den: C.int(p.SampleRate), sample_rate: C.int(p.SampleRate)}
	setLayout(&in, layoutName(p.Channels))
	chain := "aresample=async=1:first_pts=0"
	if n := t.total(); n > 0 {
		chain += fmt.Sprintf(",apad=whole_len=%d,atrim=end_sample=%d", n, n)
	}
	chain += fmt.Sprintf(",aformat=sample_fmts=%s,asetnsamples=n=%d:p=0", enc.formatName, enc.frameSize)
	if t.shape, err = newGraph(g, &in, chain); err != nil {
		t.close()
		return nil, err
	}
	if p.Loudness {
		if t.loud, err = newLoudMeter(g, &in); err != nil {
			t.close()
			return nil, err
		}
	}
	return t, nil
}

// total is the number of samples of a bounded track, 0 when it is as long as it is.
func (t *audioTrack) total() int64 {
	return mulDiv(t.plan.DurationUS, int64(t.plan.SampleRate), 1_000_000)
}

func layoutName(channels int) string {
	names := []string{"", "mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1"}
	return names[channels]
}

func setLayout(in *graphIn, name string) {
	for i := 0; i < len(name) && i < len(in.layout)-1; i++ {
		in.layout[i] = C.char(name[i])
	}
}

// push feeds a decoded frame whose time is in tb.
func (t *audioTrack) push(f *astiav.Frame, tb codec.Rational) error {
	var i C.sl_frame
	C.sl_frame_get((*C.AVFrame)(cptr(f)), &i)
	if i.nb_samples <= 0 || i.sample_rate <= 0 || i.channels <= 0 {
		return nil
	}
	t.samplesIn += int64(i.nb_samples)
	in := graphIn{audio: 1, format: i.format, tb_num: C.int(tb.Num), tb_den: C.int(tb.Den), sample_rate: i.sample_rate, layout: i.layout}
	if t.norm == nil || in != t.normIn {
		if err := t.flushNorm(); err != nil {
			return err
		}
		g, err := newGraph(t.g, &in, t.normChain(int(i.channels)))
		if err != nil {
			return err
		}
		t.norm, t.normIn = g, in
	}
	if err := t.norm.push(f); err != nil {
		return t.g.fail(codec.EngineBug, "filter", err)
	}
	return t.pullNorm()
}

// normChain mixes and resamples. The plan's downmix holds for the layout it was made for; a source that changes its
// channels in the middle is mixed by libav's own rules from there.
func (t *audioTrack) normChain(channels int) string {
	p := t.plan
	chain := ""
	if p.Pan != "" && (p.SourceChan == 0 || p.SourceChan == channels) {
		chain = "pan=" + p.Pan + ","
	}
	return chain + fmt.Sprintf("aresample=%d,aformat=sample_fmts=%s:sample_rates=%d:channel_layouts=%s", p.SampleRate, t.enc.formatName, p.SampleRate, layoutName(p.Channels))
}

func (t *audioTrack) flushNorm() error {
	if t.norm == nil {
		return nil
	}
	t.norm.push(nil)
	err := t.pullNorm()
	t.norm.close()
	t.norm = nil
	return err
}

func (t *audioTrack) pullNorm() error {
	for {
		ok, err := t.norm.pull(t.tmp)
		if err != nil {
			return t.g.fail(codec.EngineBug, "filter", err)
		}
		if !ok {
			return nil
		}
		if err := t.shape.push(t.tmp); err != nil && !ended(err) { // it ends when the wished length is reached
			return t.g.fail(codec.EngineBug, "filter", err)
		}
		if err := t.pullShape(); err != nil {
			return err
		}
	}
}

func (t *audioTrack) pullShape() error {
	for {
		ok, err := t.shape.pull(t.out)
		if err != nil {
			return t.g.fail(codec.EngineBug, "filter", err)
		}
		if !ok {
			return nil
		}
		if e := t.g.interrupted("encode"); e != nil {
			return e
		}
		if err := t.encode(t.out); err != nil {
			return err
		}
	}
}

// encode stamps a frame by the count of samples before it and encodes it.
func (t *audioTrack) encode(f *astiav.Frame) error {
	n := int64(f.NbSamples())
	f.SetPts(t.samplesOut)
	t.samplesOut += n
	if t.loud != nil {
		if err := t.loud.push(f); err != nil {
			return err
		}
	}
	return t.enc.encode(f, t.deliver)
}

// deliver announces the track with its first sample: a track that never sounds is never announced.
func (t *audioTrack) deliver(s codec.Sample) error {
	if t.d.tracks[t.id] == nil {
		if err := t.d.track(t.track()); err != nil {
			return err
		}
	}
	return t.d.sample(t.id, s)
}

func (t *audioTrack) track() codec.Track {
	p := t.plan
	return codec.Track{ID: t.id, Name: p.Name, Kind: codec.Audio, Codec: p.Codec, Config: t.enc.config, Timescale: int64(p.SampleRate),
		SampleRate: p.SampleRate, Channels: p.Channels, Priming: t.enc.priming, Language: p.Language, Title: p.Title, Default: p.Default}
}

func (t *audioTrack) finish() error {
	if t.plan.Stream < 0 {
		if err := t.silence(); err != nil {
			return err
		}
	}
	if err := t.flushNorm(); err != nil {
		return err
	}
	if t.plan.Stream >= 0 {
		t.shape.push(nil)
		if err := t.pullShape(); err != nil {
			return err
		}
	}
	return t.enc.encode(nil, t.deliver)
}

// silence makes a track of nothing, as long as the plan says.
func (t *audioTrack) silence() error {
	for left := t.total(); left > 0; {
		if e := t.g.interrupted("encode"); e != nil {
			return e
		}
		n := min(left, int64(t.enc.frameSize))
		t.tmp.Unref()
		ret := C.sl_frame_silence((*C.AVFrame)(cptr(t.tmp)), C.int(t.plan.SampleRate), C.int(t.plan.Channels), C.int(n), C.int(t.enc.format))
		if ret < 0 {
			return t.g.fail(codec.OutOfMemory, "encode", avErr(ret))
		}
		if err := t.encode(t.tmp); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (t *audioTrack) loudness() (codec.Loudness, bool) {
	if t.loud == nil {
		return codec.Loudness{}, false
	}
	return t.loud.result()
}

func (t *audioTrack) close() {
	t.norm.close()
	t.shape.close()
	if t.loud != nil {
		t.loud.close()
	}
	t.enc.close()
	t.tmp.Free()
	t.out.Free()
}

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
	err := t.norm.push(nil)
	if err == nil {
		err = t.pullNorm()
	}
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
		if err := t.shape.push(nil); err != nil {
			return err
		}
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

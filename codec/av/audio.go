//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"

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
	d.total = r.plan.DurationUS / 1000
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
			return nil //nolint:nilerr // the track is left out, and its refusal kept
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

// progress reports how far the slowest track is that comes from the source.
func (r *audioRun) progress() {
	if r.job.Video {
		return
	}
	us := int64(-1)
	for _, t := range r.tracks {
		if t.plan.Stream < 0 || t.dropped != "" {
			continue
		}
		if at := mulDiv(t.samplesOut, 1_000_000, int64(max(1, t.plan.SampleRate))); us < 0 || at < us {
			us = at
		}
	}
	if us >= 0 {
		r.d.progress(us/1000, us)
	}
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

//go:build cgo

package av

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// idetFrames is how many pictures are looked at, from the first keyframe on.
const idetFrames = 200

// mayBeInterlaced says whether looking at pictures is worth it: the stream is flagged, or is of a kind that often lies.
func mayBeInterlaced(format string, s *codec.Stream) bool {
	v := s.Video
	if v == nil || s.AttachedPic || s.Encrypted {
		return false
	}
	return v.Interlaced || s.Codec == "mpeg2video" || s.Codec == "dvvideo" || format == "mpegts" && (v.Height == 576 || v.Height == 480 || v.Height == 1080)
}

// verifyPictures decodes the beginning of the main video where its flags need verifying: is it interlaced, and, for HDR,
// what do the pictures say about mastering.
func verifyPictures(g *guard, src codec.Source, info *codec.Info, cfg Config) error {
	s := info.MainVideo()
	if s == nil {
		return nil
	}
	idet, hdr := mayBeInterlaced(info.Format.Name, s), s.Video.HDR.Kind == "pq" || s.Video.HDR.Kind == "hdr10"
	if !idet && !hdr || findDecoderFor(s) == nil {
		return nil
	}
	in, err := openInput(g, src, inputOpts{format: info.Format.Name, sequential: src.Sequential})
	if err != nil {
		return err
	}
	defer in.close()
	if s.Index >= len(in.streams) {
		return nil
	}
	in.keep(map[int]bool{s.Index: true})
	dec, err := newDecoder(g, &in.streams[s.Index], decOpts{threads: 1, maxPixels: cfg.MaxPixels})
	if err != nil {
		return nil // the planner says so
	}
	defer dec.close()
	v := &verifier{g: g, info: s, tb: in.streams[s.Index].tb, f: astiav.AllocFrame()}
	defer v.close()
	want := idetFrames
	if !idet {
		want = 1
	}
	return v.run(in, dec, want, idet)
}

func findDecoderFor(s *codec.Stream) *astiav.Codec {
	d := astiav.FindDecoderByName(s.Codec)
	if d == nil || !allowedDecoders[d.Name()] {
		return nil
	}
	return d
}

// verifier runs idet over decoded pictures.
type verifier struct {
	g     *guard
	info  *codec.Stream
	tb    codec.Rational
	graph *graph
	shape graphIn
	f     *astiav.Frame
	n     int

	tff, bff, progressive float64
}

func (v *verifier) run(in *input, dec *decoder, want int, idet bool) error {
	for v.n < want {
		p, err := in.read()
		if err != nil {
			return err
		}
		ended := p == nil
		err = dec.send(p)
		if p != nil {
			p.free()
		}
		if err != nil {
			return err
		}
		for {
			f, _, err := dec.receive()
			if err != nil {
				return err
			}
			if f == nil {
				break
			}
			if e := v.g.interrupted("probe"); e != nil {
				return e
			}
			v.n++
			if err := v.picture(f, idet); err != nil {
				return err
			}
		}
		if ended {
			break
		}
	}
	if idet {
		v.decide()
	}
	return nil
}

func (v *verifier) picture(f *astiav.Frame, idet bool) error {
	if v.n == 1 {
		v.mastering(f)
	}
	if !idet {
		return nil
	}
	in := videoIn(f, v.tb)
	if v.graph == nil || in != v.shape {
		v.graph.close()
		g, err := newGraph(v.g, &in, "idet")
		v.graph, v.shape = g, in
		if err != nil {
			return err
		}
	}
	if err := v.graph.push(f); err != nil {
		return nil //nolint:nilerr // a verdict is wanted where one can be had, no more
	}
	for {
		ok, err := v.graph.pull(v.f)
		if err != nil || !ok {
			return nil //nolint:nilerr // as above
		}
		v.tff = v.value("lavfi.idet.multiple.tff")
		v.bff = v.value("lavfi.idet.multiple.bff")
		v.progressive = v.value("lavfi.idet.multiple.progressive")
	}
}

func (v *verifier) value(key string) float64 {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	var out C.double
	C.sl_frame_meta((*C.AVFrame)(cptr(v.f)), k, &out)
	return float64(out)
}

// decide corrects the flag when the pictures speak clearly; undetermined ones (still scenes) change nothing.
func (v *verifier) decide() {
	inter := v.tff + v.bff
	if inter+v.progressive < 5 {
		return
	}
	switch {
	case inter > v.progressive/3:
		v.info.Video.Interlaced = true
	case v.progressive > 20*inter:
		v.info.Video.Interlaced = false
	}
}

// mastering takes HDR metadata that only pictures carry.
func (v *verifier) mastering(f *astiav.Frame) {
	var h C.sl_hdr
	C.sl_frame_hdr((*C.AVFrame)(cptr(f)), &h)
	d := &v.info.Video.HDR
	if h.has_mastering != 0 && d.Mastering == "" {
		d.Mastering = masteringText(h.mastering)
	}
	if h.has_cll != 0 && d.MaxCLL == 0 {
		d.MaxCLL, d.MaxFALL = int(h.max_cll), int(h.max_fall)
	}
	if d.Kind == "pq" && (h.has_mastering != 0 || h.has_cll != 0) {
		d.Kind = "hdr10"
	}
	if h.hdr10plus != 0 && (d.Kind == "pq" || d.Kind == "hdr10") {
		d.Kind = "hdr10plus"
	}
	if h.cc != 0 {
		v.info.Video.ClosedCaptions = true
	}
}

func (v *verifier) close() {
	v.graph.close()
	v.f.Free()
}

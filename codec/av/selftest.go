//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"fmt"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// selfTestFrames is how many frames each encoder must take and give back.
const selfTestFrames = 10

// SelfTest opens every encoder of tiers 1 and 2 and encodes ten frames with it: being linked does not mean being usable.
func SelfTest(ctx context.Context) []codec.EncoderStatus {
	g := newGuard(ctx)
	defer g.close()
	defer g.bind()()
	return testEncoders(g)
}

func testEncoders(g *guard) []codec.EncoderStatus {
	var out []codec.EncoderStatus
	for _, t := range []struct {
		tier int
		enc  codec.EncPlan
	}{
		{1, codec.EncPlan{Codec: "h264", Encoder: "libx264", Preset: "ultrafast", CRF: 30}},
		{2, codec.EncPlan{Codec: "hevc", Encoder: "libx265", Preset: "ultrafast", CRF: 30, Opts: map[string]string{"x265-params": "pools=none:frame-threads=1:wpp=0:pmode=0:info=0:log-level=error"}}},
		{2, codec.EncPlan{Codec: "av1", Encoder: "libsvtav1", Preset: "10", CRF: 50, Opts: map[string]string{"svtav1-params": "lp=1"}}},
		{2, codec.EncPlan{Codec: "vp9", Encoder: "libvpx-vp9", CRF: 40, Opts: map[string]string{"deadline": "realtime", "cpu-used": "8", "b": "200000"}}},
	} {
		t.enc.Threads = 1
		out = append(out, status(t.tier, t.enc.Codec, t.enc.Encoder, testVideo(g, t.enc)))
	}
	for _, a := range []codec.AudioPlan{{Codec: "aac", BitRate: 64000}, {Codec: "opus", BitRate: 64000}} {
		a.Name, a.SampleRate, a.Channels = a.Codec, 48000, 1
		tier := 1
		if a.Codec == "opus" {
			tier = 2
		}
		out = append(out, status(tier, a.Codec, audioEncoders[a.Codec], testAudio(g, &a)))
	}
	return out
}

func status(tier int, name, encoder string, err error) codec.EncoderStatus {
	s := codec.EncoderStatus{Codec: name, Encoder: encoder, Tier: tier, OK: err == nil}
	if err != nil {
		s.Error = err.Error()
	}
	return s
}

func testVideo(g *guard, enc codec.EncPlan) error {
	vp := &codec.VideoPlan{FPS: codec.Rational{Num: 25, Den: 1}, Timescale: 25000, FrameDur: 1000, Frames: selfTestFrames, GOP: 50,
		Out: codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "bt709", Range: "tv", Chroma: "left"}}
	e, err := newVideoEncoder(g, vp, &codec.RungPlan{Name: enc.Codec, Width: 128, Height: 72, Enc: enc})
	if err != nil {
		return err
	}
	defer e.close()
	f := astiav.AllocFrame()
	defer f.Free()
	f.SetWidth(128)
	f.SetHeight(72)
	f.SetPixelFormat(astiav.PixelFormatYuv420P)
	if err := f.AllocBuffer(64); err != nil {
		return err
	}
	if err := f.ImageFillBlack(); err != nil {
		return err
	}
	var out coded
	for n := int64(0); n < selfTestFrames; n++ {
		setFrame(f, n, n == 0)
		if err := e.encode(f, &out); err != nil {
			return err
		}
	}
	if err := e.encode(nil, &out); err != nil {
		return err
	}
	if len(out.units) != selfTestFrames {
		return fmt.Errorf("%d frames in, %d out", selfTestFrames, len(out.units))
	}
	return nil
}

func testAudio(g *guard, p *codec.AudioPlan) error {
	e, err := newAudioEncoder(g, p)
	if err != nil {
		return err
	}
	defer e.close()
	f := astiav.AllocFrame()
	defer f.Free()
	ret := C.sl_frame_silence((*C.AVFrame)(cptr(f)), C.int(p.SampleRate), C.int(p.Channels), C.int(e.frameSize), C.int(e.format))
	if err := avErr(ret); err != nil {
		return err
	}
	n := 0
	count := func(codec.Sample) error { n++; return nil }
	for i := range selfTestFrames {
		f.SetPts(int64(i * e.frameSize))
		if err := e.encode(f, count); err != nil {
			return err
		}
	}
	if err := e.encode(nil, count); err != nil {
		return err
	}
	if n < selfTestFrames {
		return fmt.Errorf("%d frames in, %d packets out", selfTestFrames, n)
	}
	return nil
}

// Versions returns the versions of the libav libraries this process runs with, by name.
func Versions() map[string]string {
	out := map[string]string{}
	for i, name := range []string{"libavutil", "libavcodec", "libavformat", "libavfilter"} {
		v := uint32(C.sl_lib_version(C.int(i)))
		out[name] = fmt.Sprintf("%d.%d.%d", v>>16, v>>8&255, v&255)
	}
	return out
}

//go:build cgo

package av

import (
	"testing"

	"sluice/codec"
)

func TestScalingWithoutZimgKeepsColours(t *testing.T) {
	with := haveZscale
	haveZscale = func() bool { return false }
	defer func() { haveZscale = with }()
	src := halves(t, "c601.mp4", 128, 72, "zscale=min=gbr:rin=full:m=170m:r=limited,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "5", "-pix_fmt", "yuv420p", "-colorspace", "smpte170m")
	p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "64x36")
	p.Video.In = codec.Color{Primaries: "smpte170m", Transfer: "smpte170m", Matrix: "smpte170m", Range: "tv"}
	p.Video.Rungs[0].Enc.CRF = 8
	m, _ := run(t, src, codec.Job{Plan: p, Video: true})
	f := decodeRaw(t, m, 0)[3]
	if got := yuv(f, 64, 36, 0.1, 0.1, 0.4, 0.9); !near(got, red709, 4) {
		t.Errorf("red is %.0f, want %v", got, red709)
	}
	if got := yuv(f, 64, 36, 0.6, 0.1, 0.9, 0.9); !near(got, blue709, 4) {
		t.Errorf("blue is %.0f, want %v", got, blue709)
	}
}

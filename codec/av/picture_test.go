//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"testing"

	"sluice/codec"
)

// decodeRaw decodes a track to raw 4:2:0 frames.
func decodeRaw(t *testing.T, m *memory, id int) [][]byte {
	t.Helper()
	tr := m.tracks[id]
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", tr.Codec, "-i", "pipe:0", "-vsync", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1")
	cmd.Stdin = bytes.NewReader(annexB(t, m, id))
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for n := tr.Width * tr.Height * 3 / 2; len(raw) >= n; raw = raw[n:] {
		out = append(out, raw[:n])
	}
	return out
}

// yuv is the mean of a region of a raw frame; the region is in shares of the picture.
func yuv(f []byte, w, h int, x0, y0, x1, y1 float64) [3]float64 {
	var out [3]float64
	plane := func(p []byte, w, h int) float64 {
		sum, n := 0.0, 0.0
		for y := int(y0 * float64(h)); y < int(math.Ceil(y1*float64(h))); y++ {
			for x := int(x0 * float64(w)); x < int(math.Ceil(x1*float64(w))); x++ {
				sum += float64(p[y*w+x])
				n++
			}
		}
		return sum / n
	}
	c := w * h / 4
	out[0] = plane(f[:w*h], w, h)
	out[1] = plane(f[w*h:w*h+c], w/2, h/2)
	out[2] = plane(f[w*h+c:], w/2, h/2)
	return out
}

func near(a, b [3]float64, tol float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > tol {
			return false
		}
	}
	return true
}

// BT.709 limited codes of the pure colours.
var (
	red709  = [3]float64{63, 102, 240}
	blue709 = [3]float64{32, 240, 118}
)

// halves makes a source whose left half is red and right half is blue, from RGB, with the given conversion and encoder.
func halves(t *testing.T, name string, w, h int, filter string, enc ...string) string {
	t.Helper()
	graph := fmt.Sprintf("color=red:size=%dx%d:rate=25:duration=1,format=gbrp[a];color=blue:size=%dx%d:rate=25:duration=1,format=gbrp[b];[a][b]hstack,format=gbrp",
		w/2, h, w-w/2, h)
	if filter != "" {
		graph += "," + filter
	}
	return ffmpeg(t, name, append([]string{"-f", "lavfi", "-i", graph}, enc...)...)
}

func TestColoursSurviveEveryPixelFormat(t *testing.T) {
	x264 := func(fmt string) []string {
		return []string{"-c:v", "libx264", "-preset", "ultrafast", "-crf", "5", "-pix_fmt", fmt}
	}
	to := func(matrix, rng, format string) string {
		return "zscale=min=gbr:rin=full:m=" + matrix + ":r=" + rng + ",format=" + format
	}
	tag := func(a []string, matrix, rng string) []string {
		return append(a, "-colorspace", matrix, "-color_range", rng)
	}
	c709, c601, full := bt709, codec.Color{Primaries: "smpte170m", Transfer: "smpte170m", Matrix: "smpte170m", Range: "tv"}, bt709
	full.Range = "pc"
	rgb := codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "gbr", Range: "pc"}
	for _, c := range []struct {
		name, file string
		in         codec.Color
		src        string
		w, h       int
		pre        []codec.Op
	}{
		{"4:2:0 BT.709", "a.mp4", c709, halves(t, "c709.mp4", 128, 72, to("709", "limited", "yuv420p"), tag(x264("yuv420p"), "bt709", "tv")...), 128, 72, nil},
		{"4:2:0 BT.601", "a.mp4", c601, halves(t, "c601.mp4", 128, 72, to("170m", "limited", "yuv420p"), tag(x264("yuv420p"), "smpte170m", "tv")...), 128, 72, nil},
		{"full range", "a.mp4", full, halves(t, "full.mp4", 128, 72, to("709", "full", "yuv420p"), tag(x264("yuv420p"), "bt709", "pc")...), 128, 72, nil},
		{"4:2:2 10 bit", "a.mp4", c709, halves(t, "422.mp4", 128, 72, to("709", "limited", "yuv422p10le"), tag(x264("yuv422p10le"), "bt709", "tv")...), 128, 72, nil},
		{"4:4:4 odd size", "a.mp4", c709, halves(t, "444.mp4", 129, 73, to("709", "limited", "yuv444p"), tag(x264("yuv444p"), "bt709", "tv")...), 128, 72, []codec.Op{{Kind: "crop", Value: "128:72:0:0"}}},
		{"RGB png in mov", "a.mov", rgb, halves(t, "rgb.mov", 128, 72, "", "-c:v", "png", "-pix_fmt", "rgb24"), 128, 72, nil},
		{"RGBA with alpha", "a.mov", rgb, halves(t, "rgba.mov", 128, 72, "", "-c:v", "png", "-pix_fmt", "rgba"), 128, 72, []codec.Op{{Kind: "alpha"}}},
		{"gif", "a.gif", rgb, halves(t, "pal.gif", 128, 72, ""), 128, 72, []codec.Op{{Kind: "alpha"}}},
		{"prores", "a.mov", c709, halves(t, "prores.mov", 128, 72, to("709", "limited", "yuv422p10le"), "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"), 128, 72, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := planFor(t, c.src, codec.Rational{Num: 25, Den: 1}, fmt.Sprintf("%dx%d", c.w, c.h), "64x36")
			p.Video.In, p.Video.Pre = c.in, c.pre
			for i := range p.Video.Rungs {
				p.Video.Rungs[i].Enc.CRF = 8
			}
			m, _ := run(t, c.src, codec.Job{Plan: p, Video: true})
			for id, r := range p.Video.Rungs {
				f := decodeRaw(t, m, id)[3]
				if got := yuv(f, r.Width, r.Height, 0.1, 0.1, 0.4, 0.9); !near(got, red709, 4) {
					t.Errorf("%s: red is %.0f, want %v", r.Name, got, red709)
				}
				if got := yuv(f, r.Width, r.Height, 0.6, 0.1, 0.9, 0.9); !near(got, blue709, 4) {
					t.Errorf("%s: blue is %.0f, want %v", r.Name, got, blue709)
				}
			}
		})
	}
}

func TestPicturesAreTurnedUpright(t *testing.T) {
	// Stored: red left, blue right. Turned by a quarter clockwise, red is on top.
	src := halves(t, "turn.mp4", 128, 72, "zscale=min=gbr:rin=full:m=709:r=limited,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "5", "-pix_fmt", "yuv420p", "-colorspace", "bt709")
	for _, c := range []struct {
		ops    []codec.Op
		w, h   int
		red    [4]float64
		tonemp bool
	}{
		{[]codec.Op{{Kind: "rotate", Value: "90"}}, 72, 128, [4]float64{0.1, 0.1, 0.9, 0.4}, false},
		{[]codec.Op{{Kind: "rotate", Value: "270"}}, 72, 128, [4]float64{0.1, 0.6, 0.9, 0.9}, false},
		{[]codec.Op{{Kind: "rotate", Value: "180"}}, 128, 72, [4]float64{0.6, 0.1, 0.9, 0.9}, false},
		{[]codec.Op{{Kind: "hflip"}}, 128, 72, [4]float64{0.6, 0.1, 0.9, 0.9}, false},
		{[]codec.Op{{Kind: "hflip"}, {Kind: "rotate", Value: "90"}}, 72, 128, [4]float64{0.1, 0.6, 0.9, 0.9}, false},
	} {
		t.Run(fmt.Sprint(c.ops), func(t *testing.T) {
			p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, fmt.Sprintf("%dx%d", c.w, c.h))
			p.Video.Pre = c.ops
			m, _ := run(t, src, codec.Job{Plan: p, Video: true})
			f := decodeRaw(t, m, 0)[0]
			if got := yuv(f, c.w, c.h, c.red[0], c.red[1], c.red[2], c.red[3]); !near(got, red709, 8) {
				t.Errorf("red part is %.0f", got)
			}
		})
	}
}

func TestOrientationOfDisplayMatrices(t *testing.T) {
	const one = 1 << 16
	for _, c := range []struct {
		m     [9]int32
		deg   int
		flip  bool
		exact bool
	}{
		{[9]int32{one, 0, 0, 0, one, 0, 0, 0, 1 << 30}, 0, false, true},
		{[9]int32{0, one, 0, -one, 0, 0, 0, 0, 1 << 30}, 90, false, true},
		{[9]int32{-one, 0, 0, 0, -one, 0, 0, 0, 1 << 30}, 180, false, true},
		{[9]int32{0, -one, 0, one, 0, 0, 0, 0, 1 << 30}, 270, false, true},
		{[9]int32{-one, 0, 0, 0, one, 0, 0, 0, 1 << 30}, 0, true, true},
		{[9]int32{one, 0, 0, 0, -one, 0, 0, 0, 1 << 30}, 180, true, true},
		{[9]int32{56756, 32768, 0, -32768, 56756, 0, 0, 0, 1 << 30}, 0, false, false},
	} {
		deg, flip, exact := orientation(&c.m)
		if deg != c.deg || flip != c.flip || exact != c.exact {
			t.Errorf("%v: %d %v %v, want %d %v %v", c.m, deg, flip, exact, c.deg, c.flip, c.exact)
		}
	}
}

func TestHDRBecomesSDRInRange(t *testing.T) {
	for _, c := range []struct{ kind, trc string }{{"pq", "smpte2084"}, {"hlg", "arib-std-b67"}} {
		t.Run(c.kind, func(t *testing.T) {
			src := ffmpeg(t, c.kind+".mp4", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1,zscale=min=709:tin=709:pin=709:m=2020_ncl:t=linear:p=2020:npl=200,format=gbrpf32le,zscale=t="+c.trc+":npl=200:m=2020_ncl:r=limited,format=yuv420p10le",
				"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:colorprim=bt2020:transfer="+c.trc+":colormatrix=bt2020nc", "-tag:v", "hvc1")
			p, info := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "160x90", "80x44")
			v := info.MainVideo().Video
			if v.HDR.Kind != c.kind || v.BitDepth != 10 {
				t.Fatalf("probed %+v depth %d", v.HDR, v.BitDepth)
			}
			p.Video.Pre = []codec.Op{{Kind: "tonemap", Value: c.kind}}
			m, _ := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
			for id, r := range p.Video.Rungs {
				f := decodeRaw(t, m, id)
				mean := (yuv(f[0], r.Width, r.Height, 0, 0, 1, 1)[0] - 16) / 219
				if len(f) != 25 || mean < 0.15 || mean > 0.6 {
					t.Errorf("%s: %d frames, mean luma %.2f", r.Name, len(f), mean)
				}
				if tr := m.tracks[id]; tr.Color != bt709 {
					t.Errorf("%s is tagged %+v", r.Name, tr.Color)
				}
			}
		})
	}
}

func TestInterlacedBecomesProgressive(t *testing.T) {
	src := ffmpeg(t, "tff.ts", "-f", "lavfi", "-i", "testsrc2=size=320x576:rate=50:duration=4,crop=320:288,scale=320:576,interlace=scan=tff:lowpass=0", "-c:v", "libx264", "-preset", "ultrafast", "-flags", "+ilme+ildct", "-x264-params", "tff=1", "-g", "25", "-pix_fmt", "yuv420p")
	p, info := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "320x576")
	if !info.MainVideo().Video.Interlaced {
		t.Errorf("probe: field order %q", info.MainVideo().Video.FieldOrder)
	}
	p.Video.Pre = []codec.Op{{Kind: "deinterlace", Value: "frame"}}
	lossless(&p)
	whole, _ := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
	if n := len(whole.samples[0]); int64(n) != p.Video.Frames {
		t.Errorf("%d frames, want %d", n, p.Video.Frames)
	}
	want := decodeHashes(t, whole, 0)
	// A span in the middle, entered one keyframe earlier, must give the same pictures.
	seek := p.OriginUS
	for _, k := range info.MainVideo().Video.Keyframes.TimesUS {
		if slotOf(k-p.OriginUS, codec.Rational{Num: 1, Den: 1_000_000}, p.Video.FPS) <= 50-3 {
			seek = k
		}
	}
	part, _ := run(t, src, codec.Job{Plan: p, Video: true, Span: &codec.Span{Index: 1, Start: 50, End: 100, SeekUS: seek}})
	got := decodeHashes(t, part, 0)
	for i := range got {
		if i+50 < len(want) && got[i] != want[i+50] {
			t.Fatalf("frame %d of the span differs from the whole run", i+50)
		}
	}
	if combed := combing(t, whole); combed > 0.02 {
		t.Errorf("%.0f %% of the frames still look interlaced", 100*combed)
	}
}

// combing is the share of frames that the idet filter calls interlaced.
func combing(t *testing.T, m *memory) float64 {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-hide_banner", "-f", "h264", "-i", "pipe:0", "-vf", "idet,metadata=print:file=-", "-f", "null", "-")
	cmd.Stdin = bytes.NewReader(annexB(t, m, 0))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := bytes.Count(out, []byte("lavfi.idet.single.current_frame="))
	bad := bytes.Count(out, []byte("single.current_frame=tff")) + bytes.Count(out, []byte("single.current_frame=bff"))
	return float64(bad) / float64(max(1, all))
}

func TestSizeChangesInTheMiddleAreLetterboxed(t *testing.T) {
	x := []string{"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-f", "mpegts"}
	a := ffmpeg(t, "wide.ts", append([]string{"-f", "lavfi", "-i", "color=white:size=160x90:rate=25:duration=2"}, x...)...)
	b := ffmpeg(t, "tall.ts", append([]string{"-f", "lavfi", "-i", "color=white:size=90x160:rate=25:duration=2"}, x...)...)
	src := ffmpeg(t, "joined.ts", "-i", "concat:"+a+"|"+b, "-c", "copy")
	p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "160x90")
	p.Video.DecodeWidth, p.Video.DecodeHeight = 160, 90
	m, _ := run(t, src, codec.Job{Plan: p, Video: true})
	f := decodeRaw(t, m, 0)
	if len(f) < 98 {
		t.Fatalf("%d frames", len(f))
	}
	first, last := f[10], f[len(f)-5]
	if side := yuv(first, 160, 90, 0, 0, 0.1, 1)[0]; side < 200 {
		t.Errorf("before the change the side has luma %.0f", side)
	}
	if side, mid := yuv(last, 160, 90, 0, 0, 0.1, 1)[0], yuv(last, 160, 90, 0.45, 0.1, 0.55, 0.9)[0]; side > 30 || mid < 200 {
		t.Errorf("after the change the side has luma %.0f, the middle %.0f", side, mid)
	}
}

//go:build cgo

package av

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

func thumbPlan(t *testing.T, path string, tp codec.ThumbPlan) codec.Plan {
	t.Helper()
	info := probe(t, path)
	p := codec.Plan{Version: codec.PlanVersion, Format: info.Format.Name}
	if info.Format.StartUS != nil {
		p.OriginUS = *info.Format.StartUS
	}
	for _, s := range info.Streams {
		if s.Kind == codec.Video {
			tp.Stream = s.Index
			if s.Video.Chroma == "rgb" {
				tp.In = codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "gbr", Range: "pc"}
			}
			if s.Video.Alpha {
				tp.Pre = append(tp.Pre, codec.Op{Kind: "alpha"})
			}
		}
	}
	if tp.In.Matrix == "" {
		tp.In = bt709
	}
	tp.DurationUS = info.Format.DurationUS
	p.Thumbs = &tp
	return p
}

func decodeJPEG(t *testing.T, b []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// gray is the mean luma of a region.
func gray(m image.Image, r image.Rectangle) int {
	sum, n := 0, 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sum += int(color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return sum / n
}

func TestStoryboardTilesShowTheirTimes(t *testing.T) {
	// One second black, one second white, in turn; a keyframe each second.
	src := ffmpeg(t, "blink.mp4", "-f", "lavfi", "-i", "color=white:size=160x90:rate=10:duration=23,geq=lum='if(mod(floor(T),2),235,16)':cb=128:cr=128",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-keyint_min", "10", "-sc_threshold", "0", "-pix_fmt", "yuv420p")
	p := thumbPlan(t, src, codec.ThumbPlan{Poster: true, Width: 160, Height: 90, Candidates: 5, TileWidth: 64, TileHeight: 36, Columns: 4, Rows: 3, IntervalUS: 1_000_000})
	m, _ := run(t, src, codec.Job{Plan: p, Thumbs: true})
	if len(m.files) != 4 {
		t.Fatalf("files %v", len(m.files))
	}
	vtt := string(m.files["storyboard.vtt"])
	if n := strings.Count(vtt, "#xywh="); n != 23 || !strings.HasPrefix(vtt, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nstoryboard-0.jpg#xywh=0,0,64,36\n") {
		t.Errorf("%d tiles in\n%s", n, vtt)
	}
	if !strings.Contains(vtt, "\n00:00:22.000 --> 00:00:23.000\nstoryboard-1.jpg#xywh=128,72,64,36\n") {
		t.Errorf("last tile is missing in\n%s", vtt)
	}
	for k := range 23 {
		sheet := decodeJPEG(t, m.files[fmt.Sprintf("storyboard-%d.jpg", k/12)])
		x, y := k%12%4*64, k%12/4*36
		g := gray(sheet, image.Rect(x+8, y+8, x+56, y+28))
		if want := k%2 == 1; (g > 128) != want {
			t.Errorf("tile %d has luma %d", k, g)
		}
	}
	if b := decodeJPEG(t, m.files["storyboard-1.jpg"]).Bounds(); b.Dx() != 256 || b.Dy() != 108 {
		t.Errorf("last sheet is %v", b)
	}
}

func TestTranscodeGivesTheStoryboardOfItsOwnFrames(t *testing.T) {
	// One second black, one second white, in turn, with a single keyframe: only a decode of everything can show it.
	src := ffmpeg(t, "blink-one.mp4", "-f", "lavfi", "-i", "color=white:size=160x90:rate=10:duration=23,geq=lum='if(mod(floor(T),2),235,16)':cb=128:cr=128",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "1000", "-sc_threshold", "0", "-pix_fmt", "yuv420p")
	p, _ := planFor(t, src, codec.Rational{Num: 10, Den: 1}, "160x90", "80x44")
	p.Thumbs = thumbPlan(t, src, codec.ThumbPlan{Poster: true, Width: 160, Height: 90, Candidates: 5, TileWidth: 64, TileHeight: 36, Columns: 4, Rows: 3, IntervalUS: 1_000_000}).Thumbs
	for _, mode := range []string{"chunk", "rung"} {
		p.Chunks.Mode = mode
		m, _ := run(t, src, codec.Job{Plan: p, Video: true, Thumbs: true, Tokens: 2})
		if len(m.files) != 4 || m.files["poster.jpg"] == nil {
			t.Fatalf("%s: %d files", mode, len(m.files))
		}
		if n := strings.Count(string(m.files["storyboard.vtt"]), "#xywh="); n != 23 {
			t.Errorf("%s: %d tiles", mode, n)
		}
		for k := range 23 {
			sheet := decodeJPEG(t, m.files[fmt.Sprintf("storyboard-%d.jpg", k/12)])
			x, y := k%12%4*64, k%12/4*36
			if g := gray(sheet, image.Rect(x+8, y+8, x+56, y+28)); (g > 128) != (k%2 == 1) {
				t.Errorf("%s: tile %d has luma %d", mode, k, g)
			}
		}
	}
}

// countedFile counts the bytes read of a file held in memory.
type countedFile struct {
	r *bytes.Reader
	n int64
}

func (c *countedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

func TestLookedUpPicturesAreThoseOfTheScan(t *testing.T) {
	for _, c := range []struct {
		name, gop string
		interval  int64
	}{{"few.mp4", "10", 7_000_000}, {"few.mkv", "10", 7_000_000}, {"long.mp4", "200", 3_000_000}} {
		t.Run(c.name, func(t *testing.T) {
			// Each second is lighter than the one before.
			src := ffmpeg(t, c.name, "-f", "lavfi", "-i", "color=gray:size=320x180:rate=10:duration=60,noise=alls=20:allf=t,geq=lum='lum(X,Y)/4+3*floor(T)':cb=128:cr=128",
				"-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", c.gop, "-keyint_min", c.gop, "-sc_threshold", "0", "-bf", "0", "-pix_fmt", "yuv420p")
			p := thumbPlan(t, src, codec.ThumbPlan{Poster: true, Width: 160, Height: 90, Candidates: 5, TileWidth: 64, TileHeight: 36, Columns: 4, Rows: 3, IntervalUS: c.interval})
			data := read(t, src)
			var files []map[string][]byte
			var cost []int64
			for _, seek := range []bool{false, true} {
				p.Thumbs.Seek = seek
				m, f := newMemory(t), &countedFile{r: bytes.NewReader(data)}
				if _, err := New(Config{}).Run(context.Background(), codec.Source{Reader: f, Size: int64(len(data))}, codec.Job{Plan: p, Thumbs: true}, m); err != nil {
					t.Fatal(err)
				}
				files, cost = append(files, m.files), append(cost, f.n)
			}
			if d := cmp.Diff(files[0], files[1]); d != "" {
				t.Errorf("files differ:\n%.2000s", d)
			}
			if c.name == "few.mkv" && cost[1] > cost[0]*2/3 {
				t.Errorf("looking up read %d bytes, the scan %d", cost[1], cost[0])
			}
		})
	}
}

func TestPosterAvoidsBlackAndTurnsUpright(t *testing.T) {
	// Black but for the third quarter; the flat parts must lose.
	src := ffmpeg(t, "mostly-black.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=8,drawbox=t=fill:color=black:enable='lt(t,4)+gt(t,6)'",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p")
	p := thumbPlan(t, src, codec.ThumbPlan{Poster: true, Width: 90, Height: 160, Candidates: 10, Pre: []codec.Op{{Kind: "rotate", Value: "90"}}})
	m, _ := run(t, src, codec.Job{Plan: p, Thumbs: true})
	img := decodeJPEG(t, m.files["poster.jpg"])
	if b := img.Bounds(); b.Dx() != 90 || b.Dy() != 160 {
		t.Fatalf("poster is %v", b)
	}
	if g := gray(img, img.Bounds()); g < 40 {
		t.Errorf("poster is black (luma %d)", g)
	}
}

func TestStillsAndCoversBecomePosters(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 60, 40))
	for y := range 40 {
		for x := range 60 {
			img.SetNRGBA(x, y, color.NRGBA{255, 255, 255, uint8(x / 30 * 255)}) // left half transparent
		}
	}
	dir := t.TempDir()
	still := filepath.Join(dir, "a.png")
	writePNG(t, still, img)
	mp3 := ffmpeg(t, "cover.mp3", "-f", "lavfi", "-i", "sine=duration=1", "-f", "lavfi", "-i", "testsrc2=size=60x40:duration=0.04:rate=25", "-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic", "-id3v2_version", "3")
	for _, src := range []string{still, mp3} {
		p := thumbPlan(t, src, codec.ThumbPlan{Cover: true, Poster: true, Width: 60, Height: 40, Candidates: 1})
		m, _ := run(t, src, codec.Job{Plan: p, Thumbs: true})
		out := decodeJPEG(t, m.files["poster.jpg"])
		if src == still {
			if l, r := gray(out, image.Rect(2, 2, 26, 38)), gray(out, image.Rect(34, 2, 58, 38)); l > 10 || r < 245 {
				t.Errorf("transparent half has luma %d, opaque half %d", l, r)
			}
		} else if g := gray(out, out.Bounds()); g < 30 {
			t.Errorf("cover has luma %d", g)
		}
	}
}

func writePNG(t *testing.T, path string, m image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

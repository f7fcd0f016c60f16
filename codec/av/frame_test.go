//go:build cgo

package av

import (
	"testing"

	"sluice/codec"
)

func TestAFrameIsTheOneShownAtItsTime(t *testing.T) {
	// Each picture is lighter than the one before; groups of 20 with B pictures that refer to each other.
	src := ffmpeg(t, "ramp.mp4", "-f", "lavfi", "-i", "color=black:size=64x48:rate=10:duration=6,geq=lum='20+3*N':cb=128:cr=128",
		"-c:v", "libx264", "-preset", "medium", "-crf", "5", "-g", "20", "-bf", "3", "-x264-params", "b-pyramid=normal:open-gop=1:scenecut=0", "-pix_fmt", "yuv420p")
	for _, c := range []struct {
		us    int64
		frame int
	}{{0, 0}, {99_000, 0}, {100_010, 1}, {750_000, 7}, {1_990_000, 19}, {2_010_000, 20}, {4_444_000, 44}, {5_999_000, 59}, {60_000_000, 59}} {
		p := thumbPlan(t, src, codec.ThumbPlan{Width: 128, Height: 96, FrameUS: &c.us})
		m, _ := run(t, src, codec.Job{Plan: p, Thumbs: true})
		if len(m.files) != 1 {
			t.Fatalf("files %v", len(m.files))
		}
		img := decodeJPEG(t, m.files["frame.jpg"])
		if b := img.Bounds(); b.Dx() != 128 || b.Dy() != 96 {
			t.Errorf("%d µs: picture is %v", c.us, b)
		}
		want := (20 + 3*c.frame - 16) * 255 / 219 // full range
		if g := gray(img, img.Bounds()); g < want-1 || g > want+1 {
			t.Errorf("%d µs: luma %d, frame %d has %d", c.us, g, c.frame, want)
		}
	}
}

func TestAFrameOfWhatIsNoVideoIsRefused(t *testing.T) {
	src := ffmpeg(t, "sound.m4a", "-f", "lavfi", "-i", "sine=duration=1")
	at := int64(0)
	p := codec.Plan{Version: codec.PlanVersion, Format: "mov,mp4,m4a,3gp,3g2,mj2", Thumbs: &codec.ThumbPlan{Width: 16, Height: 16, FrameUS: &at}}
	if _, err := New(Config{}).Run(t.Context(), codec.Source{Path: src}, codec.Job{Plan: p, Thumbs: true}, newMemory(t)); err == nil {
		t.Error("no error")
	}
}

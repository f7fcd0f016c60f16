//go:build cgo

package av

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

func TestCopiedTracksAreTheSourcesOwnOnTheOutputGrid(t *testing.T) {
	opts := []string{"-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k"}
	for _, name := range []string{"copy.mp4", "copy.ts", "copy.mkv"} {
		t.Run(name, func(t *testing.T) {
			src := clip(t, name, "320x180", "25", 8, opts...)
			p, info := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "320x180", "160x90")
			p.Video.Rungs[0].Copy = true
			audio := codec.AudioPlan{Copy: true, Name: "a", Codec: "aac", SampleRate: 48000, Channels: 1, DurationUS: p.DurationUS}
			for _, s := range info.Streams {
				if s.Kind == codec.Audio {
					audio.Stream = s.Index
				}
			}
			p.Audio = []codec.AudioPlan{audio}
			m, _ := run(t, src, codec.Job{Plan: p, Copy: true, Video: true})
			if !m.tracks[0].Copied || m.tracks[1].Copied || !m.tracks[2].Copied {
				t.Fatalf("tracks %+v", m.tracks)
			}
			lead := slotOf(*info.MainVideo().StartUS-p.OriginUS, codec.Rational{Num: 1, Den: 1_000_000}, p.Video.FPS)
			if n := len(m.samples[0]); n != 200 {
				t.Errorf("%d copied pictures, want 200", n)
			}
			var want []int64
			for n := int64(0); n < 200; n += 50 {
				want = append(want, n+lead)
			}
			want[0] = 0 // every rung begins together
			if d := cmp.Diff(want, keys(m, 0, p.Video.FrameDur)); d != "" {
				t.Errorf("copied keyframes:\n%s", d)
			}
			for i, s := range m.samples[0] {
				if s.PTS%p.Video.FrameDur != 0 {
					t.Fatalf("sample %d: PTS %d is off the grid of %d", i, s.PTS, p.Video.FrameDur)
				}
			}
			if d := m.samples[0][0]; d.DTS >= d.PTS {
				t.Errorf("with B-frames the first picture is decoded at %d and shown at %d", d.DTS, d.PTS)
			}
			copied := decodeHashes(t, m, 0)
			raw, err := exec.Command("ffmpeg", "-v", "error", "-i", src, "-map", "0:v", "-c", "copy", "-bsf:v", bsf(name), "-f", "h264", "pipe:1").Output()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(frameHashes(t, raw, "h264", 320, 180), copied); d != "" {
				t.Errorf("pictures changed:\n%s", d)
			}
			checkCopiedSound(t, m, 2)
		})
	}
}

func bsf(name string) string {
	if strings.HasSuffix(name, ".ts") {
		return "null"
	}
	return "h264_mp4toannexb"
}

func checkCopiedSound(t *testing.T, m *memory, id int) {
	t.Helper()
	s := m.samples[id]
	if len(s) < 370 {
		t.Fatalf("%d audio packets for 8 s", len(s))
	}
	for i := 1; i < len(s); i++ {
		if s[i].PTS != s[i-1].PTS+1024 || s[i].Data[0] == 0xff && s[i].Data[1]&0xf0 == 0xf0 {
			t.Fatalf("audio sample %d: PTS %d after %d, data %x", i, s[i].PTS, s[i-1].PTS, s[i].Data[:2])
		}
	}
	tr := m.tracks[id]
	if len(tr.Config) < 2 || tr.Config[0]>>3 != 2 {
		t.Errorf("audio configuration %x", tr.Config)
	}
	if tr.Priming > 0 && s[0].PTS != -int64(tr.Priming) {
		t.Errorf("priming %d, first PTS %d", tr.Priming, s[0].PTS)
	}
	if x := pcm(t, m, id); rms(x[4096:]) < 1000 {
		t.Errorf("level %.0f", rms(x[4096:]))
	}
}

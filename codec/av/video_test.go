//go:build cgo

package av

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

func grid(gop, frames int64) []int64 {
	var g []int64
	for n := int64(0); n < frames; n += gop {
		g = append(g, n)
	}
	return g
}

func TestLadderHasEveryFrameOnceAndTheSameKeyGridInAllRungs(t *testing.T) {
	src := clip(t, "a.mp4", "320x180", "25", 9.2)
	for _, mode := range []string{"chunk", "rung"} {
		for _, tokens := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", mode, tokens), func(t *testing.T) {
				p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "320x180", "160x90")
				p.Chunks.Mode = mode
				m, rep := run(t, src, codec.Job{Plan: p, Video: true, Tokens: tokens})
				if p.Video.Frames != 230 {
					t.Fatalf("plan has %d frames", p.Video.Frames)
				}
				for id := range p.Video.Rungs {
					if n := len(m.samples[id]); n != 230 {
						t.Errorf("rung %d: %d samples, want 230", id, n)
					}
					if n := len(frameNumbers(m, id, p.Video.FrameDur)); n != 230 {
						t.Errorf("rung %d: %d distinct frames, want 230", id, n)
					}
					if d := cmp.Diff(grid(50, 230), keys(m, id, p.Video.FrameDur)); d != "" {
						t.Errorf("rung %d key grid:\n%s", id, d)
					}
					if n := len(decodeHashes(t, m, id)); n != 230 {
						t.Errorf("rung %d decodes to %d frames", id, n)
					}
					if m.samples[id][0].DTS != m.samples[0][0].DTS {
						t.Errorf("rung %d starts at DTS %d, rung 0 at %d", id, m.samples[id][0].DTS, m.samples[0][0].DTS)
					}
				}
				t.Logf("chunks %d cpu %d ms wall %d ms", rep.Chunks, rep.CPUUS/1000, rep.WallUS/1000)
			})
		}
	}
}

func TestSpansEncodedApartJoinToTheWholeRun(t *testing.T) {
	for name, src := range map[string]string{
		"mp4":      clip(t, "spans.mp4", "160x90", "25", 12),
		"mkv":      clip(t, "spans.mkv", "160x90", "25", 12),
		"open gop": clip(t, "open.mp4", "160x90", "25", 12, "-c:v", "libx264", "-preset", "veryfast", "-g", "40", "-bf", "3", "-x264-params", "open-gop=1", "-pix_fmt", "yuv420p", "-c:a", "aac"),
		"ts":       clip(t, "spans.ts", "160x90", "25", 12),
		"avi":      clip(t, "spans.avi", "160x90", "25", 12, "-c:v", "mpeg4", "-bf", "2", "-g", "30", "-c:a", "mp3"),
	} {
		t.Run(name, func(t *testing.T) {
			p, info := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "160x90")
			lossless(&p)
			whole, _ := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
			want := decodeHashes(t, whole, 0)
			var joined memory
			joined.tracks, joined.samples = map[int]codec.Track{}, map[int][]codec.Sample{}
			for i, from := range []int64{0, 100, 250} {
				to := []int64{100, 250, p.Video.Frames}[i]
				seek := p.OriginUS
				for _, k := range info.MainVideo().Video.Keyframes.TimesUS {
					if slotOf(k-p.OriginUS, codec.Rational{Num: 1, Den: 1_000_000}, p.Video.FPS) <= from {
						seek = k
					}
				}
				m, _ := run(t, src, codec.Job{Plan: p, Video: true, Span: &codec.Span{Index: i, Start: from, End: to, SeekUS: seek}})
				if i > 0 {
					if d := cmp.Diff(joined.tracks[0], m.tracks[0]); d != "" {
						t.Fatalf("span %d announces another track:\n%s", i, d)
					}
					last := joined.samples[0][len(joined.samples[0])-1]
					if first := m.samples[0][0]; first.DTS <= last.DTS || first.PTS != from*p.Video.FrameDur || !first.Key {
						t.Errorf("span %d starts with %v at %d/%d after DTS %d", i, first.Key, first.PTS, first.DTS, last.DTS)
					}
				}
				joined.tracks[0] = m.tracks[0]
				joined.samples[0] = append(joined.samples[0], m.samples[0]...)
			}
			if d := cmp.Diff(want, decodeHashes(t, &joined, 0)); d != "" {
				t.Errorf("pictures of the joined spans differ from the whole run:\n%s", d)
			}
		})
	}
}

//go:build cgo

package av

import (
	"bytes"
	"math"
	"os/exec"
	"testing"

	"sluice/codec"
	"sluice/codec/plan"
)

// seamPlan cuts at every keyframe position, so that each GOP is a chunk with an encoder of its own.
func seamPlan(t *testing.T, src string) codec.Plan {
	t.Helper()
	p, _, err := plan.Make(probe(t, src), codec.Request{
		Ladder: []codec.RungSpec{{Name: "180p", Height: 180, MaxRate: 800_000}}, Policy: codec.Policy{NoPassthrough: true}})
	if err != nil {
		t.Fatal(err)
	}
	p.Chunks = codec.ChunkPolicy{Mode: "chunk", Batch: 8, MinUS: 2_000_000, MaxUS: 2_000_000}
	p.Video.Rungs[0].Enc.Threads = 1
	return p
}

// luma decodes in (a file name, or "pipe:0" for stream) to frames of 320×180 luma samples.
func luma(t *testing.T, stream []byte, args ...string) [][]byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-hide_banner", "-nostdin", "-v", "error"}, args...),
		"-vsync", "passthrough", "-pix_fmt", "gray", "-vf", "extractplanes=y", "-f", "rawvideo", "pipe:1")...)
	cmd.Stdin = bytes.NewReader(stream)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v", args, err)
	}
	const size = 320 * 180
	var out [][]byte
	for ; len(raw) >= size; raw = raw[size:] {
		out = append(out, raw[:size])
	}
	return out
}

func psnr(a, b []byte) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	if sum == 0 {
		return 100
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum)
}

func TestPicturesAroundJoinsAreAsGoodAsTheirNeighbours(t *testing.T) {
	src := clip(t, "seams.mp4", "320x180", "25", 16, "-vf", "noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac")
	p := seamPlan(t, src)
	p.Video.Rungs[0].Enc.MaxRate, p.Video.Rungs[0].Enc.BufSize = 0, 0 // the rate must not decide here
	m, rep := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
	if rep.Chunks != 8 {
		t.Fatalf("%d chunks, want one a GOP", rep.Chunks)
	}
	want := luma(t, nil, "-i", src)
	got := luma(t, annexB(t, m, 0), "-f", "h264", "-i", "pipe:0")
	if len(got) != len(want) {
		t.Fatalf("%d pictures of %d", len(got), len(want))
	}
	q := make([]float64, len(got))
	for i := range got {
		q[i] = psnr(got[i], want[i])
	}
	for join := 50; join+25 < len(q); join += 50 {
		var mean float64
		for _, v := range q[join-25 : join+25] {
			mean += v / 50
		}
		for i := join - 3; i <= join+3; i++ {
			if q[i] < mean-1.5 {
				t.Errorf("frame %d at the join %d: %.2f dB, around it %.2f dB", i, join, q[i], mean)
			}
		}
	}
}

// TestTheRateHoldsOverJoins codes more noise than the rate has room for. Over every join the rate of as many frames as fill the
// decoder's buffer stays near the limit, and a decoder that starts with the usual nine tenths never runs dry.
func TestTheRateHoldsOverJoins(t *testing.T) {
	src := clip(t, "rate.mp4", "320x180", "25", 16, "-vf", "noise=alls=40:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac")
	for _, chunkUS := range []int64{2_000_000, 4_000_000} {
		p := seamPlan(t, src)
		p.Chunks.MinUS, p.Chunks.MaxUS = chunkUS, chunkUS
		m, rep := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
		if want := int(16_000_000 / chunkUS); rep.Chunks != want {
			t.Fatalf("%d chunks, want %d", rep.Chunks, want)
		}
		e := p.Video.Rungs[0].Enc
		window := int(e.BufSize * 25 / e.MaxRate)
		s := m.samples[0]
		sum := []int64{0} // bits before a sample
		for i := range s {
			sum = append(sum, sum[i]+int64(len(s[i].Data))*8)
		}
		if mean := sum[len(s)] * 25 / int64(len(s)); mean < e.MaxRate*3/4 || mean > e.MaxRate*21/20 {
			t.Errorf("chunks of %d s: %d b/s on average, the limit is %d", chunkUS/1_000_000, mean, e.MaxRate)
		}
		step := int(chunkUS * 25 / 1_000_000)
		for join := step; join < len(s); join += step {
			for i := join - window + 1; i < join && i+window <= len(s); i++ {
				if rate := (sum[i+window] - sum[i]) * 25 / int64(window); rate > e.MaxRate*11/10 {
					t.Fatalf("chunks of %d s, join %d: %d b/s from frame %d, the limit is %d", chunkUS/1_000_000, join, rate, i, e.MaxRate)
				}
			}
		}
		fill := e.BufSize * 9 / 10
		for i := range s {
			if fill -= sum[i+1] - sum[i]; fill < 0 {
				t.Fatalf("chunks of %d s: the buffer is %d bits short at frame %d", chunkUS/1_000_000, -fill, i)
			}
			fill = min(e.BufSize, fill+e.MaxRate/25)
		}
	}
}

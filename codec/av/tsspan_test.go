//go:build cgo

package av

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/codec/plan"
)

// TestTasksOfTransportStreamsJoinToTheWholeRun encodes the tasks that the planner makes of a transport stream, each of which
// seeks to its place or, where the clock jumps, reads from the start.
func TestTasksOfTransportStreamsJoinToTheWholeRun(t *testing.T) {
	x := []string{"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"}
	part := read(t, clip(t, "planned.ts", "160x90", "25", 34, x...))
	for _, c := range []struct {
		name, path string
		jumps      bool
	}{
		{"steady", clip(t, "planned.ts", "160x90", "25", 34, x...), false},
		{"clock wraps", clip(t, "wraps.ts", "160x90", "25", 34, append(x, "-output_ts_offset", "95425")...), false},
		{"clock jumps", write(t, "jumps.ts", append(part[:len(part):len(part)], part...)), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := codec.Request{Ladder: []codec.RungSpec{{Name: "90p", Height: 90, MaxRate: 800_000, Preset: "ultrafast"}},
				Policy: codec.Policy{SpanUS: 8_000_000, NoPassthrough: true}}
			p, _, err := plan.Make(probe(t, c.path), req)
			if err != nil {
				t.Fatal(err)
			}
			if p.Discontinuities != c.jumps {
				t.Errorf("re-bases the clock: %v, want %v", p.Discontinuities, c.jumps)
			}
			if len(p.Spans) < 3 {
				t.Fatalf("%d tasks", len(p.Spans))
			}
			lossless(&p)
			whole, _ := run(t, c.path, codec.Job{Plan: p, Video: true, Tokens: 2})
			joined := memory{tracks: map[int]codec.Track{}, samples: map[int][]codec.Sample{}}
			var taken, all int64
			for i := range p.Spans {
				m, rep := run(t, c.path, codec.Job{Plan: p, Video: true, Span: &p.Spans[i]})
				joined.tracks[0] = m.tracks[0]
				joined.samples[0] = append(joined.samples[0], m.samples[0]...)
				taken += rep.FramesIn
				all = p.Video.Frames
			}
			if d := cmp.Diff(decodeHashes(t, whole, 0), decodeHashes(t, &joined, 0)); d != "" {
				t.Errorf("pictures of the joined tasks differ from the whole run:\n%s", d)
			}
			if taken > all*3/2 {
				t.Errorf("%d pictures decoded for %d", taken, all)
			}
		})
	}
}

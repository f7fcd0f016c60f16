//go:build cgo

package av

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/codec/plan"
)

// arriving is the first bytes of a file as they lie on disk, and what the whole file's plan is.
func arriving(t *testing.T, whole string, have int64) codec.Source {
	t.Helper()
	b := read(t, whole)
	part := filepath.Join(t.TempDir(), "part")
	if err := os.WriteFile(part, b[:have], 0o600); err != nil {
		t.Fatal(err)
	}
	return codec.Source{Path: part, Size: int64(len(b)), Have: have}
}

func growingRequest() codec.Request {
	req := plan.DefaultRequest()
	req.Policy.SpanUS = 10_000_000
	return req
}

func TestAGrowingFileIsPlannedAsTheWholeOne(t *testing.T) {
	e := New(Config{})
	for name, more := range map[string][]string{
		"b-frames":      {"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "48"},
		"long groups":   {"-c:v", "libx264", "-preset", "ultrafast", "-g", "250"},
		"fits a rung":   {"-c:v", "libx264", "-preset", "veryfast", "-g", "48", "-profile:v", "high", "-b:v", "300k", "-maxrate", "400k", "-bufsize", "800k"},
		"edit list":     {"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-ss", "0.7"},
		"variable rate": {"-c:v", "libx264", "-preset", "ultrafast", "-vf", "select='not(eq(mod(n,7),3))'", "-fps_mode", "vfr"},
	} {
		t.Run(name, func(t *testing.T) {
			whole := clip(t, "grow.mp4", "320x180", "25", 50, append(more, "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")...)
			st, err := os.Stat(whole)
			if err != nil {
				t.Fatal(err)
			}
			opts := codec.ProbeOpts{Packets: true, Idet: true}
			full, err := e.Probe(context.Background(), codec.Source{Path: whole}, opts)
			if err != nil {
				t.Fatal(err)
			}
			want, _, err := plan.Make(full, growingRequest())
			if err != nil {
				t.Fatal(err)
			}
			info, err := e.Probe(context.Background(), arriving(t, whole, st.Size()*2/5), opts)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := plan.Make(info, growingRequest())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
				t.Errorf("the plan differs (-whole +growing):\n%s", diff)
			}
			if len(full.Reach) != 0 || len(info.Reach) < 45 || info.Reach[len(info.Reach)-1].Bytes < st.Size()*9/10 {
				t.Errorf("reach: %d of a whole file, %d of a growing one of %d bytes: %v", len(full.Reach), len(info.Reach), st.Size(), info.Reach)
			}
		})
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestASpanRunsOnceItsReachIsThere(t *testing.T) {
	whole := clip(t, "grow.mp4", "320x180", "25", 50, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "48", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	e := New(Config{})
	src := arriving(t, whole, read2fifths(t, whole))
	info, err := e.Probe(context.Background(), src, codec.ProbeOpts{Packets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Make(info, growingRequest())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Spans) < 3 {
		t.Fatalf("%d spans", len(p.Spans))
	}
	for i, s := range p.Spans {
		need := src.Size
		end := p.OriginUS + mulDiv(s.End*p.Video.FrameDur, 1_000_000, p.Video.Timescale)
		for _, r := range info.Reach {
			if r.UntilUS >= end {
				need = min(need, r.Bytes)
				break
			}
		}
		job := codec.Job{Plan: p, Video: true, Span: &p.Spans[i], Tokens: 2}
		want := newMemory(t)
		if _, err := e.Run(context.Background(), codec.Source{Path: whole}, job, want); err != nil {
			t.Fatal(err)
		}
		got := newMemory(t)
		if _, err := e.Run(context.Background(), arriving(t, whole, need), job, got); err != nil {
			t.Errorf("span %d of %d bytes: %v", i, need, err)
			continue
		}
		if len(got.samples[0]) == 0 || len(got.samples[0]) != len(want.samples[0]) {
			t.Errorf("span %d: %d samples of %d", i, len(got.samples[0]), len(want.samples[0]))
		}
	}
	last := codec.Job{Plan: p, Video: true, Span: &p.Spans[len(p.Spans)-1], Tokens: 2}
	if _, err := e.Run(context.Background(), src, last, newMemory(t)); codec.CodeOf(err) != codec.NotYet {
		t.Errorf("the last span of a part: %v, want not_yet", err)
	}
}

func read2fifths(t *testing.T, path string) int64 { return int64(len(read(t, path))) * 2 / 5 }

func TestWhatIsNotThereYetIsNeverTheEnd(t *testing.T) {
	e := New(Config{})
	opts := codec.ProbeOpts{Packets: true}
	faststart := clip(t, "grow.mp4", "320x180", "25", 50, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "48", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	behind := clip(t, "behind.mp4", "320x180", "25", 5)
	stream := clip(t, "stream.ts", "320x180", "25", 5)
	for _, c := range []struct {
		name, path string
		have       int64
	}{
		{"cut in the index", faststart, 200},
		{"index behind", behind, 20_000},
		{"transport stream", stream, 60_000},
	} {
		if _, err := e.Probe(context.Background(), arriving(t, c.path, c.have), opts); codec.CodeOf(err) != codec.NotYet {
			t.Errorf("%s: %v, want not_yet", c.name, err)
		}
	}
}

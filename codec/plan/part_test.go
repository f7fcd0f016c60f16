package plan_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"sluice/codec/plan"
)

// TestAPartIsPlannedAsAWhole plans parts of a source that would be copied whole.
func TestAPartIsPlannedAsAWhole(t *testing.T) {
	b, err := os.ReadFile("testdata/1080p30-10min.json")
	if err != nil {
		t.Fatal(err)
	}
	var in input
	if err := json.Unmarshal(b, &in); err != nil {
		t.Fatal(err)
	}
	info := in.Info
	whole, _, err := plan.Make(info, plan.DefaultRequest())
	if err != nil {
		t.Fatal(err)
	}
	const second = 1_000_000
	for name, c := range map[string]struct{ from, length, seconds int64 }{
		"head": {0, 10 * second, 10}, "middle": {100 * second, 200 * second, 200}, "tail": {590 * second, 0, whole.DurationUS/second - 590},
		"longer than the source": {500 * second, 1000 * second, whole.DurationUS/second - 500},
	} {
		req := plan.DefaultRequest()
		req.Policy.FromUS, req.Policy.LengthUS = c.from, c.length
		p, _, err := plan.Make(info, req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.OriginUS != whole.OriginUS+c.from || p.DurationUS/second != c.seconds {
			t.Errorf("%s: from %d, %d us; want from %d, %d s", name, p.OriginUS, p.DurationUS, whole.OriginUS+c.from, c.seconds)
		}
		last := p.Spans[len(p.Spans)-1]
		if last.End != p.Video.Frames || p.Thumbs == nil || p.Thumbs.DurationUS != p.DurationUS {
			t.Errorf("%s: spans %v of %d frames, pictures over %d us", name, p.Spans, p.Video.Frames, p.Thumbs.DurationUS)
		}
		for _, r := range p.Video.Rungs {
			if r.Copy {
				t.Errorf("%s: rung %s is a copy", name, r.Name)
			}
		}
		for _, a := range p.Audio {
			if a.Copy || a.DurationUS != p.DurationUS {
				t.Errorf("%s: sound %s: copy %v, %d us", name, a.Name, a.Copy, a.DurationUS)
			}
		}
		if c.from > 0 && p.Chunks.Mode != "chunk" {
			t.Errorf("%s: mode %s decodes what lies before", name, p.Chunks.Mode)
		}
	}
	req := plan.DefaultRequest()
	req.Policy.FromUS = whole.DurationUS + second
	if _, _, err := plan.Make(info, req); !errors.Is(err, plan.ErrRequest) {
		t.Errorf("a part behind the end: %v", err)
	}
	req.Policy.FromUS = -1
	if _, _, err := plan.Make(info, req); !errors.Is(err, plan.ErrRequest) {
		t.Errorf("a part before the start: %v", err)
	}
}

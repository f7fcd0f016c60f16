package plan_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/codec/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// input is a testdata file: a source, and how the request differs from the default.
type input struct {
	Info    codec.Info `json:"info"`
	Request struct {
		Ladder        []codec.RungSpec `json:"ladder"`
		KeepSurround  bool             `json:"keep_surround"`
		SilentTrack   bool             `json:"silent_track"`
		Deterministic bool             `json:"deterministic"`
		Preset        string           `json:"preset"`
		MemoryBytes   int64            `json:"memory_bytes"`
		Tokens        int              `json:"tokens"`
	} `json:"request"`
}

func (in input) request() codec.Request {
	r := plan.DefaultRequest()
	if in.Request.Ladder != nil {
		r.Ladder = in.Request.Ladder
	}
	r.Audio.KeepSurround = in.Request.KeepSurround
	r.Policy.SilentTrack = in.Request.SilentTrack
	r.Policy.Deterministic = in.Request.Deterministic
	r.Policy.Preset = in.Request.Preset
	r.Policy.MemoryBytes = in.Request.MemoryBytes
	r.Policy.Tokens = in.Request.Tokens
	return r
}

// outcome is a golden file.
type outcome struct {
	Error    string          `json:"error,omitempty"`
	Plan     *codec.Plan     `json:"plan,omitempty"`
	Warnings []codec.Warning `json:"warnings,omitempty"`
	Verdict  codec.Verdict   `json:"verdict"`
}

func inputs(t *testing.T) map[string]input {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]input{}
	for _, f := range files {
		if strings.HasSuffix(f, ".golden.json") {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var in input
		if err := json.Unmarshal(data, &in); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = in
	}
	if len(all) < 30 {
		t.Fatalf("found %d inputs, want the whole set", len(all))
	}
	return all
}

func TestPlansMatchGoldenFiles(t *testing.T) {
	for name, in := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			var got outcome
			p, warnings, err := plan.Make(in.Info, in.request())
			if err != nil {
				got.Error = err.Error()
			} else {
				got.Plan, got.Warnings = &p, warnings
			}
			got.Verdict = plan.Judge(in.Info, in.request())
			data, err := json.MarshalIndent(got, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, '\n')
			path := filepath.Join("testdata", name+".golden.json")
			if *update {
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(data)); diff != "" {
				t.Errorf("plan differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestPlansSurviveJSON(t *testing.T) {
	for name, in := range inputs(t) {
		p, _, err := plan.Make(in.Info, in.request())
		if err != nil {
			continue
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back codec.Plan
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, back); diff != "" {
			t.Errorf("%s: a plan changes on its way through JSON:\n%s", name, diff)
		}
	}
}

//go:build cgo

package av

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/codec"
)

// soakEnv makes the test binary repeat the work described on its standard input, and tell its memory, instead of running tests.
const soakEnv = "SLUICE_AV_SOAK"

type soakWork struct {
	Files     []string
	Path      string
	Plan      codec.Plan
	Probes    int
	Transcode int
}

// soakSteps is how often memory is taken: at the end of each fifth.
const soakSteps = 5

// discard is a sink that keeps nothing.
type discard struct{}

func (discard) Track(codec.Track) error        { return nil }
func (discard) Sample(int, codec.Sample) error { return nil }
func (discard) File(string, []byte) error      { return nil }
func (discard) Progress(codec.Progress)        {}

func soakChild() {
	var w soakWork
	if err := json.NewDecoder(os.Stdin).Decode(&w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	e := New(Config{ProbeTime: time.Minute})
	ctx := context.Background()
	for range soakSteps {
		for i := range w.Probes / soakSteps {
			if _, err := e.Probe(ctx, codec.Source{Path: w.Files[i%len(w.Files)]}, codec.ProbeOpts{Packets: i%2 == 0, Idet: i%3 == 0}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		for i := range w.Transcode / soakSteps {
			p := w.Plan
			p.Chunks.Mode = []string{"chunk", "rung"}[i%2]
			if _, err := e.Run(ctx, codec.Source{Path: w.Path}, codec.Job{Plan: p, Video: true, Tokens: 2}, discard{}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		fmt.Println(residentKB())
	}
}

func residentKB() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return n
}

// TestMemoryStaysFlatOverManyFiles probes and encodes in one process: after the first fifth its memory must not grow.
func TestMemoryStaysFlatOverManyFiles(t *testing.T) {
	src := clip(t, "soak.mp4", "160x90", "25", 2)
	p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "160x90", "80x46")
	w := soakWork{Path: src, Plan: p, Probes: 300, Transcode: 40,
		Files: []string{src, clip(t, "soak.ts", "160x90", "25", 2), clip(t, "soak.mkv", "160x90", "25", 2)}}
	in, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), soakEnv+"=1", "MALLOC_ARENA_MAX=2") // as the caged worker runs
	cmd.Stdin = bytes.NewReader(in)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var kb []int64
	for _, f := range strings.Fields(string(out)) {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil || n == 0 {
			t.Fatalf("memory %q", f)
		}
		kb = append(kb, n)
	}
	if len(kb) != soakSteps {
		t.Fatalf("%d readings", len(kb))
	}
	const slack = 6 << 10 // KiB: what the Go heap breathes
	if first, last := kb[0], kb[soakSteps-1]; last > first+first/20+slack {
		t.Errorf("memory grew from %d to %d KiB (%v)", first, last, kb)
	}
	t.Log(kb)
}

//go:build cgo

package cagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"sluice/codec"
	"sluice/codec/av"
	"sluice/codec/plan"
	"sluice/codec/worker"
)

func TestMain(m *testing.M) {
	if worker.IsChild() {
		os.Exit(worker.Main(av.New(av.Config{})))
	}
	goleak.VerifyTestMain(m)
}

func newPool(t *testing.T) *worker.Pool {
	t.Helper()
	p := worker.New(worker.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(p.Close)
	return p
}

// film makes a test clip with the command line tools, or skips.
func film(t *testing.T, name string, args ...string) string {
	t.Helper()
	tool, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg to make test media with")
	}
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command(tool, append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), path)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
	return path
}

func clip(t *testing.T, name string) string {
	return film(t, name,
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=3", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=3",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "40", "-c:a", "aac", "-b:a", "160k", "-ac", "2")
}

func TestEveryEncoderWorksInsideTheCage(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	list, err := newPool(t).SelfTest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 6 {
		t.Errorf("%d encoders tried", len(list))
	}
	for _, e := range list {
		if !e.OK {
			t.Errorf("%s (%s): %s", e.Codec, e.Encoder, e.Error)
		}
	}
}

// made is everything a sink receives, samples as hashes.
type made struct {
	Tracks  []codec.Track
	Samples [][]string
	Files   map[string]string
}

type collector struct{ made }

func (c *collector) Track(t codec.Track) error {
	t.Config = bytes.Clone(t.Config)
	c.Tracks = append(c.Tracks, t)
	c.Samples = append(c.Samples, nil)
	return nil
}

func (c *collector) Sample(track int, s codec.Sample) error {
	for i, t := range c.Tracks {
		if t.ID == track {
			c.Samples[i] = append(c.Samples[i], fmt.Sprintf("%d %d %d %v %x", s.PTS, s.DTS, s.Dur, s.Key, sha256.Sum256(s.Data)))
			return nil
		}
	}
	return fmt.Errorf("sample of track %d before its track", track)
}

func (c *collector) File(name string, data []byte) error {
	if c.Files == nil {
		c.Files = map[string]string{}
	}
	c.Files[name] = fmt.Sprintf("%x", sha256.Sum256(data))
	return nil
}

func (c *collector) Progress(codec.Progress) {}

func sourcesOf(t *testing.T, path string) map[string]codec.Source {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]codec.Source{"path": {Path: path}, "reader": {Reader: f, Size: st.Size()}}
}

func TestTheCagedEngineProbesAsInProcess(t *testing.T) {
	p := newPool(t)
	t.Logf("isolation: %+v", p.Isolation())
	engine := av.New(av.Config{})
	for _, name := range []string{"a.mp4", "a.mkv", "a.ts", "a.mov"} {
		path := clip(t, name)
		want, err := engine.Probe(t.Context(), codec.Source{Path: path}, codec.ProbeOpts{Packets: true})
		if err != nil {
			t.Fatal(err)
		}
		for kind, src := range sourcesOf(t, path) {
			got, err := p.Probe(t.Context(), src, codec.ProbeOpts{Packets: true})
			if err != nil {
				t.Fatalf("%s by %s: %v", name, kind, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s by %s differs:\n%s", name, kind, diff)
			}
		}
	}
}

func TestTheCagedEngineTranscodesAsInProcess(t *testing.T) {
	p := newPool(t)
	engine := av.New(av.Config{})
	path := clip(t, "a.mp4")
	info, err := engine.Probe(t.Context(), codec.Source{Path: path}, codec.ProbeOpts{Packets: true})
	if err != nil {
		t.Fatal(err)
	}
	req := plan.DefaultRequest()
	req.Policy.Deterministic = true
	req.Ladder = append(req.Ladder, codec.RungSpec{Name: "180p", Height: 180, MaxRate: 300_000})
	pl, _, err := plan.Make(info, req)
	if err != nil {
		t.Fatal(err)
	}
	others := req
	others.Ladder = []codec.RungSpec{
		{Name: "hevc", Height: 360, Codec: "hevc", MaxRate: 700_000},
		{Name: "av1", Height: 240, Codec: "av1", MaxRate: 500_000},
		{Name: "vp9", Height: 180, Codec: "vp9", MaxRate: 400_000},
	}
	others.Audio.Renditions = append(others.Audio.Renditions, codec.AudioRendition{Codec: "opus", BitRate: 96_000, Channels: 2})
	tier2, _, err := plan.Make(info, others)
	if err != nil {
		t.Fatal(err)
	}
	for name, job := range map[string]codec.Job{
		"hevc, av1, vp9, opus": {Plan: tier2, Video: true, Audio: true, Tokens: 1},
		"pictures":             {Plan: pl, Thumbs: true},
		"video":                {Plan: pl, Video: true, Tokens: 1},
		"sound":                {Plan: pl, Audio: true},
		"copy":                 {Plan: pl, Copy: true},
		"safe":                 {Plan: pl, Video: true, Tokens: 1, Safe: true},
	} {
		var want collector
		if _, err := engine.Run(t.Context(), codec.Source{Path: path}, job, &want); err != nil {
			t.Fatalf("%s in process: %v", name, err)
		}
		for kind, src := range sourcesOf(t, path) {
			if kind == "reader" && name != "video" && name != "sound" {
				continue // the proxy has shown that it serves the same bytes
			}
			var got collector
			rep, err := p.Run(t.Context(), src, job, &got)
			if err != nil {
				t.Fatalf("%s by %s: %v", name, kind, err)
			}
			if diff := cmp.Diff(want.made, got.made, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s by %s differs:\n%.3000s", name, kind, diff)
			}
			if rep.CPUUS <= 0 || rep.PeakRSS <= 0 {
				t.Errorf("%s by %s: report %+v", name, kind, rep)
			}
		}
	}
}

func TestACagedEncodeCanBeCancelled(t *testing.T) {
	p := newPool(t)
	path := clip(t, "a.mp4")
	info, err := p.Probe(t.Context(), codec.Source{Path: path}, codec.ProbeOpts{Packets: true})
	if err != nil {
		t.Fatal(err)
	}
	req := plan.DefaultRequest()
	req.Policy.Preset = "placebo"
	pl, _, err := plan.Make(info, req)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err = p.Run(ctx, codec.Source{Path: path}, codec.Job{Plan: pl, Video: true}, &collector{})
		cancel()
		if codec.CodeOf(err) != codec.DeadlineExceeded {
			t.Error(err)
		}
	}
}

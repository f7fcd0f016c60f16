//go:build cgo

package cagetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/codec"
	"sluice/codec/plan"
	"sluice/codec/worker"
	"sluice/internal/corpus"
)

// corpusFiles lists the media files of the corpus, hostile ones included, or skips.
func corpusFiles(t *testing.T) []string {
	t.Helper()
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus: set SLUICE_MEDIA or put shared/media above the working directory")
	}
	var files []string
	for _, sub := range []string{"video", "ts", "audio", "image", "encrypted", "hostile", "synthetic"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return files
}

// probeAndPlan asks the caged engine what path is and plans it. Any failure must have a code of the taxonomy and a sentence
// for people, and must not have cost a process.
func probeAndPlan(t *testing.T, p *worker.Pool, path string, req codec.Request) (codec.Plan, error) {
	info, err := p.Probe(t.Context(), codec.Source{Path: path}, codec.ProbeOpts{Packets: true})
	var pl codec.Plan
	if err == nil {
		plan.Judge(info, req)
		pl, _, err = plan.Make(info, req)
	}
	sound(t, path, err)
	return pl, err
}

// sound fails for errors that mean a death or a bug.
func sound(t *testing.T, path string, err error) {
	t.Helper()
	code := codec.CodeOf(err)
	switch {
	case err != nil && codec.UserText(code) == "":
		t.Errorf("%s: error without a sentence for people: %v", path, err)
	case slices.Contains([]codec.Code{codec.MediaCrash, codec.Stalled, codec.EngineBug, codec.LimitCPU, codec.EncoderRejected, codec.SourceIO}, code):
		t.Errorf("%s: %v", path, err)
	}
}

func TestEveryCorpusFileGivesAPlanOrAReason(t *testing.T) {
	p := newPool(t)
	codes := map[codec.Code]int{}
	for _, path := range corpusFiles(t) {
		_, err := probeAndPlan(t, p, path, plan.DefaultRequest())
		codes[codec.CodeOf(err)]++
	}
	t.Logf("outcomes: %v", codes)
	if codes[""] < 50 {
		t.Errorf("only %d files can be planned", codes[""])
	}
}

// TestPlannedCorpusFilesTranscode carries out the plans of a sample of the corpus, or of all of it with SLUICE_SWEEP=1: every
// encoded rung must have the planned frames with keyframes on the planned grid, unless the source is damaged.
func TestPlannedCorpusFilesTranscode(t *testing.T) {
	every := 20
	if os.Getenv("SLUICE_SWEEP") != "" {
		every = 1
	}
	p := newPool(t)
	req := plan.DefaultRequest()
	req.Policy.Preset = "ultrafast"
	done, number := 0, 0
	for _, path := range corpusFiles(t) {
		if strings.Contains(path, "/hostile/") && every > 1 {
			continue
		}
		if number++; number%every != 0 {
			continue
		}
		pl, err := probeAndPlan(t, p, path, req)
		if err != nil || pl.DurationUS > 60_000_000 {
			continue
		}
		var c collector
		job := codec.Job{Plan: pl, Video: true, Copy: true, Audio: true, Subs: true, Thumbs: true, Tokens: 1}
		rep, err := p.Run(t.Context(), codec.Source{Path: path}, job, &c)
		sound(t, path, err)
		if err != nil {
			t.Logf("%s: %s", path, codec.CodeOf(err))
			continue
		}
		done++
		if len(rep.Warnings) == 0 && rep.FramesLost == 0 {
			checkGrid(t, path, pl, &c)
		}
	}
	t.Logf("%d files transcoded", done)
	if done == 0 {
		t.Error("no file of the corpus was transcoded")
	}
}

// checkGrid compares what was made with what was planned.
func checkGrid(t *testing.T, path string, pl codec.Plan, c *collector) {
	v := pl.Video
	if v == nil {
		return
	}
	keys := map[int64]bool{}
	for n := int64(0); n < v.Frames; n += v.GOP {
		keys[n*v.FrameDur] = true
	}
	if len(v.Grid) > 0 {
		clear(keys)
		for _, n := range v.Grid {
			keys[n*v.FrameDur] = true
		}
	}
	for i, tr := range c.Tracks {
		if tr.Kind != codec.Video || tr.Copied {
			continue
		}
		if int64(len(c.Samples[i])) != v.Frames {
			t.Errorf("%s: rung %s has %d frames, planned %d", path, tr.Name, len(c.Samples[i]), v.Frames)
		}
		found := 0
		for _, s := range c.Samples[i] {
			var pts, dts, dur int64
			var key bool
			if _, err := fmt.Sscan(s, &pts, &dts, &dur, &key); err != nil {
				t.Fatal(err)
			}
			if key {
				found++
				if !keys[pts] {
					t.Errorf("%s: rung %s has a keyframe at %d, off the grid", path, tr.Name, pts)
				}
			}
		}
		if found != len(keys) {
			t.Errorf("%s: rung %s has %d keyframes, planned %d", path, tr.Name, found, len(keys))
		}
	}
}

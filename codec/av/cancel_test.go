//go:build cgo

package av

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"runtime"
	"syscall"
	"testing"
	"time"

	"sluice/codec"
)

// everything is a job with all parts.
func everything(t *testing.T, src string) codec.Job {
	p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "320x180", "160x90")
	p.Audio = []codec.AudioPlan{{Stream: 1, Name: "a", Codec: "aac", BitRate: 64000, SampleRate: 48000, Channels: 1, DurationUS: p.DurationUS, Loudness: true}}
	p.Thumbs = &codec.ThumbPlan{Poster: true, Width: 160, Height: 90, Candidates: 3, TileWidth: 32, TileHeight: 18, Columns: 2, Rows: 2, IntervalUS: 1_000_000, DurationUS: p.DurationUS, In: bt709}
	return codec.Job{Plan: p, Video: true, Audio: true, Thumbs: true, Tokens: 2}
}

func TestCancelAtAnyItemEndsTheRunAndLeaksNothing(t *testing.T) {
	src := clip(t, "cancel.mp4", "320x180", "25", 5)
	job := everything(t, src)
	before := runtime.NumGoroutine()
	rng := rand.New(rand.NewSource(3))
	for i := range 14 {
		job.Plan.Chunks.Mode = []string{"chunk", "rung"}[i%2]
		ctx, cancel := context.WithCancel(context.Background())
		m := newMemory(t)
		left := rng.Intn(400)
		m.onItem = func() error {
			if left--; left < 0 {
				cancel()
			}
			return nil
		}
		_, err := New(Config{}).Run(ctx, codec.Source{Path: src}, job, m)
		if left < 0 && codec.CodeOf(err) != codec.Cancelled {
			t.Errorf("round %d: %v", i, err)
		}
		cancel()
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(Config{}).Probe(done, codec.Source{Path: src}, codec.ProbeOpts{Packets: true}); codec.CodeOf(err) != codec.Cancelled {
		t.Errorf("probe under a cancelled context: %v", err)
	}
	for range 200 { // goroutines that were told to end may need a moment to be scheduled
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestSinkErrorsEndTheRunWithTheirCause(t *testing.T) {
	src := clip(t, "cancel.mp4", "320x180", "25", 5)
	mine := errors.New("bucket is gone")
	for _, mode := range []string{"chunk", "rung"} {
		for after, want := range map[int]struct {
			err  error
			code codec.Code
		}{0: {mine, codec.SinkIO}, 60: {mine, codec.SinkIO}, 350: {syscall.ENOSPC, codec.DiskFull}} {
			job := everything(t, src)
			job.Plan.Chunks.Mode = mode
			m := newMemory(t)
			left := after
			m.onItem = func() error {
				if left--; left < 0 {
					return want.err
				}
				return nil
			}
			_, err := New(Config{}).Run(context.Background(), codec.Source{Path: src}, job, m)
			if !errors.Is(err, want.err) || codec.CodeOf(err) != want.code {
				t.Errorf("%s after %d: %v", mode, after, err)
			}
		}
	}
}

// failing serves bytes up to a point and then fails.
type failing struct {
	*bytes.Reader
	limit int64
	err   error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.limit {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

func TestReaderSourcesAndTheirErrors(t *testing.T) {
	path := clip(t, "cancel.mp4", "320x180", "25", 5)
	b := read(t, path)
	src := codec.Source{Reader: bytes.NewReader(b), Size: int64(len(b))}
	e := New(Config{ProbeTime: time.Minute})
	info, err := e.Probe(context.Background(), src, codec.ProbeOpts{Packets: true})
	if err != nil || len(info.Streams) != 2 {
		t.Fatalf("%v %v", info.Streams, err)
	}
	mine := errors.New("connection reset")
	bad := codec.Source{Reader: failing{bytes.NewReader(b), 1000, mine}, Size: int64(len(b))}
	if _, err := e.Probe(context.Background(), bad, codec.ProbeOpts{}); !errors.Is(err, mine) || codec.CodeOf(err) != codec.SourceIO {
		t.Errorf("probe: %v", err)
	}
	if _, err := e.Probe(context.Background(), codec.Source{Path: "/nonexistent/x"}, codec.ProbeOpts{}); codec.CodeOf(err) != codec.SourceIO {
		t.Errorf("missing file: %v", err)
	}
	var _ io.ReaderAt = failing{}
}

func TestPlansThatDontFitTheSourceAreRefused(t *testing.T) {
	src := clip(t, "cancel.mp4", "320x180", "25", 5)
	for name, change := range map[string]func(*codec.Job){
		"version":     func(j *codec.Job) { j.Plan.Version = 99 },
		"stream":      func(j *codec.Job) { j.Plan.Video.Stream = 7 },
		"audio":       func(j *codec.Job) { j.Plan.Audio[0].Stream = 0 },
		"format":      func(j *codec.Job) { j.Plan.Format = "nosuch" },
		"encoder":     func(j *codec.Job) { j.Plan.Video.Rungs[0].Enc.Encoder = "nosuch" },
		"option":      func(j *codec.Job) { j.Plan.Video.Rungs[0].Enc.Opts = map[string]string{"nosuch": "1"} },
		"span off":    func(j *codec.Job) { j.Span = &codec.Span{Start: 7, End: 50} },
		"audio codec": func(j *codec.Job) { j.Plan.Audio[0].Codec = "nosuch" },
	} {
		job := everything(t, src)
		job.Thumbs = false
		change(&job)
		_, err := New(Config{}).Run(context.Background(), codec.Source{Path: src}, job, newMemory(t))
		if c := codec.CodeOf(err); c != codec.EngineBug && c != codec.EncoderRejected {
			t.Errorf("%s: %v", name, err)
		}
	}
}

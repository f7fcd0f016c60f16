package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/codec"
	"sluice/codec/plan"
	"sluice/codec/worker"
)

// runPassthrough makes the ladder of a source whose video fits the first rung as it is: sluice copies that rung, the peer encodes all.
func runPassthrough(ctx context.Context, e *Env, emit func(Result)) error {
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	seconds := 60
	if e.Quick {
		seconds = 12
	}
	base, err := e.clip(ctx, seconds)
	if err != nil {
		return err
	}
	src, err := e.source(ctx, fmt.Sprintf("fitting-%ds.mp4", seconds), []string{"-i", base, "-c:v", "libx264", "-preset", "veryfast", "-b:v", "3500k",
		"-maxrate", "4M", "-bufsize", "4M", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-flags", "+cgop", "-c:a", "copy", "-movflags", "+faststart"})
	if err != nil {
		return err
	}
	if err := e.copiesFirst(ctx, src); err != nil {
		return err
	}
	ours := func(ctx context.Context) (float64, error) {
		u, err := e.transcode(ctx, src, filepath.Join(e.Dir, "passthrough-ours"), nil)
		return u.wall.Seconds(), err
	}
	theirs := func(ctx context.Context) (float64, error) {
		u, err := e.ffmpegLadder(ctx, ffmpeg, src, filepath.Join(e.Dir, "passthrough-theirs"))
		return u.wall.Seconds(), err
	}
	res, err := e.compare(ctx, pair{"passthrough", "ffmpeg", "s", true, ours, theirs}, e.rounds(3, 1))
	if err == nil {
		emit(res)
	}
	return err
}

// copiesFirst makes sure that sluice plans to copy the first rung of src.
func (e *Env) copiesFirst(ctx context.Context, src string) error {
	out, err := exec.CommandContext(ctx, e.Binary, "transcode", "--plan", src).Output()
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var p codec.Plan
	if err := json.Unmarshal(out, &p); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if p.Video == nil || len(p.Video.Rungs) == 0 || !p.Video.Rungs[0].Copy {
		return errors.New("the source that should fit the first rung is not copied")
	}
	return nil
}

// runJobs makes three ladders at once: sluice with a core for each, as a busy server gives them, ffmpeg with its own threads.
func runJobs(ctx context.Context, e *Env, emit func(Result)) error {
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	seconds := 20
	if e.Quick {
		seconds = 6
	}
	src, err := e.clip(ctx, seconds)
	if err != nil {
		return err
	}
	var oursCPU, theirsCPU []float64
	ours := func(ctx context.Context) (float64, error) {
		return three(ctx, &oursCPU, func(ctx context.Context, i int) (usage, error) {
			return e.transcode(ctx, src, filepath.Join(e.Dir, fmt.Sprintf("jobs-ours-%d", i)), []string{"SLUICE_WORKER_TOKENS=1"})
		})
	}
	theirs := func(ctx context.Context) (float64, error) {
		return three(ctx, &theirsCPU, func(ctx context.Context, i int) (usage, error) {
			return e.ffmpegLadder(ctx, ffmpeg, src, filepath.Join(e.Dir, fmt.Sprintf("jobs-theirs-%d", i)))
		})
	}
	res, err := e.compare(ctx, pair{"jobs", "ffmpeg", "s", true, ours, theirs}, e.rounds(3, 1))
	if err != nil {
		return err
	}
	emit(res)
	emit(beside(res, "-cpu", "CPU s", oursCPU, theirsCPU))
	return nil
}

// three runs a job three times at once and returns how long that took; the processor time of all goes to cpu.
func three(ctx context.Context, cpu *[]float64, job func(ctx context.Context, i int) (usage, error)) (float64, error) {
	var used [3]usage
	start := time.Now()
	eg, ctx := errgroup.WithContext(ctx)
	for i := range used {
		eg.Go(func() (err error) {
			used[i], err = job(ctx, i)
			return err
		})
	}
	err := eg.Wait()
	wall := time.Since(start).Seconds()
	*cpu = append(*cpu, (used[0].cpu + used[1].cpu + used[2].cpu).Seconds())
	return wall, err
}

// transcode makes the ladder of src in a directory that goes again, without pictures.
func (e *Env) transcode(ctx context.Context, src, out string, env []string) (usage, error) {
	defer os.RemoveAll(out)
	return timed(ctx, env, e.Binary, "transcode", "--no-thumbs", "--heights", "1080,720,540,360", "--audio", "128", "--out", out, "--quiet", src)
}

// ffmpegLadder does the same with one command of the peer, as nice as sluice's media processes: or other programs on the machine
// would decide.
func (e *Env) ffmpegLadder(ctx context.Context, ffmpeg, src, out string) (usage, error) {
	defer os.RemoveAll(out)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return usage{}, err
	}
	return timed(ctx, nil, "nice", append([]string{"-n", "10", ffmpeg}, ladderArgs(src, out)...)...)
}

// runThumbs cuts a storyboard from the keyframes of a minute, with a picture for each; seek takes every third of them, which are
// looked up. The peer reads all and decodes keyframes only.
func runThumbs(name string, seek bool) func(context.Context, *Env, func(Result)) error {
	return func(ctx context.Context, e *Env, emit func(Result)) error {
		ffmpeg, err := tool("ffmpeg")
		if err != nil {
			return err
		}
		src, err := e.reel(ctx, 60)
		if err != nil {
			return err
		}
		pool := worker.New(worker.Config{Program: e.Engine, Jobs: 2})
		defer pool.Close()
		info, err := pool.Probe(ctx, codec.Source{Path: src}, codec.ProbeOpts{Packets: true})
		if err != nil {
			return err
		}
		p, _, err := plan.Make(info, codec.Request{Thumbs: codec.ThumbSpec{Storyboard: true}})
		if err != nil {
			return err
		}
		p.Thumbs.IntervalUS, p.Thumbs.Seek = 2_000_000, seek
		filter := fmt.Sprintf("scale=%d:%d,tile=%dx%d", p.Thumbs.TileWidth, p.Thumbs.TileHeight, p.Thumbs.Columns, p.Thumbs.Rows)
		if seek {
			p.Thumbs.IntervalUS = 6_000_000
			filter = `select=not(mod(n\,3)),` + filter
		}
		const times = 10
		ours := func(ctx context.Context) (float64, error) {
			return perSecond(times, func() error {
				_, err := pool.Run(ctx, codec.Source{Path: src}, codec.Job{Plan: p, Thumbs: true}, nowhere{})
				return err
			})
		}
		theirs := func(ctx context.Context) (float64, error) {
			return perSecond(times, func() error {
				_, err := timed(ctx, nil, "nice", "-n", "10", ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-skip_frame", "nokey", "-i", src,
					"-vf", filter, "-vsync", "passthrough", "-frames:v", "1", "-q:v", "4", filepath.Join(e.Dir, "board.jpg"))
				return err
			})
		}
		res, err := e.compare(ctx, pair{name, "ffmpeg", "storyboards/s", false, ours, theirs}, e.rounds(5, 3))
		if err == nil {
			emit(res)
		}
		return err
	}
}

// nowhere is a sink that keeps nothing.
type nowhere struct{}

func (nowhere) Track(codec.Track) error        { return nil }
func (nowhere) Sample(int, codec.Sample) error { return nil }
func (nowhere) File(string, []byte) error      { return nil }
func (nowhere) Progress(codec.Progress)        {}

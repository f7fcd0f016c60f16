package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// encoding is how sources are encoded: for distribution, richer than any rung, a key frame every two seconds.
var encoding = []string{
	"-c:v", "libx264", "-preset", "veryfast", "-b:v", "8M", "-maxrate", "12M", "-bufsize", "24M", "-g", "60", "-pix_fmt", "yuv420p",
	"-c:a", "aac", "-b:a", "128k", "-ac", "2", "-movflags", "+faststart",
}

const (
	tone   = "sine=frequency=330:beep_factor=4:sample_rate=48000"
	bars   = "testsrc2=s=1920x1080:r=30"
	figure = "mandelbrot=size=960x540:rate=30:maxiter=200:end_scale=0.05"
	haze   = "gradients=s=1920x1080:r=30:nb_colors=6:speed=0.02"
)

// clip makes, once a run, a 1080p30 H.264 + AAC source of mixed content: fractal detail, gradients with noise, hard cuts. It is
// for benchmarks that encode. A long one is a minute over and over: fractals take longer to draw than to encode.
func (e *Env) clip(ctx context.Context, seconds int) (string, error) {
	const turn = 60
	if seconds > turn {
		base, err := e.clip(ctx, turn)
		if err != nil {
			return "", err
		}
		return e.repeat(ctx, fmt.Sprintf("clip-%ds.mp4", seconds), base, turn, seconds)
	}
	third := float64(seconds) / 3
	graph := fmt.Sprintf("[0]trim=duration=%[1]f,setpts=PTS-STARTPTS,scale=1920:1080,setsar=1,format=yuv420p[a];"+
		"[1]trim=duration=%[1]f,setpts=PTS-STARTPTS,noise=alls=9:allf=t,setsar=1,format=yuv420p[b];"+
		"[2]trim=duration=%[1]f,setpts=PTS-STARTPTS,setsar=1,format=yuv420p[c];[a][b][c]concat=n=3[v]", third)
	args := []string{"-f", "lavfi", "-i", figure, "-f", "lavfi", "-i", haze, "-f", "lavfi", "-i", bars, "-f", "lavfi", "-i", tone,
		"-filter_complex", graph, "-map", "[v]", "-map", "3:a", "-t", strconv.Itoa(seconds)}
	return e.source(ctx, fmt.Sprintf("clip-%ds.mp4", seconds), append(args, encoding...))
}

// reel makes, once a run, a 1080p30 H.264 + AAC source for benchmarks that only move bytes: a few seconds over and over.
func (e *Env) reel(ctx context.Context, seconds int) (string, error) {
	const turn = 6
	args := []string{"-f", "lavfi", "-i", bars, "-f", "lavfi", "-i", tone, "-t", strconv.Itoa(turn)}
	base, err := e.source(ctx, "turn.mp4", append(args, encoding...))
	if err != nil {
		return "", err
	}
	return e.repeat(ctx, fmt.Sprintf("reel-%ds.mp4", seconds), base, turn, seconds)
}

// repeat makes a file of so many seconds out of one of turn seconds.
func (e *Env) repeat(ctx context.Context, name, base string, turn, seconds int) (string, error) {
	return e.source(ctx, name, []string{"-stream_loop", strconv.Itoa((seconds - 1) / turn), "-i", base, "-c", "copy",
		"-t", strconv.Itoa(seconds), "-movflags", "+faststart"})
}

// source makes a file with ffmpeg unless the run has it.
func (e *Env) source(ctx context.Context, name string, args []string) (string, error) {
	out := e.shared(name)
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return "", err
	}
	e.Log("making %s", name)
	partial := out + ".partial.mp4"
	defer os.Remove(partial)
	if _, err := timed(ctx, nil, ffmpeg, append(append([]string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}, args...), partial)...); err != nil {
		return "", fmt.Errorf("making %s: %w", name, err)
	}
	return out, os.Rename(partial, out)
}

// waitFor polls cond until it holds or the time is over.
func waitFor(ctx context.Context, limit time.Duration, what string, cond func() bool) error {
	return waitEvery(ctx, 20*time.Millisecond, limit, what, cond)
}

// waitEvery is waitFor with conditions that cost something.
func waitEvery(ctx context.Context, every, limit time.Duration, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !cond() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(every):
		}
	}
	return nil
}

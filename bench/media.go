package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clip makes, once per run, a 1080p30 H.264 + AAC source of mixed content: fractal detail, gradients with noise, hard cuts.
func (e *Env) clip(ctx context.Context, seconds int) (string, error) {
	out := filepath.Join(e.Dir, fmt.Sprintf("clip-%ds.mp4", seconds))
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return "", err
	}
	e.Log("making a source of %d s", seconds)
	third := float64(seconds) / 3
	graph := fmt.Sprintf("[0]trim=duration=%[1]f,setpts=PTS-STARTPTS,scale=1920:1080,setsar=1,format=yuv420p[a];"+
		"[1]trim=duration=%[1]f,setpts=PTS-STARTPTS,noise=alls=9:allf=t,setsar=1,format=yuv420p[b];"+
		"[2]trim=duration=%[1]f,setpts=PTS-STARTPTS,setsar=1,format=yuv420p[c];[a][b][c]concat=n=3[v]", third)
	_, err = timed(ctx, nil, ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
		"-f", "lavfi", "-i", "mandelbrot=size=960x540:rate=30:maxiter=200:end_scale=0.05",
		"-f", "lavfi", "-i", "gradients=s=1920x1080:r=30:nb_colors=6:speed=0.02",
		"-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30",
		"-f", "lavfi", "-i", "sine=frequency=330:beep_factor=4:sample_rate=48000",
		"-filter_complex", graph, "-map", "[v]", "-map", "3:a", "-t", strconv.Itoa(seconds),
		"-c:v", "libx264", "-preset", "veryfast", "-b:v", "8M", "-maxrate", "12M", "-bufsize", "24M", "-g", "60", "-pix_fmt", "yuv420p",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2", "-movflags", "+faststart", out)
	if err != nil {
		return "", fmt.Errorf("making a source: %w", err)
	}
	return out, nil
}

// waitFor polls cond until it holds or the time is over.
func waitFor(ctx context.Context, limit time.Duration, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !cond() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

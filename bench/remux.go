package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// runRemux turns an HLS playlist of TS segments into an MP4 with moov first, by length: a process each time, so that a short
// one is mostly the start of the program.
func runRemux(ctx context.Context, e *Env, emit func(Result)) error {
	lengths := []int{30, 240, 1200}
	if e.Quick {
		lengths = []int{30, 240}
	}
	for _, seconds := range lengths {
		if err := e.remux(ctx, seconds, emit); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) remux(ctx context.Context, seconds int, emit func(Result)) error {
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	src, err := e.reel(ctx, 30)
	if err != nil {
		return err
	}
	dir := filepath.Join(e.Dir, fmt.Sprintf("remux-%ds", seconds))
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	playlist, out := filepath.Join(dir, "in.m3u8"), filepath.Join(dir, "out.mp4")
	quiet := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}
	if _, err := timed(ctx, nil, ffmpeg, append(quiet, "-stream_loop", strconv.Itoa(seconds/30-1), "-i", src, "-c", "copy",
		"-f", "hls", "-hls_time", "6", "-hls_list_size", "0", "-hls_playlist_type", "vod", playlist)...); err != nil {
		return err
	}
	run := func(mem, cpu *[]float64, name string, args ...string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			defer os.Remove(out)
			u, err := timed(ctx, nil, name, args...)
			*mem, *cpu = append(*mem, float64(u.private)/(1<<20)), append(*cpu, u.cpu.Seconds())
			return u.wall.Seconds(), err
		}
	}
	var oursMem, theirsMem, oursCPU, theirsCPU []float64
	name := fmt.Sprintf("remux-%ds", seconds)
	res, err := e.compare(ctx, pair{name, "ffmpeg", "s", true,
		run(&oursMem, &oursCPU, e.Binary, "remux", "--quiet", "--force", "--output", out, playlist),
		run(&theirsMem, &theirsCPU, ffmpeg, append(quiet, "-i", playlist, "-c", "copy", "-movflags", "+faststart", out)...),
	}, e.rounds(7, 3))
	if err != nil {
		return err
	}
	emit(res)
	emit(beside(res, "-cpu", "CPU s", oursCPU, theirsCPU))
	emit(beside(res, "-memory", "MiB", oursMem, theirsMem))
	return nil
}

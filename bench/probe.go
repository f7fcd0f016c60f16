package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sluice/codec"
	"sluice/codec/worker"
)

// runProbe asks what a file is: sluice in a warm caged process, header first; the peer by starting ffprobe. Two files: a
// small one, and a 1080p one whose frames ffprobe decodes.
func runProbe(ctx context.Context, e *Env, emit func(Result)) error {
	ffprobe, err := tool("ffprobe")
	if err != nil {
		return err
	}
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	large, err := e.reel(ctx, 12)
	if err != nil {
		return err
	}
	small := filepath.Join(e.Dir, "small.mp4")
	if _, err := timed(ctx, nil, ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i", large, "-t", "10",
		"-vf", "scale=768:432", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "copy", "-movflags", "+faststart", small); err != nil {
		return err
	}
	pool := worker.New(worker.Config{Program: e.Engine})
	defer pool.Close()
	n := 100
	if e.Quick {
		n = 25
	}
	for _, c := range []struct{ name, path string }{{"probe", small}, {"probe-1080p", large}} {
		st, err := os.Stat(c.path)
		if err != nil {
			return err
		}
		ours := func(ctx context.Context) (float64, error) {
			return perSecond(n, func() error {
				_, err := pool.Probe(ctx, codec.Source{Path: c.path, Size: st.Size()}, codec.ProbeOpts{})
				return err
			})
		}
		theirs := func(ctx context.Context) (float64, error) {
			return perSecond(max(5, n/5), func() error {
				cmd := exec.CommandContext(ctx, ffprobe, "-v", "error", "-show_format", "-show_streams", "-of", "json", c.path)
				cmd.Stdout = new(strings.Builder)
				return cmd.Run()
			})
		}
		res, err := e.compare(ctx, pair{c.name, "ffprobe", "files/s", false, ours, theirs}, e.rounds(5, 3))
		if err != nil {
			return err
		}
		emit(res)
	}
	return nil
}

func perSecond(n int, f func() error) (float64, error) {
	start := time.Now()
	for range n {
		if err := f(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

package bench

import (
	"context"
	"os"
	"path/filepath"
)

// runRemux turns an HLS playlist of TS segments into an MP4 with moov first.
func runRemux(ctx context.Context, e *Env, emit func(Result)) error {
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	src, err := e.clip(ctx, 60)
	if err != nil {
		return err
	}
	dir := filepath.Join(e.Dir, "remux")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	playlist := filepath.Join(dir, "in.m3u8")
	loops := "9"
	if e.Quick {
		loops = "3"
	}
	if _, err := timed(ctx, nil, ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-stream_loop", loops, "-i", src, "-c", "copy",
		"-f", "hls", "-hls_time", "6", "-hls_list_size", "0", "-hls_playlist_type", "vod", playlist); err != nil {
		return err
	}
	out := filepath.Join(dir, "out.mp4")
	run := func(name string, args ...string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			defer os.Remove(out)
			u, err := timed(ctx, nil, name, args...)
			return u.wall.Seconds(), err
		}
	}
	res, err := e.compare(ctx, pair{"remux", "ffmpeg", "s", true,
		run(e.Binary, "remux", "--quiet", "--force", "--output", out, playlist),
		run(ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i", playlist, "-c", "copy", "-movflags", "+faststart", out),
	}, e.rounds(7, 3))
	if err != nil {
		return err
	}
	emit(res)
	return nil
}

package bench

import (
	"context"
	"fmt"
	"path/filepath"
)

// rung is a step of the ladder that both sides encode.
type rung struct {
	height  int
	crf     int
	maxrate string
	bufsize string
}

var ladderRungs = []rung{
	{1080, 23, "4500k", "9000k"}, {720, 23, "2500k", "5000k"}, {540, 22, "1500k", "3000k"}, {360, 22, "800k", "1600k"},
}

// runLadder encodes one source to four rungs, GOP 2 s, audio copied on both sides: sluice with its defaults; ffmpeg as one command that
// decodes once and splits, with the same encoder settings and its own default threads. Of twenty
// seconds, the end, where lanes find no chunk of their own, is a larger part than of a minute.
func runLadder(ctx context.Context, e *Env, emit func(Result)) error {
	if e.Quick {
		return e.ladder(ctx, "ladder", 12, 1, emit)
	}
	if err := e.ladder(ctx, "ladder", 60, 3, emit); err != nil {
		return err
	}
	return e.ladder(ctx, "ladder-20s", 20, 3, emit)
}

func (e *Env) ladder(ctx context.Context, name string, seconds, rounds int, emit func(Result)) error {
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	src, err := e.clip(ctx, seconds)
	if err != nil {
		return err
	}
	var oursMem, theirsMem, oursCPU, theirsCPU []float64
	ours := func(ctx context.Context) (float64, error) {
		u, err := e.transcode(ctx, src, filepath.Join(e.Dir, "ladder-ours"), nil)
		oursMem, oursCPU = append(oursMem, float64(u.private)/(1<<20)), append(oursCPU, u.cpu.Seconds())
		return u.wall.Seconds(), err
	}
	theirs := func(ctx context.Context) (float64, error) {
		u, err := e.ffmpegLadder(ctx, ffmpeg, src, filepath.Join(e.Dir, "ladder-theirs"))
		theirsMem, theirsCPU = append(theirsMem, float64(u.private)/(1<<20)), append(theirsCPU, u.cpu.Seconds())
		return u.wall.Seconds(), err
	}
	res, err := e.compare(ctx, pair{name, "ffmpeg", "s", true, ours, theirs}, rounds)
	if err != nil {
		return err
	}
	emit(res)
	emit(beside(res, "-cpu", "CPU s", oursCPU, theirsCPU))
	emit(beside(res, "-memory", "MiB", oursMem, theirsMem))
	return nil
}

func ladderArgs(src, out string) []string {
	graph := fmt.Sprintf("[0:v]split=%d", len(ladderRungs))
	for i := range ladderRungs {
		graph += fmt.Sprintf("[s%d]", i)
	}
	for i, r := range ladderRungs {
		graph += fmt.Sprintf(";[s%d]scale=-2:%d:flags=bicubic[v%d]", i, r.height, i)
	}
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i", src, "-filter_complex", graph}
	for i, r := range ladderRungs {
		args = append(args, "-map", fmt.Sprintf("[v%d]", i), "-c:v", "libx264", "-preset", "veryfast", "-crf", fmt.Sprint(r.crf),
			"-maxrate", r.maxrate, "-bufsize", r.bufsize, "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-flags", "+cgop",
			"-movflags", "+frag_keyframe+empty_moov+default_base_moof", filepath.Join(out, fmt.Sprintf("v%d.mp4", r.height)))
	}
	return append(args, "-map", "0:a", "-c:a", "copy", filepath.Join(out, "a.mp4"))
}

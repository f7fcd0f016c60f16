package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// runFirstPlay measures from the last byte in to the first segment served, by length of the source. The peer is what a script
// without sluice does: one ffmpeg command that makes the whole ladder, before anything can be served.
func runFirstPlay(ctx context.Context, e *Env, emit func(Result)) error {
	ffmpeg, err := tool("ffmpeg")
	if err != nil {
		return err
	}
	lengths := []struct{ seconds, rounds int }{{6, 3}, {30, 2}, {120, 1}}
	if e.Quick {
		lengths = []struct{ seconds, rounds int }{{6, 1}}
	}
	s, err := e.startServer(ctx, filepath.Join(e.Dir, "firstplay"))
	if err != nil {
		return err
	}
	defer s.stop()
	for _, l := range lengths {
		src, err := e.clip(ctx, l.seconds)
		if err != nil {
			return err
		}
		var oursMem, theirsMem []float64
		ours := func(ctx context.Context) (float64, error) {
			peak := watchMemory(s.cmd.Process.Pid)
			defer func() { oursMem = append(oursMem, float64(peak())/(1<<20)) }()
			entry, err := s.ingest(ctx, src, false)
			if err != nil {
				return 0, err
			}
			start := time.Now()
			err = s.firstSegment(ctx, entry)
			first := time.Since(start).Seconds()
			if err != nil {
				return 0, err
			}
			return first, s.settle(ctx, entry)
		}
		theirs := func(ctx context.Context) (float64, error) {
			out := filepath.Join(e.Dir, "firstplay-theirs")
			defer os.RemoveAll(out)
			if err := os.MkdirAll(out, 0o755); err != nil {
				return 0, err
			}
			u, err := timed(ctx, nil, ffmpeg, ladderArgs(src, out)...)
			theirsMem = append(theirsMem, float64(u.private)/(1<<20))
			return u.wall.Seconds(), err
		}
		name := fmt.Sprintf("firstplay-%ds", l.seconds)
		res, err := e.compare(ctx, pair{name, "ffmpeg, then serve", "s", true, ours, theirs}, l.rounds)
		if err != nil {
			return err
		}
		emit(res)
		emit(beside(res, "-memory", "MiB", oursMem, theirsMem)) // of the whole server with its workers and Redis
	}
	return nil
}

// settle waits until the entry is done, so that the next round finds an idle machine.
func (s *station) settle(ctx context.Context, entry string) error {
	return waitFor(ctx, 20*time.Minute, "the entry", func() bool {
		st, _, err := s.entryStatus(ctx, entry)
		return err == nil && (st == "ready" || strings.HasPrefix(st, "error"))
	})
}

package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"sluice/bench/link"
)

// uploaded is what an upload achieved.
type uploaded struct {
	rate    float64 // of what the server acknowledged in the steady part, in Mbit/s
	streams int     // at the end
	files   int
	bytes   int64         // acknowledged, at the end
	wrote   int64         // to connections, with what was written again
	elapsed time.Duration // until the end
	cpu     time.Duration
}

// uploadCommand is 'sluice upload' at the near end, with a state of its own.
func (f *far) uploadCommand(ctx context.Context, e *Env, args ...string) (*exec.Cmd, error) {
	state, err := os.MkdirTemp(f.dir, "state-")
	if err != nil {
		return nil, err
	}
	cmd := link.Command(ctx, f.line.A, e.Binary, append([]string{
		"upload", "--json", "--server", "https://" + link.AddrB + ":8443", "--fingerprint", f.fingerprint, "--session", f.session,
	}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+state)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// upload sends for a while, unless it ends before. What came of it is the caller's to discard when no upload runs.
func (f *far) upload(ctx context.Context, e *Env, d time.Duration, args ...string) (uploaded, error) {
	cmd, err := f.uploadCommand(ctx, e, args...)
	if err != nil {
		return uploaded{}, err
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return uploaded{}, err
	}
	if err := cmd.Start(); err != nil {
		return uploaded{}, err
	}
	stop := time.AfterFunc(d+2*time.Second, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer stop.Stop()
	u, err := progressOf(out, d)
	werr := cmd.Wait()
	if s := cmd.ProcessState; s != nil {
		u.cpu = s.UserTime() + s.SystemTime()
	}
	if u.bytes == 0 || err != nil {
		return u, fmt.Errorf("upload: %w: %s", errors.Join(err, werr), tail(errs.String(), 300))
	}
	return u, nil
}

// progressOf reads an upload's lines to their end. Its rate is that between cellStart and d, when it took so long.
func progressOf(out io.Reader, d time.Duration) (uploaded, error) {
	type mark struct {
		at    time.Duration
		bytes int64
	}
	var first, last mark
	var u uploaded
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var l struct {
			Event string `json:"event"`
			Data  struct {
				Bytes   int64         `json:"bytes"`
				Sent    int64         `json:"sent"`
				Done    int           `json:"done"`
				Streams int           `json:"streams"`
				Elapsed time.Duration `json:"elapsed_ns"`
			} `json:"data"`
		}
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Event != "progress" && l.Event != "end" {
			continue
		}
		u.files, u.bytes, u.wrote, u.elapsed = l.Data.Done, l.Data.Bytes, l.Data.Sent, l.Data.Elapsed
		m := mark{l.Data.Elapsed, l.Data.Bytes}
		switch {
		case l.Event == "end" || m.at < cellStart:
		case first.at == 0:
			first = m
		case m.at <= d+time.Second:
			last, u.streams = m, l.Data.Streams
		}
	}
	if last.at > first.at {
		u.rate = mbit(last.bytes-first.bytes, last.at-first.at)
	}
	return u, lines.Err()
}

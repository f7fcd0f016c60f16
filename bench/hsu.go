package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sluice/bench/link"
	"sluice/ingest/hsu/server"
)

// The line of the benchmark, and how long each way of sending has it. What is counted begins when it is under way.
const (
	lineRate   = 1_000_000_000
	lineDelay  = 50 * time.Millisecond
	lineQueue  = 50 * time.Millisecond
	cellTime   = 14 * time.Second
	cellStart  = 5 * time.Second
	sourceSize = 3 << 30
	// payload is the share of the line that TCP's payload can have: 1448 of 1538 bytes.
	payload = 1448.0 / 1538.0
)

// cell is what a line is like for one row of the table.
type cell struct {
	loss   float64
	target float64 // of what the line can carry, and does not lose
	lftp   bool    // beside curl
}

// lines are those of the table, with what there is of each round trip time.
var lines = []struct {
	delay time.Duration // one way
	cells []cell
}{
	{lineDelay, []cell{{0, 0.9, true}, {0.001, 0.9, false}, {0.01, 0.9, true}, {0.02, 0.85, false}, {0.1, 0.7, false}}},
	{2 * lineDelay, []cell{{0.02, 0.8, false}}},
	{5 * lineDelay, []cell{{0.001, 0, false}}},
}

const sinkURL = "https://" + link.AddrB + ":9443/"

// far is a server at the other end of a line.
type far struct {
	*daemon
	line        *link.Link
	dir         string
	fingerprint string
	session     string
	source      string
}

// runHSU sends a file over long lines, by 'sluice upload' and by curl, at several losses.
func runHSU(ctx context.Context, e *Env, emit func(Result)) error {
	curl, err := tool("curl")
	if err != nil {
		return err
	}
	lftp, err := tool("lftp")
	if err != nil {
		lftp = ""
		e.Log("lftp is not installed: its column stays empty")
	}
	for i, l := range lines {
		cells := l.cells
		if e.Quick {
			cells = cells[2:3]
		}
		for j, c := range cells {
			err := e.onLine(ctx, l.delay, func(line *link.Link) error {
				if i+j == 0 {
					if err := e.hsuCeiling(ctx, line); err != nil {
						return err
					}
				}
				return e.hsuCell(ctx, line, 2*l.delay, c, curl, lftp, emit)
			})
			if err != nil {
				return err
			}
		}
		if e.Quick {
			break
		}
	}
	return nil
}

// onLine makes a line for a while.
func (e *Env) onLine(ctx context.Context, delay time.Duration, do func(*link.Link) error) error {
	line, err := link.New(ctx, link.Config{Rate: lineRate, Delay: delay, Queue: lineQueue, Congestion: "cubic"})
	if errors.Is(err, link.ErrRoot) {
		return fmt.Errorf("%w: %w", ErrNoPeer, err)
	}
	if err != nil {
		return err
	}
	e.Log("a line of 1 Gbit/s, %v there and back, with a queue of %v", 2*delay, lineQueue)
	return errors.Join(do(line), line.Close())
}

// hsuCell measures a cell with a line and a server of its own: what one leaves behind is not the next one's.
func (e *Env) hsuCell(ctx context.Context, line *link.Link, rtt time.Duration, c cell, curl, lftp string, emit func(Result)) error {
	line.SetLoss(c.loss)
	f, err := e.startFar(ctx, line)
	if err != nil {
		return err
	}
	defer f.close()
	r := Result{Bench: fmt.Sprintf("hsu-%dms-loss-%g%%", rtt.Milliseconds(), 100*c.loss), Peer: "curl, CUBIC", Unit: "Mbit/s", Runs: 1}
	busy, at := busyTime(), time.Now()
	sent, err := f.upload(ctx, e, cellTime, f.source)
	if err != nil {
		return err
	}
	used := busyShare(busy, time.Since(at))
	if err := f.discard(); err != nil {
		return err
	}
	if r.Theirs, err = f.curl(ctx, curl, "--upload-file", f.source, sinkURL); err != nil {
		return err
	}
	r.Ours = sent.rate
	r.Ratio = r.Ours / max(r.Theirs, 0.001)
	r.Min, r.Max = r.Ratio, r.Ratio
	can := lineRate / 1e6 * payload * (1 - c.loss)
	e.Log("%v, loss %g %%: %.0f Mbit/s, %.1f %% of what can come through (%.0f; the target is %.0f %%), over %d connections; "+
		"curl %.1f; the sender used %.0f %% of a core, the machine's processors were %.0f %% busy",
		rtt, 100*c.loss, r.Ours, 100*r.Ours/can, can, 100*c.target, sent.streams, r.Theirs, 100*sent.cpu.Seconds()/cellTime.Seconds(), 100*used)
	emit(r)
	if c.lftp && lftp != "" {
		r.Peer = "lftp, 8 segments, CUBIC"
		if r.Theirs, err = f.lftp(ctx, lftp); err != nil {
			return err
		}
		r.Ratio = r.Ours / max(r.Theirs, 0.001)
		r.Min, r.Max = r.Ratio, r.Ratio
		emit(r)
	}
	return nil
}

// startFar starts a server at the far end, with its data in memory, and a source at the near one.
func (e *Env) startFar(ctx context.Context, line *link.Link, flags ...string) (*far, error) {
	dir, err := os.MkdirTemp("/dev/shm", "sluice-hsu-")
	if err != nil {
		return nil, err
	}
	f := &far{line: line, dir: dir, source: filepath.Join(dir, "source.bin")}
	if err := f.start(ctx, e, flags); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *far) start(ctx context.Context, e *Env, flags []string) error {
	if err := os.WriteFile(f.source, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(f.source, sourceSize); err != nil { // of holes: it takes no room
		return err
	}
	_, fingerprint, err := server.OwnCertificate(filepath.Join(f.dir, "data", "keys"))
	if err != nil {
		return err
	}
	f.fingerprint = fingerprint
	args := append([]string{
		"netns", "exec", f.line.B, e.Binary, "serve", "--log-level", "error", "--data-dir", filepath.Join(f.dir, "data"), "--worker-roles", "api",
		"--http-listen", "127.0.0.1:8080", "--hsu-listen", link.AddrB + ":8443",
	}, flags...)
	ip, err := tool("ip")
	if err != nil {
		return err
	}
	if f.daemon, err = startDaemon(nil, ip, args...); err != nil {
		return err
	}
	err = waitFor(ctx, time.Minute, "sluice", func() bool {
		return link.Command(ctx, f.line.B, e.Binary, "ready", "--data-dir", filepath.Join(f.dir, "data"), "--http-listen", "127.0.0.1:8080").Run() == nil
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, tail(f.stderr.String(), 500))
	}
	out, err := exec.CommandContext(ctx, e.Binary, "session", "--admin", "--data-dir", filepath.Join(f.dir, "data")).Output()
	f.session = strings.TrimSpace(string(out))
	return err
}

func (f *far) close() {
	if f.daemon != nil {
		f.stop()
	}
	os.RemoveAll(f.dir)
}

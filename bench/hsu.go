package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/bench/link"
	"sluice/ingest/hsu/server"
)

// The line of the benchmark, and how long each way of sending has it. What is counted begins when it is under way.
const (
	lineRate   = 1_000_000_000
	lineDelay  = 50 * time.Millisecond
	lineQueue  = 50 * time.Millisecond
	cellTime   = 15 * time.Second
	cellStart  = 5 * time.Second
	sourceSize = 3 << 30
	// payload is the share of the line that TCP's payload can have: 1448 of 1538 bytes.
	payload = 1448.0 / 1538.0
)

// far is a server at the other end of a line.
type far struct {
	*daemon
	line        *link.Link
	dir         string
	fingerprint string
	session     string
	source      string
}

// runHSU sends a file over a long line, by 'sluice upload' and by curl, at several losses; then four uploads share a cap.
func runHSU(ctx context.Context, e *Env, emit func(Result)) error {
	curl, err := tool("curl")
	if err != nil {
		return err
	}
	line, err := link.New(ctx, link.Config{Rate: lineRate, Delay: lineDelay, Queue: lineQueue, Congestion: "cubic"})
	if errors.Is(err, link.ErrRoot) {
		return fmt.Errorf("%w: %w", ErrNoPeer, err)
	}
	if err != nil {
		return err
	}
	defer line.Close()
	e.Log("1 Gbit/s, 100 ms there and back, a queue of 50 ms; lftp is put aside: it sends no file in segments")
	if err := e.hsuCeiling(ctx, line); err != nil {
		return err
	}
	if err := e.hsuLosses(ctx, line, curl, emit); err != nil {
		return err
	}
	return e.hsuFairness(ctx, line, emit)
}

func (e *Env) hsuLosses(ctx context.Context, line *link.Link, curl string, emit func(Result)) error {
	f, err := e.startFar(ctx, line)
	if err != nil {
		return err
	}
	defer f.close()
	losses := []float64{0, 0.001, 0.01, 0.02}
	if e.Quick {
		losses = []float64{0.01}
	}
	for _, loss := range losses {
		line.SetLoss(loss)
		r := Result{Bench: fmt.Sprintf("hsu-loss-%g%%", 100*loss), Peer: "curl, CUBIC", Unit: "Mbit/s", Runs: 1}
		var before, after syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &before)
		if r.Ours, err = f.upload(ctx, e); err != nil {
			return err
		}
		_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &after)
		if r.Theirs, err = f.curl(ctx, curl); err != nil {
			return err
		}
		r.Ratio = r.Ours / max(r.Theirs, 0.001)
		r.Min, r.Max = r.Ratio, r.Ratio
		e.Log("loss %g %%: %.0f Mbit/s, %.1f %% of the line's payload (%.0f); curl %.1f; the sender used %.0f %% of a core", 100*loss, r.Ours,
			100*r.Ours/(lineRate/1e6*payload), lineRate/1e6*payload, r.Theirs,
			100*(cpu(after)-cpu(before)).Seconds()/cellTime.Seconds())
		emit(r)
	}
	return nil
}

func cpu(u syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

// fairCap is what four uploads of an account share.
const fairCap = 400_000_000

// hsuFairness lets four uploads share their account's cap, and compares the least with an equal part.
func (e *Env) hsuFairness(ctx context.Context, line *link.Link, emit func(Result)) error {
	line.SetLoss(0)
	f, err := e.startFar(ctx, line, "--quota-upload-rate", fmt.Sprint(fairCap))
	if err != nil {
		return err
	}
	defer f.close()
	rates := make([]float64, 4)
	errs := make([]error, len(rates))
	var all sync.WaitGroup
	for i := range rates {
		all.Go(func() { rates[i], errs[i] = f.upload(ctx, e) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var sum float64
	for _, r := range rates {
		sum += r
	}
	equal := fairCap / 1e6 / float64(len(rates))
	e.Log("four uploads under a cap of %.0f Mbit/s: %.0f, together %.0f", fairCap/1e6, rates, sum)
	emit(Result{
		Bench: "hsu-fair-4", Peer: "an equal part of the cap", Ours: slices.Min(rates), Theirs: equal, Unit: "Mbit/s",
		Ratio: slices.Min(rates) / equal, Min: slices.Min(rates) / equal, Max: slices.Max(rates) / equal, Runs: 1,
	})
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

// upload sends the source for a while and returns what the server acknowledged in its steady part, in Mbit/s. What came is removed.
func (f *far) upload(ctx context.Context, e *Env) (float64, error) {
	cmd := link.Command(ctx, f.line.A, e.Binary, "upload", "--json", "--server", "https://"+link.AddrB+":8443", "--fingerprint", f.fingerprint,
		"--session", f.session, f.source)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+f.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	stop := time.AfterFunc(cellTime+2*time.Second, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer stop.Stop()
	rate, err := steady(out)
	werr := cmd.Wait()
	if err != nil {
		return 0, fmt.Errorf("upload: %w: %w: %s", err, werr, tail(errs.String(), 300))
	}
	return rate, f.discard(ctx, e)
}

// steady reads an upload's lines to their end and returns the rate between cellStart and cellTime.
func steady(out io.Reader) (float64, error) {
	type mark struct {
		at    time.Duration
		bytes int64
	}
	var first, last mark
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var l struct {
			Event string `json:"event"`
			Data  struct {
				Bytes   int64         `json:"bytes"`
				Elapsed time.Duration `json:"elapsed_ns"`
			} `json:"data"`
		}
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Event != "progress" {
			continue
		}
		m := mark{l.Data.Elapsed, l.Data.Bytes}
		switch {
		case m.at < cellStart:
		case first.at == 0:
			first = m
		case m.at <= cellTime+time.Second:
			last = m
		}
	}
	if last.at <= first.at {
		return 0, errors.New("it ended before it was measured")
	}
	return float64(8*(last.bytes-first.bytes)) / (last.at - first.at).Seconds() / 1e6, lines.Err()
}

// discard removes what came of uploads that were stopped, so that memory stays.
func (f *far) discard(_ context.Context, _ *Env) error {
	files, err := filepath.Glob(filepath.Join(f.dir, "data", "uploads", "*", "data.*"))
	for _, file := range files {
		err = errors.Join(err, os.Truncate(file, 0))
	}
	return err
}

// curl sends the source with one PUT to a sink at the far end, and returns what the sink got in the steady part, in Mbit/s.
func (f *far) curl(ctx context.Context, curl string) (float64, error) {
	cert, _, err := server.OwnCertificate(filepath.Join(f.dir, "data", "keys"))
	if err != nil {
		return 0, err
	}
	plain, err := link.Listen(ctx, f.line.B, link.AddrB+":9443")
	if err != nil {
		return 0, err
	}
	var got atomic.Int64
	sink := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1<<20)
		for {
			n, err := r.Body.Read(buf)
			got.Add(int64(n))
			if err != nil {
				return
			}
		}
	})}
	defer sink.Close()
	go func() {
		_ = sink.Serve(tls.NewListener(plain, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}))
	}()
	ctx, cancel := context.WithTimeout(ctx, cellTime)
	defer cancel()
	cmd := link.Command(ctx, f.line.A, curl, "--silent", "--insecure", "--http1.1", "--upload-file", f.source, "https://"+link.AddrB+":9443/")
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	began := time.Now()
	select {
	case <-time.After(cellStart):
	case <-ctx.Done():
	}
	first, at := got.Load(), time.Now()
	<-ctx.Done()
	last, end := got.Load(), time.Now()
	_ = cmd.Wait() // it was ended
	if last == 0 {
		return 0, fmt.Errorf("curl: nothing came in %v", time.Since(began))
	}
	return float64(8*(last-first)) / end.Sub(at).Seconds() / 1e6, nil
}

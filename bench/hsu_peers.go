package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/bench/link"
	"sluice/ingest/hsu/server"
)

// sink is a server at the far end that counts what requests bring and forgets it. The function ends it.
func (f *far) sink(ctx context.Context) (*atomic.Int64, func(), error) {
	cert, _, err := server.OwnCertificate(filepath.Join(f.dir, "data", "keys"))
	if err != nil {
		return nil, nil, err
	}
	plain, err := link.Listen(ctx, f.line.B, link.AddrB+":9443")
	if err != nil {
		return nil, nil, err
	}
	got := new(atomic.Int64)
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1<<20)
		for {
			n, err := r.Body.Read(buf)
			got.Add(int64(n))
			if err != nil {
				return
			}
		}
	})}
	go func() {
		_ = s.Serve(tls.NewListener(plain, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}))
	}()
	return got, func() { _ = s.Close() }, nil
}

// curl runs curl for a while with what it is to send to the sink, and returns what that got in the steady part, in Mbit/s.
func (f *far) curl(ctx context.Context, curl string, what ...string) (float64, error) {
	got, end, err := f.sink(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, cellTime)
	defer cancel()
	cmd := link.Command(ctx, f.line.A, curl, append([]string{"--silent", "--insecure", "--http1.1"}, what...)...)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	rate := steady(ctx, got.Load)
	_ = cmd.Wait() // it was ended
	if got.Load() == 0 {
		return 0, errors.New("curl: nothing came")
	}
	return rate, nil
}

// steady is how fast what have returns grows from cellStart until ctx ends, in Mbit/s.
func steady(ctx context.Context, have func() int64) float64 {
	slept(ctx, cellStart)
	first, at := have(), time.Now()
	<-ctx.Done()
	return mbit(have()-first, time.Since(at))
}

// lftp has no uploads in segments. It gets a file from the near end in segments instead, so that they take the same way: what it shows
// is what eight connections achieve.
func (f *far) lftp(ctx context.Context, lftp string) (float64, error) {
	l, err := link.Listen(ctx, f.line.A, link.AddrA+":9080")
	if err != nil {
		return 0, err
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.FileServer(http.Dir(f.dir))}
	defer s.Close()
	go func() { _ = s.Serve(l) }()
	got := filepath.Join(f.dir, "lftp.bin")
	defer os.Remove(got)
	defer os.Remove(got + ".lftp-pget-status")
	ctx, cancel := context.WithTimeout(ctx, cellTime)
	defer cancel()
	script := fmt.Sprintf("set file:use-fallocate no; pget -n 8 http://%s:9080/%s -o %s", link.AddrA, filepath.Base(f.source), got)
	cmd := link.Command(ctx, f.line.B, lftp, "-c", script)
	cmd.Env = append(os.Environ(), "HOME="+f.dir)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	have := func() int64 { return occupied(got) }
	rate := steady(ctx, have)
	_ = cmd.Wait() // it was ended
	if have() == 0 {
		return 0, errors.New("lftp: nothing came")
	}
	return rate, nil
}

// occupied is how many bytes of a file are there, whatever holes it has.
func occupied(file string) int64 {
	var st syscall.Stat_t
	if err := syscall.Stat(file, &st); err != nil {
		return 0
	}
	return st.Blocks * 512
}

// discard removes what came of uploads that were stopped, so that memory stays.
func (f *far) discard() error {
	var errs []error
	err := filepath.WalkDir(filepath.Join(f.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // the server removed it
		}
		if d.Type().IsRegular() && filepath.Base(filepath.Dir(filepath.Dir(path))) == "uploads" {
			errs = append(errs, os.Truncate(path, 0))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

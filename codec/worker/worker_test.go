package worker_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/codec/worker"
)

func newPool(t *testing.T, cfg worker.Config) *worker.Pool {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	p := worker.New(cfg)
	t.Cleanup(p.Close)
	return p
}

// sources gives the same bytes as a file and as a reader.
func sources(t *testing.T, data []byte) map[string]codec.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.mp4")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]codec.Source{
		"path":   {Path: path},
		"reader": {Reader: bytes.NewReader(data), Size: int64(len(data))},
	}
}

var someBytes = bytes.Repeat([]byte("media "), 500_000)

func fileSource(t *testing.T) codec.Source {
	return sources(t, []byte("bytes"))["path"]
}

func TestProbeSeesEveryByteOfEitherSource(t *testing.T) {
	p := newPool(t, worker.Config{})
	sum := sha256.Sum256(someBytes)
	for name, src := range sources(t, someBytes) {
		info, err := p.Probe(t.Context(), src, codec.ProbeOpts{Packets: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if info.Format.Size != int64(len(someBytes)) || info.Format.Tags["sha256"] != hex.EncodeToString(sum[:]) || info.Format.Tags["packets"] != "true" {
			t.Errorf("%s: %+v", name, info.Format)
		}
		if info.Format.Tags["pid"] == fmt.Sprint(os.Getpid()) {
			t.Errorf("%s: probed in this process", name)
		}
	}
}

func TestRunDeliversEverythingInOrder(t *testing.T) {
	p := newPool(t, worker.Config{})
	const n, size = 2000, 3000
	for name, src := range sources(t, someBytes) {
		r := &recorder{}
		rep, err := p.Run(t.Context(), src, codec.Job{Plan: script{Samples: n, Size: size}.plan()}, r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(r.samples) != n || len(r.tracks) != 2 || string(r.files["poster.jpg"]) != "jpeg" {
			t.Fatalf("%s: %d samples, %d tracks, files %v", name, len(r.samples), len(r.tracks), r.files)
		}
		for i, s := range r.samples {
			data := s.Data
			s.Data = nil
			want := codec.Sample{PTS: int64(i), DTS: int64(i) - 2, Dur: 1, Key: i%4 == 0}
			if r.trackOf[i] != i%2 || !bytes.Equal(data, payload(i, size)) || !cmp.Equal(s, want) {
				t.Fatalf("%s: sample %d of track %d differs: %s", name, i, r.trackOf[i], cmp.Diff(want, s))
			}
		}
		if rep.Chunks != n || rep.CPUUS <= 0 || rep.PeakRSS <= 1<<20 || rep.WallUS <= 0 || r.last.Total != n {
			t.Errorf("%s: report %+v, progress %+v", name, rep, r.last)
		}
	}
}

func TestSinkErrorsEndTheRunAndComeBack(t *testing.T) {
	p := newPool(t, worker.Config{})
	for _, tc := range []struct {
		fail error
		want codec.Code
	}{
		{errors.New("bucket is gone"), codec.SinkIO},
		{fmt.Errorf("write: %w", syscall.ENOSPC), codec.DiskFull},
	} {
		r := &recorder{fail: tc.fail, failAt: 5}
		_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 100_000, Size: 5000}.plan()}, r)
		if codec.CodeOf(err) != tc.want || !errors.Is(err, tc.fail) {
			t.Errorf("error %v, want %s wrapping %v", err, tc.want, tc.fail)
		}
		if len(r.samples) != 5 {
			t.Errorf("%d samples after the failure", len(r.samples))
		}
	}
}

func TestEngineErrorsKeepTheirCode(t *testing.T) {
	p := newPool(t, worker.Config{})
	for fail, want := range map[string]codec.Code{"damaged_media": codec.DamagedMedia, "made_up": codec.EngineBug} {
		_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 3, Fail: fail}.plan()}, &recorder{})
		var e *codec.Error
		if !errors.As(err, &e) || e.Code != want || e.User != codec.UserText(want) || !strings.Contains(e.Detail, "as asked") {
			t.Errorf("%s: %#v", fail, err)
		}
	}
}

func TestCrashesAreTriedOnceMoreSafely(t *testing.T) {
	p := newPool(t, worker.Config{AllowFaults: true})
	for _, fault := range []string{"segv-once", "abort-once"} {
		r := &recorder{}
		rep, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 10}.plan(), Fault: fault}, r)
		if err != nil || len(r.samples) != 10 || len(r.tracks) != 2 {
			t.Fatalf("%s: %v, %d samples, %d tracks", fault, err, len(r.samples), len(r.tracks))
		}
		if rep.Warnings[0].Message != "safe true" {
			t.Errorf("%s: second try was not the safe one: %v", fault, rep.Warnings)
		}
	}
	for _, fault := range []string{"segv", "abort"} {
		_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 10}.plan(), Fault: fault}, &recorder{})
		if codec.CodeOf(err) != codec.MediaCrash || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", fault, err)
		}
	}
	// The pool survives it all.
	if _, err := p.Probe(t.Context(), fileSource(t), codec.ProbeOpts{}); err != nil {
		t.Error(err)
	}
}

func TestCrashAfterDeliveryNeedsASinkThatCanReset(t *testing.T) {
	p := newPool(t, worker.Config{AllowFaults: true})
	job := codec.Job{Plan: script{Samples: 5000, Size: 2000}.plan(), Fault: "segv-once@4000"}
	plain := &recorder{}
	if _, err := p.Run(t.Context(), fileSource(t), job, plain); codec.CodeOf(err) != codec.MediaCrash {
		t.Errorf("plain sink: %v", err)
	}
	if len(plain.samples) == 0 || len(plain.samples) >= 4000 {
		t.Errorf("plain sink got %d samples", len(plain.samples))
	}
	again := &resetter{}
	if _, err := p.Run(t.Context(), fileSource(t), job, again); err != nil || again.resets != 1 || len(again.samples) != 5000 {
		t.Errorf("resettable sink: %v, %d resets, %d samples", err, again.resets, len(again.samples))
	}
}

func TestFaultsAreIgnoredUnlessAllowed(t *testing.T) {
	p := newPool(t, worker.Config{})
	if _, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 1}.plan(), Fault: "segv"}, &recorder{}); err != nil {
		t.Error(err)
	}
}

func TestHangsAreStoppedAsStalled(t *testing.T) {
	p := newPool(t, worker.Config{AllowFaults: true, Stall: 300 * time.Millisecond, Grace: 100 * time.Millisecond})
	for name, job := range map[string]codec.Job{
		"hang":          {Plan: script{Samples: 1}.plan(), Fault: "hang"},
		"spin":          {Plan: script{Samples: 1}.plan(), Fault: "spin"},
		"same progress": {Plan: script{Trick: "same progress"}.plan()},
	} {
		_, err := p.Run(t.Context(), fileSource(t), job, &recorder{})
		if codec.CodeOf(err) != codec.Stalled {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASlowSinkIsNotAStall(t *testing.T) {
	p := newPool(t, worker.Config{Stall: 300 * time.Millisecond})
	r := &recorder{onFirst: func() { time.Sleep(900 * time.Millisecond) }} // longer than the stall limit
	if _, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 50}.plan()}, r); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsWatched(t *testing.T) {
	p := newPool(t, worker.Config{AllowFaults: true})
	plan := script{Samples: 1}.plan()
	plan.Limits.MemoryBytes = 256 << 20
	_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: plan, Fault: "oom"}, &recorder{})
	if codec.CodeOf(err) != codec.OutOfMemory {
		t.Error(err)
	}
}

func TestProcessorTimeIsLimited(t *testing.T) {
	p := newPool(t, worker.Config{AllowFaults: true})
	plan := script{Samples: 1}.plan()
	plan.Limits.CPUSeconds = 1
	_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: plan, Fault: "spin"}, &recorder{})
	if codec.CodeOf(err) != codec.LimitCPU {
		t.Error(err)
	}
}

func TestOutputIsLimited(t *testing.T) {
	p := newPool(t, worker.Config{})
	plan := script{Samples: 1000, Size: 1000}.plan()
	plan.Limits.OutputBytes = 100_000
	r := &recorder{}
	_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: plan}, r)
	if codec.CodeOf(err) != codec.EngineBug || len(r.samples) >= 100 {
		t.Errorf("%v after %d samples", err, len(r.samples))
	}
}

func TestMisbehavingChildrenAreRefused(t *testing.T) {
	p := newPool(t, worker.Config{Grace: 200 * time.Millisecond})
	for trick, want := range map[string]codec.Code{
		"huge sample":   codec.EngineBug,
		"unknown frame": codec.EngineBug,
		"half frame":    codec.MediaCrash,
		"silent exit":   codec.MediaCrash,
		"panic":         codec.EngineBug,
		"bad order":     codec.EngineBug,
		"no track":      codec.EngineBug,
	} {
		_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Samples: 3, Trick: trick}.plan()}, &recorder{})
		if codec.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", trick, err, want)
		}
	}
}

func TestTheCageHolds(t *testing.T) {
	p := newPool(t, worker.Config{})
	iso := p.Isolation()
	t.Logf("isolation: %s %+v", iso.Level, iso)
	if !iso.Seccomp {
		t.Skip("no seccomp here: ", iso.Missing["seccomp"])
	}
	for _, trick := range []string{"exec", "socket"} {
		_, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Trick: trick}.plan()}, &recorder{})
		if codec.CodeOf(err) != codec.MediaCrash || !strings.Contains(err.Error(), "sandbox") {
			t.Errorf("%s: %v", trick, err)
		}
	}
	if _, err := p.Run(t.Context(), fileSource(t), codec.Job{Plan: script{Trick: "files"}.plan()}, &recorder{}); err != nil {
		t.Error(err)
	}
}

func TestSourcesThatCannotBeReadAreNamed(t *testing.T) {
	p := newPool(t, worker.Config{})
	broken := errors.New("the bucket is gone")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		src  codec.Source
		code codec.Code
		is   error
	}{
		{"absent", codec.Source{Path: "/nonexistent/a.mp4"}, codec.SourceIO, os.ErrNotExist},
		{"directory", codec.Source{Path: t.TempDir()}, codec.SourceIO, nil},
		{"empty", codec.Source{Path: empty}, codec.EmptyFile, nil},
		{"none", codec.Source{}, codec.EngineBug, nil},
		{"failing reader", codec.Source{Reader: failingReader{broken}, Size: 100}, codec.SourceIO, broken},
	} {
		_, err := p.Probe(t.Context(), tc.src, codec.ProbeOpts{})
		if codec.CodeOf(err) != tc.code || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: probe: %v", tc.name, err)
		}
		_, err = p.Run(t.Context(), tc.src, codec.Job{Plan: script{}.plan()}, &recorder{})
		if codec.CodeOf(err) != tc.code || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: run: %v", tc.name, err)
		}
	}
}

func TestSourcesThatGrowAreReadToTheirEnd(t *testing.T) {
	p := newPool(t, worker.Config{})
	data := []byte("more than was there at first")
	src := codec.Source{Reader: bytes.NewReader(data), Size: 0, Sequential: true}
	r := &recorder{}
	if _, err := p.Run(t.Context(), src, codec.Job{Plan: script{Samples: 1, Trick: "read on"}.plan()}, r); err != nil {
		t.Fatal(err)
	}
	if string(r.files["read"]) != string(data) {
		t.Errorf("read %q", r.files["read"])
	}
}

type failingReader struct{ err error }

func (f failingReader) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestPlansOfAnotherVersionAreRefused(t *testing.T) {
	p := newPool(t, worker.Config{NoSpare: true})
	if _, err := p.Run(t.Context(), fileSource(t), codec.Job{}, &recorder{}); codec.CodeOf(err) != codec.EngineBug {
		t.Error(err)
	}
}

func TestThreeHundredProbesUseFewProcesses(t *testing.T) {
	p := newPool(t, worker.Config{})
	src := fileSource(t)
	pids := map[string]int{}
	for range 300 {
		info, err := p.Probe(t.Context(), src, codec.ProbeOpts{})
		if err != nil {
			t.Fatal(err)
		}
		pids[info.Format.Tags["pid"]]++
	}
	for pid, n := range pids {
		if n > 200 {
			t.Errorf("process %s served %d probes", pid, n)
		}
	}
	if len(pids) > 4 {
		t.Errorf("%d processes for 300 probes: %v", len(pids), pids)
	}
}

func TestConcurrentCallsDoNotMix(t *testing.T) {
	p := newPool(t, worker.Config{Jobs: 3})
	var wg sync.WaitGroup
	src := fileSource(t)
	for i := range 12 {
		wg.Go(func() {
			r := &recorder{}
			if _, err := p.Run(t.Context(), src, codec.Job{Plan: script{Samples: 50 + i, Size: i}.plan()}, r); err != nil || len(r.samples) != 50+i {
				t.Errorf("run %d: %v, %d samples", i, err, len(r.samples))
			}
			if _, err := p.Probe(t.Context(), src, codec.ProbeOpts{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestCallsAfterCloseAreCancelled(t *testing.T) {
	p := newPool(t, worker.Config{})
	p.Close()
	if _, err := p.Probe(context.Background(), fileSource(t), codec.ProbeOpts{}); codec.CodeOf(err) != codec.Cancelled {
		t.Error(err)
	}
}

func TestCloseEndsRunningJobs(t *testing.T) {
	p := newPool(t, worker.Config{})
	started := make(chan struct{})
	errs := make(chan error, 1)
	go func() {
		_, err := p.Run(context.Background(), fileSource(t), codec.Job{Plan: script{Samples: 1, Slow: true}.plan()}, &recorder{onFirst: func() { close(started) }})
		errs <- err
	}()
	select {
	case <-started:
	case err := <-errs:
		t.Fatal(err)
	}
	p.Close()
	if err := <-errs; codec.CodeOf(err) != codec.Cancelled {
		t.Error(err)
	}
}

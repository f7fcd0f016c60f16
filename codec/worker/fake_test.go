package worker_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/codec"
	"sluice/codec/worker"
)

// fakeEngine is a pure-Go engine: it makes predictable samples, or misbehaves as the plan's Format, a script in JSON, says.
type fakeEngine struct{}

type script struct {
	Samples int    `json:"samples"`
	Size    int    `json:"size"`
	Fail    string `json:"fail"`  // an error code to return after the samples
	Trick   string `json:"trick"` // a misbehaviour
	Slow    bool   `json:"slow"`  // wait for cancellation after the samples
}

func (s script) plan() codec.Plan {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return codec.Plan{Version: codec.PlanVersion, Format: string(b)}
}

func (fakeEngine) Probe(ctx context.Context, src codec.Source, opts codec.ProbeOpts) (codec.Info, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(src.Reader, 0, src.Size))
	if err != nil {
		return codec.Info{}, codec.NewError(codec.SourceIO, "probe", err.Error(), err)
	}
	return codec.Info{Format: codec.Format{
		Name: "fake", Size: n,
		Tags: map[string]string{"sha256": hex.EncodeToString(h.Sum(nil)), "pid": fmt.Sprint(os.Getpid()), "packets": fmt.Sprint(opts.Packets)},
	}}, nil
}

// payload is the content of the fake engine's n-th sample.
func payload(n, size int) []byte {
	b := make([]byte, max(8, size))
	binary.LittleEndian.PutUint64(b, uint64(n))
	for i := 8; i < len(b); i++ {
		b[i] = byte(n + i)
	}
	return b
}

func (fakeEngine) Run(ctx context.Context, src codec.Source, job codec.Job, sink codec.Sink) (codec.Report, error) {
	var s script
	if err := json.Unmarshal([]byte(job.Plan.Format), &s); err != nil {
		return codec.Report{}, err
	}
	if _, err := io.Copy(io.Discard, io.NewSectionReader(src.Reader, 0, src.Size)); err != nil {
		return codec.Report{}, codec.NewError(codec.NotMedia, "demux", err.Error(), err)
	}
	for id, name := range []string{"v", "a"} {
		if err := sink.Track(codec.Track{ID: id, Name: name, Kind: codec.Video, Timescale: 1000}); err != nil {
			return codec.Report{}, err
		}
	}
	for n := range s.Samples {
		if err := ctx.Err(); err != nil {
			return codec.Report{}, err
		}
		t := int64(n)
		if err := sink.Sample(n%2, codec.Sample{PTS: t, DTS: t - 2, Dur: 1, Key: n%4 == 0, Data: payload(n, s.Size)}); err != nil {
			return codec.Report{}, err
		}
		if n%100 == 0 {
			sink.Progress(codec.Progress{Frames: t, Total: int64(s.Samples)})
		}
	}
	if err := s.misbehave(src, sink); err != nil {
		return codec.Report{}, err
	}
	if s.Slow {
		<-ctx.Done()
		return codec.Report{}, codec.NewError(codec.Cancelled, "encode", "", ctx.Err())
	}
	if s.Fail != "" {
		return codec.Report{}, codec.NewError(codec.Code(s.Fail), "decode", "as asked", nil)
	}
	if err := sink.File("poster.jpg", []byte("jpeg")); err != nil {
		return codec.Report{}, err
	}
	w := codec.Warning{Code: codec.DamagedPartly, Message: fmt.Sprint("safe ", job.Safe), Stream: -1}
	return codec.Report{Chunks: s.Samples, Warnings: []codec.Warning{w}}, nil
}

// misbehave does what a broken or hostile child might.
func (s script) misbehave(src codec.Source, sink codec.Sink) error {
	raw := os.NewFile(3, "data")
	switch s.Trick {
	case "":
	case "huge sample":
		raw.Write([]byte{3, 0xff, 0xff, 0xff, 0xff})
		time.Sleep(time.Hour)
	case "unknown frame":
		raw.Write([]byte{99, 0, 0, 0, 0})
		time.Sleep(time.Hour)
	case "half frame":
		raw.Write([]byte{3, 100, 0, 0, 0, 1, 2, 3})
		os.Exit(0)
	case "silent exit":
		os.Exit(0)
	case "panic":
		panic("as asked")
	case "same progress":
		for {
			sink.Progress(codec.Progress{Frames: 1 << 40})
			time.Sleep(time.Millisecond)
		}
	case "bad order":
		return sink.Sample(0, codec.Sample{PTS: -5, DTS: -9})
	case "no track":
		return sink.Sample(7, codec.Sample{})
	case "exec":
		syscall.Exec("/bin/true", []string{"true"}, nil)
	case "socket":
		net.Dial("tcp", "127.0.0.1:1")
	case "read on":
		data, err := io.ReadAll(io.NewSectionReader(src.Reader, 0, 1<<40))
		if err != nil {
			return err
		}
		return sink.File("read", data)
	case "files":
		return triesFiles()
	default:
		return fmt.Errorf("no trick %q", s.Trick)
	}
	return nil
}

// triesFiles opens what it must not; it fails if anything works.
func triesFiles() error {
	for _, try := range []func() error{
		func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		func() error { _, err := os.ReadFile("/proc/self/maps"); return err },
		func() error { _, err := os.ReadDir("/"); return err },
		func() error { return os.WriteFile("/tmp/sluice-cage-test", nil, 0o600) },
		func() error { _, err := os.Stat("/etc/passwd"); return err },
	} {
		if err := try(); !errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("a forbidden file access gave %v", err)
		}
	}
	return nil
}

func TestMain(m *testing.M) {
	if worker.IsChild() {
		os.Exit(worker.Main(childEngine()))
	}
	if os.Getenv("WORKER_TEST_PARENT") != "" {
		parentToBeKilled()
	}
	goleak.VerifyTestMain(m)
}

// parentToBeKilled is the life of a process that has a pool with work and idle children, tells their ids, and waits for its
// death.
func parentToBeKilled() {
	p := worker.New(worker.Config{Log: slog.New(slog.DiscardHandler)})
	src := codec.Source{Reader: bytes.NewReader([]byte("x")), Size: 1}
	if _, err := p.Probe(context.Background(), src, codec.ProbeOpts{}); err != nil {
		panic(err)
	}
	r := &recorder{onFirst: func() {
		for _, pid := range childrenOf(os.Getpid()) {
			fmt.Println(pid)
		}
		fmt.Println("ready")
	}}
	p.Run(context.Background(), src, codec.Job{Plan: script{Samples: 1, Slow: true}.plan()}, r)
}

// childrenOf lists the live child processes of a process.
func childrenOf(pid int) []string {
	var out []string
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, _ := os.ReadDir(dir)
	for _, task := range tasks {
		b, _ := os.ReadFile(filepath.Join(dir, task.Name(), "children")) // the thread may have ended
		out = append(out, strings.Fields(string(b))...)
	}
	return out
}

// childEngine is what the child processes of these tests run.
func childEngine() codec.Engine { return fakeEngine{} }

// recorder is a sink that checks order and keeps everything.
type recorder struct {
	tracks  []codec.Track
	samples []codec.Sample
	trackOf []int
	files   map[string][]byte
	last    codec.Progress
	fail    error // returned by the failAt-th sample
	failAt  int
	onFirst func()
}

func (r *recorder) Track(t codec.Track) error { r.tracks = append(r.tracks, t); return nil }

func (r *recorder) Sample(track int, s codec.Sample) error {
	if len(r.samples) == 0 && r.onFirst != nil {
		r.onFirst()
	}
	if track >= len(r.tracks) {
		return fmt.Errorf("sample of track %d before its track", track)
	}
	s.Data = bytes.Clone(s.Data)
	r.samples, r.trackOf = append(r.samples, s), append(r.trackOf, track)
	if r.fail != nil && len(r.samples) == r.failAt {
		return r.fail
	}
	return nil
}

func (r *recorder) File(name string, data []byte) error {
	if r.files == nil {
		r.files = map[string][]byte{}
	}
	r.files[name] = bytes.Clone(data)
	return nil
}

func (r *recorder) Progress(p codec.Progress) { r.last = p }

// resetter is a recorder that can start over.
type resetter struct {
	recorder
	resets int
}

func (r *resetter) Reset() error {
	r.resets++
	r.recorder = recorder{}
	return nil
}

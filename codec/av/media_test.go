//go:build cgo

package av

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/codec"
)

// made keeps inputs made by the ffmpeg command line for the whole test run: many tests share one.
var made = struct {
	sync.Mutex
	dir   string
	files map[string]string
}{files: map[string]string{}}

// ffmpeg makes a file with the given arguments and returns its path.
func ffmpeg(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg command line")
	}
	made.Lock()
	defer made.Unlock()
	key := name + "\x00" + strings.Join(args, "\x00")
	if p, ok := made.files[key]; ok {
		return p
	}
	if made.dir == "" {
		d, err := os.MkdirTemp("", "avtest")
		if err != nil {
			t.Fatal(err)
		}
		made.dir = d
	}
	out := filepath.Join(made.dir, fmt.Sprintf("%d-%s", len(made.files), name))
	full := append([]string{"-hide_banner", "-nostdin", "-y", "-v", "error"}, args...)
	cmd := exec.Command("ffmpeg", append(full, out)...)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, b)
	}
	made.files[key] = out
	return out
}

// clip makes a test pattern with a tone: size, rate and length in seconds, then further output options.
func clip(t testing.TB, name, size, rate string, seconds float64, more ...string) string {
	t.Helper()
	args := []string{
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%s:rate=%s:duration=%g", size, rate, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=48000:duration=%g", seconds),
	}
	if len(more) == 0 {
		more = []string{"-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"}
	}
	return ffmpeg(t, name, append(args, more...)...)
}

// memory is a sink that keeps everything and checks the contract of codec.Sink while it does.
type memory struct {
	t       testing.TB
	tracks  map[int]codec.Track
	samples map[int][]codec.Sample
	files   map[string][]byte
	onItem  func() error
	reports []codec.Progress
	busy    sync.Mutex
}

func newMemory(t testing.TB) *memory {
	return &memory{t: t, tracks: map[int]codec.Track{}, samples: map[int][]codec.Sample{}, files: map[string][]byte{}}
}

func (m *memory) alone() func() {
	if !m.busy.TryLock() {
		m.t.Error("two sink calls at once")
		return func() {}
	}
	return m.busy.Unlock
}

func (m *memory) Track(tr codec.Track) error {
	defer m.alone()()
	if _, ok := m.tracks[tr.ID]; ok {
		m.t.Errorf("track %d announced twice", tr.ID)
	}
	m.tracks[tr.ID] = tr
	return m.item()
}

func (m *memory) item() error {
	if m.onItem != nil {
		return m.onItem()
	}
	return nil
}

func (m *memory) Sample(id int, s codec.Sample) error {
	defer m.alone()()
	if _, ok := m.tracks[id]; !ok {
		m.t.Errorf("sample of unknown track %d", id)
	}
	if l := m.samples[id]; len(l) > 0 && l[len(l)-1].DTS > s.DTS {
		m.t.Errorf("track %d: DTS %d after %d", id, s.DTS, l[len(l)-1].DTS)
	}
	if s.DTS > s.PTS {
		m.t.Errorf("track %d: DTS %d > PTS %d", id, s.DTS, s.PTS)
	}
	s.Data = bytes.Clone(s.Data)
	m.samples[id] = append(m.samples[id], s)
	return m.item()
}

func (m *memory) File(name string, data []byte) error {
	defer m.alone()()
	if _, ok := m.files[name]; ok {
		m.t.Errorf("file %q twice", name)
	}
	m.files[name] = bytes.Clone(data)
	return m.item()
}

func (m *memory) Progress(p codec.Progress) {
	defer m.alone()()
	m.reports = append(m.reports, p)
}

// run carries out a job and fails the test on an error.
func run(t testing.TB, path string, job codec.Job) (*memory, codec.Report) {
	t.Helper()
	m := newMemory(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	rep, err := New(Config{ProbeTime: time.Minute}).Run(ctx, codec.Source{Path: path}, job, m)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return m, rep
}

// probe probes with the packet scan.
func probe(t testing.TB, path string) codec.Info {
	t.Helper()
	info, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: path}, codec.ProbeOpts{Packets: true})
	if err != nil {
		t.Fatalf("Probe: %v", err)
	}
	return info
}

var bt709 = codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "bt709", Range: "tv", Chroma: "left"}

// planFor writes a plan for path by hand: rungs are "WxH" sizes.
func planFor(t testing.TB, path string, fps codec.Rational, rungs ...string) (codec.Plan, codec.Info) {
	t.Helper()
	info := probe(t, path)
	v := info.MainVideo()
	if v == nil {
		t.Fatal("no video")
		return codec.Plan{}, info
	}
	origin := *v.StartUS
	for _, s := range info.Streams {
		if s.Kind == codec.Audio && s.StartUS != nil {
			origin = min(origin, *s.StartUS)
		}
	}
	end := *v.StartUS + v.DurationUS - origin
	p := codec.Plan{Version: codec.PlanVersion, OriginUS: origin, Format: info.Format.Name, DurationUS: end,
		Chunks: codec.ChunkPolicy{Mode: "chunk", Batch: 8, MinUS: 2_000_000, MaxUS: 4_000_000}}
	in := v.Video.Color
	if in.Matrix == "" {
		in = bt709
	}
	if v.Video.Chroma == "rgb" {
		in = codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "gbr", Range: "pc"}
	}
	vp := &codec.VideoPlan{Stream: v.Index, FPS: fps, Timescale: fps.Num * 1000, FrameDur: fps.Den * 1000,
		Frames: slotOf(end, codec.Rational{Num: 1, Den: 1_000_000}, fps), GOP: (2*fps.Num + fps.Den/2) / fps.Den,
		DecodeWidth: v.Video.Width, DecodeHeight: v.Video.Height, PixFmt: v.Video.PixFmt, In: in, Out: bt709}
	for _, r := range rungs {
		var w, h int
		if _, err := fmt.Sscanf(r, "%dx%d", &w, &h); err != nil {
			t.Fatal(err)
		}
		vp.Rungs = append(vp.Rungs, codec.RungPlan{Name: r, Width: w, Height: h, From: -1, Scaler: "spline36", Enc: x264Plan()})
	}
	p.Video = vp
	p.Spans = []codec.Span{{Start: 0, End: vp.Frames, SeekUS: origin}}
	return p, info
}

func x264Plan() codec.EncPlan {
	return codec.EncPlan{Codec: "h264", Encoder: "libx264", Preset: "ultrafast", Profile: "high", CRF: 28, Threads: 1,
		Opts: map[string]string{"bf": "3", "x264-params": "sliced-threads=0:b-adapt=0"}}
}

// lossless makes a plan's rungs code without loss, so that decoded pictures can be compared exactly.
func lossless(p *codec.Plan) {
	for i := range p.Video.Rungs {
		e := &p.Video.Rungs[i].Enc
		e.Profile, e.CRF = "", 0
		e.Opts = map[string]string{"qp": "0", "bf": "2"}
	}
}

// annexB writes a track's samples as a byte stream that any decoder reads.
func annexB(t testing.TB, m *memory, id int) []byte {
	t.Helper()
	ps := paramSets{hevc: m.tracks[id].Codec == "hevc"}
	if n := ps.fromExtradata(m.tracks[id].Config); n != 4 {
		t.Fatalf("track %d: configuration has length size %d", id, n)
	}
	var out []byte
	put := func(n []byte) { out = append(append(out, 0, 0, 0, 1), n...) }
	for _, list := range [][][]byte{ps.vps, ps.sps, ps.pps} {
		for _, n := range list {
			put(n)
		}
	}
	for i, s := range m.samples[id] {
		if !eachPrefixed(s.Data, 4, put) {
			t.Fatalf("track %d sample %d: lengths don't add up", id, i)
		}
	}
	return out
}

// decodeHashes decodes a track with the ffmpeg command line and returns one hash a frame.
func decodeHashes(t testing.TB, m *memory, id int) []string {
	t.Helper()
	return frameHashes(t, annexB(t, m, id), m.tracks[id].Codec, m.tracks[id].Width, m.tracks[id].Height)
}

func frameHashes(t testing.TB, stream []byte, format string, w, h int) []string {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-f", format, "-i", "pipe:0", "-vsync", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1")
	cmd.Stdin = bytes.NewReader(stream)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("decoding the output: %v\n%s", err, stderr.String())
	}
	size := w * h * 3 / 2
	if len(raw)%size != 0 {
		t.Fatalf("decoded %d bytes, frames have %d", len(raw), size)
	}
	var out []string
	for ; len(raw) > 0; raw = raw[size:] {
		sum := sha256.Sum256(raw[:size])
		out = append(out, hex.EncodeToString(sum[:8]))
	}
	return out
}

// keys returns the frame numbers of a track's keyframes.
func keys(m *memory, id int, frameDur int64) []int64 {
	var out []int64
	for _, s := range m.samples[id] {
		if s.Key {
			out = append(out, s.PTS/frameDur)
		}
	}
	return out
}

// frameNumbers returns the frame numbers in presentation order.
func frameNumbers(m *memory, id int, frameDur int64) map[int64]bool {
	out := map[int64]bool{}
	for _, s := range m.samples[id] {
		out[s.PTS/frameDur] = true
	}
	return out
}

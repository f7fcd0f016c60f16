package ts_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sluice/packager"
	"sluice/packager/ts"
)

// memory is a packager.File in memory; with mapped false its bytes come through ReadAt only.
type memory struct {
	b      []byte
	mapped bool
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}
func (m *memory) Size() int64  { return int64(len(m.b)) }
func (m *memory) FD() int      { return -1 }
func (m *memory) ETag() string { return "" }
func (m *memory) Bytes() []byte {
	if m.mapped {
		return m.b
	}
	return nil
}

// ffmpeg runs the command line and returns the path of its output, a file called name in a temporary directory.
func ffmpeg(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed; this test makes its input with it")
	}
	out := filepath.Join(t.TempDir(), name)
	run(t, "ffmpeg", append(append([]string{"-nostdin", "-v", "error", "-y"}, args...), out)...)
	return out
}

// run fails the test when the command fails or prints a warning.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var out, diag bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, diag.String())
	}
	return out.String()
}

const (
	picture = "testsrc2=size=192x108:rate=25:duration=6"
	sound   = "sine=frequency=440:sample_rate=48000:duration=6"
)

// source is a TS file with B-frames, a closed GOP of 1 s, and stereo AAC.
func source(t testing.TB) string {
	t.Helper()
	sourceOnce.Do(func() { sourceTS = read(t, makeSource(t)) })
	if sourceTS == nil {
		t.Skip("the source could not be made")
	}
	return write(t, "source.ts", sourceTS)
}

var (
	sourceOnce sync.Once
	sourceTS   []byte
)

func makeSource(t testing.TB) string {
	return ffmpeg(t, "source.ts", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-ac", "2",
		"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "3", "-x264-params", "open-gop=0:scenecut=0",
		"-c:a", "aac", "-b:a", "96k")
}

// demuxed is one stream of a TS file as a track.
type demuxed struct {
	media packager.Media
	units []ts.Unit
	gens  int
}

// demux reads a whole TS file, in chunks of the given size.
func demux(t testing.TB, data []byte, chunk int) ([]*demuxed, ts.Stats) {
	t.Helper()
	var order []*demuxed
	byPID := map[uint16]*demuxed{}
	d := ts.NewDemuxer(func(s *ts.Stream, u ts.Unit) error {
		x := byPID[s.PID]
		if x == nil {
			x = &demuxed{}
			byPID[s.PID] = x
			order = append(order, x)
		}
		x.media, x.gens = s.Media, s.Generation
		u.Data = bytes.Clone(u.Data)
		x.units = append(x.units, u)
		return nil
	})
	for off := 0; off < len(data); off += chunk {
		if _, err := d.Write(data[off:min(off+chunk, len(data))]); err != nil {
			t.Fatalf("demux at %d: %v", off, err)
		}
	}
	if err := d.Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
	return order, d.Stats()
}

// tracks makes stored tracks of demuxed streams, on one timeline from 0.
func tracks(t testing.TB, streams []*demuxed, mapped bool) []*packager.Track {
	t.Helper()
	zero := int64(1 << 62)
	for _, s := range streams {
		for _, u := range s.units {
			zero = min(zero, u.PTS)
		}
	}
	var out []*packager.Track
	for _, s := range streams {
		f := &memory{mapped: mapped}
		b := packager.NewBuilder(s.media, f)
		scale := int64(s.media.Timescale)
		at := (s.units[0].PTS - zero) * scale / 90000
		for i, u := range s.units {
			x := packager.Sample{Size: uint32(len(u.Data)), Sync: u.Sync, Offset: int64(len(f.b))}
			if u.Samples > 0 {
				x.DTS, x.PTS, x.Dur = at, at, uint32(u.Samples)
				at += int64(u.Samples)
			} else {
				x.DTS, x.PTS = u.DTS-zero, u.PTS-zero
				if i+1 < len(s.units) {
					x.Dur = uint32(s.units[i+1].DTS - u.DTS)
				} else if i > 0 {
					x.Dur = uint32(u.DTS - s.units[i-1].DTS)
				}
			}
			f.b = append(f.b, u.Data...)
			b.Add(x)
		}
		out = append(out, b.Track())
	}
	return out
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func whole(t testing.TB, b packager.Body) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := b.WriteRange(t.Context(), &buf, 0, b.Size()); err != nil {
		t.Fatal(err)
	}
	if int64(buf.Len()) != b.Size() {
		t.Fatalf("body has %d bytes, Size says %d", buf.Len(), b.Size())
	}
	return buf.Bytes()
}

// segmentsOf cuts tracks every two seconds.
func segmentsOf(list []*packager.Track) [][]packager.Segment {
	set := &packager.Set{SegmentTicks: 2, SegmentScale: 1, Files: []packager.SetFile{{Tracks: list}}}
	b := packager.Cut(set)
	var out [][]packager.Segment
	for _, tr := range list {
		out = append(out, tr.Segments(b))
	}
	return out
}

// decoded hashes every decoded frame of a stream, without its times.
func decoded(t testing.TB, path, selector string) string {
	t.Helper()
	out := run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-map", "0:"+selector, "-f", "framemd5", "-")
	var b strings.Builder
	for line := range strings.Lines(out) {
		if f := strings.Split(line, ","); len(f) == 6 {
			fmt.Fprintln(&b, strings.TrimSpace(f[5]))
		}
	}
	return b.String()
}

var _ io.ReaderAt = (*memory)(nil)

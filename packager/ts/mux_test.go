package ts_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager"
	"sluice/packager/ts"
)

func layout(t testing.TB, list []*packager.Track) *ts.Layout {
	t.Helper()
	l, err := ts.NewLayout(list, segmentsOf(list), ts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSegmentsJoinToALegalStreamOfTheSameFrames(t *testing.T) {
	src := source(t)
	streams, stats := demux(t, read(t, src), 64<<10)
	if stats.Lost != 0 || stats.Corrupt != 0 {
		t.Fatalf("source reads with losses: %+v", stats)
	}
	for _, mapped := range []bool{true, false} {
		l := layout(t, tracks(t, streams, mapped))
		if l.Len() != 3 {
			t.Fatalf("%d segments, want 3", l.Len())
		}
		var all []byte
		for k := range l.Len() {
			b, err := l.Segment(k)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, whole(t, b)...)
		}
		check(t, all, l.Len())
		joined := write(t, "joined.ts", all)
		for _, s := range []string{"v", "a"} {
			if diff := cmp.Diff(decoded(t, src, s), decoded(t, joined, s)); diff != "" {
				t.Errorf("decoded %s frames differ (-source +joined):\n%.600s", s, diff)
			}
		}
		if warn := run(t, "ffprobe", "-v", "warning", "-show_packets", "-of", "compact", joined); strings.Contains(warn, "corrupt") {
			t.Error("ffprobe sees corrupt packets")
		}
	}
}

func TestTimesKeepTheirDistanceAndStartAtTheOffset(t *testing.T) {
	src := source(t)
	streams, _ := demux(t, read(t, src), 64<<10)
	l := layout(t, tracks(t, streams, true))
	var all []byte
	for k := range l.Len() {
		b, _ := l.Segment(k)
		all = append(all, whole(t, b)...)
	}
	again, _ := demux(t, all, 1000)
	if len(again) != len(streams) {
		t.Fatalf("%d streams, want %d", len(again), len(streams))
	}
	first := min(streams[0].units[0].PTS, streams[1].units[0].PTS)
	for i := range streams {
		a, b := streams[i], again[i]
		if len(a.units) != len(b.units) {
			t.Fatalf("stream %d has %d units, want %d", i, len(b.units), len(a.units))
		}
		for k := range a.units {
			if want, got := a.units[k].PTS-first+ts.PTSOffset, b.units[k].PTS; got < want-1 || got > want+1 {
				t.Fatalf("stream %d unit %d has PTS %d, want %d", i, k, got, want)
			}
			if b.units[k].DTS > b.units[k].PTS {
				t.Fatalf("stream %d unit %d: DTS %d after PTS %d", i, k, b.units[k].DTS, b.units[k].PTS)
			}
			if !bytes.Equal(a.units[k].Data, b.units[k].Data) {
				t.Fatalf("stream %d unit %d: payload changed", i, k)
			}
		}
		if diff := cmp.Diff(a.media, b.media); diff != "" {
			t.Errorf("stream %d media (-source +again):\n%s", i, diff)
		}
	}
}

func TestRangesEqualTheWhole(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	for _, mapped := range []bool{true, false} {
		l := layout(t, tracks(t, streams, mapped))
		r := rand.New(rand.NewPCG(1, 2))
		for k := range l.Len() {
			b, _ := l.Segment(k)
			all := whole(t, b)
			for range 60 {
				off := r.Int64N(b.Size() + 1)
				n := r.Int64N(b.Size() - off + 1)
				var got bytes.Buffer
				if err := b.WriteRange(t.Context(), &got, off, n); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), all[off:off+n]) {
					t.Fatalf("segment %d range %d+%d differs from the whole", k, off, n)
				}
			}
			if err := b.WriteRange(t.Context(), io.Discard, 1, b.Size()); err == nil {
				t.Error("a range past the end succeeds")
			}
		}
	}
}

func TestSegmentWithCountsEqualsLayout(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	list := tracks(t, streams, true)
	segs := segmentsOf(list)
	l := layout(t, list)
	var before ts.Counts
	for k := range l.Len() {
		cut := [][]packager.Segment{segs[0][k : k+1], segs[1][k : k+1]}
		one, err := ts.NewLayout(list, cut, ts.Options{Before: before})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := l.Segment(k)
		b, _ := one.Segment(0)
		if k == 0 && !bytes.Equal(whole(t, a), whole(t, b)) {
			t.Errorf("segment %d differs when it is laid out by itself", k)
		}
		if a.Size() != b.Size() {
			t.Errorf("segment %d has %d bytes by itself, %d in the layout", k, b.Size(), a.Size())
		}
		before = one.Counts()
	}
	if diff := cmp.Diff(l.Counts(), before); diff != "" {
		t.Errorf("counts (-layout +step by step):\n%s", diff)
	}
}

func TestIFramesAreWholePictures(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	list := tracks(t, streams, true)
	l := layout(t, list[:1])
	frames := l.IFrames()
	if len(frames) != 6 {
		t.Fatalf("%d I-frames, want 6", len(frames))
	}
	var sum int64
	for _, f := range frames {
		b, _ := l.Segment(f.Segment)
		data := whole(t, b)
		units, _ := demux(t, append(bytes.Clone(data[:ts.HeadSize]), data[f.Off:f.Off+f.N]...), 4096)
		if len(units) != 1 || len(units[0].units) != 1 || !units[0].units[0].Sync {
			t.Fatalf("I-frame %+v does not read as one key picture", f)
		}
		sum += f.Dur
	}
	if sum+frames[0].Start != list[0].Duration() {
		t.Errorf("I-frames sum to %d ticks, track has %d", sum, list[0].Duration())
	}
}

func TestOtherCodecsAndShapes(t *testing.T) {
	cases := []struct {
		name string
		args []string
	}{
		{"hevc", []string{"-f", "lavfi", "-i", picture, "-c:v", "libx265", "-x265-params", "log-level=error:keyint=50", "-preset", "ultrafast"}},
		{"slow video, no audio", []string{"-f", "lavfi", "-i", "testsrc2=size=64x64:rate=2:duration=6", "-c:v", "libx264", "-g", "4", "-bf", "0"}},
		{"slow video with deep B-frames", []string{"-f", "lavfi", "-i", "testsrc2=size=64x64:rate=5:duration=8", "-c:v", "libx264", "-g", "10", "-bf", "4", "-b_strategy", "0"}},
		{"audio only", []string{"-f", "lavfi", "-i", sound, "-c:a", "aac"}},
		{"audio at 8 kHz", []string{"-f", "lavfi", "-i", sound, "-ar", "8000", "-c:a", "aac"}},
		{"ac-3", []string{"-f", "lavfi", "-i", sound, "-ac", "6", "-c:a", "ac3"}},
		{"e-ac-3", []string{"-f", "lavfi", "-i", sound, "-ac", "2", "-c:a", "eac3"}},
		{"mp3", []string{"-f", "lavfi", "-i", sound, "-ac", "2", "-c:a", "libmp3lame"}},
		{"several slices a picture", []string{"-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "slices=8"}},
		{"high bitrate", []string{"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=1", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "2"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			src := ffmpeg(t, "in.ts", c.args...)
			streams, stats := demux(t, read(t, src), 8192)
			if stats.Lost+stats.Corrupt != 0 || len(streams) == 0 {
				t.Fatalf("demux: %d streams, %+v", len(streams), stats)
			}
			l := layout(t, tracks(t, streams, true))
			var all []byte
			for k := range l.Len() {
				b, _ := l.Segment(k)
				all = append(all, whole(t, b)...)
			}
			check(t, all, l.Len())
			joined := write(t, "joined.ts", all)
			if diff := cmp.Diff(decoded(t, src, "0"), decoded(t, joined, "0")); diff != "" {
				t.Errorf("decoded frames differ (-source +joined):\n%.600s", diff)
			}
		})
	}
}

func TestPackedAudioCarriesItsTime(t *testing.T) {
	src := ffmpeg(t, "in.ts", "-f", "lavfi", "-i", sound, "-c:a", "aac")
	streams, _ := demux(t, read(t, src), 8192)
	list := tracks(t, streams, false)
	segs := segmentsOf(list)[0]
	var all []byte
	for k, s := range segs {
		b, err := ts.PackedAAC(list[0], s)
		if err != nil {
			t.Fatal(err)
		}
		data := whole(t, b)
		pts, n, ok := ts.TagTime(data)
		if want := list[0].Sample(s.First).PTS*90000/48000 + ts.PTSOffset; !ok || pts != want {
			t.Errorf("segment %d has time %d (%v), want %d", k, pts, ok, want)
		}
		all = append(all, data[n:]...)
		for _, off := range []int64{0, 1, 80, b.Size() / 2, b.Size() - 1} {
			var part bytes.Buffer
			if err := b.WriteRange(t.Context(), &part, off, b.Size()-off); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(part.Bytes(), data[off:]) {
				t.Errorf("segment %d from %d differs from the whole", k, off)
			}
		}
	}
	if diff := cmp.Diff(decoded(t, src, "a"), decoded(t, write(t, "joined.aac", all), "a")); diff != "" {
		t.Errorf("decoded frames differ (-source +packed):\n%.600s", diff)
	}
}

func TestDelimiterIsNeverDoubled(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	for i := range streams[0].units { // as a muxer that keeps delimiters stores them
		u := &streams[0].units[i]
		u.Data = append([]byte{0, 0, 0, 2, 9, 0x10}, u.Data...)
	}
	l := layout(t, tracks(t, streams[:1], true))
	var all []byte
	for k := range l.Len() {
		b, _ := l.Segment(k)
		all = append(all, whole(t, b)...)
	}
	check(t, all, l.Len())
	joined := write(t, "joined.ts", all)
	if got, want := decoded(t, joined, "v"), decoded(t, source(t), "v"); got != want {
		t.Error("decoded frames differ")
	}
}

// An access unit of messages only has no picture to show: its messages go with the next one.
func TestUnitsWithoutAPictureAreJoinedToTheNext(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	v := streams[0]
	want := len(v.units)
	sei := []byte{0, 0, 0, 6, 6, 5, 2, 0xAA, 0xBB, 0x80}
	lone := v.units[10]
	lone.Data, lone.DTS, lone.PTS, lone.Sync = sei, v.units[10].DTS-1, v.units[10].PTS-1, false
	v.units = append(v.units[:10:10], append([]ts.Unit{lone}, v.units[10:]...)...)
	l := layout(t, tracks(t, streams[:1], true))
	var all []byte
	for k := range l.Len() {
		b, _ := l.Segment(k)
		all = append(all, whole(t, b)...)
	}
	again, stats := demux(t, all, 4096)
	if len(again[0].units) != want || stats.Corrupt > 0 {
		t.Fatalf("%d units, want %d; %+v", len(again[0].units), want, stats)
	}
	if got := again[0].units[10].Data; !bytes.HasPrefix(got, sei) || len(got) != len(sei)+len(v.units[11].Data) {
		t.Errorf("unit 10 starts with % x", got[:20])
	}
}

func TestShortNALLengths(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	v := streams[0]
	v.media.Config = bytes.Clone(v.media.Config)
	v.media.Config[4] = 0xFD // two bytes
	for i := range v.units {
		var b []byte
		for p := v.units[i].Data; len(p) > 0; {
			n := int(p[2])<<8 | int(p[3])
			b = append(append(b, p[2], p[3]), p[4:4+n]...)
			p = p[4+n:]
		}
		v.units[i].Data = b
	}
	l := layout(t, tracks(t, streams[:1], false))
	var all []byte
	for k := range l.Len() {
		b, _ := l.Segment(k)
		all = append(all, whole(t, b)...)
	}
	check(t, all, l.Len())
	if got, want := decoded(t, write(t, "joined.ts", all), "v"), decoded(t, source(t), "v"); got != want {
		t.Error("decoded frames differ")
	}
}

func TestWhatTSCannotCarryIsRefusedByName(t *testing.T) {
	for _, entry := range []string{"av01", "vp09", "Opus", "fLaC", "wvtt"} {
		tr := packager.NewBuilder(packager.Media{Kind: packager.Video, Entry: entry, Timescale: 1000}).Track()
		_, err := ts.NewLayout([]*packager.Track{tr}, [][]packager.Segment{{}}, ts.Options{})
		if !errors.Is(err, ts.ErrUnsupported) || !strings.Contains(err.Error(), entry) {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

func TestUnreadableSourceWritesNothing(t *testing.T) {
	streams, _ := demux(t, read(t, source(t)), 64<<10)
	for _, mapped := range []bool{true, false} {
		list := tracks(t, streams, mapped)
		l := layout(t, list)
		list[0].Files[0].(*memory).b = nil
		if mapped {
			list[0].Files[0].(*memory).b = []byte{}
		}
		b, _ := l.Segment(1)
		var got bytes.Buffer
		if err := b.WriteRange(t.Context(), &got, 0, b.Size()); err == nil {
			t.Error("no error")
		}
		if got.Len() > 0 {
			t.Errorf("%d bytes written before the error", got.Len())
		}
	}
}

func BenchmarkSegment(b *testing.B) {
	src := ffmpeg(b, "in.ts", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=8,noise=alls=20:allf=t", "-f", "lavfi", "-i",
		"sine=sample_rate=48000:duration=8", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "5M", "-maxrate", "5M", "-bufsize", "5M",
		"-g", "50", "-c:a", "aac", "-b:a", "128k")
	data, err := os.ReadFile(src)
	if err != nil {
		b.Fatal(err)
	}
	streams, _ := demux(b, data, 1<<20)
	list := tracks(b, streams, true)
	set := &packager.Set{Files: []packager.SetFile{{Tracks: list}}}
	cut := packager.Cut(set)
	segs := [][]packager.Segment{list[0].Segments(cut), list[1].Segments(cut)}
	b.Run("layout", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ts.NewLayout(list, segs, ts.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	l, err := ts.NewLayout(list, segs, ts.Options{})
	if err != nil {
		b.Fatal(err)
	}
	body, _ := l.Segment(0)
	b.Run("mux", func(b *testing.B) {
		b.SetBytes(body.Size())
		b.ReportAllocs()
		for b.Loop() {
			if err := body.WriteRange(b.Context(), io.Discard, 0, body.Size()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("demux", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d := ts.NewDemuxer(func(*ts.Stream, ts.Unit) error { return nil })
			for off := 0; off < len(data); off += 256 << 10 {
				if _, err := d.Write(data[off:min(off+256<<10, len(data))]); err != nil {
					b.Fatal(err)
				}
			}
			if err := d.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

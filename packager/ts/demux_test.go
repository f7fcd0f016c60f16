package ts_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/corpus"
	"sluice/packager"
	"sluice/packager/ts"
)

func TestChunkSizeDoesNotMatter(t *testing.T) {
	data := read(t, source(t))
	want, _ := demux(t, data, len(data))
	for _, chunk := range []int{1, 7, 188, 189, 1000, 65536} {
		got, stats := demux(t, data, chunk)
		if diff := cmp.Diff(units(want), units(got)); diff != "" || stats.Lost+stats.Corrupt+stats.Resyncs > 0 {
			t.Errorf("chunks of %d: %+v\n%.300s", chunk, stats, diff)
		}
	}
}

func units(streams []*demuxed) (out []string) {
	for i, s := range streams {
		for _, u := range s.units {
			out = append(out, fmt.Sprintf("%d %d %d %v %x", i, u.DTS, u.PTS, u.Sync, u.Data[:min(16, len(u.Data))]))
		}
	}
	return out
}

func TestGridsOf192And204AndJunkInFront(t *testing.T) {
	data := read(t, source(t))
	want, _ := demux(t, data, 65536)
	for name, wrap := range map[string]func(p []byte) []byte{
		"192": func(p []byte) []byte { return append([]byte{1, 2, 3, 4}, p...) },
		"204": func(p []byte) []byte { return append(bytes.Clone(p), make([]byte, 16)...) },
	} {
		out := []byte("some junk in front\x47 with a sync byte")
		for p := data; len(p) > 0; p = p[188:] {
			out = append(out, wrap(p[:188])...)
		}
		got, _ := demux(t, out, 5000)
		if diff := cmp.Diff(units(want), units(got)); diff != "" {
			t.Errorf("%s: units differ\n%.300s", name, diff)
		}
	}
}

func TestLossesAreCountedAndCostOnlyTheirUnits(t *testing.T) {
	data := read(t, source(t))
	want, _ := demux(t, data, 65536)
	hit := 188 * 200 // a packet inside a picture
	for data[hit+1]&0x5F != 1 || data[hit+2] != 0 {
		hit += 188
	}
	cut := func(from, n int) []byte { return append(bytes.Clone(data[:from]), data[from+n:]...) }
	for name, c := range map[string]struct {
		data   []byte
		resync bool
	}{
		"a packet is gone":       {cut(hit, 188), false},
		"bytes are gone":         {cut(hit+50, 300), true},
		"bytes are put in":       {append(append(bytes.Clone(data[:hit+50]), make([]byte, 777)...), data[hit+50:]...), true},
		"a packet is sent twice": {append(append(bytes.Clone(data[:hit]), data[hit-188:hit]...), data[hit:]...), false},
	} {
		got, stats := demux(t, c.data, 4096)
		lost := 0
		for i := range want {
			lost += len(want[i].units) - len(got[i].units)
		}
		twice := strings.Contains(name, "twice")
		if twice && (lost != 0 || stats.Lost != 0) || !twice && (lost < 1 || lost > 16) {
			t.Errorf("%s: %d units lost, %+v", name, lost, stats)
		}
		if c.resync != (stats.Resyncs > 0) {
			t.Errorf("%s: %+v", name, stats)
		}
		if marked := strings.Count(fmt.Sprint(flags(got)), "true"); !twice && marked == 0 {
			t.Errorf("%s: no unit says that something is missing before it", name)
		}
	}
}

func flags(streams []*demuxed) (out []bool) {
	for _, s := range streams {
		for _, u := range s.units {
			out = append(out, u.Lost)
		}
	}
	return out
}

func TestTimesUnwrap(t *testing.T) {
	src := ffmpeg(t, "in.ts", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac",
		"-output_ts_offset", "95440.7", "-muxdelay", "0") // 2^33 ticks are 95443.7 s
	streams, _ := demux(t, read(t, src), 8192)
	for i, s := range streams {
		for k := 1; k < len(s.units); k++ {
			if d := s.units[k].DTS - s.units[k-1].DTS; d <= 0 || d > 9000 {
				t.Fatalf("stream %d unit %d: step of %d", i, k, d)
			}
		}
	}
	if d := streams[0].units[0].PTS - streams[1].units[0].PTS; d < -9000 || d > 9000 {
		t.Errorf("streams start %d apart", d)
	}
}

func TestADTSWithCRCAndChannelsInBand(t *testing.T) {
	src := ffmpeg(t, "in.ts", "-f", "lavfi", "-i", sound, "-ac", "2", "-c:a", "aac")
	streams, _ := demux(t, read(t, src), 8192)
	s := streams[0]
	adts, err := ts.NewADTS(s.media.Config)
	if err != nil {
		t.Fatal(err)
	}
	var crc []byte
	for _, u := range s.units { // protection_absent 0: two more bytes behind the header
		at := len(crc)
		if crc, err = adts.Append(crc, append([]byte{0xAB, 0xCD}, u.Data...), false); err != nil {
			t.Fatal(err)
		}
		crc[at+1] &^= 1
	}
	got := packedUnits(t, crc)
	if len(got.units) != len(s.units) || !bytes.Equal(got.units[9].Data, s.units[9].Data) {
		t.Errorf("%d frames with CRC, want %d", len(got.units), len(s.units))
	}
	if !bytes.Equal(got.media.Config, s.media.Config) {
		t.Errorf("config %x, want %x", got.media.Config, s.media.Config)
	}

	// 5.1 side layout has no channel configuration of its own: ffmpeg writes a program config element.
	odd := ffmpeg(t, "in.aac", "-f", "lavfi", "-i", sound, "-af", "pan=hexagonal|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0", "-c:a", "aac")
	pce := packedUnits(t, read(t, odd))
	a, err := ts.ParseASC(pce.media.Config)
	if err != nil || a.ChannelConfig != 0 || a.Channels != 6 || pce.media.Channels != 6 {
		t.Errorf("config %x: %+v, %v", pce.media.Config, a, err)
	}
	if w, err := ts.NewADTS(pce.media.Config); err != nil {
		t.Error(err)
	} else {
		var out []byte
		for i, u := range pce.units {
			data := u.Data
			if i == 0 { // it starts with the element, which Append puts there itself
				data = data[len(pce.units[0].Data)-len(trimPCE(t, pce.media.Config, data)):]
			}
			out, _ = w.Append(out, data, i == 0)
		}
		if decoded(t, write(t, "a.aac", out), "a") != decoded(t, odd, "a") {
			t.Error("frames differ")
		}
	}
}

// trimPCE drops the program config element that a frame starts with, which is as long as what stands behind the first two
// bytes of the configuration, but for its alignment.
func trimPCE(t *testing.T, config, frame []byte) []byte {
	t.Helper()
	w, err := ts.NewADTS(config)
	if err != nil {
		t.Fatal(err)
	}
	with, _ := w.Append(nil, nil, true)
	n := len(with) - 7
	if !bytes.Equal(frame[:n], with[7:]) {
		t.Fatalf("frame starts with %x, the configuration says %x", frame[:n], with[7:])
	}
	return frame[n:]
}

func packedUnits(t *testing.T, b []byte) *demuxed {
	t.Helper()
	out := &demuxed{}
	p := ts.NewPackedAudio(func(s *ts.Stream, u ts.Unit) error {
		u.Data = bytes.Clone(u.Data)
		out.media, out.units = s.Media, append(out.units, u)
		return nil
	})
	for off := 0; off < len(b); off += 777 {
		if _, err := p.Write(b[off:min(off+777, len(b))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLATMHoldsTheFramesOfADTS(t *testing.T) {
	src := ffmpeg(t, "in.ts", "-f", "lavfi", "-i", sound, "-ac", "2", "-c:a", "aac")
	latm := ffmpeg(t, "latm.ts", "-f", "lavfi", "-i", sound, "-ac", "2", "-c:a", "aac", "-mpegts_flags", "latm")
	a, _ := demux(t, read(t, src), 8192)
	b, stats := demux(t, read(t, latm), 8192)
	if len(b) != 1 || stats.Corrupt > 0 || len(a[0].units) != len(b[0].units) {
		t.Fatalf("streams %d, %+v", len(b), stats)
	}
	for i := range a[0].units {
		if !bytes.Equal(a[0].units[i].Data, b[0].units[i].Data) || a[0].units[i].PTS != b[0].units[i].PTS {
			t.Fatalf("frame %d differs", i)
		}
	}
	if b[0].media.SampleRate != 48000 || b[0].media.Channels != 2 {
		t.Errorf("media %+v", b[0].media)
	}
}

func TestSilentAACDecodesToSilence(t *testing.T) {
	for config := 1; config <= 7; config++ {
		asc := []byte{2<<3 | 3>>1, 3<<7&0x80 | byte(config)<<3}
		w, err := ts.NewADTS(asc)
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for range 10 {
			b, _ = w.Append(b, ts.SilentAAC(config), false)
		}
		p := write(t, "silence.aac", b)
		out := run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", p, "-f", "s16le", "-")
		want := config
		if config == 7 {
			want = 8
		}
		if len(out) != 10*1024*2*want || strings.Trim(out, "\x00") != "" {
			t.Errorf("configuration %d: %d bytes, silent: %v", config, len(out), strings.Trim(out, "\x00") == "")
		}
	}
	if ts.SilentAAC(0) != nil || ts.SilentAAC(8) != nil {
		t.Error("silence for a configuration that is not known")
	}
}

// The corpus' streams must give as many packets as ffprobe counts, at the same times.
func TestCorpusAgreesWithFFprobe(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no shared/media folder above the working directory and SLUICE_MEDIA not set")
	}
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("ffprobe is not installed")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "ts", "*.ts"))
	more, _ := filepath.Glob(filepath.Join(dir, "synthetic", "*.ts"))
	for _, path := range append(files, more...) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			streams, stats := demux(t, read(t, path), 30000)
			for _, s := range streams {
				kind := "v"
				if s.media.Kind == packager.Audio {
					kind = "a"
				}
				out := run(t, "ffprobe", "-v", "quiet", "-select_streams", kind+":0", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of",
					"default=nk=1:nw=1", path)
				var n int
				if _, err := fmt.Sscan(out, &n); err != nil {
					t.Fatal(err)
				}
				if s.media.Entry == "ec-3" { // six frames of one block are one sample
					n = (n + 5) / 6
				}
				// ffprobe gives out what comes before the first parameter sets or key picture, and what is cut short at the end.
				if d := n - len(s.units); d < -1 || d > 4 {
					t.Errorf("%s: %d units, ffprobe has %d packets; %+v", s.media.Entry, len(s.units), n, stats)
				}
			}
			if len(streams) == 0 && len(stats.Unsupported) == 0 {
				t.Errorf("nothing read: %+v", stats)
			}
		})
	}
}

func TestNotATransportStream(t *testing.T) {
	d := ts.NewDemuxer(func(*ts.Stream, ts.Unit) error { return nil })
	var err error
	for range 100 {
		if _, err = d.Write(make([]byte, 100_000)); err != nil {
			break
		}
	}
	if !errors.Is(err, ts.ErrCorrupt) {
		t.Errorf("zeros: %v", err)
	}
}

func TestHandlerErrorsComeBack(t *testing.T) {
	want := errors.New("full")
	d := ts.NewDemuxer(func(*ts.Stream, ts.Unit) error { return want })
	if _, err := d.Write(read(t, source(t))); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

// fuzzSeed is the start of a stream: its tables and what tells the codec, without padding. The fuzzer shrinks every input that
// it finds interesting byte by byte, so seeds must be small for it to get anywhere.
func fuzzSeed(f *testing.F, args ...string) []byte {
	args = append(args, "-bsf:v", "filter_units=remove_types=6|39|40", "-t", "0.12", "-sdt_period", "100")
	return seedPackets(read(f, ffmpeg(f, "in.ts", args...)))
}

// seedPackets keeps the first packets that are not padding or service information.
func seedPackets(b []byte) (out []byte) {
	const most = 8
	for ; len(b) >= 188 && len(out) < most*188; b = b[188:] {
		if pid := int(b[1]&0x1F)<<8 | int(b[2]); pid != 0x1FFF && pid != 0x11 {
			out = append(out, b[:188]...)
		}
	}
	return out
}

func FuzzDemuxer(f *testing.F) {
	video := []string{"-f", "lavfi", "-i", "color=size=32x32:rate=25:duration=0.12"}
	f.Add(fuzzSeed(f, append(video, "-c:v", "libx264")...), uint16(188))
	f.Add(fuzzSeed(f, append(video, "-c:v", "libx265", "-x265-params", "log-level=error:info=0")...), uint16(1000))
	sine := []string{"-f", "lavfi", "-i", "sine=duration=0.12", "-ac", "1", "-b:a", "32k"}
	for _, codec := range []string{"aac", "ac3", "eac3", "mp2", "libmp3lame"} {
		f.Add(fuzzSeed(f, append(sine, "-c:a", codec)...), uint16(500))
	}
	f.Add(fuzzSeed(f, append(sine, "-c:a", "aac", "-mpegts_flags", "latm")...), uint16(500))
	f.Fuzz(func(t *testing.T, data []byte, chunk uint16) {
		pieces, whole := hostile(t, data, int(chunk)+1), hostile(t, data, len(data)+1)
		if d := cmp.Diff(whole, pieces); d != "" {
			t.Errorf("in chunks of %d bytes: %s", int(chunk)+1, d)
		}
	})
}

// outcome is what became of an input.
type outcome struct {
	Units, Bytes int
	Stats        ts.Stats
	Failed       bool
}

// hostile demuxes data in steps and checks every unit.
func hostile(t *testing.T, data []byte, step int) (o outcome) {
	d := ts.NewDemuxer(func(s *ts.Stream, u ts.Unit) error {
		o.Units++
		o.Bytes += len(u.Data)
		if s.Media.Entry == "" || s.Media.Timescale == 0 || u.Data == nil || u.PTS-u.DTS >= 1<<33 {
			t.Errorf("unit of %d bytes of %+v", len(u.Data), s.Media)
		}
		if s.Media.Kind == packager.Video {
			for b := u.Data; len(b) > 0; {
				n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
				b = b[4+n:]
			}
		}
		return nil
	})
	var err error
	for off := 0; off < len(data) && err == nil; off += step {
		_, err = d.Write(data[off:min(off+step, len(data))])
	}
	if err == nil {
		err = d.Flush()
	}
	if o.Failed = err != nil; !o.Failed && o.Bytes > 8*len(data)+1<<16 {
		t.Errorf("%d bytes out of %d", o.Bytes, len(data))
	}
	o.Stats = d.Stats()
	return o
}

func FuzzPackedAudio(f *testing.F) {
	f.Add(ts.SilentAAC(2))
	for _, format := range []string{"adts", "ac3", "mp3"} {
		f.Add(read(f, ffmpeg(f, "in."+format, "-f", "lavfi", "-i", "sine=duration=0.2", "-f", format)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ts.TagTime(data)
		p := ts.NewPackedAudio(func(s *ts.Stream, u ts.Unit) error {
			if len(u.Data) == 0 || s.Media.Entry == "" {
				t.Errorf("unit of %d bytes of %+v", len(u.Data), s.Media)
			}
			return nil
		})
		if _, err := p.Write(data); err == nil {
			_ = p.Flush()
		}
		if m, err := ts.AudioMedia(data); err == nil && m.Timescale == 0 {
			t.Error("configuration without a rate")
		}
	})
}

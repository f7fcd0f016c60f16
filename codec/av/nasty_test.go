//go:build cgo

package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFilesThatAreNoMediaGetTheirReason(t *testing.T) {
	mp4 := read(t, clip(t, "tail.mp4", "64x64", "25", 2))
	random := make([]byte, 200_000)
	rand.New(rand.NewSource(1)).Read(random)
	for name, c := range map[string]struct {
		data []byte
		want codec.Code
	}{
		"empty":          {nil, codec.EmptyFile},
		"random":         {random, codec.NotMedia},
		"text":           {bytes.Repeat([]byte("hello, world\n"), 500), codec.NotMedia},
		"playlist":       {[]byte("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"), codec.NotMedia},
		"concat script":  {[]byte("ffconcat version 1.0\nfile /etc/passwd\n"), codec.NotMedia},
		"before the end": {mp4[:len(mp4)/2], codec.IncompleteUpload}, // the index is at the end
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: write(t, "x.mp4", c.data)}, codec.ProbeOpts{Packets: true})
			if got := codec.CodeOf(err); got != c.want {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestFilesOfTooManyStreamsAreRefused(t *testing.T) {
	args := []string{"-f", "lavfi", "-i", "anullsrc=r=8000:d=0.2"}
	for range maxStreams + 1 {
		args = append(args, "-map", "0:a")
	}
	_, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: ffmpeg(t, "many.mka", append(args, "-c:a", "pcm_u8")...)}, codec.ProbeOpts{})
	if got := codec.CodeOf(err); got != codec.TooManyStreams {
		t.Errorf("got %q (%v)", got, err)
	}
}

func TestCutFaststartFileGivesWhatIsThere(t *testing.T) {
	whole := clip(t, "fast.mp4", "160x90", "25", 8, "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	b := read(t, whole)
	src := write(t, "cut.mp4", b[:len(b)*6/10])
	p, info := planFor(t, whole, codec.Rational{Num: 25, Den: 1}, "160x90")
	cut := probe(t, src)
	if !hasWarning(&cut, codec.DamagedPartly) || cut.Format.DurationUS >= info.Format.DurationUS*8/10 {
		t.Errorf("probe of the cut file: %d us, warnings %v", cut.Format.DurationUS, cut.Warnings)
	}
	for _, mode := range []string{"chunk", "rung"} {
		p.Chunks.Mode = mode
		m, rep := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
		n := int64(len(m.samples[0]))
		if n < 50 || n > 160 || rep.Tracks[0].Samples != n {
			t.Errorf("%s: %d frames of 200, report says %d", mode, n, rep.Tracks[0].Samples)
		}
		if len(rep.Warnings) != 1 || rep.Warnings[0].Code != codec.DamagedPartly {
			t.Errorf("%s: warnings %v", mode, rep.Warnings)
		}
		if d := cmp.Diff(grid(50, n), keys(m, 0, p.Video.FrameDur)); d != "" {
			t.Errorf("%s key grid:\n%s", mode, d)
		}
	}
}

func TestDamageInTheMediaIsAWarningOrARefusal(t *testing.T) {
	whole := clip(t, "dmg.mp4", "160x90", "25", 6, "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	p, _ := planFor(t, whole, codec.Rational{Num: 25, Den: 1}, "160x90")
	for _, share := range []float64{0.001, 0.02, 0.9} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			b := read(t, whole)
			rng := rand.New(rand.NewSource(7))
			start := len(b) / 4
			for i := 0; i < int(float64(len(b)-start)*share); i++ {
				b[start+rng.Intn(len(b)-start)] = byte(rng.Int())
			}
			m := newMemory(t)
			_, err := New(Config{}).Run(context.Background(), codec.Source{Path: write(t, "d.mp4", b)}, codec.Job{Plan: p, Video: true}, m)
			code := codec.CodeOf(err)
			if err != nil && code != codec.DamagedMedia {
				t.Errorf("%v", err)
			}
			if share < 0.01 && err != nil {
				t.Errorf("a little damage: %v", err)
			}
			if err == nil && int64(len(m.samples[0])) != p.Video.Frames {
				t.Errorf("%d frames, want %d", len(m.samples[0]), p.Video.Frames)
			}
		})
	}
}

func TestRandomDamageNeverLeavesTheTaxonomy(t *testing.T) {
	whole := read(t, clip(t, "fuzz.mp4", "64x64", "25", 1))
	ts := read(t, clip(t, "fuzz.ts", "64x64", "25", 1))
	e := New(Config{ProbeTime: time.Minute})
	for i := range 60 {
		b := bytes.Clone(whole)
		if i%2 == 1 {
			b = bytes.Clone(ts)
		}
		rng := rand.New(rand.NewSource(int64(i)))
		for range 1 + rng.Intn(40) {
			b[rng.Intn(len(b))] = byte(rng.Int())
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		src := codec.Source{Reader: bytes.NewReader(b), Size: int64(len(b))}
		_, err := e.Probe(ctx, src, codec.ProbeOpts{Packets: true, Idet: true})
		cancel()
		var ce *codec.Error
		if err != nil && (!errors.As(err, &ce) || ce.Code == codec.EngineBug) {
			t.Errorf("seed %d: %v", i, err)
		}
	}
}

func TestTransportStreamClocks(t *testing.T) {
	x := []string{"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"}
	wrap := clip(t, "wrap.ts", "64x64", "25", 8, append(x, "-output_ts_offset", "95440")...)
	a, b := clip(t, "part.ts", "64x64", "25", 3, x...), clip(t, "part.ts", "64x64", "25", 4, x...)
	joined := write(t, "joined.ts", append(read(t, a), read(t, b)...))
	full := read(t, clip(t, "mid.ts", "64x64", "25", 6, x...))
	mid := write(t, "mid.ts", full[len(full)/3/188*188+188*4:])
	for _, c := range []struct {
		name, path string
		lo, hi     int64 // duration, ms
		warning    codec.Code
	}{
		{"wrap inside", wrap, 7960, 8100, ""},
		{"clock jumps back", joined, 6900, 7150, codec.TimelineFixed},
		{"starts inside a group of pictures", mid, 3000, 4200, codec.LateKeyframe},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, info := planFor(t, c.path, codec.Rational{Num: 25, Den: 1}, "64x64")
			p.Discontinuities = true
			if ms := info.Format.DurationUS / 1000; ms < c.lo || ms > c.hi {
				t.Errorf("duration %d ms, want %d to %d", ms, c.lo, c.hi)
			}
			if c.warning != "" && !hasWarning(&info, c.warning) {
				t.Errorf("warnings %v, want %s", info.Warnings, c.warning)
			}
			lossless(&p)
			m, rep := run(t, c.path, codec.Job{Plan: p, Video: true, Tokens: 2})
			if n := int64(len(m.samples[0])); n != p.Video.Frames {
				t.Errorf("%d frames, want %d", n, p.Video.Frames)
			}
			repeats := 0
			h := decodeHashes(t, m, 0)
			for i := 1; i < len(h); i++ {
				if h[i] == h[i-1] {
					repeats++
				}
			}
			// Sound that begins before the first picture shows the first picture.
			lead := int(slotOf(*info.MainVideo().StartUS-p.OriginUS, codec.Rational{Num: 1, Den: 1_000_000}, p.Video.FPS))
			if repeats > lead+6 {
				t.Errorf("%d of %d frames are repeats (%v)", repeats, len(h), rep.Warnings)
			}
		})
	}
}

func TestRatesBecomeConstant(t *testing.T) {
	x := []string{"-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	for _, c := range []struct {
		name, path string
		fps        codec.Rational
		frames     int64
	}{
		{"raw H.264", ffmpeg(t, "raw.h264", append([]string{"-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=3", "-c:v", "libx264", "-bf", "2"}, x...)...), codec.Rational{Num: 25, Den: 1}, 75},
		{"240 frames a second", ffmpeg(t, "240.mp4", append([]string{"-f", "lavfi", "-i", "testsrc2=size=64x64:rate=240:duration=1", "-c:v", "libx264"}, x...)...), codec.Rational{Num: 60, Den: 1}, 60},
		{"one frame a second", ffmpeg(t, "1.mp4", append([]string{"-f", "lavfi", "-i", "testsrc2=size=64x64:rate=1:duration=4", "-c:v", "libx264"}, x...)...), codec.Rational{Num: 10, Den: 1}, 40},
		{"one frame", ffmpeg(t, "one.mp4", append([]string{"-f", "lavfi", "-i", "testsrc2=size=16x16:rate=25:duration=0.04", "-c:v", "libx264"}, x...)...), codec.Rational{Num: 25, Den: 1}, 1},
		{"variable rate", ffmpeg(t, "vfr.mkv", append([]string{"-f", "lavfi", "-i", "testsrc2=size=64x64:rate=50:duration=4,select='lt(t,2)+not(mod(n,5))'", "-vsync", "vfr", "-c:v", "libx264"}, x...)...), codec.Rational{Num: 50, Den: 1}, 196},
		{"24000/1001", clip(t, "ntsc.mp4", "64x64", "24000/1001", 5), codec.Rational{Num: 24000, Den: 1001}, 120},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := "64x64"
			if c.name == "one frame" {
				size = "16x16"
			}
			p, _ := planFor(t, c.path, c.fps, size)
			if d := p.Video.Frames - c.frames; d < -4 || d > 4 {
				t.Errorf("plan has %d frames, want about %d", p.Video.Frames, c.frames)
			}
			m, _ := run(t, c.path, codec.Job{Plan: p, Video: true})
			if n := int64(len(m.samples[0])); n != p.Video.Frames {
				t.Errorf("%d frames, want %d", n, p.Video.Frames)
			}
			if d := cmp.Diff(grid(p.Video.GOP, p.Video.Frames), keys(m, 0, p.Video.FrameDur)); d != "" {
				t.Errorf("key grid:\n%s", d)
			}
		})
	}
}

func TestKeptVariableRateSkipsEmptySlots(t *testing.T) {
	src := ffmpeg(t, "vfr.mkv", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=50:duration=4,select='lt(t,2)+not(mod(n,5))'", "-vsync", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	p, _ := planFor(t, src, codec.Rational{Num: 50, Den: 1}, "64x64")
	p.Video.VFR = true
	for _, mode := range []string{"chunk", "rung"} {
		p.Chunks.Mode = mode
		m, _ := run(t, src, codec.Job{Plan: p, Video: true})
		s := m.samples[0]
		if len(s) < 118 || len(s) > 125 {
			t.Errorf("%s: %d samples for 120 source frames", mode, len(s))
		}
		end := int64(0)
		for i, x := range s {
			if i > 0 && s[i-1].DTS+s[i-1].Dur != x.DTS {
				t.Errorf("%s: sample %d lasts %d, the next is decoded %d later", mode, i-1, s[i-1].Dur, x.DTS-s[i-1].DTS)
			}
			end = max(end, x.PTS)
		}
		if d := cmp.Diff([]int64{0, 100}, keys(m, 0, p.Video.FrameDur)); d != "" {
			t.Errorf("%s key grid:\n%s", mode, d)
		}
	}
}

func TestForcedGridAndCascade(t *testing.T) {
	src := clip(t, "grid.mp4", "160x90", "25", 6)
	p, _ := planFor(t, src, codec.Rational{Num: 25, Den: 1}, "160x90", "80x44", "40x22")
	p.Video.Grid = []int64{0, 33, 70, 101, 149}
	p.Video.Rungs[2].From = 1
	for _, mode := range []string{"chunk", "rung"} {
		p.Chunks.Mode = mode
		m, _ := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
		for id := range 3 {
			if d := cmp.Diff(p.Video.Grid, keys(m, id, p.Video.FrameDur)); d != "" {
				t.Errorf("%s rung %d key grid:\n%s", mode, id, d)
			}
			if n := len(decodeHashes(t, m, id)); n != 150 {
				t.Errorf("%s rung %d: %d frames", mode, id, n)
			}
		}
	}
}

func TestEncryptedMediaIsRefused(t *testing.T) {
	src := clip(t, "enc.mp4", "64x64", "25", 1, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-encryption_scheme", "cenc-aes-ctr",
		"-encryption_key", "00112233445566778899aabbccddeeff", "-encryption_kid", "00112233445566778899aabbccddeeff")
	info, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: src}, codec.ProbeOpts{Packets: true, Idet: true})
	if err != nil {
		if codec.CodeOf(err) != codec.Encrypted {
			t.Fatal(err)
		}
		return
	}
	for _, s := range info.Streams {
		if !s.Encrypted {
			t.Errorf("stream %d is not marked encrypted", s.Index)
		}
	}
}

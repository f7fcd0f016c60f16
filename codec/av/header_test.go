//go:build cgo

package av

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/internal/corpus"
)

// bothProbes describes a file by its header alone and by the full analysis; byHeader is nil when the header does not suffice.
func bothProbes(t *testing.T, path string) (byHeader, full *codec.Info) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	g := newGuard(ctx)
	defer g.close()
	defer g.bind()()
	o := inputOpts{wall: 20 * time.Second}
	describe := func(in *input, err error) *codec.Info {
		if in == nil || err != nil {
			return nil
		}
		defer in.close()
		info, err := in.describe()
		if err != nil {
			return nil
		}
		return &info
	}
	in, err := openHeader(g, codec.Source{Path: path}, o)
	if byHeader = describe(in, err); byHeader == nil {
		return nil, nil
	}
	in, err = openInput(g, codec.Source{Path: path}, o)
	return byHeader, describe(in, err)
}

// comparable takes out what only chance decides in a full analysis: where a subtitle or data stream starts depends on whether
// one of its few packets lies within the first bytes.
func comparable(info *codec.Info) codec.Info {
	c := *info
	c.Streams = append([]codec.Stream(nil), info.Streams...)
	for i := range c.Streams {
		if k := c.Streams[i].Kind; k == codec.Subtitle || k == codec.Data {
			c.Streams[i].StartUS, c.Streams[i].DurationUS = nil, 0
		}
	}
	return c
}

func TestProbeByHeaderEqualsTheFullOne(t *testing.T) {
	x264 := func(more ...string) []string {
		return append(append([]string{"-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-pix_fmt", "yuv420p"}, more...), "-c:a", "aac")
	}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"plain.mp4", x264()},
		{"b3.mp4", x264("-bf", "3")},
		{"fast.mp4", x264("-movflags", "+faststart")},
		{"baseline.mp4", x264("-profile:v", "baseline")},
		{"tags.mp4", x264("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")},
		{"full.mp4", []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuvj420p", "-c:a", "aac"}},
		{"ten.mp4", []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p10le", "-c:a", "aac"}},
		{"sar.mp4", x264("-vf", "setsar=4/3")},
		{"crop.mp4", x264("-vf", "scale=322:182")},
		{"surround.mp4", x264("-ac", "6")},
		{"mono.mp4", x264("-ac", "1", "-ar", "44100")},
		{"loc.mp4", x264("-chroma_sample_location", "topleft")},
		{"x265.mp4", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-c:a", "aac"}},
		{"x265-ten.mkv", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-c:a", "aac"}},
		{"plain.mkv", x264()},
		{"b3.mkv", x264("-bf", "3")},
		{"plain.mov", x264()},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, full := bothProbes(t, clip(t, c.name, "320x180", "25", 2, c.args...))
			if h == nil {
				t.Fatal("the header did not suffice")
			}
			if d := cmp.Diff(comparable(full), comparable(h)); d != "" {
				t.Errorf("the header says otherwise (-full +header):\n%s", d)
			}
		})
	}
}

func TestProbeByHeaderLeavesTheRestToTheFullOne(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"interlaced.mp4", []string{"-c:v", "libx264", "-flags", "+ildct+ilme", "-vf", "tinterlace=4", "-pix_fmt", "yuv420p", "-c:a", "aac"}},
		{"high444.mp4", []string{"-c:v", "libx264", "-pix_fmt", "yuv444p", "-c:a", "aac"}},
		{"fragmented.mp4", []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+empty_moov+frag_keyframe"}},
		{"low.mp4", []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "22050"}},
		{"other.mp4", []string{"-c:v", "mpeg4", "-c:a", "aac"}},
		{"stream.ts", []string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := clip(t, c.name, "320x180", "25", 1, c.args...)
			h, full := bothProbes(t, src)
			if h != nil {
				if d := cmp.Diff(comparable(full), comparable(h)); d != "" {
					t.Errorf("the header says otherwise (-full +header):\n%s", d)
				}
			}
			info, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: src}, codec.ProbeOpts{})
			if err != nil {
				t.Fatal(err)
			}
			if v := info.MainVideo(); v == nil || v.Video.PixFmt == "" {
				t.Errorf("the probe lacks the picture's format: %+v", v)
			}
		})
	}
}

func TestProbeByHeaderEqualsTheFullOneOnTheCorpus(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus (set SLUICE_MEDIA)")
	}
	seen := 0
	for _, f := range corpusFiles(t, dir) {
		name, _ := filepath.Rel(dir, f)
		switch strings.ToLower(filepath.Ext(f)) {
		case ".mp4", ".m4v", ".m4a", ".mov", ".mkv", ".webm", ".3gp":
		default:
			continue
		}
		if strings.HasPrefix(name, "hostile/") {
			continue // these are probed in a process of their own
		}
		h, full := bothProbes(t, f)
		if h == nil || full == nil {
			continue
		}
		if slices.ContainsFunc(full.Streams, func(s codec.Stream) bool { return s.Audio != nil && s.Audio.FrameSize == 0 }) {
			continue // the pictures are so large that the full analysis ended before it met the sound: the header knows more
		}
		seen++
		if d := cmp.Diff(comparable(full), comparable(h)); d != "" {
			t.Errorf("%s: the header says otherwise (-full +header):\n%s", name, d)
		}
	}
	if seen == 0 {
		t.Error("no file was described by its header")
	}
	t.Logf("%d files by their header", seen)
}

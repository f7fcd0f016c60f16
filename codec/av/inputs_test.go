//go:build cgo

package av

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
	"sluice/codec/plan"
)

// planned probes a file and plans a small ladder with sound for it, as the product does.
func planned(t *testing.T, path string) (codec.Plan, []codec.Warning, codec.Info) {
	t.Helper()
	info := probe(t, path)
	p, warnings, err := plan.Make(info, codec.Request{
		Ladder: []codec.RungSpec{{Name: "90p", Height: 90, MaxRate: 800_000, Preset: "ultrafast"}},
		Audio:  codec.AudioSpec{Renditions: []codec.AudioRendition{{Codec: "aac", BitRate: 128_000, Channels: 2}}},
		Policy: codec.Policy{NoPassthrough: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, warnings, info
}

// wholeVideo runs the plan's video and checks that every frame is there once, on the grid, at a constant distance.
func wholeVideo(t *testing.T, path string, p codec.Plan) (*memory, codec.Report) {
	t.Helper()
	m, rep := run(t, path, codec.Job{Plan: p, Video: true, Audio: len(p.Audio) > 0, Tokens: 2})
	if n := int64(len(frameNumbers(m, 0, p.Video.FrameDur))); n != p.Video.Frames || int64(len(m.samples[0])) != n {
		t.Errorf("%d samples of %d different frames, want %d", len(m.samples[0]), n, p.Video.Frames)
	}
	if d := cmp.Diff(grid(p.Video.GOP, p.Video.Frames), keys(m, 0, p.Video.FrameDur)); d != "" {
		t.Errorf("key grid:\n%s", d)
	}
	for i, s := range m.samples[0][1:] {
		if gap := s.DTS - m.samples[0][i].DTS; gap != p.Video.FrameDur {
			t.Fatalf("sample %d is decoded %d ticks after the one before, want %d", i+1, gap, p.Video.FrameDur)
		}
	}
	return m, rep
}

func TestSourcesWithoutTimesBecomeConstantRate(t *testing.T) {
	pattern := []string{"-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=5"}
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30", "-pix_fmt", "yuv420p"}
	for _, c := range []struct {
		name, path string
		frames     int64
	}{
		{"raw H.264", ffmpeg(t, "raw.h264", slices.Concat(pattern, x264)...), 125},
		{"raw H.264 that does not say its rate", ffmpeg(t, "untimed.h264", slices.Concat(pattern, x264, []string{"-bsf:v", "h264_metadata=tick_rate=0"})...), 125},
		{"AVI with packed B-frames", ffmpeg(t, "packed.avi", slices.Concat(pattern, []string{"-c:v", "libxvid", "-bf", "2", "-g", "30", "-pix_fmt", "yuv420p"})...), 125},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _, _ := planned(t, c.path)
			if want := (codec.Rational{Num: 25, Den: 1}); p.Video.FPS != want {
				t.Errorf("rate %v, want %v", p.Video.FPS, want)
			}
			if d := p.Video.Frames - c.frames; d < -2 || d > 2 {
				t.Errorf("%d frames planned, want about %d", p.Video.Frames, c.frames)
			}
			lossless(&p)
			m, _ := wholeVideo(t, c.path, p)
			h := decodeHashes(t, m, 0)
			if n := len(slices.Compact(slices.Clone(h))); n < len(h)-3 {
				t.Errorf("%d different pictures of %d", n, len(h))
			}
		})
	}
}

func TestSingleGroupOfPicturesIsDecodedOnce(t *testing.T) {
	src := clip(t, "onegop.mp4", "160x90", "25", 40, "-c:v", "libx264", "-preset", "ultrafast", "-g", "100000", "-keyint_min", "100000", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac")
	p, _, _ := planned(t, src)
	if p.Chunks.Mode != "rung" || len(p.Spans) != 1 {
		t.Errorf("mode %q in %d tasks, want one decoder for all", p.Chunks.Mode, len(p.Spans))
	}
	_, rep := wholeVideo(t, src, p)
	if rep.FramesIn > p.Video.Frames+2 {
		t.Errorf("%d pictures decoded for %d", rep.FramesIn, p.Video.Frames)
	}
}

func TestLongGroupsOfPicturesAreSeldomDecodedTwice(t *testing.T) {
	for _, gop := range []string{"250", "500"} {
		src := clip(t, "gop"+gop+".mp4", "64x64", "25", 90, "-c:v", "libx264", "-preset", "ultrafast", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-an")
		p, _, _ := planned(t, src)
		m, rep := run(t, src, codec.Job{Plan: p, Video: true, Tokens: 2})
		if n := int64(len(m.samples[0])); n != p.Video.Frames {
			t.Errorf("groups of %s: %d frames, want %d", gop, n, p.Video.Frames)
		}
		if p.Chunks.Mode != "chunk" || rep.FramesIn > p.Video.Frames*9/8 {
			t.Errorf("groups of %s, mode %q: %d pictures decoded for %d", gop, p.Chunks.Mode, rep.FramesIn, p.Video.Frames)
		}
	}
}

func TestDamagedSoundCostsOnlyItsTrack(t *testing.T) {
	src := clip(t, "sound.mp4", "160x90", "25", 6, "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "packet=pos,size", "-of", "csv=p=0", src).Output()
	if err != nil {
		t.Fatal(err)
	}
	b := read(t, src)
	for line := range strings.Lines(string(out)) {
		var size, pos int
		if n, _ := fmt.Sscanf(strings.TrimSpace(line), "%d,%d", &size, &pos); n == 2 {
			for i := range size {
				b[pos+i] = byte(0xa5 ^ i*31)
			}
		}
	}
	path := write(t, "damaged.mp4", b)
	p, _, _ := planned(t, path)
	m, rep := wholeVideo(t, path, p)
	if len(m.tracks) != 1 {
		t.Errorf("%d tracks, want the picture alone", len(m.tracks))
	}
	if !slices.ContainsFunc(rep.Warnings, func(w codec.Warning) bool { return w.Stream == 1 }) {
		t.Errorf("warnings %v, want one about stream 1", rep.Warnings)
	}
}

func TestDataStreamsAreLeftOutAndChaptersKept(t *testing.T) {
	meta := write(t, "chapters.txt", []byte(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=4000\ntitle=Two\n"))
	src := ffmpeg(t, "timecode.mov", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4", "-i", meta, "-map", "0:v", "-map_metadata", "1",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-timecode", "01:00:00:00")
	p, warnings, info := planned(t, src)
	var data []int
	for i := range info.Streams {
		if info.Streams[i].Kind == codec.Data {
			data = append(data, i)
		}
	}
	if len(data) == 0 {
		t.Fatal("the source has no data stream")
	}
	for _, i := range data {
		if !slices.ContainsFunc(warnings, func(w codec.Warning) bool { return w.Stream == i && w.Code == codec.TracksDropped }) {
			t.Errorf("no warning about data stream %d: %v", i, warnings)
		}
	}
	want := []codec.Chapter{{StartUS: 0, EndUS: 2_000_000, Title: "One"}, {StartUS: 2_000_000, EndUS: 4_000_000, Title: "Two"}}
	if d := cmp.Diff(want, info.Chapters); d != "" {
		t.Errorf("chapters:\n%s", d)
	}
	wholeVideo(t, src, p)
}

func TestNoFileMakesTheEngineReachOut(t *testing.T) {
	var hits atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer srv.Close()
	local := clip(t, "reached.ts", "64x64", "25", 1)
	for name, text := range map[string]string{
		"hls":       "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n" + srv.URL + "/a.ts\n#EXTINF:1,\n" + local + "\n#EXT-X-ENDLIST\n",
		"hls key":   "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"" + srv.URL + "/k\"\n#EXTINF:4,\n" + local + "\n#EXT-X-ENDLIST\n",
		"ffconcat":  "ffconcat version 1.0\nfile '" + local + "'\nfile '" + srv.URL + "/a.ts'\n",
		"dash":      "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet><Representation id=\"1\" bandwidth=\"1\"><BaseURL>" + srv.URL + "/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
		"sdp":       "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
		"asx":       "<asx version=\"3.0\"><entry><ref href=\"" + srv.URL + "/a.asf\"/></entry></asx>",
		"reference": "[Reference]\nRef1=" + srv.URL + "/a.asf\n",
	} {
		_, err := New(Config{ProbeTime: time.Minute}).Probe(context.Background(), codec.Source{Path: write(t, "x.mp4", []byte(text))}, codec.ProbeOpts{Packets: true, Idet: true})
		if got := codec.CodeOf(err); got != codec.NotMedia {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, codec.NotMedia)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}

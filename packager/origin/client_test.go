package origin

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ffmpeg runs the client over a URL and returns what it complained about.
func ffmpeg(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	args = append([]string{"-nostdin", "-hide_banner", "-v", "warning"}, args...)
	out, err := exec.CommandContext(ctx, "ffmpeg", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestFFmpegReadsEveryPresentationWithoutAWord(t *testing.T) {
	s := serve(t, Config{}, stored(t), oneLanguage(t), progressiveSet(t))
	for _, path := range []string{
		"/hls/0_stored/master.m3u8", "/hls/0_stored/container/fmp4/master.m3u8",
		"/hls/0_one/master.m3u8", "/hls/0_one/container/fmp4/master.m3u8",
		"/hls/0_plain/master.m3u8", "/hls/0_plain/container/fmp4/master.m3u8",
		"/hls/0_stored/clipFrom/5000/clipTo/11000/master.m3u8",
		"/dash/0_one/manifest.mpd", "/dash/0_plain/manifest.mpd", "/dash/0_one/manifest-ondemand.mpd", "/dash/0_stored/manifest.mpd",
		"/mp4/0_one/film.mp4", "/mp4/0_one/clipFrom/3000/clipTo/9000/film.mp4", "/mp4/0_one/sound.m4a", "/mp4/0_one/sound.aac",
		"/mp4/0_plain/film-f2-v1-a1.mp4",
	} {
		t.Run(strings.TrimPrefix(path, "/"), func(t *testing.T) {
			for line := range strings.Lines(ffmpeg(t, "-i", s.url+path, "-map", "0", "-c", "copy", "-f", "null", "-")) {
				// Two limits of this client: its HLS reader ignores subtitles, and raw ADTS has no duration.
				if !strings.Contains(line, "Can't support the subtitle") && !strings.Contains(line, "Estimating duration from bitrate") {
					t.Errorf("it said: %s", line)
				}
			}
		})
	}
}

// hashes returns the MD5 of every decoded picture, or of every coded frame of sound, in order.
func hashes(t *testing.T, input, stream string) []string {
	t.Helper()
	how := []string{"-threads", "1"}
	if strings.Contains(stream, "a") {
		how = []string{"-c", "copy", "-bsf:a", "aac_adtstoasc"}
	}
	args := append([]string{"-i", input, "-map", stream}, how...)
	out := ffmpeg(t, append(args, "-f", "framemd5", "-")...)
	var list []string
	for line := range strings.Lines(out) {
		if f := strings.Split(line, ","); line[0] != '#' && len(f) >= 6 {
			list = append(list, strings.TrimSpace(f[5]))
		}
	}
	return list
}

func TestEveryProtocolDeliversTheSourcesFrames(t *testing.T) {
	s := serve(t, Config{}, oneLanguage(t), progressiveSet(t))
	source := media.dir + "/hi.mp4"
	for _, stream := range []string{"0:v:0", "0:a:0"} {
		want := hashes(t, source, stream)
		if len(want) < 300 {
			t.Fatalf("the source has %d packets in %s", len(want), stream)
		}
		for _, path := range []string{
			"/hls/0_one/,0_hi,0_en,.urlset/master.m3u8", "/hls/0_one/container/fmp4/,0_hi,0_en,.urlset/master.m3u8",
			"/hls/0_plain/index-f1-v1-a1.m3u8", "/hls/0_plain/container/fmp4/index-f1-v1-a1.m3u8",
			"/dash/0_one/,0_hi,0_en,.urlset/manifest.mpd", "/dash/0_plain/,0_hi,.urlset/manifest.mpd",
			"/dash/0_one/,0_hi,0_en,.urlset/manifest-ondemand.mpd",
			"/mp4/0_one/film.mp4", "/mp4/0_plain/film.mp4",
		} {
			got := hashes(t, s.url+path, stream)
			if len(got) == len(want)+1 && stream == "0:a:0" {
				got = got[1:] // the encoder's delay, which only readers of edit lists leave out
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s: %d bytes of difference:\n%.2000s", path, stream, len(diff), diff)
			}
		}
	}
}

// frame is a decoded picture: when it is shown, in microseconds, and its MD5.
type frame struct {
	at   int64
	hash string
}

// frames decodes the pictures of an input, in order.
func frames(t *testing.T, input string) []frame {
	t.Helper()
	out := ffmpeg(t, "-i", input, "-map", "0:v:0", "-vsync", "passthrough", "-threads", "1", "-f", "framemd5", "-")
	var list []frame
	num, den := int64(1), int64(1)
	for line := range strings.Lines(out) {
		if _, err := fmt.Sscanf(line, "#tb 0: %d/%d", &num, &den); err == nil {
			continue
		}
		if f := strings.Split(line, ","); line[0] != '#' && len(f) >= 6 {
			pts, err := strconv.ParseInt(strings.TrimSpace(f[2]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, frame{pts * 1_000_000 * num / den, strings.TrimSpace(f[5])})
		}
	}
	return list
}

func TestClipsInSegmentsShowTheFramesOfTheirTime(t *testing.T) {
	s := serve(t, Config{}, oneLanguage(t), progressiveSet(t))
	source := frames(t, media.dir+"/hi.mp4")
	const from, to = 5_333_000, 8_000_000
	var want []frame
	for _, f := range source {
		if f.at >= from && f.at < to {
			want = append(want, frame{f.at - from, f.hash})
		}
	}
	for _, path := range []string{
		"/hls/0_one/%s,0_hi,0_en,.urlset/master.m3u8", "/hls/0_one/container/fmp4/%s,0_hi,0_en,.urlset/master.m3u8",
		"/hls/0_plain/%sindex-f1-v1-a1.m3u8", "/hls/0_plain/container/fmp4/%sindex-f1-v1-a1.m3u8", "/dash/0_one/%s,0_hi,0_en,.urlset/manifest.mpd",
	} {
		got := frames(t, s.url+fmt.Sprintf(path, "clipFrom/5333/clipTo/8000/"))
		hurried := len(got) - len(want)
		if hurried <= 0 {
			t.Errorf("%s: %d frames, of which %d should be shown", path, len(got), len(want))
			continue
		}
		first := got[0].at
		if lead := got[hurried].at - first; lead > 60_000 {
			t.Errorf("%s: the frames before the clip take %d µs", path, lead)
		}
		for i, w := range want {
			g := got[hurried+i]
			// What is shown first starts a few milliseconds before the clip.
			if off := g.at - first - w.at; g.hash != w.hash || off < 0 || off > 20_000 {
				t.Errorf("%s: frame %d of the clip is shown %d µs late; the same: %v", path, i, off, g.hash == w.hash)
				break
			}
		}
	}
}

func TestConcatenatedSegmentsAreTheStoredTrack(t *testing.T) {
	s := serve(t, Config{}, stored(t))
	for name, file := range map[string]string{"f1-v1": "hi-v", "f2-v1": "lo-v", "f3-a1": "hi-a"} {
		var joined []byte
		for n := 1; n <= 3; n++ {
			joined = append(joined, s.get(fmt.Sprintf("/dash/0_stored/fragment-%d-%s-x3.m4s", n, name)).body...)
		}
		whole := media.files[file].Bytes()
		if !bytes.HasSuffix(whole, joined) {
			t.Errorf("%s: the segments' %d bytes are not the end of the stored %d", name, len(joined), len(whole))
		}
		if got := s.get("/dash/0_stored/track-" + name + ".mp4").body; !bytes.Equal(got, whole) {
			t.Errorf("%s: the track file differs from what is stored", name)
		}
	}
	s.get("/dash/0_stored/fragment-3-f1-v1.m4s")
	if r := s.do("GET", "/dash/0_stored/fragment-4-f1-v1.m4s"); r.status != 404 {
		t.Errorf("segment 4 of 3: %d", r.status)
	}
}

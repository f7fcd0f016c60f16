package origin

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
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
			if said := ffmpeg(t, "-i", s.url+path, "-map", "0", "-c", "copy", "-f", "null", "-"); said != "" {
				t.Errorf("it said:\n%s", said)
			}
		})
	}
}

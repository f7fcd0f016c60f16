package remux_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager/remux"
)

func TestEveryKindOfSegmentGivesTheSameFrames(t *testing.T) {
	cases := []struct {
		name   string
		hls    []string
		format remux.Format
	}{
		{"ts", nil, remux.MP4},
		{"fmp4", []string{"-hls_segment_type", "fmp4"}, remux.MP4},
		{"ts byte ranges", []string{"-hls_flags", "single_file"}, remux.MP4},
		{"fmp4 byte ranges", []string{"-hls_segment_type", "fmp4", "-hls_flags", "single_file"}, remux.MP4},
		{"ts audio only", []string{"-vn"}, remux.M4A},
		{"ts video only", []string{"-an"}, remux.MP4},
		{"fmp4 audio only", []string{"-vn", "-hls_segment_type", "fmp4"}, remux.M4A},
		{"ts open gop", []string{"-x264-params", "open-gop=1"}, remux.MP4},
		{"ts slices", []string{"-x264-params", "slices=4"}, remux.MP4},
		{"ts 5.1", []string{"-ac", "6"}, remux.MP4},
		{"ts ac-3", []string{"-ac", "6", "-c:a", "ac3"}, remux.MP4},
		{"ts e-ac-3", []string{"-c:a", "eac3"}, remux.MP4},
		{"ts mp3", []string{"-c:a", "libmp3lame"}, remux.MP4},
		{"ts mp2", []string{"-c:a", "mp2"}, remux.MP4},
		{"ts hevc", []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=50:min-keyint=50"}, remux.MP4},
		{"ts ntsc rate", []string{"-r", "30000/1001", "-g", "60"}, remux.MP4},
		{"fmp4 hevc", []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "log-level=error:keyint=50", "-hls_segment_type", "fmp4"}, remux.MP4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := hls(t, c.hls...)
			out := filepath.Join(t.TempDir(), "out.mp4")
			r := run(t, remux.Options{Input: in, Output: out, Format: c.format})
			moovFirst(t, out)
			strict(t, out)
			for _, tr := range r.Tracks {
				read := decoded
				if tr.Codec == ".mp2" {
					read = coded // MP4 players take layer II with their MP3 decoder, whose output differs
				}
				// Alone in a TS playlist, ffmpeg gives the first two audio frames the same time.
				times := c.name != "ts audio only"
				if diff := cmp.Diff(read(t, in, tr.Kind[:1], times), read(t, out, tr.Kind[:1], times)); diff != "" {
					t.Errorf("%s frames differ (-in +out):\n%.800s", tr.Kind, diff)
				}
				if tr.Dropped+tr.Adjusted+tr.Silent > 0 {
					t.Errorf("track %+v", tr)
				}
			}
			if d := r.Duration90k - r.Playlist90k; d < -9000 || d > 9000 {
				t.Errorf("duration %d, playlist %d", r.Duration90k, r.Playlist90k)
			}
			if len(r.Warnings)+len(r.Gaps)+r.Discontinuities > 0 || r.Continuity+r.CorruptUnits+r.Resyncs > 0 || r.FastStart != "reserved" {
				t.Errorf("report %+v", r)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 1 {
				t.Errorf("%d files beside the output", len(left)-1)
			}
		})
	}
}

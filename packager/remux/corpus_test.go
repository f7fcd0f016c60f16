package remux_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager/remux"
)

func TestPresentationsOfTheCorpus(t *testing.T) {
	cases := []struct {
		path  string
		o     remux.Options
		gaps  int
		jumps int
		code  remux.Code
		same  bool // the frames are those that ffmpeg reads from the playlist
	}{
		{path: "sets/hls-ts-b-frames/index.m3u8", same: true},
		{path: "sets/hls-ts-cea608/manifest.m3u8"},
		{path: "sets/hls-fmp4-2seg/playlist.m3u8", same: true},
		{path: "sets/hls-alt-audio-alt-video/master.m3u8"},
		{path: "sets/hls-gap-missing-segments/playlist.m3u8", gaps: 2},
		{path: "sets/hls-ts-pts-wrap/playlist.m3u8", o: remux.Options{AllowOpen: true}},
		{path: "sets/hls-fmp4-aes-256/media.m3u8", o: remux.Options{AllowOpen: true}},
		{path: "sets/hls-ts-hevc-10bit/hevc.m3u8", jumps: 1},
		{path: "sets/hls-webvtt-sidecar/multivariant_playlist.m3u8"},
		{path: "sets/hls-ttml-in-mp4/multivariant_playlist.m3u8"},
		{path: "sets/hls-ts-opus/playlist.m3u8"},
		{path: "sets/cmaf-hls-dash-12seg/playlist.m3u8"},
		{path: "synthetic/sets/hls-fmp4-multi-variant/master.m3u8"},
		{path: "synthetic/sets/hls-ts-aes-128/index.m3u8"},
		{path: "synthetic/sets/hls-ts-byterange/index.m3u8"},
		{path: "synthetic/pts-wrap-at-4s.ts", same: true},
		{path: "synthetic/discontinuity-pts-back-and-resize.ts", jumps: 1},
		{path: "ts/hevc.ts", same: true},
		{path: "ts/h264-no-aud.ts"},
		{path: "ts/h264-iframes-only.ts"},
		{path: "ts/ac3-audio-only.ts"},
		{path: "ts/eac3.ts"},
		{path: "ts/he-aac-latm.ts"},
		{path: "ts/he-aacv2-id3.ts"},
		{path: "ts/h264-dts-audio.ts"},
		{path: "ts/cea608-sintel.ts"},
		{path: "ts/pat-pmt-in-middle-high-pts.ts"},
		{path: "hostile/mismatch/ts-named.mp4"},
		{path: "hostile/mismatch/mp4-named.ts"},
		{path: "hostile/mismatch/ts-204-byte-junk-lead.ts"},
		{path: "video/h264-aac-progressive-b-frames.mp4", same: true},
		{path: "video/h264-no-stss-all-intra.mp4"},
		{path: "video/hevc-b-frames.mp4"},
		{path: "audio/mp3-cbr-id3.mp3"},
		{path: "encrypted/cenc-h264.mp4", code: remux.Encrypted},
	}
	for _, c := range cases {
		t.Run(c.path, func(t *testing.T) {
			in, out := media(t, c.path), filepath.Join(t.TempDir(), "out.mp4")
			c.o.Input, c.o.Output = in, out
			if c.code != "" {
				if _, err := remux.Run(t.Context(), c.o); code(err) != c.code {
					t.Errorf("%v, want %s", err, c.code)
				}
				return
			}
			r := run(t, c.o)
			t.Logf("%d ms, playlist %d ms, %+v; gaps %v, jumps %d, skipped %v, warnings %v", r.Duration90k/90, r.Playlist90k/90, r.Tracks, r.Gaps,
				r.Discontinuities, r.Skipped, r.Warnings)
			if len(r.Gaps) != c.gaps || r.Discontinuities != c.jumps {
				t.Errorf("%d gaps, %d discontinuities: %+v", len(r.Gaps), r.Discontinuities, r)
			}
			strict(t, out)
			if c.same {
				for _, tr := range r.Tracks {
					if diff := cmp.Diff(decoded(t, in, tr.Kind[:1], false), decoded(t, out, tr.Kind[:1], false)); diff != "" {
						t.Errorf("%s frames differ (-in +out):\n%.600s", tr.Kind, diff)
					}
				}
			}
		})
	}
}

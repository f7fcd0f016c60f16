//go:build cgo

package av

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/codec"
)

func TestAssTextBecomesSafeCueText(t *testing.T) {
	for in, want := range map[string]string{
		`0,0,Default,,0,0,0,,Hello`:                             "Hello",
		`0,0,Default,,0,0,0,,a, b, and c`:                       "a, b, and c",
		`0,0,Default,,0,0,0,,{\i1}one{\i0} two`:                 "<i>one</i> two",
		`0,0,Default,,0,0,0,,{\b1}x{\i1}y{\b0}z`:                "<b>x</b><i><b>y</b></i><i>z</i>",
		`0,0,Default,,0,0,0,,{\an8\pos(1,2)\c&HFF&}top\Nbottom`: "top\nbottom",
		`0,0,Default,,0,0,0,,1 < 2 & 3 --> 4`:                   "1 &lt; 2 &amp; 3 --&gt; 4",
		`0,0,Default,,0,0,0,,a\N\N\Nb\N`:                        "a\nb",
		`0,0,Default,,0,0,0,,{\p1}m 0 0 l 10 10{\p0}seen`:       "seen",
		`0,0,Default,,0,0,0,,<script>alert(1)</script>`:         "&lt;script&gt;alert(1)&lt;/script&gt;",
		`0,0,Default,,0,0,0,,open {brace`:                       "open {brace",
		`0,0,Default,,0,0,0,,back\slash`:                        `back\slash`,
		`0,0,Default,,0,0,0,,{\r}x{\u1}y`:                       "x<u>y</u>",
		`too,few,fields`:                                        "",
	} {
		if got := assText(in); got != want {
			t.Errorf("%s\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestWebVTTOrdersClipsAndClosesCues(t *testing.T) {
	got := string(webVTT([]cue{
		{start: 3 * time.Second, text: "open"}, {start: -time.Second, end: time.Second, text: "early"},
		{start: time.Hour + 2*time.Millisecond, end: time.Hour + time.Second, text: "late"}, {start: 4 * time.Second, end: 5 * time.Second, text: "next"},
		{start: -2 * time.Second, end: -time.Second, text: "gone"},
	}))
	want := "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nearly\n\n00:00:03.000 --> 00:00:04.000\nopen\n\n00:00:04.000 --> 00:00:05.000\nnext\n\n01:00:00.002 --> 01:00:01.000\nlate\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTextSubtitlesOfEveryKindBecomeTheSameCues(t *testing.T) {
	srt := filepath.Join(t.TempDir(), "in.srt")
	text := "1\n00:00:00,500 --> 00:00:01,250\n<i>Hello</i> & welcome\n\n2\n00:00:02,000 --> 00:00:03,000\ntwo\nlines\n"
	if err := os.WriteFile(srt, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\n<i>Hello</i> &amp; welcome\n\n00:00:02.000 --> 00:00:03.000\ntwo\nlines\n"
	plain := "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\nHello &amp; welcome\n\n00:00:02.000 --> 00:00:03.000\ntwo\nlines\n"
	for _, c := range []struct{ name, codec string }{{"subs.mkv", "srt"}, {"subs-ass.mkv", "ass"}, {"subs.mp4", "mov_text"}} {
		t.Run(c.codec, func(t *testing.T) {
			src := ffmpeg(t, c.name, "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=4", "-i", srt, "-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-c:s", c.codec)
			info := probe(t, src)
			if s := info.Streams[1]; s.Subtitle == nil || s.Subtitle.Kind != "text" {
				t.Fatalf("stream 1 is %+v", s)
			}
			p := codec.Plan{Version: codec.PlanVersion, Format: info.Format.Name, OriginUS: *info.Format.StartUS, Subs: []codec.SubPlan{{Stream: 1, Name: "s0-en"}}}
			m, _ := run(t, src, codec.Job{Plan: p, Subs: true})
			got := string(m.files["s0-en.vtt"])
			if got != want && !(c.codec == "mov_text" && got == plain) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

package uri

import (
	"errors"
	"strings"
	"testing"

	"sluice/packager"
	"sluice/packager/internal/synthetic"
)

// library has two video files, an English and a French sound file, a file of its own video and sound, and subtitles.
func library() *packager.Set {
	return synthetic.Set("x", synthetic.Video(1280, 720, 8, 1000_000), synthetic.Video(640, 360, 8, 500_000),
		synthetic.Audio("eng", 2, 8, 128_000), synthetic.Audio("fr", 2, 8, 128_000),
		[]*packager.Track{synthetic.Video(320, 180, 8, 200_000), synthetic.Audio("de", 2, 8, 64_000), synthetic.Audio("de", 6, 8, 64_000)},
		synthetic.Cues("en", "English", false, false))
}

func TestSelectFindsTheTracksNamed(t *testing.T) {
	set := library()
	for _, tt := range []struct{ path, want string }{
		{"/x/master.m3u8", "f1-v1-f2-v1-f5-v1-f3-a1-f4-a1-f5-a1-a2-f6-s1"},
		{"/x/master-f1-f3.m3u8", "f1-v1-f3-a1"},
		{"/x/master-f5-v1-a2.m3u8", "f5-v1-a2"},
		{"/x/master-lfra.m3u8", "f1-v1-f2-v1-f5-v1-f4-a1"},
		{"/x/master-len-lger.m3u8", "f1-v1-f2-v1-f5-v1-f3-a1-f5-a1-a2-f6-s1"},
		{"/x/tracks/v1/master.m3u8", "f1-v1-f2-v1-f5-v1"},
		{"/x/tracks/a2/master-f5.m3u8", "f5-a2"},
		{"/x/index.m3u8", "f1-v1-f3-a1"},
		{"/x/index-f2.m3u8", "f2-v1"},
		{"/x/index-f5.m3u8", "f5-v1-a1"},
		{"/x/index-f1-v1-f4-a1.m3u8", "f1-v1-f4-a1"},
		{"/x/index-s0_4-a1.m3u8", "f4-a1"},
		{"/x/index-f5-a2.m3u8", "f5-a2"},
		{"/x/index-f6-s1.m3u8", "f6-s1"},
		{"/x/seg-1-f6-s1.vtt", "f6-s1"},
		{"/x/seg-1.vtt", "f6-s1"},
		{"/x/seg-1-f3.aac", "f3-a1"},
		{"/x/seg-1-f5.aac", "f5-a1"},
		{"/x/iframes-f5.m3u8", "f5-v1"},
	} {
		r, err := Parse(HLS, tt.path)
		if err != nil {
			t.Fatal(err)
		}
		sel, err := Select(set, &r)
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		if got := strings.TrimSuffix(Name("", 0, sel.Refs(), false, "", ""), "."); got != "-"+tt.want {
			t.Errorf("%s: %s, want -%s", tt.path, got, tt.want)
		}
	}
}

func TestSelectRefusesWhatIsNotThere(t *testing.T) {
	set := library()
	for path, want := range map[string]struct {
		status int
		reason string
	}{
		"/x/index-f7.m3u8":           {404, "no such file"},
		"/x/index-s0_9.m3u8":         {404, "no such file"},
		"/x/index-f1-v2.m3u8":        {404, "no such track"},
		"/x/index-f1-a1.m3u8":        {404, "no such track"},
		"/x/index-f6-s2.m3u8":        {404, "no such track"},
		"/x/index-v1.m3u8":           {400, "more than one"},
		"/x/index-f5-v1-a1-a2.m3u8":  {400, "more than one"},
		"/x/index-f1-v1-f6-s1.m3u8":  {400, "muxed"},
		"/x/iframes-f3.m3u8":         {404, "no such track"},
		"/x/seg-1-f1.aac":            {404, "no such track"},
		"/x/tracks/a1/index-f1.m3u8": {404, "no such track"},
	} {
		r, err := Parse(HLS, path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Select(set, &r)
		var e *Error
		if !errors.As(err, &e) || e.Status != want.status || !strings.Contains(e.Reason, want.reason) {
			t.Errorf("%s: %v, want %d …%s…", path, err, want.status, want.reason)
		}
	}
}

func TestNamesReadBack(t *testing.T) {
	v, a, s := packager.Ref{File: 1, Kind: packager.Video, N: 1}, packager.Ref{File: 4, Kind: packager.Audio, N: 2}, packager.Ref{File: 6, Kind: packager.Text, N: 1}
	for _, tt := range []struct {
		base    string
		n       int
		refs    []packager.Ref
		single  bool
		version string
		ext     string
		want    string
	}{
		{"seg", 12, []packager.Ref{v, a}, false, "3", "ts", "seg-12-f1-v1-f4-a2-x3.ts"},
		{"index", 0, []packager.Ref{v}, true, "", "m3u8", "index-v1.m3u8"},
		{"seg", 1, []packager.Ref{s}, false, "", "vtt", "seg-1-f6-s1.vtt"},
		{"master", 0, nil, false, "", "m3u8", "master.m3u8"},
		{"index", 0, []packager.Ref{{File: 2, Kind: packager.Video, N: 1}, {File: 2, Kind: packager.Audio, N: 1}}, false, "", "m3u8", "index-f2-v1-a1.m3u8"},
	} {
		got := Name(tt.base, tt.n, tt.refs, tt.single, tt.version, tt.ext)
		if got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		r, err := Parse(HLS, "/x/"+got)
		if err != nil || r.Segment != tt.n || r.Version != tt.version {
			t.Errorf("%q reads back as %+v, %v", got, r, err)
		}
	}
}

func TestVersionsFitTheGrammar(t *testing.T) {
	for in, same := range map[string]bool{"": true, "3": true, "a_b.9": true, "a-b": false, "é": false, strings.Repeat("x", 41): false} {
		v := Version(in)
		if (v == in) != same || v != "" && !validVersion(v) {
			t.Errorf("%q becomes %q", in, v)
		}
	}
	if Version("a-b") == Version("a-c") {
		t.Error("two versions become one")
	}
}

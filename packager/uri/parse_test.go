package uri

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// view is what a test compares of a request.
type view struct {
	Kind          Kind
	Files         []string
	Params        Params
	PerFile       []Params
	Segment       int
	TimeMS        int64
	Width, Height int
	Picks         []Pick
	Langs         []string
	Version       string
}

func viewOf(r *Request) view {
	v := view{Kind: r.Kind, Params: r.Params, PerFile: r.PerFile, Segment: r.Segment, TimeMS: r.TimeMS,
		Width: r.Width, Height: r.Height, Version: r.Version}
	for i := range r.Source.Len() {
		v.Files = append(v.Files, r.Source.File(i))
	}
	v.Picks = append(v.Picks, r.Picks()...)
	v.Langs = append(v.Langs, r.Langs()...)
	return v
}

func TestParseReadsTheGrammar(t *testing.T) {
	tests := []struct {
		path string
		loc  Location
		want view
	}{
		{"/0_abc/master.m3u8", HLS, view{Kind: Master, Files: []string{"0_abc"}}},
		{"a/b/c.mp4/index.m3u8", HLS, view{Kind: MediaPlaylist, Files: []string{"a/b/c.mp4"}}},
		{"/0_abc/,1_x,1_y,.urlset/index-f2-v1-a1.m3u8", HLS, view{Kind: MediaPlaylist,
			Files: []string{"0_abc/1_x", "0_abc/1_y"}, Picks: []Pick{{File: 2, Video: 1, Audio: 1}}}},
		{"/v/,lo,hi,/x.mp4.urlset/seg-12-f1-v1-f2-a1-x3.ts", HLS, view{Kind: SegmentTS, Segment: 12, Version: "3",
			Files: []string{"v/lo/x.mp4", "v/hi/x.mp4"}, Picks: []Pick{{File: 1, Video: 1}, {File: 2, Audio: 1}}}},
		{"/v/,one.urlset/master.m3u8", HLS, view{Kind: Master, Files: []string{"v/,one"}}},
		{"/v/,one,.urlset/master.m3u8", HLS, view{Kind: Master, Files: []string{"v/one"}}},
		{"/a%20b/master.m3u8", HLS, view{Kind: Master, Files: []string{"a b"}}},
		{"/x/clipFrom/1000/clipTo/9000/index.m3u8", HLS, view{Kind: MediaPlaylist, Files: []string{"x"},
			Params: Params{ClipFrom: 1000, ClipTo: 9000}}},
		{"/container/fmp4/x/master.m3u8", HLS, view{Kind: Master, Files: []string{"x"}, Params: Params{Container: FMP4}}},
		{"/x/lang/fre/y/tracks/v1-a2/shift/v100-a50-s20/master.m3u8", HLS, view{Kind: Master, Files: []string{"x/y"},
			Params: Params{Lang: "fre", Tracks: Pick{Video: 1, Audio: 2}, ShiftVideo: 100, ShiftAudio: 50, ShiftText: 20}}},
		{"/lang/,eng/a,fre/b,.urlset/master.m3u8", HLS, view{Kind: Master, Files: []string{"a", "b"},
			PerFile: []Params{{Lang: "eng"}, {Lang: "fre"}}}},
		{"/p/,a/clipFrom/1000,b/clipFrom/2000,/container/ts.urlset/master.m3u8", HLS, view{Kind: Master,
			Files:   []string{"p/a", "p/b"},
			PerFile: []Params{{ClipFrom: 1000, Container: TS}, {ClipFrom: 2000, Container: TS}}}},
		{"/x/seg-5-i10-c1-f3-v-a0-leng-lfre-xab_1.m4s", HLS, view{Kind: SegmentMP4, Segment: 15, Files: []string{"x"},
			Picks: []Pick{{File: 3, Video: AllTracks, Audio: AllTracks}}, Langs: []string{"eng", "fre"}, Version: "ab_1"}},
		{"/x/seg-1-f5-s1.vtt", HLS, view{Kind: SegmentVTT, Segment: 1, Files: []string{"x"}, Picks: []Pick{{File: 5, Text: 1}}}},
		{"/x/index-s0_asset-v1-v2.m3u8", HLS, view{Kind: MediaPlaylist, Files: []string{"x"},
			Picks: []Pick{{ID: "0_asset", Video: 3}}}},
		{"/x/seg-2-a1.aac", HLS, view{Kind: SegmentAAC, Segment: 2, Files: []string{"x"}, Picks: []Pick{{Audio: 1}}}},
		{"/x/iframes-v1.m3u8", HLS, view{Kind: IFramePlaylist, Files: []string{"x"}, Picks: []Pick{{Video: 1}}}},
		{"/x/image-v1.m3u8", HLS, view{Kind: ImagePlaylist, Files: []string{"x"}, Picks: []Pick{{Video: 1}}}},
		{"/x/manifest.mpd", DASH, view{Kind: Manifest, Files: []string{"x"}}},
		{"/x/manifest-ondemand.mpd", DASH, view{Kind: ManifestOnDemand, Files: []string{"x"}}},
		{"/x/manifest-ondemand-f1-v1.mpd", DASH, view{Kind: ManifestOnDemand, Files: []string{"x"}, Picks: []Pick{{File: 1, Video: 1}}}},
		{"/x/init-f1-v1-x3.mp4", DASH, view{Kind: Init, Files: []string{"x"}, Picks: []Pick{{File: 1, Video: 1}}, Version: "3"}},
		{"/x/fragment-7-f1-v1-x3.m4s", DASH, view{Kind: SegmentMP4, Segment: 7, Files: []string{"x"},
			Picks: []Pick{{File: 1, Video: 1}}, Version: "3"}},
		{"/x/sprite-2.jpg", HLS, view{Kind: Sprite, Segment: 2, Files: []string{"x"}}},
		{"/x/thumb-5000-w320-h180.jpg", Images, view{Kind: Thumb, TimeMS: 5000, Width: 320, Height: 180, Files: []string{"x"}}},
		{"/x/thumb-0.jpg", Images, view{Kind: Thumb, Files: []string{"x"}}},
		{"/x/storyboard.vtt", Images, view{Kind: Storyboard, Files: []string{"x"}}},
		{"/x/my-film.mp4", Progressive, view{Kind: ProgressiveMP4, Files: []string{"x"}}},
		{"/x/clipFrom/500/my%20film-f1-v1-f4-a1.mp4", Progressive, view{Kind: ProgressiveMP4, Files: []string{"x"},
			Params: Params{ClipFrom: 500}, Picks: []Pick{{File: 1, Video: 1}, {File: 4, Audio: 1}}}},
		{"/x/sound-a2.m4a", Progressive, view{Kind: ProgressiveM4A, Files: []string{"x"}, Picks: []Pick{{Audio: 2}}}},
		{"/x/take-f1ne.aac", Progressive, view{Kind: ProgressiveAAC, Files: []string{"x"}}},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r, err := Parse(tt.loc, tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, viewOf(&r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefusesByHTTPClass(t *testing.T) {
	tests := []struct {
		path   string
		loc    Location
		status int
		reason string // part of it
	}{
		{"", HLS, 404, "no file"},
		{"/master.m3u8", HLS, 400, "no file"},
		{"/clipFrom/10/master.m3u8", HLS, 400, "no file"},
		{"/x/../y/master.m3u8", HLS, 400, "dot component"},
		{"/x/%2e%2E/master.m3u8", HLS, 400, "dot component"},
		{"/x/.%2e/master.m3u8", HLS, 400, "dot component"},
		{"/x//master.m3u8", HLS, 400, "empty component"},
		{"/x/a%2fb/master.m3u8", HLS, 400, "encoded slash"},
		{"/x/a%00/master.m3u8", HLS, 400, "control"},
		{"/x/a%5cb/master.m3u8", HLS, 400, "backslash"},
		{"/x/a\x00/master.m3u8", HLS, 400, "control"},
		{"/x/a%zz/master.m3u8", HLS, 400, "percent"},
		{"/x/a%4", HLS, 400, "percent"},
		{"/x/m%61ster.m3u8", HLS, 400, "percent"},
		{"/x/", HLS, 400, "empty component"},
		{"/x/master", HLS, 404, "extension"},
		{"/x/other.m3u8", HLS, 404, "no such object"},
		{"/x/manifest.mpd", HLS, 404, "no such object"},
		{"/x/seg-1.ts", DASH, 404, "no such object"},
		{"/x/seg.ts", HLS, 400, "number"},
		{"/x/seg-x.ts", HLS, 400, "number"},
		{"/x/seg-0.ts", HLS, 404, "from 1"},
		{"/x/seg-99999999999.ts", HLS, 400, "number"},
		{"/x/seg-1-q.ts", HLS, 400, "-q"},
		{"/x/seg-1-v1-.ts", HLS, 400, "item"},
		{"/x/seg-1-v1x.ts", HLS, 400, "number"},
		{"/x/seg-1v1.ts", HLS, 400, "item"},
		{"/x/seg-1-x1-v1.ts", HLS, 400, "-v"},
		{"/x/seg-1-c1-c1.ts", HLS, 400, "-c"},
		{"/x/seg-1-c2.ts", HLS, 404, "one clip"},
		{"/x/seg-1-f33.ts", HLS, 404, "32"},
		{"/x/seg-1-v65.ts", HLS, 404, "64"},
		{"/x/seg-1-f0.ts", HLS, 400, "-f"},
		{"/x/seg-1-len4.ts", HLS, 400, "language"},
		{"/x/seg-1-x.ts", HLS, 400, "version"},
		{"/x/index-p100.m3u8", HLS, 501, "delay"},
		{"/x/speed/1.5/master.m3u8", HLS, 501, "speed"},
		{"/x/container/webm/master.m3u8", HLS, 400, "container"},
		{"/x/clipFrom/abc/master.m3u8", HLS, 400, "clipFrom"},
		{"/x/clipFrom/-1/master.m3u8", HLS, 400, "clipFrom"},
		{"/x/clipFrom/9/clipTo/9/master.m3u8", HLS, 400, "not after"},
		{"/x/clipFrom/master.m3u8", HLS, 400, "without a value"},
		{"/x/tracks/b1/master.m3u8", HLS, 400, "tracks"},
		{"/x/tracks/v1-/master.m3u8", HLS, 400, "tracks"},
		{"/x/shift/z1/master.m3u8", HLS, 400, "shift"},
		{"/x/lang/english/master.m3u8", HLS, 400, "lang"},
		{"/x/manifest.f4m", DASH, 410, "HDS"},
		{"/x/frag-1.f4f", HLS, 410, "HDS"},
		{"/x/manifest", DASH, 501, "Smooth"},
		{"/x/QualityLevels(100)/Fragments(video=1)", DASH, 501, "Smooth"},
		{"/x/volume_map.csv", HLS, 501, "volume"},
		{"/x/part-1.2-v1.m4s", HLS, 404, "live"},
		{"/x/encryption.key", HLS, 404, "not encrypted"},
		{"/x/storyboard-v1.vtt", HLS, 400, "item"},
		{"/x/thumb-1-w0.jpg", Images, 400, "size"},
		{"/x/thumb-1-w5000.jpg", Images, 400, "size"},
		{"/x/thumb-1-w5-w6.jpg", Images, 400, "size"},
		{"/x/film.mov", Progressive, 404, "no such object"},
		{"/0/,.,0,.urlset/master.m3u8", HLS, 400, "dot component"},
		{"/0/.,.,.x,.urlset/master.m3u8", HLS, 400, "dot component"},
		{"/0/,..,0,/x.urlset/master.m3u8", HLS, 400, "dot component"},
		{"/0/...urlset/master.m3u8", HLS, 400, "dot component"},
		{"/,a,,b,.urlset/master.m3u8", HLS, 400, "empty part"},
		{"/," + strings.Repeat("a,", 33) + ".urlset/master.m3u8", HLS, 400, "32 files"},
		{"/" + strings.Repeat("a", 5000) + "/master.m3u8", HLS, 400, "too long"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			_, err := Parse(tt.loc, tt.path)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Status != tt.status || !strings.Contains(e.Reason, tt.reason) {
				t.Errorf("got %d %q, want %d …%s…", e.Status, e.Reason, tt.status, tt.reason)
			}
		})
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, path := range []string{
		"/0_abc/,1_x,1_y,.urlset/seg-12-f1-v1-f2-a1-x3.ts",
		"/0_abc/clipFrom/1000/clipTo/9000/seg-12-f1-v1-f2-a1-x3.ts",
	} {
		var r Request
		if n := testing.AllocsPerRun(100, func() {
			if err := r.Parse(HLS, path); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

// FuzzParse: no path makes the parser panic, no accepted path names a file outside its tree, and an accepted multi-file source
// reads back as itself.
func FuzzParse(f *testing.F) {
	for _, p := range []string{
		"/0_abc/,1_x,1_y,.urlset/index-f2-v1-a1.m3u8", "/x/lang/fre/y/tracks/v1-a2/shift/v100-a50-s20/master.m3u8",
		"/lang/,eng/a,fre/b,.urlset/master.m3u8", "/x/thumb-5000-w320.jpg", "/x/a%20b/seg-1-i2-c1-s0_a-v1-a-p1-len-x1.ts",
		"/x/film-f1-v1.mp4", "/x/%2e%2e/master.m3u8", "/,a,b.urlset/clipTo/1/manifest-ondemand.mpd",
	} {
		f.Add(uint8(HLS), p)
		f.Add(uint8(DASH), p)
		f.Add(uint8(Progressive), p)
		f.Add(uint8(Images), p)
	}
	f.Fuzz(func(t *testing.T, loc uint8, path string) {
		r, err := Parse(Location(loc), path)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Reason == "" || e.Status < 400 {
				t.Fatalf("%q: error without a class or reason: %v", path, err)
			}
			return
		}
		for i := range r.Source.Len() {
			file := r.Source.File(i)
			if file == "" || strings.ContainsAny(file, "\x00\\") {
				t.Fatalf("%q names file %q", path, file)
			}
			for c := range strings.SplitSeq(file, "/") {
				if c == ".." || c == "." {
					t.Fatalf("%q names file %q", path, file)
				}
			}
		}
		if r.PerFile != nil || !r.Source.Multi {
			return
		}
		again, err := Parse(Location(loc), r.Source.String()+path[strings.LastIndexByte(path, '/'):])
		if err != nil || again.Source != r.Source || again.Kind != r.Kind {
			t.Fatalf("%q does not read back: %v", path, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var r Request
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Parse(HLS, "/0_abc/,1_x,1_y,1_z,.urlset/seg-12-f1-v1-f2-a1-x3.ts"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestClipsIntersect: a path that is signed up to some point cannot be widened behind it.
func TestClipsIntersect(t *testing.T) {
	for path, want := range map[string][2]int64{
		"/x/clipTo/9000/clipTo/20000/index.m3u8":                 {0, 9000},
		"/x/clipTo/9000/clipTo/0/index.m3u8":                     {0, 9000},
		"/x/clipTo/9000/clipTo/5000/index.m3u8":                  {0, 5000},
		"/x/clipFrom/3000/clipFrom/1000/clipTo/9000/index.m3u8":  {3000, 9000},
		"/x/clipTo/9000/,a/clipTo/20000,b,.urlset/index.m3u8":    {0, 9000},
		"/clipTo/9000/x,a/clipTo/20000,b/c,.urlset/f/index.m3u8": {0, 9000},
	} {
		r, err := Parse(HLS, path)
		if err != nil {
			t.Logf("%s: refused: %v", path, err)
			continue
		}
		all := append([]Params{}, r.PerFile...)
		if len(all) == 0 {
			all = append(all, r.Params)
		}
		for _, p := range all {
			if p.ClipFrom != want[0] || p.ClipTo != want[1] {
				t.Errorf("%s: %d to %d, want %v", path, p.ClipFrom, p.ClipTo, want)
			}
		}
	}
}

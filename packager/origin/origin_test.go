package origin

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice/packager"
)

func TestEveryURLGivenIsServed(t *testing.T) {
	s := serve(t, Config{}, stored(t), oneLanguage(t), progressiveSet(t))
	for _, start := range []string{
		"/hls/0_stored/master.m3u8", "/hls/0_stored/container/fmp4/master.m3u8", "/hls/0_one/master.m3u8",
		"/hls/0_one/container/fmp4/master.m3u8", "/hls/0_plain/master.m3u8", "/hls/0_plain/container/fmp4/master.m3u8",
		"/hls/0_stored/,0_lo,0_fr,.urlset/master.m3u8", "/hls/0_stored/clipFrom/5000/clipTo/11000/master.m3u8",
		"/hls/0_stored/shift/v100-a100-s100/master.m3u8", "/hls/0_stored/tracks/v1/master.m3u8", "/hls/0_stored/master-lfra.m3u8",
	} {
		t.Run(start, func(t *testing.T) {
			s := *s
			s.T = t
			dir := start[:strings.LastIndexByte(start, '/')+1]
			lines, attrs := uris(s.get(start).body)
			if len(lines) == 0 {
				t.Fatal("the master lists no variant")
			}
			for _, u := range append(lines, attrs...) {
				segs, maps := uris(s.get(dir + u).body)
				if len(segs) == 0 {
					t.Errorf("%s lists no segment", u)
				}
				for _, seg := range append(segs, maps...) {
					if r := s.get(dir + seg); len(r.body) == 0 {
						t.Errorf("%s is empty", seg)
					}
				}
			}
		})
	}
	s.stop()
	if s.lib.resolved != s.lib.released {
		t.Errorf("%d presentations resolved, %d released", s.lib.resolved, s.lib.released)
	}
}

// objects is one of each kind of response.
var objects = []struct {
	path, ctype string
	text        bool
}{
	{"/hls/0_stored/master.m3u8", "application/vnd.apple.mpegurl", true},
	{"/hls/0_stored/index-f1-v1.m3u8", "application/vnd.apple.mpegurl", true},
	{"/hls/0_stored/iframes-f1-v1.m3u8", "application/vnd.apple.mpegurl", true},
	{"/hls/0_stored/image.m3u8", "application/vnd.apple.mpegurl", true},
	{"/hls/0_stored/seg-1-f1-v1-f3-a1.ts", "video/mp2t", false},
	{"/hls/0_stored/seg-2-f1-v1.m4s", "video/iso.segment", false},
	{"/hls/0_plain/seg-2-f1-v1-a1.m4s", "video/iso.segment", false},
	{"/hls/0_stored/seg-2-f3-a1.aac", "audio/aac", false},
	{"/hls/0_stored/seg-1-f5-s1.vtt", "text/vtt; charset=utf-8", true},
	{"/hls/0_stored/init-f1-v1.mp4", "video/mp4", false},
	{"/hls/0_stored/track-f1-v1.mp4", "video/mp4", false},
	{"/dash/0_stored/manifest.mpd", "application/dash+xml", true},
	{"/dash/0_stored/manifest-ondemand.mpd", "application/dash+xml", true},
	{"/dash/0_stored/fragment-1-f3-a1.m4s", "video/iso.segment", false},
	{"/dash/0_stored/trick-1-f2-v1.m4s", "video/iso.segment", false},
	{"/dash/0_stored/subtitles-f5-s1.vtt", "text/vtt; charset=utf-8", true},
	{"/mp4/0_stored/film.mp4", "video/mp4", false},
	{"/mp4/0_stored/clipFrom/2500/film.mp4", "video/mp4", false},
	{"/mp4/0_stored/sound-f4-a1.m4a", "audio/mp4", false},
	{"/mp4/0_stored/sound.aac", "audio/aac", false},
	{"/thumb/0_stored/storyboard.vtt", "text/vtt; charset=utf-8", true},
	{"/thumb/0_stored/sprite-2.jpg", "image/jpeg", false},
	{"/thumb/0_stored/thumb-4000.jpg", "image/jpeg", false},
	{"/raw/original", "video/mp4", false},
}

// catalogue serves every object, with an original.
func catalogue(t *testing.T, cfg Config) *site {
	s := serve(t, cfg, stored(t), progressiveSet(t))
	s.lib.files = map[string]packager.File{"original": media.plain["hi"], "remote": memFile([]byte("0123456789"))}
	return s
}

func TestHeadRangeAndConditionsOfEveryObject(t *testing.T) {
	s := catalogue(t, Config{})
	for _, o := range objects {
		t.Run(o.path, func(t *testing.T) {
			s := *s
			s.T = t
			whole := s.get(o.path)
			etag, size := whole.header.Get("ETag"), len(whole.body)
			if got := whole.header.Get("Content-Type"); got != o.ctype {
				t.Errorf("type %q, want %q", got, o.ctype)
			}
			if !strings.HasPrefix(etag, `"`) || len(etag) < 10 {
				t.Fatalf("ETag %q is not a strong validator", etag)
			}
			if got := whole.header.Get("Last-Modified"); got != published.Format(http.TimeFormat) {
				t.Errorf("Last-Modified %q", got)
			}
			head := s.do("HEAD", o.path)
			if head.status != 200 || head.header.Get("Content-Length") != fmt.Sprint(size) || head.header.Get("ETag") != etag || len(head.body) != 0 {
				t.Errorf("HEAD: %d, length %s of %d, ETag %s", head.status, head.header.Get("Content-Length"), size, head.header.Get("ETag"))
			}
			for _, c := range []struct {
				name, value string
				status      int
				from, to    int // of the body expected
			}{
				{"Range", "bytes=0-", 206, 0, size},
				{"Range", "bytes=0-0", 206, 0, 1},
				{"Range", fmt.Sprintf("bytes=%d-%d", size/3, size/2), 206, size / 3, size/2 + 1},
				{"Range", fmt.Sprintf("bytes=%d-%d", size/2, size*2), 206, size / 2, size},
				{"Range", "bytes=-7", 206, size - 7, size},
				{"Range", fmt.Sprintf("bytes=-%d", size*3), 206, 0, size},
				{"Range", "bytes=1-2,4-5", 200, 0, size},
				{"Range", "lines=1-2", 200, 0, size},
				{"Range", "bytes=5-2", 200, 0, size},
				{"Range", "bytes=x-2", 200, 0, size},
				{"If-None-Match", etag, 304, 0, 0},
				{"If-None-Match", `"a", W/` + etag, 304, 0, 0},
				{"If-None-Match", "*", 304, 0, 0},
				{"If-None-Match", `"other"`, 200, 0, size},
				{"If-Modified-Since", published.Format(http.TimeFormat), 304, 0, 0},
				{"If-Modified-Since", published.AddDate(0, 0, -1).Format(http.TimeFormat), 200, 0, size},
				{"If-Match", etag, 200, 0, size},
			} {
				r := s.do("GET", o.path, c.name, c.value)
				if r.status != c.status || !bytes.Equal(r.body, whole.body[c.from:c.to]) {
					t.Errorf("%s %s: %d with %d bytes, want %d with [%d,%d)", c.name, c.value, r.status, len(r.body), c.status, c.from, c.to)
				}
				if c.status == 206 && r.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, size) {
					t.Errorf("%s: Content-Range %q", c.value, r.header.Get("Content-Range"))
				}
			}
			if r := s.do("GET", o.path, "Range", fmt.Sprintf("bytes=%d-", size)); r.status != 416 || r.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("range past the end: %d %q", r.status, r.header.Get("Content-Range"))
			}
			if r := s.do("GET", o.path, "If-Match", `"other"`); r.status != 412 {
				t.Errorf("If-Match of another: %d", r.status)
			}
			for cond, status := range map[string]int{etag: 206, `"other"`: 200, published.Format(http.TimeFormat): 206, "Mon, 02 Jan 2006 15:04:05 GMT": 200} {
				if r := s.do("GET", o.path, "Range", "bytes=1-3", "If-Range", cond); r.status != status {
					t.Errorf("If-Range %s: %d, want %d", cond, r.status, status)
				}
			}
		})
	}
}

func TestTextIsCompressedAndMediaIsNot(t *testing.T) {
	s := catalogue(t, Config{})
	for _, o := range objects {
		plain := s.get(o.path)
		if o.text && len(plain.body) < minCompressed {
			continue
		}
		for accept, want := range map[string]string{
			"gzip": "gzip", "gzip, deflate, br, zstd": "zstd", "zstd;q=0, gzip;q=0.5": "gzip", "gzip;q=0": "", "br": "", "GZIP": "gzip",
		} {
			if !o.text {
				want = ""
			}
			r := s.get(o.path, "Accept-Encoding", accept)
			if got := r.header.Get("Content-Encoding"); got != want {
				t.Errorf("%s for %q: encoding %q, want %q", o.path, accept, got, want)
				continue
			}
			body := r.body
			switch want {
			case "gzip":
				z, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				body, _ = io.ReadAll(z)
			case "zstd":
				z, err := zstd.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				body, _ = io.ReadAll(z)
				z.Close()
			}
			if !bytes.Equal(body, plain.body) {
				t.Errorf("%s for %q differs from the plain form", o.path, accept)
			}
			if o.text != (r.header.Get("Vary") == "Accept-Encoding") {
				t.Errorf("%s: Vary %q", o.path, r.header.Get("Vary"))
			}
			if want != "" && r.header.Get("ETag") == plain.header.Get("ETag") {
				t.Errorf("%s: two encodings share a strong validator", o.path)
			}
		}
	}
}

func TestLifetimesFollowTheVersionInTheURL(t *testing.T) {
	growing := stored(t)
	growing.ID, growing.Complete = "0_growing", false
	s := serve(t, Config{}, stored(t), growing)
	const forever = "public, max-age=31536000, immutable"
	for path, want := range map[string]string{
		"/hls/0_stored/master.m3u8":             "public, max-age=300",
		"/hls/0_stored/index-f1-v1-x3.m3u8":     forever,
		"/hls/0_stored/seg-1-f1-v1-x3.ts":       forever,
		"/hls/0_stored/seg-1-f1-v1.ts":          "public, max-age=3600",
		"/hls/0_stored/seg-1-f1-v1-x2.ts":       "public, max-age=3600",
		"/dash/0_stored/init-f1-v1-x3.mp4":      forever,
		"/hls/0_growing/index-f1-v1.m3u8":       "public, max-age=3",
		"/hls/0_growing/seg-1-f1-v1-x3.ts":      "public, max-age=3",
		"/dash/0_growing/manifest.mpd":          "public, max-age=3",
		"/thumb/0_stored/sprite-1.jpg":          "public, max-age=3600",
		"/mp4/0_stored/film-f1-v1-f3-a1-x3.mp4": forever,
	} {
		if got := s.get(path).header.Get("Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestErrorsSayWhyAsPlainText(t *testing.T) {
	s := catalogue(t, Config{})
	for path, want := range map[string]struct {
		status int
		reason string
	}{
		"/hls/0_missing/master.m3u8":                     {404, "no such presentation"},
		"/hls/0_stored/,0_hi,0_none,.urlset/master.m3u8": {404, "no such presentation"},
		"/hls/0_stored/seg-4-f1-v1.ts":                   {404, "no segment 4"},
		"/hls/0_stored/seg-1-f9-v1.ts":                   {404, "no such file"},
		"/hls/0_stored/seg-1-f1-v2.ts":                   {404, "no such track"},
		"/hls/0_stored/seg-1-f1-a1.ts":                   {404, "no such track"},
		"/hls/0_stored/seg-1-v1.ts":                      {400, "more than one"},
		"/hls/0_stored/seg-1-f1-v1-f5-s1.m4s":            {400, "muxed"},
		"/hls/0_stored/seg-x.ts":                         {400, "number"},
		"/hls/0_stored/seg-1-f5-s1.m4s":                  {404, "WebVTT only"},
		"/hls/0_plain/track-f1-v1.mp4":                   {404, "not stored as one file"},
		"/hls/0_plain/storyboard.vtt":                    {404, "no storyboard"},
		"/hls/0_plain/poster.jpg":                        {404, "no poster"},
		"/dash/0_plain/manifest-ondemand.mpd":            {404, "nothing to play"},
		"/thumb/0_stored/sprite-3.jpg":                   {404, "no sprite 3"},
		"/thumb/0_stored/thumb-99000.jpg":                {404, "ends before"},
		"/thumb/0_stored/thumb-1000-w999.jpg":            {501, "up to 16 by 9"},
		"/hls/0_stored/speed/2/master.m3u8":              {501, "speed"},
		"/dash/0_stored/manifest.f4m":                    {410, "HDS"},
		"/hls/0_stored/../secret/master.m3u8":            {400, "dot component"},
		"/hls/0_stored/%2e%2e/master.m3u8":               {400, "dot component"},
		"/mp4/0_stored/clipFrom/60000/film.mp4":          {404, "nothing in this clip"},
		"/raw/missing":                                   {404, "no such presentation"},
		"/raw/a/%2e%2e/b":                                {400, "dot component"},
		"/ftp/0_stored/x":                                {404, "no such location"},
		"/":                                              {404, "no such location"},
	} {
		r := s.do("GET", path)
		if r.status != want.status || !strings.Contains(string(r.body), want.reason) {
			t.Errorf("%s: %d %q, want %d …%s…", path, r.status, r.body, want.status, want.reason)
		}
		if r.header.Get("Content-Type") != "text/plain; charset=utf-8" || r.header.Get("Cache-Control") != "no-store" || r.header.Get("ETag") != "" {
			t.Errorf("%s: headers of an error are %v", path, r.header)
		}
		if h := s.do("HEAD", path); h.status != r.status || len(h.body) != 0 {
			t.Errorf("HEAD %s: %d with %d bytes", path, h.status, len(h.body))
		}
	}
	if r := s.do("POST", "/hls/0_stored/master.m3u8"); r.status != 405 || r.header.Get("Allow") == "" {
		t.Errorf("POST: %d", r.status)
	}
}

func TestResolverErrorsBecomeTheirClass(t *testing.T) {
	s := serve(t, Config{}, oneLanguage(t))
	for _, c := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("entry: %w", ErrNotFound), 404}, {fmt.Errorf("entry: %w", ErrForbidden), 403}, {ErrGone, 410},
		{errors.New("secret detail of storage"), 502}, {fmt.Errorf("bucket: %w", deadline{}), 504},
	} {
		s.lib.err = c.err
		r := s.do("GET", "/hls/0_one/master.m3u8")
		if r.status != c.status || strings.Contains(string(r.body), "secret") {
			t.Errorf("%v: %d %q, want %d", c.err, r.status, r.body, c.status)
		}
	}
}

type deadline struct{}

func (deadline) Error() string        { return "timed out" }
func (deadline) Is(target error) bool { return target.Error() == "context deadline exceeded" }

func TestCORS(t *testing.T) {
	any := catalogue(t, Config{})
	r := any.get("/hls/0_stored/seg-1-f1-v1.ts", "Origin", "https://player.example")
	if r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Timing-Allow-Origin") != "*" ||
		!strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "Content-Range") {
		t.Errorf("headers %v", r.header)
	}
	if r := any.do("GET", "/hls/0_none/master.m3u8"); r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("a page cannot read an error")
	}
	listed := catalogue(t, Config{CORSOrigins: []string{"https://a.example", "https://b.example"}})
	for from, want := range map[string]string{"https://b.example": "https://b.example", "https://c.example": "", "": ""} {
		r := listed.get("/hls/0_stored/master.m3u8", "Origin", from)
		if got := r.header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("origin %q is answered %q", from, got)
		}
		if vary := strings.Join(r.header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("Vary %q", vary)
		}
	}
	pre := listed.do("OPTIONS", "/hls/0_stored/master.m3u8", "Origin", "https://a.example", "Access-Control-Request-Method", "GET",
		"Access-Control-Request-Headers", "range,cmcd-request")
	if pre.status != 204 || pre.header.Get("Access-Control-Max-Age") != "86400" || pre.header.Get("Access-Control-Allow-Headers") != "range,cmcd-request" ||
		!strings.Contains(pre.header.Get("Access-Control-Allow-Methods"), "HEAD") || pre.header.Get("Access-Control-Allow-Origin") != "https://a.example" {
		t.Errorf("preflight: %d %v", pre.status, pre.header)
	}
}

func TestValidatorsFollowContentVersionAndShape(t *testing.T) {
	s := serve(t, Config{}, stored(t))
	const path = "/hls/0_stored/seg-1-f1-v1.m4s"
	first := s.get(path)
	if again := s.get(path); again.header.Get("ETag") != first.header.Get("ETag") {
		t.Error("the validator changes by itself")
	}
	if other := s.get("/hls/0_stored/seg-2-f1-v1.m4s"); other.header.Get("ETag") == first.header.Get("ETag") {
		t.Error("two segments share a validator")
	}
	next := stored(t)
	next.Version = "4"
	s.lib.mu.Lock()
	s.lib.sets["0_stored"] = next
	s.lib.mu.Unlock()
	if r := s.get(path, "If-None-Match", first.header.Get("ETag")); r.header.Get("ETag") == first.header.Get("ETag") {
		t.Error("a new version keeps the validator")
	}
	if master := s.get("/hls/0_stored/master.m3u8"); !strings.Contains(string(master.body), "-x4.m3u8") {
		t.Error("the cached master outlived its set")
	}
}

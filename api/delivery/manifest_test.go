package delivery_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

func TestPlayManifestAnswersInEveryFormat(t *testing.T) {
	h := newHouse(t)
	for name, tt := range map[string]struct {
		path     string
		status   int
		location string // a pattern
		ctype    string
	}{
		"applehttp":            {"/format/applehttp/protocol/http/a.m3u8", 200, "", "application/x-mpegurl"},
		"hls":                  {"/format/hls", 200, "", "application/x-mpegurl"},
		"pairs in any order":   {"/protocol/https/uiConfId/7/format/applehttp/nonsense/1/a.m3u8", 200, "", "application/x-mpegurl"},
		"by query":             {"?format=applehttp&protocol=http", 200, "", "application/x-mpegurl"},
		"path before query":    {"/format/applehttp?format=rtmp", 200, "", "application/x-mpegurl"},
		"mpegdash":             {"/format/mpegdash/manifest.mpd", 302, `/dash/p/102/sp/10200/serveFlavor/entryId/0_\w+/v/\d+/ev/1/flavorId/0_(,\w{8}){4},/name/a\.mp4\.urlset/manifest\.mpd$`, ""},
		"one flavor as dash":   {"/flavorIds/" + string(h.small.ID) + "/format/mpegdash/manifest.mpd", 302, `/dash/p/.*/flavorId/` + string(h.small.ID) + `/name/a\.mp4/manifest\.mpd$`, ""},
		"url":                  {"/format/url/protocol/http/name/a.mp4", 302, `^http://[^/]+/p/102/sp/10200/serveFlavor/.*/flavorId/` + string(h.large.ID) + `/name/a\.mp4$`, ""},
		"no format is http":    {"", 302, `/flavorId/` + string(h.large.ID) + `/name/a\.mp4$`, ""},
		"named flavor":         {"/flavorId/" + string(h.small.ID) + "/format/url", 302, `/flavorId/` + string(h.small.ID) + `/`, ""},
		"preferred rate":       {"/preferredBitrate/280/format/url", 302, `/flavorId/` + string(h.small.ID) + `/`, ""},
		"highest rate":         {"/maxBitrate/400/format/url", 302, `/flavorId/` + string(h.small.ID) + `/`, ""},
		"lowest rate":          {"/minBitrate/400/format/url", 302, `/flavorId/` + string(h.large.ID) + `/`, ""},
		"by params":            {fmt.Sprintf("/flavorParamIds/%d/format/url", h.small.ParamsID), 302, `/flavorId/0_`, ""},
		"source":               {"/flavorParamIds/0/format/url", 302, `/flavorId/` + string(h.source.ID) + `/name/a\.mp4$`, ""},
		"download":             {"/format/download/flavorParamIds/0", 302, `/flavorId/` + string(h.source.ID) + `/fileName/A%20film_%20take%202.mp4/name/a\.mp4$`, ""},
		"download of a flavor": {"/format/download", 302, `/flavorId/` + string(h.large.ID) + `/fileName/A%20film_%20take%202_%28large%29.mp4/name/a\.mp4$`, ""},
		"clip":                 {"/seekFrom/5000/clipTo/9000/format/url", 302, `/clipFrom/5000/clipTo/9000/v/`, ""},
		"tracks":               {"/tracks/a1/format/url", 302, `/tracks/a1/v/`, ""},
		"hls by redirect":      {"/format/applehttp/responseFormat/redirect", 302, `/hls/p/.*/flavorId/0_(,\w{8}){2},/name/a.mp4.urlset/master.m3u8$`, ""},
		"short prefix":         {"", 302, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := h.manifest(tt.path)
			if name == "short prefix" {
				path = "/p/102/playManifest/entryId/" + string(h.entry.ID) + "/format/url"
			}
			got := h.get(path)
			if got.StatusCode != tt.status || tt.ctype != "" && got.Header.Get("Content-Type") != tt.ctype {
				t.Fatalf("%d %v %s", got.StatusCode, got.Header, got.body)
			}
			if loc := got.Header.Get("Location"); !regexp.MustCompile(tt.location).MatchString(loc) {
				t.Errorf("Location %q, want %s", loc, tt.location)
			}
			head := h.do(http.MethodHead, path)
			if head.StatusCode != tt.status || len(head.body) != 0 || head.Header.Get("Content-Length") != got.Header.Get("Content-Length") && tt.status == 200 {
				t.Errorf("HEAD: %d, %d bytes, length %s", head.StatusCode, len(head.body), head.Header.Get("Content-Length"))
			}
			for k, v := range map[string]string{"Access-Control-Allow-Origin": "*", "Timing-Allow-Origin": "*", "Cache-Control": "public, max-age=60"} {
				if got.Header.Get(k) != v {
					t.Errorf("%s: %q", k, got.Header.Get(k))
				}
			}
			if tt.status == http.StatusFound {
				if target := h.do(http.MethodHead, got.Header.Get("Location")); target.StatusCode != 200 {
					t.Errorf("behind the redirect: %d %v", target.StatusCode, target.Header)
				}
			}
		})
	}
}

func TestTheMasterPlaylistNamesEachFlavorOnce(t *testing.T) {
	h := newHouse(t)
	body := string(h.get(h.manifest("/format/applehttp/protocol/http/a.m3u8")).body)
	if !strings.HasPrefix(body, "#EXTM3U\n") {
		t.Fatal(body)
	}
	variants := regexp.MustCompile(`#EXT-X-STREAM-INF:BANDWIDTH=(\d+),\S*RESOLUTION=(\d+x\d+)\S*CODECS="avc1[^"]*,mp4a[^"]*"\S*AUDIO="audio"\S*\n(\S+)`)
	codecsFirst := regexp.MustCompile(`#EXT-X-STREAM-INF:BANDWIDTH=(\d+)\S*CODECS="avc1[^"]*,mp4a[^"]*"\S*RESOLUTION=(\d+x\d+)\S*AUDIO="audio"\S*\n(\S+)`)
	found := append(variants.FindAllStringSubmatch(body, -1), codecsFirst.FindAllStringSubmatch(body, -1)...)
	if len(found) != 2 {
		t.Fatalf("%d variants in\n%s", len(found), body)
	}
	for _, v := range found {
		want := map[string]string{"320x180": string(h.small.ID), "640x360": string(h.large.ID)}[v[2]]
		if !strings.Contains(v[3], "/flavorId/"+want+"/") || !strings.HasSuffix(v[3], "/index.m3u8") {
			t.Errorf("%s is at %s", v[2], v[3])
		}
	}
	if !regexp.MustCompile(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",LANGUAGE="en",NAME="English",AUTOSELECT=YES,DEFAULT=YES\n`).MatchString(body) {
		t.Errorf("no English sound in\n%s", body)
	}
	alt := regexp.MustCompile(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",LANGUAGE="es",NAME="Español",AUTOSELECT=YES,DEFAULT=NO,URI="(\S+)"`).FindStringSubmatch(body)
	if alt == nil || !strings.Contains(alt[1], "/flavorId/"+string(h.spanish.ID)+"/") {
		t.Fatalf("no Spanish sound in\n%s", body)
	}
	wantFilm(t, fetch(t, alt[1]), "audio", 0)
	subs := regexp.MustCompile(`TYPE=SUBTITLES\S*URI="(\S+)"`).FindStringSubmatch(body)
	if subs == nil {
		t.Fatalf("no captions in\n%s", body)
	}
	if got := h.get(subs[1]); got.StatusCode != 200 || !strings.Contains(string(got.body), ".vtt") {
		t.Errorf("captions: %d %s", got.StatusCode, got.body)
	}
	srt := regexp.MustCompile(`TYPE=SUBTITLES\S*NAME="Français"\S*URI="(\S+)index.m3u8"`).FindStringSubmatch(body)
	if srt == nil {
		t.Fatalf("no French captions in\n%s", body)
	}
	if got := h.get(srt[1] + "seg-1-s1.vtt"); !strings.Contains(string(got.body), "bonjour") {
		t.Errorf("SubRip captions: %d %s", got.StatusCode, got.body)
	}
	if without := string(h.get(h.manifest("/disableCaptions/1/format/applehttp")).body); strings.Contains(without, "SUBTITLES") {
		t.Errorf("captions that nobody wants in\n%s", without)
	}
}

func TestSegmentsAreNamedAsPackagersNameThem(t *testing.T) {
	h := newHouse(t)
	index := "/hls/p/102/sp/10200/serveFlavor/entryId/" + string(h.entry.ID) + "/v/77/ev/5/flavorId/" + string(h.large.ID) + "/name/a.mp4/index.m3u8"
	body := string(h.get(index).body)
	names := regexp.MustCompile(`(?m)^seg-(\d+)-v1-a1\S*\.ts$`).FindAllString(body, -1)
	if len(names) != 4 || !strings.Contains(body, "#EXT-X-ENDLIST") {
		t.Fatalf("%q of\n%s", names, body)
	}
	original := strings.Replace(index, string(h.large.ID), string(h.source.ID), 1)
	if got := h.get(original); got.StatusCode != 200 || string(got.body) != body {
		t.Errorf("the best rung does not stand in for the original: %d %s", got.StatusCode, got.body)
	}
	dir := strings.TrimSuffix(index, "index.m3u8")
	for _, object := range []string{names[0], "seg-1-v1-a1.ts", "seg-1-v1.ts", "seg-1-a1.ts", "index-v1.m3u8", "index-a1.m3u8", "index-v1-a1.m3u8", "master.m3u8",
		"container/fmp4/seg-1-v1-a1.m4s", "container/fmp4/init-v1-a1.mp4", "tracks/a1/index.m3u8"} {
		if got := h.do(http.MethodHead, dir+object); got.StatusCode != 200 {
			t.Errorf("%s: %d", object, got.StatusCode)
		}
	}
	for _, prefix := range []string{"", "/pd", "/s", "/mss", "/hds", "/edash"} { // without a location the object's name decides
		base := strings.Replace(dir, "/hls", prefix, 1)
		for object, ctype := range map[string]string{"index.m3u8": "application/vnd.apple.mpegurl", "seg-1-v1-a1.ts": "video/mp2t", "manifest.mpd": "application/dash+xml"} {
			if got := h.do(http.MethodHead, base+object); got.StatusCode != 200 || got.Header.Get("Content-Type") != ctype {
				t.Errorf("%s%s: %d %s", base, object, got.StatusCode, got.Header.Get("Content-Type"))
			}
		}
	}
}

func TestClipsOfFlavors(t *testing.T) {
	h := newHouse(t)
	served := "/p/102/sp/10200/serveFlavor/entryId/" + string(h.entry.ID) + "/clipFrom/5000/clipTo/10000/v/1/flavorId/" + string(h.large.ID) + "/name/a.mp4"
	if p := probe(t, fetch(t, h.url+served)); math.Abs(p.seconds()-5) > 0.1 {
		t.Errorf("the file has %.3f s", p.seconds())
	}
	if p := probe(t, fetch(t, h.url+"/hls"+served+"/index.m3u8")); math.Abs(p.seconds()-5) > 1.1 { // from the key frame before
		t.Errorf("the segments have %.3f s", p.seconds())
	}
	m := string(h.get(h.manifest("/seekFrom/5000/clipTo/10000/format/applehttp")).body)
	if urls := servedURL.FindAllString(m, -1); len(urls) != 2 || !strings.Contains(urls[0], "/clipFrom/5000/clipTo/10000/") {
		t.Errorf("a clipped manifest names %q", urls)
	}
}

func TestFilesHaveRangesAndNames(t *testing.T) {
	h := newHouse(t)
	served := "/p/102/sp/10200/serveFlavor/entryId/" + string(h.entry.ID) + "/v/1/flavorId/" + string(h.large.ID)
	whole := h.get(served + "/name/a.mp4")
	if whole.StatusCode != 200 || whole.Header.Get("Accept-Ranges") != "bytes" || whole.Header.Get("Content-Disposition") != "" {
		t.Fatalf("%d %v", whole.StatusCode, whole.Header)
	}
	part := h.get(served+"/name/a.mp4", "Range", "bytes=100-299")
	if part.StatusCode != 206 || string(part.body) != string(whole.body[100:300]) || part.Header.Get("Content-Range") != fmt.Sprintf("bytes 100-299/%d", len(whole.body)) {
		t.Errorf("range: %d %v", part.StatusCode, part.Header)
	}
	named := h.do(http.MethodHead, served+"/fileName/My%20film%20(1).mp4/name/a.mp4")
	if d := named.Header.Get("Content-Disposition"); named.StatusCode != 200 || !strings.HasPrefix(d, `attachment; filename="My film (1).mp4"`) {
		t.Errorf("named: %d %q", named.StatusCode, d)
	}
	original := h.get(strings.Replace(served, string(h.large.ID), string(h.source.ID), 1)+"/fileName/o.mp4/name/a.mp4", "Range", "bytes=4-7")
	if original.StatusCode != 206 || string(original.body) != "ftyp" || !strings.Contains(original.Header.Get("Content-Disposition"), "o.mp4") {
		t.Errorf("original: %d %q %v", original.StatusCode, original.body, original.Header)
	}
	if inline := h.do(http.MethodHead, strings.Replace(served, string(h.large.ID), string(h.source.ID), 1)+"/name/a.mp4"); inline.Header.Get("Content-Disposition") != "" || inline.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("original in place: %v", inline.Header)
	}
	wantFilm(t, fetch(t, h.url+served+"/name/a.mp4"), "video audio", 640)
}

func TestErrorsHaveTheirNumbers(t *testing.T) {
	h := newHouse(t)
	id := string(h.entry.ID)
	foreign, _, _, err := h.db.CreateEntry(t.Context(), catalog.NewEntry{Account: account + 1, Name: "foreign", DedupKey: "f"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.sessions["other"] = &ks.Session{Account: account + 1, Type: ks.AdminType}
	served := "/p/102/sp/10200/serveFlavor/entryId/" + id
	for path, number := range map[string]int{
		"/p/102/playManifest/entryId/0_zzzzzzzz/format/applehttp":                 1,
		"/p/102/playManifest/entryId/" + string(foreign.ID) + "/format/applehttp": 1,
		"/p/103/playManifest/entryId/" + id + "/format/applehttp":                 1,
		"/p/102/playManifest/format/applehttp":                                    20,
		h.manifest("/format/hds"):                                                 25,
		h.manifest("/format/rtmp/a.f4m"):                                          25,
		h.manifest("/format/applehttp/responseFormat/smil"):                       25,
		h.manifest("/format/url/responseFormat/rss"):                              25,
		h.manifest("/format/applehttp/minBitrate/x"):                              49,
		h.manifest("/format/applehttp/maxBitrate/-1"):                             19,
		h.manifest("/format/applehttp/maxBitrate/1"):                              6,
		h.manifest("/format/url/seekFrom/x"):                                      50,
		h.manifest("/format/url/seekFrom/9000/clipTo/9000"):                       50,
		h.manifest("/format/url/playbackRate/2"):                                  50,
		h.manifest("/format/applehttp/ks/garbage"):                                4,
		h.manifest("/format/applehttp/ks/expired"):                                31,
		h.manifest("/format/applehttp/ks/ended"):                                  7,
		h.manifest("/format/applehttp/ks/other"):                                  32,
		"/p/102/thumbnail/entry_id/0_zzzzzzzz":                                    1,
		"/p/102/sp/10200/thumbnail/entry_id/" + string(foreign.ID):                1,
		"/p/102/raw/entry_id/0_zzzzzzzz":                                          1,
		"/p/102/download/entry_id/" + id + "/flavor/0_zzzzzzzz":                   6,
		"/p/102/unknown/entry_id/" + id:                                           25,
		served + "/v/1/flavorId/0_zzzzzzzz/name/a.mp4":                            6,
		"/hls" + served + "/v/1/flavorId/0_zzzzzzzz/name/a.mp4/index.m3u8":        6,
		"/hls/p/103/sp/10300/serveFlavor/entryId/" + id + "/flavorId/" + string(h.large.ID) + "/name/a.mp4/index.m3u8": 6,
		"/p/103/sp/10300/serveFlavor/entryId/" + id + "/flavorId/" + string(h.large.ID) + "/name/a.mp4":                1,
		"/hls" + served + "/flavorId/" + string(h.large.ID) + "/name/a.mp4/seg-99-v1-a1.ts":                            6,
		"/hls" + served + "/flavorId/" + string(h.large.ID) + "/name/a.mp4/seg-x.ts":                                   25,
	} {
		got := h.get(path)
		app := fmt.Sprintf("exiting on error %d - ", number)
		if got.StatusCode < 400 || got.Header.Get("X-Kaltura") != fmt.Sprintf("error-%d", number) || !strings.HasPrefix(got.Header.Get("X-Kaltura-App"), app) || len(got.body) != 0 {
			t.Errorf("%s: %d %q %q %q, want error-%d", path, got.StatusCode, got.Header.Get("X-Kaltura"), got.Header.Get("X-Kaltura-App"), got.body, number)
		}
	}
	for kind, number := range map[catalog.EntryType]int{catalog.EntryLiveStream: 36, catalog.EntryPlaylist: 12, catalog.EntryData: 12} {
		h.update(func(e *catalog.Entry) { e.Type = kind })
		if got := h.get(h.manifest("/format/applehttp")); got.Header.Get("X-Kaltura") != fmt.Sprintf("error-%d", number) {
			t.Errorf("entry of type %s: %s", kind, got.Header.Get("X-Kaltura"))
		}
	}
	if got := h.do(http.MethodOptions, h.manifest("/format/applehttp")); got.StatusCode != 204 || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("OPTIONS: %d %v", got.StatusCode, got.Header)
	}
	if got := h.do(http.MethodPost, h.manifest("/format/applehttp")); got.StatusCode != 405 {
		t.Errorf("POST: %d", got.StatusCode)
	}
}

func TestManifestsAsJSON(t *testing.T) {
	h := newHouse(t)
	got := h.get(h.manifest("/format/applehttp/responseFormat/json"))
	var m struct {
		EntryID  string
		Duration int
		Flavors  []struct {
			URL, Ext string
			Bitrate  int
		}
	}
	if err := json.Unmarshal(got.body, &m); err != nil || m.EntryID != string(h.entry.ID) || m.Duration != filmSeconds || len(m.Flavors) != 2 || m.Flavors[0].Ext != "m3u8" || m.Flavors[0].Bitrate != 300 {
		t.Fatalf("%v: %s", err, got.body)
	}
	if r := h.get(m.Flavors[0].URL); r.StatusCode != 200 {
		t.Errorf("%s: %d", m.Flavors[0].URL, r.StatusCode)
	}
	if p := h.get(h.manifest("/format/url/responseFormat/jsonp/callback/a.b")); !strings.HasPrefix(string(p.body), "a.b({") || !strings.HasSuffix(string(p.body), ");") {
		t.Errorf("%s", p.body)
	}
	if p := h.get(h.manifest("/format/url/responseFormat/jsonp/callback/a(b)")); p.StatusCode != 404 {
		t.Errorf("a callback that is no name: %d", p.StatusCode)
	}
}

func TestManifestsAsXML(t *testing.T) {
	h := newHouse(t)
	type media struct {
		URL     string `xml:"url,attr"`
		Src     string `xml:"src,attr"`
		Bitrate int    `xml:"bitrate,attr"`
		System  int    `xml:"system-bitrate,attr"`
		Width   int    `xml:"width,attr"`
	}
	for kind, want := range map[string]struct{ contentType, root, space string }{
		"f4m":   {"application/f4m+xml", "manifest", "http://ns.adobe.com/f4m/1.0"},
		"f4mv2": {"application/f4m+xml", "manifest", "http://ns.adobe.com/f4m/2.0"},
		"smil":  {"application/smil+xml", "smil", ""},
	} {
		got := h.get(h.manifest("/format/url/responseFormat/" + kind))
		var m struct {
			XMLName  xml.Name
			ID       string  `xml:"id"`
			Duration string  `xml:"duration"`
			Media    []media `xml:"media"`
			Videos   []media `xml:"body>switch>video"`
		}
		if err := xml.Unmarshal(got.body, &m); err != nil || got.Header.Get("Content-Type") != want.contentType || m.XMLName != (xml.Name{Space: want.space, Local: want.root}) {
			t.Fatalf("%s: %v, %v: %s", kind, err, got.Header, got.body)
		}
		list := append(m.Media, m.Videos...)
		if len(list) != 2 || max(list[0].Bitrate, list[0].System/1000) != 300 || list[0].Width == 0 {
			t.Fatalf("%s: %s", kind, got.body)
		}
		if kind != "smil" && (m.ID != string(h.entry.ID) || !strings.HasPrefix(m.Duration, fmt.Sprint(filmSeconds)+".")) {
			t.Errorf("%s: %s", kind, got.body)
		}
		if r := h.do(http.MethodHead, list[0].URL+list[0].Src); r.StatusCode != 200 || r.Header.Get("Content-Type") != "video/mp4" {
			t.Errorf("%s: %d", kind, r.StatusCode)
		}
	}
}

// TestRestrictedEntriesHaveNoWayRound tries every path by which the bytes of an entry can be had.
func TestRestrictedEntriesHaveNoWayRound(t *testing.T) {
	h := newHouse(t)
	id, flavor := string(h.entry.ID), string(h.large.ID)
	served := "/p/102/sp/10200/serveFlavor/entryId/" + id + "/v/1/flavorId/" + flavor + "/name/a.mp4"
	paths := []string{
		"/hls/" + id + "/master.m3u8", "/hls/" + id + "/" + flavor + "/index.m3u8", "/hls/" + id + "/," + flavor + "," + string(h.english.ID) + ",.urlset/seg-1-f1-v1.ts",
		"/dash/" + id + "/manifest.mpd", "/mp4/" + id + "/" + flavor + "/a.mp4", "/raw/" + id, "/raw" + strings.Replace(served, flavor, string(h.source.ID), 1),
		"/thumb/" + id + "/poster.jpg", "/thumb/" + id + "/thumb-1000.jpg", "/thumb/" + id + "/storyboard.vtt", "/thumb/" + id + "/sprite-1.jpg",
		"/captions/" + id + "/" + string(h.caption.ID) + ".vtt",
		served, "/s" + served, "/pd" + served, "/hls" + served + "/index.m3u8", "/hls" + served + "/seg-1-v1-a1.ts", "/dash" + served + "/manifest.mpd", "/mp4" + served,
		served + "/index.m3u8", served + "/seg-1-v1-a1.ts", "/hls/" + id + "/" + string(h.caption.ID) + "/index.m3u8", strings.Replace(served, flavor, string(h.source.ID), 1),
		"/hls" + served + "/master.m3u8",
	}
	for _, p := range paths { // cached, so that nothing cached is a way round
		if got := h.get(p); got.StatusCode != 200 {
			t.Fatalf("open: %s: %d %s", p, got.StatusCode, got.body)
		}
	}
	h.rules(blockAll)
	for _, p := range paths {
		for _, front := range []string{"", "/t/AAAA"} {
			if got := h.get(front + p); got.StatusCode != 403 {
				t.Errorf("%s%s: %d, want 403", front, p, got.StatusCode)
			}
		}
		if got := h.get(p + "?t=AAAA"); got.StatusCode != 403 {
			t.Errorf("%s with a made-up token: %d", p, got.StatusCode)
		}
	}
	for path, number := range map[string]int{
		h.manifest("/format/applehttp"): 3, h.manifest("/format/url"): 3, h.manifest("/format/download"): 3,
		"/p/102/raw/entry_id/" + id: 3, "/p/102/download/entry_id/" + id: 3, "/p/102/thumbnail/entry_id/" + id: 3,
	} {
		if got := h.get(path); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != fmt.Sprintf("error-%d", number) {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.Header.Get("X-Kaltura"))
		}
	}
}

func TestSignedURLsReachWhatTheySayAndNothingElse(t *testing.T) {
	h := newHouse(t)
	h.rules(catalog.AccessRule{
		Conditions: []catalog.AccessCondition{{Type: access.Authenticated, Not: true}}, Actions: []catalog.AccessAction{{Type: access.Preview, Seconds: 6}},
	}, catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.LimitFlavors, IDs: fmt.Sprint(h.source.ParamsID), Blocked: true}}})
	viewer := h.session("viewer", ks.UserType, ks.Privilege{Name: "sview", Value: "*"})
	// Everybody has six seconds.
	m := h.get(h.manifest("/format/applehttp"))
	if m.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a manifest for one client is cached: %s", m.Header.Get("Cache-Control"))
	}
	urls := servedURL.FindAllString(string(m.body), -1)
	if len(urls) == 0 || !strings.Contains(urls[0], "/t/") || !strings.Contains(urls[0], "/clipTo/6000/") {
		t.Fatalf("%q in\n%s", urls, m.body)
	}
	if p := probe(t, fetch(t, urls[0])); math.Abs(p.seconds()-6) > 0.1 {
		t.Errorf("a preview of %.3f s", p.seconds())
	}
	file := h.get(h.manifest("/format/url")).Header.Get("Location")
	if p := probe(t, fetch(t, file)); math.Abs(p.seconds()-6) > 0.1 {
		t.Errorf("a preview file of %.3f s", p.seconds())
	}
	longer := []string{
		strings.Replace(urls[0], "/clipTo/6000", "", 1), strings.Replace(urls[0], "/clipTo/6000", "/clipTo/9000", 1),
		strings.Replace(file, "/clipTo/6000", "", 1), strings.Replace(urls[0], string(h.small.ID), string(h.spanish.ID), 1),
		strings.Replace(urls[0], string(h.small.ID), string(h.source.ID), 1), strings.Replace(file, string(h.large.ID), string(h.source.ID), 1),
		strings.Replace(urls[0], "/hls/p/", "/dash/p/", 1),
	}
	for _, u := range longer {
		if got := h.get(u); got.StatusCode != 403 {
			t.Errorf("%s: %d", u, got.StatusCode)
		}
	}
	for _, more := range []string{"/clipTo/20000/index.m3u8", "/clipTo/0/index.m3u8"} { // behind the signed part
		got := h.get(strings.TrimSuffix(urls[0], "/index.m3u8") + more)
		if n := strings.Count(string(got.body), "#EXTINF"); got.StatusCode != 200 || n != 1 {
			t.Errorf("%s: %d, %d segments", more, got.StatusCode, n)
		}
	}
	// A viewer has all of it, but not the source.
	all := servedURL.FindAllString(string(h.get(h.manifest("/format/applehttp/ks/"+viewer)).body), -1)
	if len(all) == 0 || strings.Contains(all[0], "clipTo") {
		t.Fatalf("a viewer has %q", all)
	}
	wantFilm(t, fetch(t, all[0]), "video audio", 320)
	if got := h.get(h.manifest("/format/url/flavorIds/" + string(h.source.ID) + "/ks/" + viewer)); strings.Contains(got.Header.Get("Location"), string(h.source.ID)) {
		t.Errorf("a flavor that rules forbid: %s", got.Header.Get("Location"))
	}
	if got := h.get(h.manifest("/format/applehttp"), "X-Kaltura-Ks", viewer); strings.Contains(string(got.body), "clipTo") {
		t.Error("the session of the header does not count")
	}
	// What is signed lasts, and is nobody else's to cache.
	seg := h.get(strings.TrimSuffix(all[0], "index.m3u8") + "seg-1-v1-a1.ts")
	if seg.StatusCode != 200 || !strings.HasPrefix(seg.Header.Get("Cache-Control"), "private") {
		t.Errorf("segment: %d %q", seg.StatusCode, seg.Header.Get("Cache-Control"))
	}
	dash := h.get(h.manifest("/format/mpegdash/ks/" + viewer)).Header.Get("Location")
	if got := h.get(dash); got.StatusCode != 200 {
		t.Errorf("%s: %d %s", dash, got.StatusCode, got.body)
	}
}

func TestScheduleAndModerationDecide(t *testing.T) {
	h := newHouse(t)
	viewer := h.session("viewer", ks.UserType, ks.Privilege{Name: "sview", Value: string(h.entry.ID)})
	admin := h.session("admin", ks.AdminType)
	user := h.session("user", ks.UserType)
	inAnHour := h.session("inAnHour", ks.UserType, ks.Privilege{Name: "reftime", Value: fmt.Sprint(time.Now().Add(2 * time.Hour).Unix())})
	for name, tt := range map[string]struct {
		change func(e *catalog.Entry)
		number int
	}{
		"future":   {func(e *catalog.Entry) { e.StartAt = time.Now().Add(time.Hour) }, 2},
		"past":     {func(e *catalog.Entry) { e.EndAt = time.Now().Add(-time.Hour) }, 2},
		"pending":  {func(e *catalog.Entry) { e.Moderation = catalog.ModerationPending }, 13},
		"rejected": {func(e *catalog.Entry) { e.Moderation = catalog.ModerationRejected }, 13},
	} {
		t.Run(name, func(t *testing.T) {
			h.update(tt.change)
			defer h.update(func(e *catalog.Entry) {
				e.StartAt, e.EndAt, e.Moderation = time.Time{}, time.Time{}, catalog.ModerationAutoApproved
			})
			for _, s := range []string{"", "/ks/" + user} {
				if got := h.get(h.manifest("/format/applehttp" + s)); got.Header.Get("X-Kaltura") != fmt.Sprintf("error-%d", tt.number) {
					t.Errorf("%q: %d %s", s, got.StatusCode, got.Header.Get("X-Kaltura"))
				}
			}
			if got := h.get("/hls/" + string(h.entry.ID) + "/master.m3u8"); got.StatusCode != 403 {
				t.Errorf("by the entry's own path: %d", got.StatusCode)
			}
			if got := h.get(h.manifest("/format/applehttp/ks/" + inAnHour)); (got.StatusCode == 200) != (name == "future") {
				t.Errorf("at another time: %d", got.StatusCode)
			}
			for _, s := range []string{viewer, admin} {
				got := h.get(h.manifest("/format/applehttp/ks/" + s))
				urls := servedURL.FindAllString(string(got.body), -1)
				if got.StatusCode != 200 || len(urls) == 0 {
					t.Fatalf("%s: %d", s, got.StatusCode)
				}
				if index := h.get(urls[0]); index.StatusCode != 200 {
					t.Errorf("%s: %s: %d", s, urls[0], index.StatusCode)
				}
			}
		})
	}
}

func TestPrivateCategoriesKeepTheirBytes(t *testing.T) {
	h := newHouse(t)
	private, err := h.db.AddCategory(t.Context(), account, catalog.Category{Name: "users", More: []byte(`{"privacyContext":"club","privacy":2}`)})
	if err != nil {
		t.Fatal(err)
	}
	link := catalog.CategoryEntry{Category: private.ID, Entry: h.entry.ID, Status: catalog.CategoryEntryActive}
	if _, err := h.db.AddCategoryEntry(t.Context(), account, link); err != nil {
		t.Fatal(err)
	}
	h.forget()
	user := h.session("user", ks.UserType)
	shop := h.session("shop", ks.UserType, ks.Privilege{Name: "privacycontext", Value: "shop"})
	base, id := "/p/102/sp/10200/", string(h.entry.ID)
	for _, path := range []string{
		h.manifest("/format/applehttp"), h.manifest("/format/mpegdash"), h.manifest("/format/url"), h.manifest("/format/download"),
		base + "raw/entry_id/" + id, base + "download/entry_id/" + id, base + "thumbnail/entry_id/" + id + "/width/40",
	} {
		for _, s := range []string{"", "/ks/" + shop} {
			if got := h.get(path + s); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != "error-1" {
				t.Errorf("%s%s: %d %q", path, s, got.StatusCode, got.Header.Get("X-Kaltura"))
			}
		}
		if got := h.get(path + "/ks/" + user); got.StatusCode >= 400 || strings.Contains(got.Header.Get("Cache-Control"), "public") {
			t.Errorf("%s for a user: %d %q, cached %q", path, got.StatusCode, got.Header.Get("X-Kaltura"), got.Header.Get("Cache-Control"))
		}
	}
	urls := servedURL.FindAllString(string(h.get(h.manifest("/format/applehttp/ks/"+user)).body), -1)
	if len(urls) == 0 || !strings.Contains(urls[0], "/t/") || h.get(urls[0]).StatusCode != 200 {
		t.Errorf("URLs for a user: %q", urls)
	}
	if got := h.get("/hls/" + id + "/master.m3u8"); got.StatusCode != 403 {
		t.Errorf("by the entry's own path: %d", got.StatusCode)
	}
}

func TestRulesSeeTheRequest(t *testing.T) {
	h := newHouse(t)
	block := func(kind string, values ...string) catalog.AccessRule {
		return catalog.AccessRule{Conditions: []catalog.AccessCondition{{Type: kind, Values: values}}, Actions: []catalog.AccessAction{{Type: access.Block}}}
	}
	page := url.PathEscape("aHR0cDovL3d3dy5iYWQudGVzdC9wYWdlPw==") // http://www.bad.test/page?
	for name, tt := range map[string]struct {
		rule    catalog.AccessRule
		path    string
		header  []string
		blocked bool
	}{
		"address":           {block(access.IPAddress, "127.0.0.0/8"), "", nil, true},
		"another address":   {block(access.IPAddress, "10.0.0.0/8"), "", nil, false},
		"user agent":        {block(access.UserAgent, "badbot"), "", []string{"User-Agent", "BadBot/1"}, true},
		"site by header":    {block(access.Site, "bad.test"), "", []string{"Referer", "http://bad.test/x"}, true},
		"site by parameter": {block(access.Site, "bad.test"), "/referrer/" + page, nil, true},
		"site, url-safe":    {block(access.Site, "bad.test"), "/referrer/aHR0cDovL3d3dy5iYWQudGVzdC9wYWdlPw", nil, true},
		"parameter wins":    {block(access.Site, "bad.test"), "/referrer/" + page, []string{"Referer", "http://good.test/"}, true},
		"another site":      {block(access.Site, "bad.test"), "", []string{"Referer", "http://good.test/"}, false},
		"unknown country":   {block(access.Country, "CH"), "", nil, false},
		"delivery profile":  {catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.LimitDeliveryProfiles, IDs: "2"}}}, "", nil, true},
		"the right one":     {catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.LimitDeliveryProfiles, IDs: "1,2"}}}, "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			h.rules(tt.rule)
			got := h.get(h.manifest(tt.path+"/format/applehttp"), tt.header...)
			if blocked := got.Header.Get("X-Kaltura") == "error-3"; blocked != tt.blocked || !blocked && got.StatusCode != 200 {
				t.Errorf("%d %s", got.StatusCode, got.Header.Get("X-Kaltura"))
			}
		})
	}
}

// BenchmarkPlayManifest is the cost of a multivariant playlist, of an open entry and of one whose URLs are signed.
func BenchmarkPlayManifest(b *testing.B) {
	h := newHouse(b)
	path := h.manifest("/format/applehttp/protocol/http/a.m3u8")
	run := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := h.get(path); got.StatusCode != 200 {
				b.Fatal(got.StatusCode)
			}
		}
	}
	b.Run("open", run)
	h.rules(catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.Preview, Seconds: 6}}})
	b.Run("signed", run)
}

// TestEverythingIsSignedWhereKeysAreConfigured: a guard of everything restricts entries that nobody is refused.
func TestEverythingIsSignedWhereKeysAreConfigured(t *testing.T) {
	h := newHouse(t)
	h.always = true
	h.forget()
	if got := h.get("/hls/" + string(h.entry.ID) + "/master.m3u8"); got.StatusCode != 403 {
		t.Errorf("without a token: %d", got.StatusCode)
	}
	urls := servedURL.FindAllString(string(h.get(h.manifest("/format/applehttp")).body), -1)
	if len(urls) != 2 || !strings.Contains(urls[0], "/t/") {
		t.Fatalf("%q", urls)
	}
	for _, to := range []string{urls[0], h.get(h.manifest("/format/url")).Header.Get("Location"), h.get(h.manifest("/format/mpegdash")).Header.Get("Location"),
		h.get(h.manifest("/format/download/flavorParamIds/0")).Header.Get("Location"), h.thumb("/vid_sec/3"), "/p/102/raw/entry_id/" + string(h.entry.ID)} {
		if got := h.do(http.MethodHead, to); got.StatusCode != 200 {
			t.Errorf("%s: %d", to, got.StatusCode)
		}
	}
}

func TestHostileIDsAreNotFound(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"0_%00", string(h.entry.ID) + "%00", "0_%ff%fe", strings.Repeat("0_ab", 4096), "%27%22%3B--"} {
		for path, want := range map[string]string{
			"/p/102/sp/10200/playManifest/entryId/" + id + "/format/applehttp":      "error-1",
			"/p/102/sp/10200/serveFlavor/entryId/" + id + "/v/1/flavorId/0_x/a.mp4": "error-1",
			"/p/102/sp/10200/thumbnail/entry_id/" + id:                              "error-1",
			"/p/102/sp/10200/thumbnail/upload_token_id/" + id:                       "error-10",
			"/p/102/sp/10200/thumbnail/widget_id/" + id:                             "error-1",
			"/p/102/sp/10200/raw/entry_id/" + id:                                    "error-1",
			"/p/102/sp/10200/download/entry_id/" + id:                               "error-1",
		} {
			if got := h.get(path); got.StatusCode != 404 || got.Header.Get("X-Kaltura") != want {
				t.Errorf("%.100s: %d %s, want %s", path, got.StatusCode, got.Header.Get("X-Kaltura"), want)
			}
		}
	}
}

package delivery_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

func TestRawServesTheOriginal(t *testing.T) {
	h := newHouse(t)
	raw := "/p/102/sp/10200/raw/entry_id/" + string(h.entry.ID) + "/version/1"
	want, err := os.ReadFile(film(t, "source.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	got := h.get(raw)
	if got.StatusCode != 200 || !bytes.Equal(got.body, want) || !strings.Contains(got.Header.Get("Content-Disposition"), `filename="A film_ take 2.mp4"`) {
		t.Errorf("%d, %d bytes, %v", got.StatusCode, len(got.body), got.Header)
	}
	if part := h.get(raw, "Range", "bytes=4-7"); part.StatusCode != 206 || string(part.body) != "ftyp" {
		t.Errorf("range: %d %q", part.StatusCode, part.body)
	}
	if named := h.do(http.MethodHead, raw+"/file_name/other.mp4"); !strings.Contains(named.Header.Get("Content-Disposition"), "other.mp4") || len(named.body) != 0 {
		t.Errorf("named: %v", named.Header)
	}
	if direct := h.do(http.MethodHead, raw+"/direct_serve/1"); direct.Header.Get("Content-Disposition") != "" {
		t.Errorf("in place: %v", direct.Header)
	}
	if missing := h.get("/p/102/raw/entry_id/0_zzzzzzzz"); missing.StatusCode != 404 || missing.Header.Get("KalturaRaw") == "" {
		t.Errorf("missing: %d %v", missing.StatusCode, missing.Header)
	}
}

func TestDownloadServesAssets(t *testing.T) {
	h := newHouse(t)
	download := "/p/102/sp/10200/download/entry_id/" + string(h.entry.ID)
	for path, want := range map[string]struct{ prefix, name string }{
		"":                               {"\x00\x00\x00", "A film_ take 2_(large).mp4"},
		"/flavor/" + string(h.small.ID):  {"\x00\x00\x00", "A film_ take 2_(small).mp4"},
		"/flavor/" + string(h.source.ID): {"\x00\x00\x00", "A film_ take 2.mp4"},
		"/flavor/" + string(h.caption.ID) + "/file_name/c.vtt": {"WEBVTT", "c.vtt"},
		"/flavor/" + string(h.poster.ID) + "/file_name/p.jpg":  {"\xff\xd8", "p.jpg"},
	} {
		got := h.get(download + path)
		if got.StatusCode != 200 || !bytes.HasPrefix(got.body, []byte(want.prefix)) || !strings.Contains(got.Header.Get("Content-Disposition"), `filename="`+want.name+`"`) {
			t.Errorf("%s: %d %.10q %v", path, got.StatusCode, got.body, got.Header)
		}
	}
}

func TestDownloadsKeepToTheRulesAboutThem(t *testing.T) {
	h := newHouse(t)
	asset := string(h.small.ID)
	may := h.session("may", ks.UserType, ks.Privilege{Name: "download", Value: string(h.entry.ID)})
	one := h.session("one", ks.UserType, ks.Privilege{Name: "downloadasset", Value: asset})
	admin := h.session("admin", ks.AdminType)
	user := h.session("user", ks.UserType, ks.Privilege{Name: "sview", Value: "*"})
	h.rules(catalog.AccessRule{Contexts: []string{string(access.Download)}, Actions: []catalog.AccessAction{{Type: access.Block}}})
	download := "/p/102/download/entry_id/" + string(h.entry.ID)
	raw := "/p/102/raw/entry_id/" + string(h.entry.ID)
	for path, status := range map[string]int{
		download: 404, download + "/ks/" + user: 404, download + "/ks/" + may: 200, download + "/ks/" + admin: 200,
		download + "/flavor/" + asset + "/ks/" + one: 200, download + "/flavor/" + string(h.large.ID) + "/ks/" + one: 404,
		raw: 404, raw + "/ks/" + may: 200, raw + "/ks/" + user: 404,
		h.manifest("/format/download"): 404, h.manifest("/format/download/ks/" + may): 302, h.manifest("/format/applehttp"): 200,
	} {
		if got := h.do(http.MethodHead, path); got.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", path, got.StatusCode, got.Header.Get("X-Kaltura"), status)
		}
	}
}

func TestDownloadsEndWhereThePrivilegeSays(t *testing.T) {
	h := newHouse(t)
	whole, err := os.ReadFile(film(t, "source.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	id := string(h.entry.ID)
	of := func(name string, values ...string) string {
		var list []ks.Privilege
		for _, v := range values {
			list = append(list, ks.Privilege{Name: "preview", Value: v})
		}
		return "/ks/" + h.session(name, ks.UserType, list...)
	}
	raw := "/p/102/raw/entry_id/" + id
	for _, c := range []struct {
		path string
		want int
	}{
		{raw + of("few", "1000"), 1000},
		{raw + of("least", "1000", "10"), 10},
		{raw + of("many", "99999999"), len(whole)},
		{raw + of("none", "x"), 0},
		{"/p/102/download/entry_id/" + id + "/flavor/" + string(h.source.ID) + of("few", "1000"), 1000},
	} {
		for _, part := range []string{"", "bytes=2000-2999"} {
			got := h.get(c.path, "Range", part)
			if got.StatusCode != 200 || !bytes.Equal(got.body, whole[:c.want]) || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d, %d bytes, %v", c.path, part, got.StatusCode, len(got.body), got.Header)
			}
		}
		if got := h.do(http.MethodHead, c.path); got.ContentLength != int64(c.want) {
			t.Errorf("%s: %d bytes announced, want %d", c.path, got.ContentLength, c.want)
		}
	}
	to := h.get(h.manifest("/format/download/flavorParamIds/0" + of("few", "1000"))).Header.Get("Location")
	if got := h.get(to); !bytes.Equal(got.body, whole[:1000]) {
		t.Errorf("%s: %d, %d bytes", to, got.StatusCode, len(got.body))
	}
}

func TestDownloadsOfAPreviewAreCut(t *testing.T) {
	h := newHouse(t)
	h.rules(catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.Preview, Seconds: 6}}})
	for _, path := range []string{"/p/102/raw/entry_id/" + string(h.entry.ID), "/p/102/download/entry_id/" + string(h.entry.ID), h.manifest("/format/download/flavorParamIds/0")} {
		got := h.get(path)
		if to := got.Header.Get("Location"); to != "" {
			got = h.get(to)
		}
		if got.StatusCode != 200 {
			t.Fatalf("%s: %d", path, got.StatusCode)
		}
		file := t.TempDir() + "/cut.mp4"
		if err := os.WriteFile(file, got.body, 0o600); err != nil {
			t.Fatal(err)
		}
		if p := probe(t, file); p.seconds() > 6.1 {
			t.Errorf("%s: %.3f s of a preview of 6", path, p.seconds())
		}
	}
}

package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/console"
	"sluice/catalog"
)

func TestEntriesAreListedAsAsked(t *testing.T) {
	f := start(t, nil)
	f.entry("Alpha", func(e *catalog.Entry) { e.Status, e.DurationMS = catalog.EntryReady, 3000 }, nil)
	f.entry("Beta film", func(e *catalog.Entry) { e.Status, e.DurationMS = catalog.EntryPreconvert, 1000 }, nil)
	f.entry("Gamma film", func(e *catalog.Entry) { e.Status, e.DurationMS = catalog.EntryErrorConverting, 2000 }, nil)
	gone, _ := f.entry("Delta film", nil, nil)
	if err := f.db.DeleteEntry(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		query string
		total float64
		want  []string
	}{
		{"", 3, []string{"Gamma film", "Beta film", "Alpha"}},
		{"?order=name", 3, []string{"Alpha", "Beta film", "Gamma film"}},
		{"?order=-name&limit=1&offset=1", 3, []string{"Beta film"}},
		{"?order=duration", 3, []string{"Beta film", "Gamma film", "Alpha"}},
		{"?search=film&order=created", 2, []string{"Beta film", "Gamma film"}},
		{"?status=ready,preconvert&order=name", 2, []string{"Alpha", "Beta film"}},
		{"?status=deleted", 1, []string{"Delta film"}},
		{"?search=nothing", 0, []string{}},
		{"?offset=100", 3, []string{}},
	} {
		t.Run(test.query, func(t *testing.T) {
			got := f.call("GET", "/v1/entries"+test.query, http.StatusOK)
			if got["total"] != test.total {
				t.Errorf("total %v, want %v", got["total"], test.total)
			}
			if d := cmp.Diff(test.want, names(got, "entries")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestQueriesThatMakeNoSenseAreRefusedByName(t *testing.T) {
	f := start(t, nil)
	for path, reason := range map[string]string{
		"/v1/entries?limit=0":                            `limit: "0" is not a number from 1 to 100`,
		"/v1/entries?limit=101":                          `limit: "101" is not`,
		"/v1/entries?limit=1e1":                          `limit: "1e1" is not`,
		"/v1/entries?offset=-1":                          `offset: "-1" is not`,
		"/v1/entries?offset=99999999999999999999":        `offset: "99999999999999999999" is not`,
		"/v1/entries?order=secret":                       `order: "secret" is not one of created, duration, name, updated`,
		"/v1/entries?order=--name":                       `order: "--name" is not`,
		"/v1/entries?status=ready,":                      `status: "" is not one of deleted, error_converting`,
		"/v1/entries?state=ready":                        `"state" is not a parameter here; those are search, status`,
		"/v1/entries?limit=5&limit=6":                    `limit is given 2 times`,
		"/v1/entries?search=" + strings.Repeat("x", 201): `search: 201 bytes are more than 200`,
		"/v1/entries?a=%zz":                              `the query cannot be read`,
		"/v1/entries/NOT-AN-ID":                          `"NOT-AN-ID" is not an entry id`,
		"/v1/entries/0_" + strings.Repeat("a", 50):       `is not an entry id`,
		"/v1/tasks?state=alive":                          `state: "alive" is not one of waiting, runnable`,
		"/v1/tasks?stage=dance":                          `stage: "dance" is not one of fetch, early`,
		"/v1/tasks?entry=%2e%2e":                         `entry: ".." is not an entry id`,
		"/v1/events?last=1":                              `"last" is not a parameter here`,
	} {
		t.Run(path, func(t *testing.T) {
			got := f.call("GET", path, http.StatusBadRequest)["error"].(map[string]any)
			if got["code"] != "invalid_argument" || !strings.Contains(got["message"].(string), reason) {
				t.Errorf("got %v, want the reason %q", got, reason)
			}
		})
	}
}

func TestEntryIsShownWithAllThatIsKnownAboutIt(t *testing.T) {
	f := start(t, nil)
	e, tasks := f.entry("Film", nil, []catalog.Asset{
		ready(catalog.AssetFlavor, "source", func(a *catalog.Asset) { a.Original, a.Size = true, 1000 }),
		ready(catalog.AssetFlavor, "720p", func(a *catalog.Asset) { a.Kind, a.Width, a.Height, a.Size = "video", 1280, 720, 500 }),
		{Type: catalog.AssetFlavor, Name: "360p", Kind: "video", Status: catalog.AssetConverting, Parts: []catalog.Part{
			{Index: 0, Key: "k0", IndexKey: "i0", Size: 20}, {Index: 1, Key: "k1", IndexKey: "i1", Size: 22},
		}},
		ready(catalog.AssetThumb, "poster", func(a *catalog.Asset) { a.Props = json.RawMessage(`{"candidates":10}`) }),
	}, catalog.NewTask{Stage: catalog.StageProbe, Weight: 1}, catalog.NewTask{Stage: catalog.StageTranscode, Weight: 3, After: []int{0}})
	claimed, err := f.db.Claim(t.Context(), tasks[0].ID, "w", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.db.Complete(t.Context(), claimed.ID, claimed.Attempt, map[string]int{"streams": 2}, nil); err != nil {
		t.Fatal(err)
	}
	f.update(e.ID, func(e *catalog.Entry) { e.Status, e.PlayableAt = catalog.EntryPreconvert, time.Now() })

	got := f.call("GET", "/v1/entries/"+string(e.ID), http.StatusOK)
	entry := got["entry"].(map[string]any)
	for name, want := range map[string]any{
		"status": "preconvert", "playable": true, "size": 1542.0, "media_type": "video", "ready_at": nil,
		"poster":   "/thumb/" + string(e.ID) + "/poster.jpg",
		"progress": map[string]any{"done": 1.0, "total": 4.0, "stage": "transcode"},
	} {
		if d := cmp.Diff(want, entry[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if d := cmp.Diff(map[string]any{"streams": 2.0}, got["probe"]); d != "" {
		t.Errorf("probe: %s", d)
	}
	if d := cmp.Diff([]string{"source", "720p", "360p", "poster"}, names(got, "assets")); d != "" {
		t.Errorf("assets: %s", d)
	}
	growing := got["assets"].([]any)[2].(map[string]any)
	if growing["parts"] != 2.0 || growing["size"] != 42.0 || growing["status"] != "converting" {
		t.Errorf("the growing rendition is shown as %v", growing)
	}
	if n := len(got["tasks"].([]any)); n != 2 {
		t.Errorf("%d tasks, want 2", n)
	}
	if n := len(got["links"].([]any)); n == 0 {
		t.Error("no links to what already plays")
	}
}

func TestDeletedEntryIsGone(t *testing.T) {
	f := start(t, nil)
	e, _ := f.entry("Film", nil, nil)
	path := "/v1/entries/" + string(e.ID)
	f.call("DELETE", path, http.StatusNoContent)
	f.call("GET", path, http.StatusNotFound)
	f.call("DELETE", path, http.StatusNotFound)
	f.call("POST", path+"/retry", http.StatusNotFound)
	f.call("GET", "/v1/entries/0_00000000", http.StatusNotFound)
}

func TestFailedEntryIsRetriedOnce(t *testing.T) {
	f := start(t, nil)
	e, tasks := f.entry("Film", nil, nil, catalog.NewTask{Stage: catalog.StageProbe}, catalog.NewTask{Stage: catalog.StagePlan, After: []int{0}})
	f.kill(tasks[0].ID, "not_media", "The file is not a media file.")
	path := "/v1/entries/" + string(e.ID)

	failed := f.call("GET", path, http.StatusOK)["entry"].(map[string]any)
	if !strings.HasPrefix(failed["status"].(string), "error_") || failed["error_text"] != "The file is not a media file." {
		t.Fatalf("the entry is %v: %v", failed["status"], failed["error_text"])
	}
	if got := f.call("POST", path+"/retry", http.StatusOK); got["retried"] != 2.0 {
		t.Errorf("retried %v tasks, want the dead one and the cancelled one", got["retried"])
	}
	if got := f.call("GET", path, http.StatusOK)["entry"].(map[string]any); got["error_code"] != "" {
		t.Errorf("the entry still has the error %v", got["error_code"])
	}
	got := f.call("POST", path+"/retry", http.StatusConflict)["error"].(map[string]any)
	if got["code"] != "conflict" || !strings.Contains(got["message"].(string), "no failed work") {
		t.Errorf("a second retry is answered with %v", got)
	}
}

func TestPathsAndMethodsThatDoNotExist(t *testing.T) {
	f := start(t, nil)
	if got := f.call("GET", "/v1/nothing", http.StatusNotFound)["error"].(map[string]any); got["code"] != "not_found" {
		t.Errorf("got %v", got)
	}
	response, body := f.do("PUT", "/v1/entries/0_abcdefgh", nil)
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "DELETE, GET" {
		t.Errorf("PUT: %d, Allow %q: %s", response.StatusCode, response.Header.Get("Allow"), body)
	}
}

func TestHeadersCanBeAskedForAlone(t *testing.T) {
	f := start(t, nil)
	for path, kind := range map[string]string{
		"/v1/entries": "application/json", "/v1/events": "text/event-stream", "/console/": "text/html",
	} {
		response, body := f.do("HEAD", path, nil)
		if !strings.HasPrefix(response.Header.Get("Content-Type"), kind) || len(body) != 0 {
			t.Errorf("%s: %d %q", path, response.StatusCode, response.Header.Get("Content-Type"))
		}
	}
}

func links(e catalog.Entry, assets []catalog.Asset) []string {
	e.ID = "0_abc"
	out := []string{}
	for _, l := range console.LocalLinks(e, assets) {
		out = append(out, fmt.Sprintf("%s %s %s", l.Kind, l.Label, l.URL))
	}
	return out
}

// TestLinksWithoutChoice: what an entry has one of needs no multi-file URI.
func TestLinksWithoutChoice(t *testing.T) {
	e := catalog.Entry{Status: catalog.EntryReady, MediaType: catalog.MediaVideo}
	asset := func(name, kind, language string, rate int64) catalog.Asset {
		return ready(catalog.AssetFlavor, name, func(a *catalog.Asset) {
			a.ID, a.Kind, a.Language, a.BitRate = catalog.AssetID("0_"+name), kind, language, rate
		})
	}
	for _, c := range []struct {
		name   string
		assets []catalog.Asset
		want   []string
	}{
		{"silent", []catalog.Asset{asset("v", "video", "", 0)}, []string{"progressive v /mp4/0_abc/0_v/v.mp4"}},
		{"sound alone", []catalog.Asset{asset("lo", "audio", "en", 64_000), asset("hi", "audio", "en", 128_000)}, []string{"audio AAC in MP4 /mp4/0_abc/0_hi/audio.m4a"}},
		{"no default", []catalog.Asset{asset("a0-de", "audio", "de", 128_000), asset("a1-en", "audio", "en", 128_000), asset("a1-en-lo", "audio", "en", 64_000)},
			[]string{"audio AAC in MP4 /mp4/0_abc/0_a0-de/audio.m4a"}},
	} {
		if d := cmp.Diff(c.want, links(e, c.assets)[3:]); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestLocalLinks(t *testing.T) {
	video := func(name string, w, h int) catalog.Asset {
		return ready(catalog.AssetFlavor, name, func(a *catalog.Asset) { a.ID, a.Kind, a.Width, a.Height = catalog.AssetID("0_"+name), "video", w, h })
	}
	audio := func(name, language string, rate int64, def bool) catalog.Asset {
		return ready(catalog.AssetFlavor, name, func(a *catalog.Asset) {
			a.ID, a.Kind, a.Language, a.BitRate, a.Default = catalog.AssetID("0_"+name), "audio", language, rate, def
		})
	}
	assets := []catalog.Asset{
		ready(catalog.AssetFlavor, "source", func(a *catalog.Asset) { a.Original, a.Kind, a.Height = true, "video", 2160 }),
		video("v1", 360, 640), video("1080p", 1920, 1080),
		{Type: catalog.AssetFlavor, Name: "2160p", Kind: "video", Status: catalog.AssetConverting},
		audio("a0", "en", 128_000, false), audio("a1", "de", 64_000, true), audio("a2", "de", 128_000, true),
		ready(catalog.AssetThumb, "poster", nil), ready(catalog.AssetThumb, "other", nil),
		ready(catalog.AssetStoryboard, "storyboard", nil),
		ready(catalog.AssetCaption, "s0", func(a *catalog.Asset) { a.ID, a.Language, a.Default = "0_cap", "de", true }),
	}
	of := func(e catalog.Entry) []string { return links(e, assets) }
	pictures := []string{
		"original The file as it came /raw/0_abc",
		"poster Poster /thumb/0_abc/poster.jpg",
		"storyboard Storyboard /thumb/0_abc/storyboard.vtt",
		"caption de /captions/0_abc/0_cap.vtt",
	}
	all := append([]string{
		"hls_fmp4 HLS master playlist /hls/0_abc/container/fmp4/master.m3u8",
		"hls_ts HLS master playlist /hls/0_abc/master.m3u8",
		"dash DASH manifest /dash/0_abc/manifest.mpd",
		"progressive 1080p /mp4/0_abc/,0_1080p,0_a2,.urlset/1080p.mp4",
		"progressive 360p · v1 /mp4/0_abc/,0_v1,0_a2,.urlset/v1.mp4",
		"audio AAC in MP4 /mp4/0_abc/0_a2/audio.m4a",
	}, pictures...)
	for _, test := range []struct {
		name  string
		entry catalog.Entry
		want  []string
	}{
		{"ready", catalog.Entry{Status: catalog.EntryReady, MediaType: catalog.MediaVideo}, all},
		{"playable before it is ready", catalog.Entry{Status: catalog.EntryPreconvert, PlayableAt: time.Now()}, all},
		{"not playable yet", catalog.Entry{Status: catalog.EntryPreconvert}, pictures},
		{"failed", catalog.Entry{Status: catalog.EntryErrorConverting, PlayableAt: time.Now()}, pictures},
		{"an image", catalog.Entry{Status: catalog.EntryReady, MediaType: catalog.MediaImage}, pictures},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, of(test.entry)); d != "" {
				t.Error(d)
			}
		})
	}
}

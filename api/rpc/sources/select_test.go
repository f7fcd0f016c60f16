package sources_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc/access"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

func film() (catalog.Entry, []catalog.Asset) {
	flavor := func(id, kind, codec string, rate int64, width, height int, params int64, tags ...string) catalog.Asset {
		a := catalog.Asset{ID: catalog.AssetID(id), Name: id, Type: catalog.AssetFlavor, Status: catalog.AssetReady, Version: 1, Kind: kind, Codec: codec, BitRate: rate * 1000,
			Width: width, Height: height, ParamsID: params, IndexKey: "i", Key: "k.mp4"}
		a.Details.Tags = tags
		return a
	}
	source := flavor("0_source", "video", "avc1.640028", 9000, 1920, 1080, 0)
	source.Original, source.IndexKey = true, ""
	en := flavor("0_en", "audio", "mp4a.40.2", 128, 0, 0, 0)
	en.Name, en.Language, en.Default = "a0-en-128k", "en", true
	low := flavor("0_enlow", "audio", "mp4a.40.2", 64, 0, 0, 0)
	low.Name, low.Language, low.Default = "a0-en-64k", "en", true
	dub := flavor("0_dub", "audio", "mp4a.40.2", 128, 0, 0, 7, "alt_audio")
	dub.Name, dub.Language = "added-1", "es"
	growing := flavor("0_grow", "video", "avc1.64001f", 2500, 1280, 720, 5)
	growing.Status, growing.IndexKey, growing.Parts = catalog.AssetConverting, "", []catalog.Part{{Index: 0}}
	failed := flavor("0_failed", "video", "avc1.64001f", 100, 100, 100, 6)
	failed.Status = catalog.AssetError
	old := flavor("0_old", "video", "avc1.64001f", 100, 100, 100, 6)
	old.Version = 0
	return catalog.Entry{ID: "0_film", Account: 102, Version: 1, Status: catalog.EntryReady}, []catalog.Asset{
		source, flavor("0_360", "video", "avc1.64001e", 800, 640, 360, 3), flavor("0_540", "video", "avc1.64001f", 1500, 960, 540, 4), flavor("0_hevc", "video", "hvc1.1.6", 1200, 960, 540, 8),
		en, low, dub, growing, failed, old,
	}
}

func ids(list []catalog.Asset) string {
	var out []string
	for _, a := range list {
		out = append(out, strings.TrimPrefix(string(a.ID), "0_"))
	}
	return strings.Join(out, " ")
}

func TestFormatsPlayWhatTheyCan(t *testing.T) {
	e, assets := film()
	verdict := func(actions ...catalog.AccessAction) *access.Verdict { return &access.Verdict{Actions: actions} }
	for name, tt := range map[string]struct {
		format          sources.Format
		choice          sources.Choice
		flavors, sounds string
	}{
		"hls":                     {sources.HLS, sources.Choice{}, "360 540 grow", "dub"},
		"hls, players that know":  {sources.HLS, sources.Choice{Modern: true}, "360 hevc 540 grow", "dub"},
		"dash":                    {sources.DASH, sources.Choice{}, "360 hevc 540 grow", "dub"},
		"files":                   {sources.URL, sources.Choice{}, "360 hevc 540", ""},
		"tags in their order":     {sources.URL, sources.Choice{Tags: []string{"nonsense", "source", "mbr"}}, "source", ""},
		"named":                   {sources.HLS, sources.Choice{Flavors: []string{"0_540", "0_360"}}, "360 540", ""},
		"named sound":             {sources.HLS, sources.Choice{Flavors: []string{"0_dub"}}, "dub", ""},
		"named, none of them":     {sources.HLS, sources.Choice{Flavors: []string{"0_nothing"}}, "360 540 grow", "dub"},
		"the source is no stream": {sources.HLS, sources.Choice{Flavors: []string{"0_source"}}, "360 540 grow", "dub"},
		"the source as a file":    {sources.URL, sources.Choice{Flavors: []string{"0_source"}}, "source", ""},
		"by params":               {sources.URL, sources.Choice{Params: []string{"4"}}, "540", ""},
		"ids before params":       {sources.URL, sources.Choice{Flavors: []string{"0_360"}, Params: []string{"4"}}, "360", ""},
		"rates":                   {sources.HLS, sources.Choice{Min: 1000, Max: 2000}, "540", ""},
		"limited":                 {sources.HLS, sources.Choice{Verdict: verdict(catalog.AccessAction{Type: access.LimitFlavors, IDs: "3"})}, "360", ""},
		"limited, but named":      {sources.HLS, sources.Choice{Flavors: []string{"0_540"}, Verdict: verdict(catalog.AccessAction{Type: access.LimitFlavors, IDs: "3"})}, "360", ""},
		"nothing is left":         {sources.HLS, sources.Choice{Verdict: verdict(catalog.AccessAction{Type: access.LimitFlavors, IDs: "99"})}, "", ""},
		"a preview cuts no source": {sources.URL, sources.Choice{Flavors: []string{"0_source"}, Verdict: verdict(catalog.AccessAction{Type: access.Preview, Seconds: 5})},
			"360 hevc 540", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := sources.Select(e, assets, tt.format, tt.choice)
			if diff := cmp.Diff([]string{tt.flavors, tt.sounds}, []string{ids(s.Flavors), ids(s.Sounds)}); diff != "" {
				t.Errorf("flavors and sounds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSimilarFlavorsAreOfferedOnce(t *testing.T) {
	e, assets := film()
	twin := assets[2] // 540
	twin.ID, twin.BitRate, twin.Width, twin.Height = "0_twin", 1_550_000, 1280, 720
	if s := sources.Select(e, append(assets, twin), sources.HLS, sources.Choice{}); ids(s.Flavors) != "360 540 grow" {
		t.Errorf("%s", ids(s.Flavors))
	}
	if s := sources.Select(e, append(assets, twin), sources.HLS, sources.Choice{Flavors: []string{"0_540", "0_twin"}}); ids(s.Flavors) != "540 twin" {
		t.Errorf("named: %s", ids(s.Flavors))
	}
	same := assets[2]
	same.ID = "0_same"
	if s := sources.Select(e, append(assets, same), sources.HLS, sources.Choice{}); ids(s.Flavors) != "360 540 grow" {
		t.Errorf("two alike: %s", ids(s.Flavors))
	}
}

func TestSoundAlonePlays(t *testing.T) {
	e, assets := film()
	var sound []catalog.Asset
	for _, a := range assets {
		if a.Kind == "audio" {
			sound = append(sound, a)
		}
	}
	s := sources.Select(e, sound, sources.HLS, sources.Choice{})
	if ids(s.Flavors) == "" || strings.Contains(ids(s.Flavors), "dub") || ids(s.Sounds) != "dub" {
		t.Errorf("flavors %q, sounds %q", ids(s.Flavors), ids(s.Sounds))
	}
}

func TestTheBestIsTheOnePreferred(t *testing.T) {
	e, assets := film()
	s := sources.Select(e, assets, sources.URL, sources.Choice{})
	for rate, want := range map[int64]catalog.AssetID{0: "0_540", 700: "0_360", 1150: "0_hevc", 99999: "0_540"} {
		if a, ok := s.Best(sources.Choice{Preferred: rate}); !ok || a.ID != want {
			t.Errorf("%d: %s, want %s", rate, a.ID, want)
		}
	}
	var none sources.Selection
	if _, ok := none.Best(sources.Choice{}); ok {
		t.Error("the best of nothing")
	}
}

func TestEntriesPlayWhenTheyAreReadyOrMayBeforeThat(t *testing.T) {
	e, _ := film()
	patient, eager := catalog.Account{}, catalog.Account{PlayWhileProcessing: true}
	if !sources.Playable(e, patient) {
		t.Error("ready")
	}
	e.Status = catalog.EntryPreconvert
	if sources.Playable(e, eager) {
		t.Error("nothing to play yet")
	}
	e.PlayableAt = e.PlayableAt.AddDate(2026, 0, 0)
	if !sources.Playable(e, eager) || sources.Playable(e, patient) {
		t.Error("in the making")
	}
	e.Status = catalog.EntryNoContent
	if sources.Playable(e, eager) {
		t.Error("no content")
	}
}

func TestDownloadNamesFitAnyDisk(t *testing.T) {
	e, assets := film()
	e.Name = ` ../a/b: "c"?.MP4 `
	for i, want := range map[int]string{0: `_a_b_ _c__.MP4`, 1: `_a_b_ _c__.MP4_(0_360).mp4`} {
		if got := sources.DownloadName(e, assets[i]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	e.Name = " . "
	if got := sources.DownloadName(e, assets[0]); got == "" || strings.HasPrefix(got, ".") {
		t.Errorf("%q", got)
	}
}

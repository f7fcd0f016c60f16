package stage

import (
	"testing"

	"sluice/catalog"
)

func TestPlayableWhenEverythingThatBeganHasThreeSegments(t *testing.T) {
	part := func(index int, ms int64) catalog.Part { return catalog.Part{Index: index, DurationMS: ms} }
	growing := func(kind string, parts ...catalog.Part) catalog.Asset {
		return catalog.Asset{Kind: kind, Version: 2, Status: catalog.AssetConverting, Parts: parts}
	}
	whole := func(kind string) catalog.Asset {
		return catalog.Asset{Kind: kind, Version: 2, Status: catalog.AssetReady, Key: "k"}
	}
	original, old := whole("video"), whole("audio")
	original.Original, old.Version = true, 1
	for name, test := range map[string]struct {
		assets []catalog.Asset
		want   bool
	}{
		"nothing":                    {nil, false},
		"only the original":          {[]catalog.Asset{original, old}, false},
		"nothing began":              {[]catalog.Asset{growing("video"), growing("audio")}, false},
		"two segments":               {[]catalog.Asset{growing("video", part(0, 18000))}, false},
		"three segments":             {[]catalog.Asset{growing("video", part(0, 18001))}, true},
		"in two chunks":              {[]catalog.Asset{growing("video", part(0, 10000), part(1, 10000))}, true},
		"with a gap":                 {[]catalog.Asset{growing("video", part(0, 10000), part(2, 10000))}, false},
		"without the beginning":      {[]catalog.Asset{growing("video", part(1, 60000))}, false},
		"sound is missing":           {[]catalog.Asset{growing("video", part(0, 60000)), growing("audio")}, false},
		"sound holds the video back": {[]catalog.Asset{growing("video", part(0, 60000)), growing("audio", part(0, 5000))}, false},
		"both":                       {[]catalog.Asset{growing("video", part(0, 60000)), growing("audio", part(0, 60000))}, true},
		"a copy is whole, another rung has not begun": {[]catalog.Asset{whole("video"), growing("video"), whole("audio")}, true},
	} {
		if got := isPlayable(2, test.assets); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

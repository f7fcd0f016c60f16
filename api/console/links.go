package console

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/catalog"
)

// LinkKind says what is at a Link.
type LinkKind string

// Kinds of links. The player page picks what it plays by them.
const (
	LinkHLSfMP4     LinkKind = "hls_fmp4"
	LinkHLSTS       LinkKind = "hls_ts"
	LinkDASH        LinkKind = "dash"
	LinkProgressive LinkKind = "progressive"
	LinkAudio       LinkKind = "audio"
	LinkPoster      LinkKind = "poster"
	LinkStoryboard  LinkKind = "storyboard" // WebVTT with #xywh cues
	LinkCaption     LinkKind = "caption"    // WebVTT
	LinkOriginal    LinkKind = "original"
)

// Link is one output of an entry: an absolute URL, or a path on this server.
type Link struct {
	Kind     LinkKind `json:"kind"`
	Label    string   `json:"label"`
	URL      string   `json:"url"`
	Language string   `json:"language,omitempty"` // BCP 47
	Default  bool     `json:"default,omitempty"`
}

// LocalLinks lists the outputs of an entry at the paths where this server's delivery has them: adaptive streams once there
// is something to play, a progressive file a video rendition (best first), pictures and captions as they become ready, and the original.
func LocalLinks(e catalog.Entry, assets []catalog.Asset) []Link {
	id := url.PathEscape(string(e.ID))
	var links []Link
	if playable(e) && e.MediaType != catalog.MediaImage {
		links = append(links, streamLinks(id, assets)...)
	}
	for _, a := range assets {
		if a.Status != catalog.AssetReady {
			continue
		}
		switch a.Type {
		case catalog.AssetFlavor:
			if a.Original && a.Version == e.Version {
				links = append(links, Link{Kind: LinkOriginal, Label: "The file as it came", URL: "/raw/" + id})
			}
		case catalog.AssetThumb:
			if a.Name == "poster" {
				links = append(links, Link{Kind: LinkPoster, Label: "Poster", URL: "/thumb/" + id + "/poster.jpg"})
			}
		case catalog.AssetStoryboard:
			links = append(links, Link{Kind: LinkStoryboard, Label: "Storyboard", URL: "/thumb/" + id + "/storyboard.vtt"})
		case catalog.AssetCaption:
			links = append(links, Link{
				Kind: LinkCaption, Label: cmp.Or(a.Title, a.Language, a.Name), Language: a.Language, Default: a.Default,
				URL: "/captions/" + id + "/" + url.PathEscape(string(a.ID)) + ".vtt",
			})
		}
	}
	return links
}

func streamLinks(id string, assets []catalog.Asset) []Link {
	links := []Link{
		{Kind: LinkHLSfMP4, Label: "HLS master playlist", URL: "/hls/" + id + "/container/fmp4/master.m3u8"},
		{Kind: LinkHLSTS, Label: "HLS master playlist", URL: "/hls/" + id + "/master.m3u8"},
		{Kind: LinkDASH, Label: "DASH manifest", URL: "/dash/" + id + "/manifest.mpd"},
	}
	made := renditions(assets)
	sound := defaultSound(made)
	for _, a := range made {
		if a.Kind != "video" {
			continue
		}
		choice := []catalog.AssetID{a.ID}
		if sound != nil {
			choice = append(choice, sound.ID)
		}
		links = append(links, Link{Kind: LinkProgressive, Label: renditionLabel(a), URL: "/mp4/" + chosen(id, choice) + "/" + url.PathEscape(a.Name) + ".mp4"})
	}
	if sound != nil {
		links = append(links, Link{Kind: LinkAudio, Label: "AAC in MP4", URL: "/mp4/" + chosen(id, []catalog.AssetID{sound.ID}) + "/audio.m4a"})
	}
	return links
}

// chosen is the file part of a URL that plays some assets of an entry: the asset's own for one, else a multi-file URI.
func chosen(id string, assets []catalog.AssetID) string {
	if len(assets) == 1 {
		return id + "/" + url.PathEscape(string(assets[0]))
	}
	list := id + "/,"
	for _, a := range assets {
		list += url.PathEscape(string(a)) + ","
	}
	return list + ".urlset"
}

// defaultSound is the audio rendition that plays unless a listener chooses: the best one of the default language, or of all
// when none is marked; nil when there is no sound.
func defaultSound(made []catalog.Asset) *catalog.Asset {
	var best *catalog.Asset
	for i := range made {
		a := &made[i]
		switch {
		case a.Kind != "audio":
		case best == nil, a.Default && !best.Default,
			a.Default == best.Default && a.Language == best.Language && a.Title == best.Title && a.BitRate > best.BitRate:
			best = a
		}
	}
	return best
}

// renditionLabel is "720p", with the rendition's own name where that says more.
func renditionLabel(a catalog.Asset) string {
	lines := strconv.Itoa(min(a.Width, a.Height)) + "p"
	if a.Width == 0 || a.Height == 0 || a.Name == lines {
		return a.Name
	}
	return lines + " · " + a.Name
}

// renditions are the finished tracks that were made of the original, largest first.
func renditions(assets []catalog.Asset) []catalog.Asset {
	var made []catalog.Asset
	for _, a := range assets {
		if a.Type == catalog.AssetFlavor && !a.Original && a.Status == catalog.AssetReady {
			made = append(made, a)
		}
	}
	slices.SortStableFunc(made, func(a, b catalog.Asset) int {
		return cmp.Or(cmp.Compare(b.Height, a.Height), cmp.Compare(b.BitRate, a.BitRate), strings.Compare(a.Name, b.Name))
	})
	return made
}

// playable reports whether there is something to play, perhaps before the entry is complete.
func playable(e catalog.Entry) bool {
	switch e.Status {
	case catalog.EntryReady:
		return true
	case catalog.EntryImport, catalog.EntryPreconvert:
		return !e.PlayableAt.IsZero()
	}
	return false
}

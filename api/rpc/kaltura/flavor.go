package kaltura

import (
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// FlavorAsset is a rendition as players and downloads know it: a video rung with the entry's main sound, a sound of its
// own, or the original.
type FlavorAsset struct {
	Asset
	FlavorParamsID  *int64             `k:"flavorParamsId,io" f:"eq,in"`
	Width           *int               `k:"width,ro"`
	Height          *int               `k:"height,ro"`
	Bitrate         *int64             `k:"bitrate,ro"` // kilobits a second
	FrameRate       *float64           `k:"frameRate,ro"`
	IsOriginal      *bool              `k:"isOriginal"` // vendors send it on add: taken and ignored
	IsWeb           *bool              `k:"isWeb,ro"`
	ContainerFormat *string            `k:"containerFormat,ro"`
	VideoCodecID    *string            `k:"videoCodecId,ro"`
	Status          *FlavorAssetStatus `k:"status,ro" f:"eq,in,notin"`
	Language        *string            `k:"language"`
	Label           *string            `k:"label"`
	IsDefault       *rpc.NullBool      `k:"isDefault"`
}

// Tags that renditions carry when their parameters give none.
const (
	TagSource   = "source"
	TagWeb      = "web"
	TagAltAudio = "alt_audio"
	TagAudio    = "audio_only"
)

var (
	h264Tags  = []string{"mbr", TagWeb, "iphonenew", "ipadnew", "dash"}
	otherTags = []string{"mbr", TagWeb, "h265", "dash"}
)

// Flavors returns what of an entry's assets are its flavors, as classes: the original first, then video from small to
// large, then sound. Every video rung stands for itself and the main sound; sound is a flavor of its own when the entry
// has no video, and in a further language or role otherwise.
func Flavors(e catalog.Entry, assets []catalog.Asset) []*FlavorAsset {
	list := FlavorsOf(e, assets)
	main := MainSound(e, assets)
	out := make([]*FlavorAsset, len(list))
	for i, a := range list {
		out[i] = Flavor(a, main)
	}
	return out
}

// FlavorsOf is Flavors as the catalog's assets.
func FlavorsOf(e catalog.Entry, assets []catalog.Asset) []catalog.Asset {
	var original, video, sound []catalog.Asset
	for _, a := range assets {
		switch {
		case a.Type != catalog.AssetFlavor || a.Version != e.Version || a.Status == catalog.AssetDeleted:
		case a.Original:
			original = append(original, a)
		case a.Kind == "audio":
			sound = append(sound, a)
		default:
			video = append(video, a)
		}
	}
	slices.SortStableFunc(video, func(a, b catalog.Asset) int { return a.Width*a.Height - b.Width*b.Height })
	if hasVideo(video) {
		sound = alternatives(MainSound(e, assets), sound)
	}
	return slices.Concat(original, video, sound)
}

func hasVideo(video []catalog.Asset) bool {
	return slices.ContainsFunc(video, func(a catalog.Asset) bool { return a.Kind == "video" })
}

// MainSound returns the sound that goes with every rung: the default track's best rendition; nil when there is none.
func MainSound(e catalog.Entry, assets []catalog.Asset) *catalog.Asset {
	var main *catalog.Asset
	for i, a := range assets {
		if a.Type != catalog.AssetFlavor || a.Original || a.Kind != "audio" || a.Version != e.Version || a.Status == catalog.AssetDeleted {
			continue
		}
		if main == nil || a.Default && !main.Default || a.Default == main.Default && sameSound(a, *main) && a.BitRate > main.BitRate {
			main = &assets[i]
		}
	}
	return main
}

// alternatives keeps the best rendition of each sound that is not the main one.
func alternatives(main *catalog.Asset, sound []catalog.Asset) []catalog.Asset {
	var out []catalog.Asset
	for _, a := range sound {
		if main != nil && sameSound(a, *main) {
			continue
		}
		if i := slices.IndexFunc(out, func(o catalog.Asset) bool { return sameSound(o, a) }); i < 0 {
			out = append(out, a)
		} else if a.BitRate > out[i].BitRate {
			out[i] = a
		}
	}
	return out
}

// sameSound says whether two renditions are of one source track. A sound that a client added stands for itself.
func sameSound(a, b catalog.Asset) bool {
	if strings.HasPrefix(a.Name, "added-") || strings.HasPrefix(b.Name, "added-") {
		return a.ID == b.ID
	}
	return a.Language == b.Language && a.Title == b.Title && trackOf(a) == trackOf(b)
}

// trackOf is the part of a planned rendition's name that names the source track ("a0-en" of "a0-en-128k").
func trackOf(a catalog.Asset) string {
	if i := strings.LastIndexByte(a.Name, '-'); i > 0 {
		return a.Name[:i]
	}
	return a.Name
}

// Flavor is one asset as a flavor; main is the sound that goes with video.
func Flavor(a catalog.Asset, main *catalog.Asset) *FlavorAsset {
	size, rate := a.Size, a.BitRate
	for _, p := range a.Parts {
		size += p.Size
	}
	if a.Kind == "video" && !a.Original && main != nil {
		size += main.Size
		rate += main.BitRate
	}
	f := &FlavorAsset{
		Asset: asset(a, size), FlavorParamsID: paramsID(a.ParamsID), Width: new(a.Width), Height: new(a.Height), Bitrate: new((rate + 500) / 1000),
		FrameRate: new(a.FrameRate), IsOriginal: new(a.Original), Status: new(flavorStatus(a)), Language: new(LanguageName(a.Language)),
		Label: Opt(a.Title), IsDefault: Bool(a.Default), ContainerFormat: Opt(containerID(a)), VideoCodecID: Opt(codecID(a)),
	}
	f.Tags = new(strings.Join(FlavorTags(a, main), ","))
	f.IsWeb = new(slices.Contains(FlavorTags(a, main), TagWeb))
	if f.FileExt == nil {
		f.FileExt = Opt(FileExt(a))
	}
	return f
}

func flavorStatus(a catalog.Asset) FlavorAssetStatus { return FlavorAssetStatus(a.Status) }

// FlavorTags are the tags that selection goes by: the asset's own, or those that its kind gives.
func FlavorTags(a catalog.Asset, main *catalog.Asset) []string {
	switch {
	case a.Original:
		if slices.Contains(a.Details.Tags, TagSource) {
			return a.Details.Tags
		}
		return append([]string{TagSource}, a.Details.Tags...)
	case len(a.Details.Tags) > 0:
		return a.Details.Tags
	case a.Kind == "audio" && main != nil && main.ID != a.ID && !sameSound(a, *main):
		return []string{TagAltAudio, TagAudio, "ipadnew", "iphonenew", "dash"}
	case a.Kind == "audio":
		return append(slices.Clone(h264Tags), TagAudio)
	case a.Codec == "" || strings.HasPrefix(a.Codec, "avc"):
		return h264Tags
	}
	return otherTags
}

// containerID names the container that the flavor is delivered in.
func containerID(a catalog.Asset) string {
	if a.Original && inMP4(a) {
		return "isom"
	}
	if a.Original {
		name, _, _ := strings.Cut(a.Container, ",")
		return name
	}
	if a.Status != catalog.AssetReady {
		return ""
	}
	return "isom"
}

// codecID is the sample entry of the codec, such as avc1.
func codecID(a catalog.Asset) string {
	if a.Kind != "video" {
		return ""
	}
	id, _, _ := strings.Cut(a.Codec, ".")
	if entry := sampleEntries[id]; a.Original && entry != "" && inMP4(a) {
		return entry
	}
	return id
}

// inMP4 says whether an original is an MP4 file, as far as its name and its demuxer tell.
func inMP4(a catalog.Asset) bool {
	return strings.HasPrefix(a.Container, "mov") && slices.Contains([]string{"mp4", "m4v", "m4a"}, FileExt(a))
}

// sampleEntries are what MP4 files mostly call the codecs that originals are known by.
var sampleEntries = map[string]string{"h264": "avc1", "hevc": "hvc1", "av1": "av01", "vp9": "vp09", "mpeg4": "mp4v"}

// FileExt is the extension of a flavor's file: its own, or that of what it is delivered as.
func FileExt(a catalog.Asset) string {
	switch {
	case a.Details.FileExt != "":
		return a.Details.FileExt
	case a.Original:
		if i := strings.LastIndexByte(a.Key, '.'); i >= 0 && len(a.Key)-i <= 6 {
			return strings.ToLower(a.Key[i+1:])
		}
		return ""
	case a.Kind == "audio":
		return "m4a"
	}
	return "mp4"
}

// FlavorAssetWithParams is a flavor with the parameters it was made by; either may be missing.
type FlavorAssetWithParams struct {
	rpc.Object
	FlavorAsset  *FlavorAsset  `k:"flavorAsset"`
	FlavorParams *FlavorParams `k:"flavorParams"`
	EntryID      *string       `k:"entryId"`
}

// paramsID is nil for flavors that no parameters describe, whose id in the catalog is negative.
func paramsID(id int64) *int64 {
	if id < 0 {
		return nil
	}
	return &id
}

// FlavorAssetUrlOptions say what the URL of a flavor is to do.
type FlavorAssetUrlOptions struct { //nolint:revive // the class is called so
	rpc.Object
	FileName *string `k:"fileName"`
	Referrer *string `k:"referrer"`
}

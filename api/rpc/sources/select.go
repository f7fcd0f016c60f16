package sources

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Format is a way to have an entry; the values are PlaybackProtocol of the wire.
type Format string

// Formats.
const (
	HLS      Format = "applehttp"
	DASH     Format = "mpegdash"
	HTTP     Format = "http"
	URL      Format = "url"
	Download Format = "download"
)

// ParseFormat reads a format's name; "" is HTTP. ok is false for what is not served.
func ParseFormat(name string) (f Format, ok bool) {
	switch name {
	case "applehttp", "hls":
		return HLS, true
	case "mpegdash", "dash":
		return DASH, true
	case "http", "":
		return HTTP, true
	case "url":
		return URL, true
	case "download":
		return Download, true
	}
	return "", false
}

// DeliveryProfile is the id of the delivery profile by which a format is had.
func (f Format) DeliveryProfile() string {
	switch f {
	case HLS:
		return "1"
	case DASH:
		return "2"
	}
	return "3"
}

// Playable says whether an entry may be played at all: it is ready, or in the making and its account lets players have it.
func Playable(e catalog.Entry, account catalog.Account) bool {
	switch e.Status {
	case catalog.EntryReady, catalog.EntryModerate, catalog.EntryBlocked:
		return true // moderation is access control's
	case catalog.EntryImport, catalog.EntryPreconvert, catalog.EntryErrorConverting:
		return account.PlayWhileProcessing && !e.PlayableAt.IsZero()
	}
	return false
}

// defaultTags are the groups of tags that a format's flavors have: those of the first group that any flavor has.
func (f Format) defaultTags() [][]string {
	apple := [][]string{{"applembr"}, {"ipadnew", "iphonenew"}, {"ipad", "iphone"}}
	switch f {
	case HLS:
		return apple
	case DASH:
		return append([][]string{{"dash"}}, apple...)
	default:
		return [][]string{{"mbr"}, {"web"}}
	}
}

// contextTags are those that the playback context goes by: players it speaks to know newer codecs.
func (f Format) contextTags() [][]string {
	groups := f.defaultTags()
	if f == HLS {
		groups[1] = append(groups[1], "h265", "dash")
	}
	return groups
}

// Choice is what a client wants, and may have, of an entry's flavors.
type Choice struct {
	// Flavors, else Params, name flavors by id or by the id of their parameters. When none of them matches, tags choose.
	Flavors, Params []string
	// Tags replace the format's own, each a group.
	Tags []string
	// Bounds in kilobits a second, 0 for none, and the rate to prefer where there is one flavor only.
	Min, Max, Preferred int64
	// Verdict limits the choice.
	Verdict *access.Verdict
	// Modern players take more codecs.
	Modern bool
}

// Selection is what is played.
type Selection struct {
	// Flavors, from low to high bit rate, each with its sound; or sound alone.
	Flavors []catalog.Asset
	// Sounds are what a listener may choose instead of the flavors' own sound.
	Sounds []catalog.Asset
	// Named says that the client named flavors, and these are they.
	Named bool
}

// Select chooses the flavors that a format plays.
func Select(e catalog.Entry, assets []catalog.Asset, f Format, c Choice) Selection {
	main := kaltura.MainSound(e, assets)
	var all []catalog.Asset
	for _, a := range kaltura.FlavorsOf(e, assets) {
		if playable(a, f) && c.allows(a) {
			all = append(all, a)
		}
	}
	chosen, named := c.named(all)
	if !named {
		chosen = withAlternatives(c.tagged(all, main, f), all, main, f)
	}
	s := Selection{Named: named}
	pictures := slices.ContainsFunc(chosen, func(a catalog.Asset) bool { return a.Kind != "audio" })
	for _, a := range chosen {
		if a.Kind == "audio" && !named && (pictures || slices.Contains(kaltura.FlavorTags(a, main), kaltura.TagAltAudio)) {
			s.Sounds = append(s.Sounds, a)
		} else {
			s.Flavors = append(s.Flavors, a)
		}
	}
	if len(s.Flavors) == 0 {
		s.Flavors, s.Sounds = s.Sounds, nil
	}
	slices.SortStableFunc(s.Flavors, func(a, b catalog.Asset) int { return cmp.Compare(Rate(a), Rate(b)) })
	if !named {
		s.Flavors = distinct(s.Flavors)
	}
	return s
}

// Best is the flavor to have where only one can be: the one nearest to the preferred rate, else the best.
func (s *Selection) Best(c Choice) (catalog.Asset, bool) {
	if len(s.Flavors) == 0 {
		return catalog.Asset{}, false
	}
	if c.Preferred <= 0 {
		return s.Flavors[len(s.Flavors)-1], true
	}
	return slices.MinFunc(s.Flavors, func(a, b catalog.Asset) int {
		return cmp.Compare(abs(Rate(a)-c.Preferred), abs(Rate(b)-c.Preferred))
	}), true
}

func abs(n int64) int64 { return max(n, -n) }

// Rate is the bit rate in kilobits a second.
func Rate(a catalog.Asset) int64 { return (a.BitRate + 500) / 1000 }

// playable says whether the asset can be had in the format now: finished, or growing and with its beginning there. The
// original is a file only.
func playable(a catalog.Asset, f Format) bool {
	if a.Original {
		return a.Status == catalog.AssetReady && f != HLS && f != DASH
	}
	return a.Status == catalog.AssetReady && a.IndexKey != "" ||
		a.Status == catalog.AssetConverting && len(a.Parts) > 0 && a.Parts[0].Index == 0 && (f == HLS || f == DASH)
}

func (c *Choice) allows(a catalog.Asset) bool {
	rate := Rate(a)
	switch {
	case c.Min > 0 && rate < c.Min, c.Max > 0 && rate > c.Max:
		return false
	case c.Verdict == nil:
		return true
	case a.Original && c.Verdict.Preview() > 0: // it cannot be cut
		return false
	}
	return c.Verdict.AllowsFlavor(strconv.FormatInt(a.ParamsID, 10))
}

// named returns the flavors that the client names, in its order.
func (c *Choice) named(all []catalog.Asset) (chosen []catalog.Asset, ok bool) {
	pick := func(ids []string, id func(catalog.Asset) string) {
		for _, want := range ids {
			for _, a := range all {
				if id(a) == want && !slices.ContainsFunc(chosen, func(o catalog.Asset) bool { return o.ID == a.ID }) {
					chosen = append(chosen, a)
				}
			}
		}
	}
	pick(c.Flavors, func(a catalog.Asset) string { return string(a.ID) })
	if len(c.Flavors) == 0 {
		pick(c.Params, func(a catalog.Asset) string { return strconv.FormatInt(a.ParamsID, 10) })
	}
	return chosen, len(chosen) > 0
}

// tagged returns the flavors of the first group of tags that any flavor has one of.
func (c *Choice) tagged(all []catalog.Asset, main *catalog.Asset, f Format) []catalog.Asset {
	groups := f.defaultTags()
	if c.Modern {
		groups = f.contextTags()
	}
	if len(c.Tags) > 0 {
		groups = nil
		for _, t := range c.Tags {
			groups = append(groups, []string{t})
		}
	}
	for _, group := range groups {
		var chosen []catalog.Asset
		for _, a := range all {
			tags := kaltura.FlavorTags(a, main)
			if slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(group, strings.TrimSpace(t)) }) {
				chosen = append(chosen, a)
			}
		}
		if slices.ContainsFunc(chosen, func(a catalog.Asset) bool { return !slices.Contains(kaltura.FlavorTags(a, main), kaltura.TagAltAudio) }) {
			return chosen
		}
	}
	return nil
}

// withAlternatives adds the sounds that formats offer a choice of, whatever else they are tagged with.
func withAlternatives(chosen, all []catalog.Asset, main *catalog.Asset, f Format) []catalog.Asset {
	if len(chosen) == 0 || f != HLS && f != DASH {
		return chosen
	}
	for _, a := range all {
		if a.Kind == "audio" && slices.Contains(kaltura.FlavorTags(a, main), kaltura.TagAltAudio) &&
			!slices.ContainsFunc(chosen, func(o catalog.Asset) bool { return o.ID == a.ID }) {
			chosen = append(chosen, a)
		}
	}
	return chosen
}

// distinct drops the flavors that another one makes pointless: no larger a picture at nearly the same rate. The list is in
// the order of rates, and of two such the cheaper goes with the smaller picture.
func distinct(list []catalog.Asset) []catalog.Asset {
	var out []catalog.Asset
	for i, a := range list {
		similar := slices.ContainsFunc(list, func(o catalog.Asset) bool {
			return o.ID != a.ID && o.Kind == a.Kind && o.Kind == "video" && family(o) == family(a) &&
				a.Width*a.Height >= o.Width*o.Height && a.BitRate >= o.BitRate && float64(a.BitRate) <= float64(o.BitRate)*1.05 &&
				(a.BitRate != o.BitRate || a.Width*a.Height != o.Width*o.Height || slices.IndexFunc(list, func(x catalog.Asset) bool { return x.ID == o.ID }) < i)
		})
		if !similar {
			out = append(out, a)
		}
	}
	return out
}

func family(a catalog.Asset) string {
	f, _, _ := strings.Cut(a.Codec, ".")
	return f
}

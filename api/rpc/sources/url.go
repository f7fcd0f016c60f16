package sources

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Signer signs path prefixes; origin tokens do.
type Signer interface {
	// Sign returns a token for paths below a prefix.
	Sign(prefix string, lifetime time.Duration) (string, error)
}

// URLs writes the URLs of one entry's media for one client.
type URLs struct {
	// Base is scheme and host: "https://media.example.com".
	Base  string
	Entry catalog.Entry
	// Signer, when set, signs every URL.
	Signer Signer
	// From and To clip, in milliseconds; 0 is none.
	From, To int64
	// Tracks is a packager's choice of tracks ("v1-a1"), "" all.
	Tracks string
	// FileName makes files downloads of that name.
	FileName string
}

// Partner is the path prefix of an account's delivery: /p/102/sp/10200.
func Partner(id catalog.AccountID) string {
	n := strconv.FormatInt(int64(id), 10)
	return "/p/" + n + "/sp/" + n + "00"
}

// Lifetime is how long URLs work that are signed for an entry: long enough to play it twice.
func Lifetime(e catalog.Entry) time.Duration {
	return max(24*time.Hour, 2*time.Duration(e.DurationMS)*time.Millisecond+time.Hour)
}

// Flavor is the directory of a flavor's, or several flavors', playlists and segments: location is "hls" or "dash", and the
// name of an object, after a slash, completes it.
func (u *URLs) Flavor(location string, flavors ...catalog.Asset) (string, error) {
	dir := "/" + location + u.path(flavors)
	token, err := u.token(dir)
	return u.Base + token + dir + u.name(flavors), err
}

// Path is what Flavor returns without host.
func (u *URLs) Path(location string, flavors ...catalog.Asset) (string, error) {
	bare := *u
	bare.Base = ""
	return bare.Flavor(location, flavors...)
}

// File is a flavor, or another asset, as one file. Renditions are MP4 made on request; other assets are as they are stored.
func (u *URLs) File(a catalog.Asset) (string, error) {
	list := []catalog.Asset{a}
	dir, location := u.path(list), "/mp4"
	if Stored(a) {
		location = "/raw"
	}
	token, err := u.token(location + dir)
	return u.Base + token + dir + u.name(list), err
}

// Stored says whether the asset is a file of its own, rather than tracks from which files are made.
func Stored(a catalog.Asset) bool { return a.Type != catalog.AssetFlavor || a.Original }

// token is the path element that vouches for a prefix; "" when nothing needs one.
func (u *URLs) token(prefix string) (string, error) {
	if u.Signer == nil {
		return "", nil
	}
	t, err := u.Signer.Sign(prefix, Lifetime(u.Entry))
	if err != nil {
		return "", err
	}
	return "/t/" + t, nil
}

// path is the part of a URL up to the flavors, which is what tokens sign.
func (u *URLs) path(flavors []catalog.Asset) string {
	var b strings.Builder
	b.WriteString(Partner(u.Entry.Account) + "/serveFlavor/entryId/" + string(u.Entry.ID))
	if u.From > 0 {
		b.WriteString("/clipFrom/" + strconv.FormatInt(u.From, 10))
	}
	if u.To > 0 {
		b.WriteString("/clipTo/" + strconv.FormatInt(u.To, 10))
	}
	if u.Tracks != "" {
		b.WriteString("/tracks/" + url.PathEscape(u.Tracks))
	}
	b.WriteString("/v/" + strconv.Itoa(version(flavors)) + "/ev/" + strconv.Itoa(u.Entry.Version) + "/flavorId/")
	if len(flavors) == 1 {
		b.WriteString(url.PathEscape(string(flavors[0].ID)))
		return b.String()
	}
	for i, a := range flavors {
		id := string(a.ID)
		if i == 0 {
			b.WriteString(prefix(flavors))
		}
		b.WriteString("," + id[len(prefix(flavors)):])
	}
	return b.String() + ","
}

// name follows the flavors.
func (u *URLs) name(flavors []catalog.Asset) string {
	s := ""
	if u.FileName != "" {
		s = "/fileName/" + url.PathEscape(cleanName(u.FileName))
	}
	if len(flavors) == 1 {
		ext := kaltura.FileExt(flavors[0])
		if ext == "" {
			ext = "mp4"
		}
		return s + "/name/a." + url.PathEscape(ext)
	}
	return s + "/name/a.mp4.urlset"
}

// prefix is what the ids of several flavors have in common, up to the site.
func prefix(flavors []catalog.Asset) string {
	first, _, ok := strings.Cut(string(flavors[0].ID), "_")
	first += "_"
	if !ok || slices.ContainsFunc(flavors, func(a catalog.Asset) bool { return !strings.HasPrefix(string(a.ID), first) }) {
		return ""
	}
	return first
}

// version is the newest of the flavors' versions: caches see another URL when it changes.
func version(flavors []catalog.Asset) int {
	v := 1
	for _, a := range flavors {
		v = max(v, a.Version+a.Revision)
	}
	return v
}

// cleanName makes a name fit a path: what URLs or file systems give a meaning becomes an underscore.
func cleanName(name string) string {
	name = strings.Trim(name, " .")
	if name == "" {
		return "download"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || strings.ContainsRune(`/\?%*:|"<>,;#&+=`, r) {
			return '_'
		}
		return r
	}, name)
}

// DownloadName is what a flavor of the entry is called on the disk of who downloads it.
func DownloadName(e catalog.Entry, a catalog.Asset) string {
	name := strings.TrimSpace(e.Name)
	if !a.Original && a.Type == catalog.AssetFlavor {
		name += "_(" + a.Name + ")"
	}
	if ext := kaltura.FileExt(a); ext != "" && !strings.HasSuffix(strings.ToLower(name), "."+ext) {
		name += "." + ext
	}
	return cleanName(name)
}

// Captions is the playlist of captions as text segments.
func (u *URLs) Captions(a catalog.Asset) (string, error) {
	dir := "/hls/" + string(u.Entry.ID) + "/" + url.PathEscape(string(a.ID))
	token, err := u.token(dir)
	clip := ""
	if u.From > 0 {
		clip += "/clipFrom/" + strconv.FormatInt(u.From, 10)
	}
	if u.To > 0 {
		clip += "/clipTo/" + strconv.FormatInt(u.To, 10)
	}
	return u.Base + token + dir + clip + "/index.m3u8", err
}

// Pictures is the directory, on this server, of the pictures of the entry's video.
func (u *URLs) Pictures() (string, error) {
	dir := "/thumb/" + string(u.Entry.ID)
	token, err := u.token(dir)
	return token + dir, err
}

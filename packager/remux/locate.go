package remux

import (
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// place is where a playlist or a piece of media lies: a name below the root of a local input, or a URL.
type place struct {
	local bool
	name  string // slash-separated, below the root
	url   *url.URL
}

func (p place) String() string {
	if p.local {
		return p.name
	}
	return p.url.Redacted()
}

// key identifies the place among others of the same input.
func (p place) key() string {
	if p.local {
		return p.name
	}
	return p.url.String()
}

// inputPlace splits Options.Input into the root folder of a local input and the place in it.
func inputPlace(input string) (root string, p place, err error) {
	if input == "" {
		return "", p, fail(Corrupt, "", "no input given")
	}
	if scheme, _, ok := strings.Cut(input, "://"); ok && isScheme(scheme) {
		u, err := url.Parse(input)
		if err != nil {
			return "", p, fail(Corrupt, input, "not a URL: %v", err)
		}
		return "", place{url: u}, checkURL(u)
	}
	abs, err := filepath.Abs(input)
	if err != nil {
		return "", p, classify(err, input)
	}
	return filepath.Dir(abs), place{local: true, name: filepath.Base(abs)}, nil
}

func isScheme(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("+-.0123456789", c)) {
			return false
		}
	}
	return len(s) > 1
}

func checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fail(Blocked, u.Redacted(), "scheme %q is not read: only http and https are", u.Scheme)
	}
	if u.Hostname() == "" {
		return fail(Blocked, u.Redacted(), "URL without a host")
	}
	return nil
}

// resolve finds what ref in the playlist at base means. A local playlist may name files beside or below the one that the run
// started with, by relative path, and nothing else.
func (in *input) resolve(base place, ref string) (place, error) {
	if ref == "" {
		return place{}, fail(Corrupt, base.String(), "empty URI")
	}
	if i := strings.IndexFunc(ref, func(c rune) bool { return c < 0x20 || c == 0x7F }); i >= 0 {
		return place{}, fail(Corrupt, base.String(), "control character in URI %q", shorten(ref))
	}
	if !base.local {
		u, err := base.url.Parse(ref)
		if err != nil {
			return place{}, fail(Corrupt, base.String(), "URI %q: %v", shorten(ref), err)
		}
		if err := checkURL(u); err != nil {
			return place{}, err
		}
		if !in.o.AllowPrivate {
			if ip, err := netip.ParseAddr(u.Hostname()); err == nil && private(ip) {
				return place{}, fail(Blocked, u.Redacted(), "address %s is not public", ip)
			}
		}
		return place{url: u}, nil
	}
	return in.resolveLocal(base, ref)
}

func (in *input) resolveLocal(base place, ref string) (place, error) {
	blocked := func(why string) (place, error) {
		return place{}, fail(Blocked, base.String(), "reference %q %s", shorten(ref), why)
	}
	u, err := url.Parse(ref)
	if err != nil {
		if strings.Contains(ref, "://") || strings.HasPrefix(ref, "/") || strings.HasPrefix(ref, `\`) {
			return blocked("is not a relative path")
		}
		return place{}, fail(Corrupt, base.String(), "URI %q: %v", shorten(ref), err)
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && in.o.AllowRemote:
		if err := checkURL(u); err != nil {
			return place{}, err
		}
		return in.resolve(place{url: u}, ref)
	case u.Scheme != "":
		return blocked("names the scheme " + u.Scheme + ": a local playlist may name files beside or below it only")
	case u.Host != "" || u.Opaque != "":
		return blocked("is not a relative path")
	case strings.ContainsAny(u.Path, "\\\x00") || strings.HasPrefix(u.Path, "/"):
		return blocked("is not a relative path")
	}
	name := path.Join(path.Dir(base.name), u.Path)
	if name == ".." || strings.HasPrefix(name, "../") || !filepath.IsLocal(name) {
		return blocked("leaves the folder of the playlist")
	}
	return place{local: true, name: name}, nil
}

// private reports whether ip is of the local machine or network, or otherwise not a public unicast address.
func private(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// reserved are the special-purpose blocks (RFC 6890) that netip counts as global unicast.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
}

func shorten(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}

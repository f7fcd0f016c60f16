package access

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/catalog"
)

// Condition types; the values are ConditionType of the wire.
const (
	Authenticated = "1"
	Country       = "2"
	IPAddress     = "3"
	Site          = "4"
	UserAgent     = "5"
	GeoDistance   = "10"
	AnyOf         = "11"
	AnonymousIP   = "15"
	HTTPHeader    = "18"
	SessionType   = "22"
)

// holds says whether a condition is true of the request. What is not known makes a condition false before Not inverts it, so
// that "block all but …" blocks what is unknown.
func (r *Request) holds(c *catalog.AccessCondition) bool { return r.matches(c) != c.Not }

func (r *Request) matches(c *catalog.AccessCondition) bool {
	switch c.Type {
	case Authenticated:
		return r.authenticated(c.Values)
	case IPAddress:
		ip := r.address(c)
		return slices.ContainsFunc(c.Values, func(v string) bool { return inRange(ip, v) })
	case Country, AnonymousIP, GeoDistance:
		return r.placed(c)
	case Site:
		host := r.host()
		return slices.ContainsFunc(c.Values, func(v string) bool { return sameSite(host, v) })
	case UserAgent:
		return anyMatch(c.Values, r.UserAgent)
	case HTTPHeader:
		return c.Header != "" && slices.ContainsFunc(r.Header.Values(c.Header), func(v string) bool { return anyMatch(c.Values, v) })
	case SessionType:
		return r.Session != nil && slices.Contains(c.Values, strconv.Itoa(r.Session.Type))
	case AnyOf:
		return slices.ContainsFunc(c.Conditions, func(c catalog.AccessCondition) bool { return r.holds(&c) })
	}
	return false
}

// authenticated says whether the session is an administrator's or carries one of the privileges for the entry.
func (r *Request) authenticated(privileges []string) bool {
	if len(privileges) == 0 {
		privileges = []string{"sview", "sviewplaylist"}
	}
	return r.admin() || slices.ContainsFunc(privileges, r.may)
}

// address is the client's: the connection's, or the first public one of the condition's header.
func (r *Request) address(c *catalog.AccessCondition) netip.Addr {
	if c.Header == "" {
		return r.IP
	}
	for _, line := range r.Header.Values(c.Header) {
		for part := range strings.SplitSeq(line, ",") {
			ip, err := netip.ParseAddr(strings.TrimSpace(part))
			if err == nil && (c.Internal || !internal(ip.Unmap())) {
				return ip.Unmap()
			}
		}
	}
	return netip.Addr{}
}

func internal(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
}

// inRange says whether ip is the address, in the block ("10.0.0.0/8", "10.0.0.0/255.0.0.0") or in the span
// ("10.0.0.1-10.0.0.9") that v names.
func inRange(ip netip.Addr, v string) bool {
	v = strings.TrimSpace(v)
	ip = ip.Unmap()
	if !ip.IsValid() {
		return false
	}
	if first, last, ok := strings.Cut(v, "-"); ok {
		from, err1 := netip.ParseAddr(strings.TrimSpace(first))
		to, err2 := netip.ParseAddr(strings.TrimSpace(last))
		return err1 == nil && err2 == nil && from.Unmap().Compare(ip) <= 0 && ip.Compare(to.Unmap()) <= 0
	}
	if strings.Contains(v, "/") {
		p, ok := block(v)
		return ok && p.Contains(ip)
	}
	one, err := netip.ParseAddr(v)
	return err == nil && one.Unmap() == ip
}

func block(v string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(v); err == nil {
		return p.Masked(), true
	}
	addr, mask, _ := strings.Cut(v, "/")
	a, err1 := netip.ParseAddr(addr)
	m, err2 := netip.ParseAddr(mask)
	if err1 != nil || err2 != nil || !a.Is4() || !m.Is4() {
		return netip.Prefix{}, false
	}
	ones, bits := net.IPMask(m.AsSlice()).Size()
	if bits == 0 {
		return netip.Prefix{}, false
	}
	p := netip.PrefixFrom(a, ones).Masked()
	return p, p.IsValid()
}

// placed evaluates the conditions that need to know where the address is.
func (r *Request) placed(c *catalog.AccessCondition) bool {
	if r.Geo == nil {
		return false
	}
	place, known := r.Geo.Place(r.address(c))
	if !known {
		return false
	}
	return slices.ContainsFunc(c.Values, func(v string) bool {
		switch c.Type {
		case Country:
			return strings.EqualFold(strings.TrimSpace(v), place.Country)
		case AnonymousIP:
			return slices.ContainsFunc(place.Anonymous, func(way string) bool { return strings.EqualFold(strings.TrimSpace(v), way) })
		}
		return near(place, v)
	})
}

// circle reads "latitude,longitude,kilometres".
func circle(v string) (n [3]float64, err error) {
	parts := strings.Split(v, ",")
	if len(parts) != 3 {
		return n, errors.New("not latitude, longitude and kilometres")
	}
	for i := range parts {
		if n[i], err = strconv.ParseFloat(strings.TrimSpace(parts[i]), 64); err != nil {
			return n, err
		}
	}
	return n, nil
}

// near says whether the place lies within a circle.
func near(p Place, v string) bool {
	n, err := circle(v)
	if err != nil {
		return false
	}
	const earth, rad = 6371.0, math.Pi / 180
	a, b := n[0]*rad, p.Latitude*rad
	h := math.Pow(math.Sin((b-a)/2), 2) + math.Cos(a)*math.Cos(b)*math.Pow(math.Sin((p.Longitude-n[1])*rad/2), 2)
	return 2*earth*math.Asin(math.Sqrt(min(1, h))) <= n[2]
}

// sameSite says whether host is the domain or below it; a "*" in the domain stands for any text.
func sameSite(host, domain string) bool {
	domain = strings.ToLower(strings.TrimSpace(domain))
	switch {
	case host == "" || domain == "":
		return false
	case strings.Contains(domain, "*"):
		return glob(domain, host)
	}
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// glob matches the whole of s with a pattern in which "*" stands for any text.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}

// anyMatch says whether one of the regular expressions is found in s, without regard to case.
func anyMatch(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		re, err := compile(p)
		return err == nil && re.MatchString(s)
	})
}

// compile reads a pattern of a rule. Delimiters around it, as "/…/i", are those of other dialects and are taken off.
func compile(p string) (*regexp.Regexp, error) {
	if len(p) > 2 && p[0] == '/' {
		if i := strings.LastIndexByte(p, '/'); i > 0 && strings.Trim(p[i+1:], "imsu") == "" {
			p = p[1:i]
		}
	}
	return regexp.Compile("(?i)" + p)
}

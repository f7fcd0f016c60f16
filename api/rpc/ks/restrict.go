package ks

import (
	"net/netip"
	"strconv"
	"strings"
)

// PermitsIP says whether the token may be used from the address: any, unless iprestrict names those that may.
func (s *Session) PermitsIP(ip netip.Addr) bool {
	allowed, ok := s.Value("iprestrict")
	if !ok {
		return true
	}
	for _, a := range allowed {
		if want, err := netip.ParseAddr(a); err == nil && want.Unmap() == ip.Unmap() {
			return true
		}
	}
	return false
}

// PermitsURI says whether the token may be used on the request URI: any, unless urirestrict lists some, separated by
// bars. One that ends in a star stands for all that begin like it.
func (s *Session) PermitsURI(uri string) bool {
	restricted := false
	for _, p := range s.Privileges {
		if p.Name != "urirestrict" {
			continue
		}
		restricted = true
		for want := range strings.SplitSeq(p.Value, "|") {
			if prefix, ok := strings.CutSuffix(want, "*"); uri == want || ok && strings.HasPrefix(uri, prefix) {
				return true
			}
		}
	}
	return !restricted
}

// ActionsLimit is how many calls the token is good for, the least of its limits; ok is false without one. A limit that is
// not a positive number allows none.
func (s *Session) ActionsLimit() (limit int64, ok bool) {
	for _, p := range s.Privileges {
		if p.Name != "actionslimit" {
			continue
		}
		n, err := strconv.ParseInt(p.Value, 10, 64)
		if err != nil || n < 0 {
			n = 0
		}
		if !ok || n < limit {
			limit = n
		}
		ok = true
	}
	return limit, ok
}

package rpc

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientIP is who made the request: the peer, or what trusted proxies say of whom they serve.
func (s *Server) clientIP(r *http.Request) netip.Addr {
	ip := peer(r)
	if len(s.cfg.TrustedProxies) == 0 {
		return ip
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(ip); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap()
	}
	return ip
}

func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

func (s *Server) trusts(ip netip.Addr) bool {
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// secure says whether the client's own connection is encrypted, as far as this server or its proxies know.
func (s *Server) secure(r *http.Request) bool {
	return r.TLS != nil || s.trusts(peer(r)) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// base is scheme and host as the client sees them.
func (s *Server) base(r *http.Request) string {
	if s.cfg.PublicURL != "" {
		return strings.TrimRight(s.cfg.PublicURL, "/")
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if s.trusts(peer(r)) {
		if p := r.Header.Get("X-Forwarded-Proto"); p == "https" || p == "http" {
			scheme = p
		}
		if h := r.Header.Get("X-Forwarded-Host"); h != "" && !strings.ContainsAny(h, " ,/\\\"<>") {
			host = h
		}
	}
	return scheme + "://" + host
}

// ClientIP is who made a request, for handlers beside the API.
func (s *Server) ClientIP(r *http.Request) netip.Addr { return s.clientIP(r) }

// Base is scheme and host as the client of a request sees them, for handlers beside the API.
func (s *Server) Base(r *http.Request) string { return s.base(r) }

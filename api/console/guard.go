package console

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// guard refuses requests that a browser was tricked into: those for a name that is not ours (a rebound domain) and state
// changes that another site started. It also sets the headers that every answer carries.
func guard(hosts []string, next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !hostAllowed(r.Host, hosts) {
			writeJSON(w, http.StatusMisdirectedRequest, map[string]*refusal{"error": refuse(http.StatusMisdirectedRequest, codeWrongHost,
				"this server does not answer to the name %q; add it to the console's hosts if it should", r.Host)})
			return
		}
		if err := sameOrigin.Check(r); err != nil {
			writeJSON(w, http.StatusForbidden, map[string]*refusal{"error": refuse(http.StatusForbidden, codeForbidden,
				"a request that changes something must come from the console's own pages")})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostAllowed reports whether the Host of a request is ours. An IP address cannot be rebound to another one, and localhost
// names are resolved by the machine itself (RFC 6761 §6.3), so those need no listing.
func hostAllowed(host string, names []string) bool {
	if slices.Contains(names, "*") {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// fromElsewhere reports whether a browser says that another site started the request.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	}
	return false
}

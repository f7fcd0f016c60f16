package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Guard says where connections may go. The zero value allows the public Internet on the usual ports.
type Guard struct {
	names    []string // host names, also of allowed literals
	hosts    []string // host:port
	prefixes []netip.Prefix
	resolver *net.Resolver // of names; nil for the system's
}

// NewGuard returns a guard that allows, besides the public Internet, what the list names: host names, "host:port", addresses and
// networks ("10.1.0.0/16"). Ports count only for what has one.
func NewGuard(allow []string) (*Guard, error) {
	g := &Guard{}
	for _, a := range allow {
		a = strings.ToLower(strings.TrimSpace(a))
		if p, err := netip.ParsePrefix(a); err == nil {
			g.prefixes = append(g.prefixes, p.Masked())
			continue
		}
		if ip, err := netip.ParseAddr(strings.Trim(a, "[]")); err == nil {
			g.prefixes = append(g.prefixes, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
			continue
		}
		if host, port, err := net.SplitHostPort(a); err == nil {
			if _, err := strconv.ParseUint(port, 10, 16); err != nil || host == "" {
				return nil, fmt.Errorf("%q is no host and port", a)
			}
			g.hosts = append(g.hosts, a)
			continue
		}
		if a == "" || strings.ContainsAny(a, "/ @:*") {
			return nil, fmt.Errorf("%q is no host name, address or network", a)
		}
		g.names = append(g.names, a)
	}
	return g, nil
}

// RefusedError says that a connection is not allowed.
type RefusedError struct{ Addr, Why string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("connections to %s are refused: %s", e.Addr, e.Why)
}

// dialTimeout bounds a connection's making.
const dialTimeout = 30 * time.Second

// ports are those of the protocols that files are fetched by.
var ports = []uint16{21, 22, 80, 443, 990}

// DialContext connects to an address of the host that is allowed; names are resolved here, and what they resolve to is what is
// checked and connected to.
func (g *Guard) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTimeout}
	if g != nil {
		d.Resolver = g.resolver
	}
	if !g.trusts(strings.ToLower(host), strings.ToLower(addr)) {
		d.Control = func(_, address string, _ syscall.RawConn) error { return g.check(address) }
	}
	return d.DialContext(ctx, network, addr)
}

func (g *Guard) trusts(host, addr string) bool {
	return g != nil && (slices.Contains(g.names, host) || slices.Contains(g.hosts, addr))
}

// check says why an address and port may not be connected to.
func (g *Guard) check(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{address, "it is no address"}
	}
	ip := ap.Addr().WithZone("").Unmap()
	if g != nil {
		for _, p := range g.prefixes {
			if p.Contains(ip) {
				return nil
			}
		}
	}
	if why := special(ip); why != "" {
		return &RefusedError{ip.String(), why}
	}
	if !slices.Contains(ports, ap.Port()) {
		return &RefusedError{address, "the port is not allowed"}
	}
	return nil
}

// specials are networks that are not the public Internet (IANA's registries of special-purpose addresses), beyond those that
// package netip knows.
var specials = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "relays"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/96"), "IPv4-compatible addresses"},
	{netip.MustParsePrefix("64:ff9b::/96"), "address translation"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "address translation"},
	{netip.MustParsePrefix("100::/64"), "discarded"},
	{netip.MustParsePrefix("2001::/23"), "protocol assignments and tunnels"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "tunnels"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("5f00::/16"), "segment routing"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
}

// special says what an address is that is not one of the public Internet, or "".
func special(ip netip.Addr) string {
	switch {
	case ip.IsLoopback():
		return "loopback"
	case ip.IsPrivate():
		return "a private network"
	case ip.IsLinkLocalUnicast(), ip.IsLinkLocalMulticast():
		return "link-local"
	case ip.IsMulticast(), ip.IsInterfaceLocalMulticast():
		return "multicast"
	case ip.IsUnspecified():
		return "unspecified"
	case !ip.IsGlobalUnicast():
		return "not a public address"
	}
	for _, s := range specials {
		if s.prefix.Contains(ip) {
			return s.what
		}
	}
	return ""
}

package gateway

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Brake on guessing.
const (
	maxFailures = 5
	brakeTime   = 10 * time.Minute
	// maxBraked bounds what is remembered; when it is full, what was seen longest ago is forgotten first.
	maxBraked = 10_000
)

// brake refuses, for a while, keys under which logins failed too often: an address, or a user's name.
type brake struct {
	now func() time.Time

	mu   sync.Mutex
	keys map[string]*failures // guarded by mu
}

type failures struct {
	n    int
	last time.Time
}

func newBrake(now func() time.Time) *brake { return &brake{now: now, keys: map[string]*failures{}} }

// blocked says whether a key is refused now.
func (b *brake) blocked(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.keys[key]
	if f == nil {
		return false
	}
	if b.now().Sub(f.last) >= brakeTime {
		delete(b.keys, key)
		return false
	}
	return f.n >= maxFailures
}

// failed counts a failure. Those of an attempt that is refused anyway do not lengthen the refusal.
func (b *brake) failed(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.keys[key]
	if f == nil {
		b.makeRoom()
		f = &failures{}
		b.keys[key] = f
	}
	if b.now().Sub(f.last) >= brakeTime {
		f.n = 0
	}
	if f.n++; f.n <= maxFailures {
		f.last = b.now()
	}
}

// makeRoom forgets what was seen longest ago, a tenth of all, when all places are taken. mu is held.
func (b *brake) makeRoom() {
	if len(b.keys) < maxBraked {
		return
	}
	keys := slices.Collect(maps.Keys(b.keys))
	slices.SortFunc(keys, func(x, y string) int { return b.keys[x].last.Compare(b.keys[y].last) })
	for _, k := range keys[:maxBraked/10] {
		delete(b.keys, k)
	}
}

// passed forgets a key's failures.
func (b *brake) passed(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.keys, key)
}

// addressKey is whom an address stands for: itself, or the network that one customer has of IPv6.
func addressKey(a net.Addr) string {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String()
	}
	ip := ap.Addr().WithZone("").Unmap()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// userKey is a name however it is written, and no more of it than a name has.
func userKey(name string) string { return "user " + strings.ToLower(name[:min(len(name), 64)]) }

package origin

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/packager"
	"sluice/packager/uri"
)

// guarded restricts everything of a library while it is told to.
type guarded struct {
	*library
	restricted atomic.Bool
}

func (g *guarded) Resolve(ctx context.Context, src *uri.Source) (Presentation, error) {
	p, err := g.library.Resolve(ctx, src)
	p.Restricted = g.restricted.Load()
	return p, err
}

func (g *guarded) Original(ctx context.Context, file string) (Original, error) {
	f, err := g.library.Original(ctx, file)
	f.Restricted = g.restricted.Load()
	return f, err
}

// TestWhatIsRestrictedNeedsItsToken: also what lies in the response cache, on a connection that has had it before.
func TestWhatIsRestrictedNeedsItsToken(t *testing.T) {
	set := stored(t)
	lib := &guarded{library: &library{sets: map[string]*packager.Set{set.ID: set}}}
	k := tokens(t, keyA)
	s := serve(t, Config{Resolver: lib, Tokens: k, Open: true, Refused: func(h http.Header, r *http.Request, status int, _ error) bool {
		h.Set("X-Refused", r.URL.Path)
		return strings.HasSuffix(r.URL.Path, ".mpd")
	}})
	good := "/t/" + issue(t, k, Grant{Prefix: "/hls/0_stored", Expires: time.Now().Add(time.Hour)})
	paths := []string{"/hls/0_stored/master.m3u8", "/hls/0_stored/seg-1-f1-v1.m4s", "/hls/0_stored/init-f1-v1.mp4"}
	for range 2 {
		for _, p := range append(paths, "/dash/0_stored/manifest.mpd") {
			if r := s.get(p); !strings.HasPrefix(r.header.Get("Cache-Control"), "public") {
				t.Errorf("%s: %q", p, r.header.Get("Cache-Control"))
			}
		}
	}
	lib.restricted.Store(true)
	for _, p := range append(paths, "/dash/0_stored/manifest.mpd") {
		r := s.do("GET", p)
		if r.status != 403 || r.header.Get("X-Refused") != p {
			t.Errorf("%s: %d %v", p, r.status, r.header)
		}
		if silent := len(r.body) == 0; silent != strings.HasSuffix(p, ".mpd") {
			t.Errorf("%s: %q", p, r.body)
		}
		if r := s.do("GET", "/t/AAAA"+p); r.status != 403 {
			t.Errorf("%s with a made-up token: %d", p, r.status)
		}
	}
	for _, p := range paths {
		if r := s.get(good + p); !strings.HasPrefix(r.header.Get("Cache-Control"), "private") {
			t.Errorf("%s: %q", p, r.header.Get("Cache-Control"))
		}
	}
	if r := s.do("GET", good+"/dash/0_stored/manifest.mpd"); r.status != 403 {
		t.Errorf("beyond the token's prefix: %d", r.status)
	}
	lib.restricted.Store(false)
	for _, p := range paths {
		if r := s.get(p); !strings.HasPrefix(r.header.Get("Cache-Control"), "public") {
			t.Errorf("%s, open again: %q", p, r.header.Get("Cache-Control"))
		}
	}
}

// TestWhatIsRestrictedIsNobodysWithoutKeys: where no token can be verified, none helps.
func TestWhatIsRestrictedIsNobodysWithoutKeys(t *testing.T) {
	set := stored(t)
	lib := &guarded{library: &library{sets: map[string]*packager.Set{set.ID: set}}}
	s := serve(t, Config{Resolver: lib})
	paths := []string{"/hls/0_stored/master.m3u8", "/hls/0_stored/seg-1-f1-v1.m4s", "/t/AAAA/hls/0_stored/master.m3u8"}
	for range 2 {
		for _, p := range paths {
			s.get(p)
		}
	}
	lib.restricted.Store(true)
	for _, p := range paths {
		if r := s.do("GET", p); r.status != 403 {
			t.Errorf("%s: %d", p, r.status)
		}
	}
}

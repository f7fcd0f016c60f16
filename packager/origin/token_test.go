package origin

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	keyA = Key{"a", []byte("0123456789abcdef0123456789abcdef")}
	keyB = Key{"b", []byte("fedcba9876543210fedcba9876543210")}
)

func tokens(t testing.TB, current Key, older ...Key) *Tokens {
	t.Helper()
	k, err := NewTokens(current, older...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func issue(t testing.TB, k *Tokens, g Grant) string {
	t.Helper()
	tok, err := k.Issue(g)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestTokensGrantWhatTheySay(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	k := tokens(t, keyA)
	k.now = func() time.Time { return now }
	ip, other := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	later := now.Add(time.Minute)
	tests := []struct {
		name    string
		grant   Grant
		path    string
		ip      netip.Addr
		session string
		reason  string // "" accepted
	}{
		{"the path itself", Grant{Prefix: "/hls/0_abc", Expires: later}, "/hls/0_abc", ip, "", ""},
		{"below it", Grant{Prefix: "/hls/0_abc", Expires: later}, "/hls/0_abc/,x,y,.urlset/seg-1.ts", ip, "", ""},
		{"a prefix that ends in a slash", Grant{Prefix: "/hls/", Expires: later}, "/hls/0_abc/master.m3u8", ip, "", ""},
		{"a sibling that starts alike", Grant{Prefix: "/hls/0_abc", Expires: later}, "/hls/0_abcd/master.m3u8", ip, "", "does not cover"},
		{"another path", Grant{Prefix: "/hls/0_abc", Expires: later}, "/dash/0_abc/manifest.mpd", ip, "", "does not cover"},
		{"at its last second", Grant{Prefix: "/", Expires: now.Add(time.Second)}, "/x", ip, "", ""},
		{"expired", Grant{Prefix: "/", Expires: now}, "/x", ip, "", "expired"},
		{"its address", Grant{Prefix: "/", Expires: later, IP: ip}, "/x", netip.MustParseAddr("::ffff:192.0.2.7"), "", ""},
		{"another address", Grant{Prefix: "/", Expires: later, IP: ip}, "/x", other, "", "another address"},
		{"an unknown address", Grant{Prefix: "/", Expires: later, IP: ip}, "/x", netip.Addr{}, "", "another address"},
		{"its session", Grant{Prefix: "/", Expires: later, Session: "s1"}, "/x", ip, "s1", ""},
		{"another session", Grant{Prefix: "/", Expires: later, Session: "s1"}, "/x", ip, "s2", "another session"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := k.Verify(issue(t, k, tt.grant), tt.path, tt.ip, tt.session)
			if tt.reason == "" {
				if err != nil || g.Prefix != tt.grant.Prefix || !g.Expires.Equal(tt.grant.Expires) || g.Session != tt.grant.Session {
					t.Errorf("%+v, %v", g, err)
				}
				return
			}
			if !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("%v, want a refusal: %s", err, tt.reason)
			}
		})
	}
}

func TestTokensCannotBeForged(t *testing.T) {
	k := tokens(t, keyA)
	tok := issue(t, k, Grant{Prefix: "/hls/0_abc", Expires: time.Now().Add(time.Hour), Session: "s"})
	raw, err := base64.RawURLEncoding.DecodeString(tok)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(b []byte) error {
		_, err := k.Verify(base64.RawURLEncoding.EncodeToString(b), "/hls/0_abc/x", netip.Addr{}, "s")
		return err
	}
	if err := verify(raw); err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		if verify(changed) == nil {
			t.Errorf("a change of byte %d goes unnoticed", i)
		}
		if verify(raw[:i]) == nil {
			t.Errorf("%d bytes of it are accepted", i)
		}
	}
	if verify(append(raw, 0)) == nil {
		t.Error("a longer token is accepted")
	}
	for _, s := range []string{"", "?", strings.Repeat("A", 5000)} {
		if _, err := k.Verify(s, "/", netip.Addr{}, ""); !errors.Is(err, ErrToken) {
			t.Errorf("%.10q: %v", s, err)
		}
	}
}

func TestTokenKeysRotateById(t *testing.T) {
	g := Grant{Prefix: "/", Expires: time.Now().Add(time.Hour)}
	old := issue(t, tokens(t, keyA), g)
	if _, err := tokens(t, keyB, keyA).Verify(old, "/x", netip.Addr{}, ""); err != nil {
		t.Errorf("a token of the key before: %v", err)
	}
	if _, err := tokens(t, keyB).Verify(old, "/x", netip.Addr{}, ""); err == nil {
		t.Error("a token of a dropped key is accepted")
	}
	if _, err := tokens(t, Key{"a", keyB.Secret}).Verify(old, "/x", netip.Addr{}, ""); err == nil {
		t.Error("a token of another secret with the same id is accepted")
	}
}

func TestBadKeysAndGrantsAreRefusedByName(t *testing.T) {
	for reason, keys := range map[string][]Key{
		"1 to 32 bytes": {{"", keyA.Secret}}, "at least 16": {{"short", []byte("x")}}, "twice": {keyA, keyA},
	} {
		if _, err := NewTokens(keys[0], keys[1:]...); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v, want …%s…", err, reason)
		}
	}
	k := tokens(t, keyA)
	for _, g := range []Grant{{Prefix: "hls"}, {Prefix: "/" + strings.Repeat("a", 300)}, {Prefix: "/", Session: strings.Repeat("s", 300)}} {
		if _, err := k.Issue(g); err == nil {
			t.Errorf("issued %.20q", g.Prefix)
		}
	}
}

func TestTokensGuardEveryPathAndReachTheChildren(t *testing.T) {
	k := tokens(t, keyA)
	s := serve(t, Config{Tokens: k}, stored(t))
	s.lib.err = errors.New("resolved before the token was verified")
	for _, path := range []string{"/hls/0_stored/master.m3u8", "/raw/x", "/hls/0_stored/master.m3u8?t=abc", "/t/abc/hls/0_stored/master.m3u8", "/t/abc"} {
		if r := s.do("GET", path); r.status != 403 && path != "/t/abc" || r.status < 400 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if s.lib.resolved != 0 {
		t.Error("a refused request reached the resolver")
	}
	s.lib.err = nil
	hour := time.Now().Add(time.Hour)
	tok := issue(t, k, Grant{Prefix: "/hls/0_stored", Expires: hour})
	second := issue(t, k, Grant{Prefix: "/", Expires: hour})
	for _, token := range []string{tok, second} {
		for start, open := range map[string]string{
			"/hls/0_stored/":                 "?t=" + token, // in the query: handed on to every child
			"/t/" + token + "/hls/0_stored/": "",            // in the path: relative URLs keep it
		} {
			master := s.get(start + "master.m3u8" + open)
			lines, attrs := uris(master.body)
			for _, u := range append(lines, attrs...) {
				segs, maps := uris(s.get(start + u).body)
				for _, seg := range append(segs, maps...) {
					s.get(start + seg)
				}
			}
			if strings.Contains(string(master.body), s.origin.marker) {
				t.Error("the token's place is left open")
			}
		}
	}
	a, b := s.get("/hls/0_stored/master.m3u8?t="+tok), s.get("/hls/0_stored/master.m3u8?t="+second)
	if a.header.Get("ETag") == b.header.Get("ETag") {
		t.Error("playlists with different tokens share a strong validator")
	}
	if r := s.do("GET", "/dash/0_stored/manifest.mpd?t="+tok); r.status != 403 {
		t.Errorf("beyond its prefix: %d", r.status)
	}
	mpd := string(s.get("/dash/0_stored/manifest.mpd?t=" + second).body)
	if !strings.Contains(mpd, ".m4s?t="+second) || !strings.Contains(mpd, ".vtt?t="+second) || !strings.Contains(mpd, ".jpg?t="+second) {
		t.Error("the manifest does not hand the token on")
	}
	bound := issue(t, k, Grant{Prefix: "/hls", Expires: hour, IP: netip.MustParseAddr("127.0.0.1"), Session: "me"})
	if r := s.do("GET", "/hls/0_stored/master.m3u8?t="+bound); r.status != 403 {
		t.Errorf("without its session: %d", r.status)
	}
	s.get("/hls/0_stored/master.m3u8?t="+bound, "X-Playback-Session-Id", "me")
	s.get("/hls/0_stored/master.m3u8?sid=me&t=" + bound)
}

// FuzzVerify: nothing but an issued token is accepted, and nothing panics.
func FuzzVerify(f *testing.F) {
	k := tokens(f, keyA)
	good := issue(f, k, Grant{Prefix: "/hls", Expires: time.Now().Add(time.Hour)})
	f.Add(good)
	f.Add(good[:20])
	f.Add("AWE")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := k.Verify(s, "/hls/x", netip.Addr{}, ""); err == nil && s != good {
			t.Errorf("%q is accepted", s)
		}
	})
}

package ks_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// The vectors of the protocol's contract: one session in three tokens.
const (
	vectorSecret = "sluice-vector-admin-secret-0001"
	vectorV1     = "MDljMTcxMTcyMGI0YTVlOTg2OGU5YzgwZTUwNTVlN2ZjZDFhOTA1OHwxMDI7MTAyOzE4OTM0NTYwMDA7MjsxMjM0NTtkZXZAZXhhbXBsZS50ZXN0O2VkaXQ6KixkaXNhYmxlZW50aXRsZW1lbnQsbGlzdDoq"
	vectorV1Nine = "Mjc1M2ZhYWI3NGFlNTJjZWQ2MGM5YjZmMzFhMGU3MTExMjQ2ZjQyZXwxMDI7MTAyOzE4OTM0NTYwMDA7MjsxODkzMzY5NjAwLjI1O2RldkBleGFtcGxlLnRlc3Q7ZWRpdDoqLGRpc2FibGVlbnRpdGxlbWVudCxsaXN0Oio7Ow=="
	vectorV2     = "djJ8MTAyfDZigqvJmLOZNvSQuRvHqyG1TnKxEUjjEhxuaJpGqRj1f1rorxEgqG0zpO0tGQkyusdWb1C8DH5t2kz6bZmOuHzXqyQZZttjA0O7Ymk5Kj2nFS5-eIgITO5w6YNGgcT5Z7-bsBbUZaYI1c7xSZmAIiByzbxpAuf92mgj1cZamQaZ"
	vectorHash   = "7dc142e8674b0c3b705acf10e7e70f4577e4e495"
)

func vector() ks.Session {
	return ks.Session{
		Account: 102, User: "dev@example.test", Type: ks.AdminType, Expires: time.Unix(1893456000, 0),
		Privileges: []ks.Privilege{{"edit", "*"}, {"disableentitlement", ""}, {"list", "*"}},
	}
}

func secrets(list ...string) ks.Secrets {
	return func(catalog.AccountID) ([]string, error) { return list, nil }
}

func TestTokensOfTheContractAreRead(t *testing.T) {
	for name, tt := range map[string]struct{ token, id string }{
		"version 1":             {vectorV1, "09c1711720b4a5e9868e9c80e5055e7fcd1a9058"},
		"version 1 of a server": {vectorV1Nine, "2753faab74ae52ced60c9b6f31a0e7111246f42e"},
		"version 2":             {vectorV2, vectorHash},
	} {
		t.Run(name, func(t *testing.T) {
			want := vector()
			want.ID = tt.id
			standard := strings.NewReplacer("-", "+", "_", "/").Replace(tt.token)
			for _, token := range []string{tt.token, strings.TrimRight(tt.token, "="), standard} {
				want.Token = token
				got, err := ks.Parse(token, secrets("another", vectorSecret))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestTokensOfTheContractAreMade(t *testing.T) {
	s := vector()
	info := ks.Fields(&s, "1893369600.25")
	if got := base64.StdEncoding.EncodeToString([]byte(ks.SignV1(vectorSecret+info) + "|" + info)); got != vectorV1Nine {
		t.Errorf("version 1 is %s, want %s", got, vectorV1Nine)
	}
	var r [16]byte
	for i := range r {
		r[i] = byte(i)
	}
	if err := ks.MintV2(&s, vectorSecret, r); err != nil {
		t.Fatal(err)
	}
	if s.Token != vectorV2 || s.ID != vectorHash {
		t.Errorf("version 2 is %s (%s), want %s (%s)", s.Token, s.ID, vectorV2, vectorHash)
	}
	raw, err := base64.URLEncoding.DecodeString(s.Token)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(raw) - len("v2|102|"); n != 128 {
		t.Errorf("ciphertext has %d bytes, want 128", n)
	}
}

func TestMintedTokensAreReadBack(t *testing.T) {
	for name, s := range map[string]ks.Session{
		"admin":        vector(),
		"nobody":       {Account: 7, Expires: time.Unix(4102444800, 0)},
		"all":          {Account: 7, Privileges: []ks.Privilege{{"all", "*"}}, Expires: time.Unix(4102444800, 0)},
		"odd letters":  {Account: 7, User: "Zoë & Co=+%", Privileges: []ks.Privilege{{"privacycontext", "a b+c&d=é"}}, Expires: time.Unix(4102444800, 0)},
		"impersonated": {Account: 7, Master: 102, Data: "x:y", Expires: time.Unix(4102444800, 0)},
		"uris":         {Account: 7, Privileges: []ks.Privilege{{"urirestrict", "/a/*|/b?c=d"}}, Expires: time.Unix(4102444800, 0)},
	} {
		for _, version := range []int{1, 2} {
			minted := s
			if err := ks.Mint(&minted, version, vectorSecret); err != nil {
				t.Fatal(err)
			}
			got, err := ks.Parse(minted.Token, secrets(vectorSecret))
			if err != nil {
				t.Fatalf("%s, version %d: %v", name, version, err)
			}
			if name == "all" && version == 1 {
				got.Privileges = []ks.Privilege{{"all", "*"}} // version 1 says it as "*"
			}
			if diff := cmp.Diff(&minted, got); diff != "" {
				t.Errorf("%s, version %d: %s", name, version, diff)
			}
		}
	}
}

func TestRepeatedPrivilegesSurviveVersion2(t *testing.T) {
	s := vector()
	s.Privileges = []ks.Privilege{{"edit", "0_a"}, {"edit", "0_b"}, {"urirestrict", "/a"}, {"urirestrict", "/b*"}}
	if err := ks.Mint(&s, 2, vectorSecret); err != nil {
		t.Fatal(err)
	}
	got, err := ks.Parse(s.Token, secrets(vectorSecret))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Has("edit", "0_a") || !got.Has("edit", "0_b") || got.Has("edit", "0_c") {
		t.Errorf("privileges are %v", got.Privileges)
	}
	if !got.PermitsURI("/a") || !got.PermitsURI("/bc") || got.PermitsURI("/c") {
		t.Errorf("uris are restricted to %v", got.Privileges)
	}
}

func TestTamperedTokensAreRefused(t *testing.T) {
	for _, token := range []string{vectorV1, vectorV2} {
		raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(token))
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			for bit := range 8 {
				bad := append([]byte(nil), raw...)
				bad[i] ^= 1 << bit
				if s, err := ks.Parse(base64.URLEncoding.EncodeToString(bad), secrets(vectorSecret)); err == nil {
					// Bits of the account in front of version 2 are not signed; the account's own secret is what guards them.
					if s.Account != 102 && strings.HasPrefix(string(raw), "v2|") {
						continue
					}
					t.Fatalf("byte %d, bit %d: accepted as %+v", i, bit, s)
				}
			}
		}
	}
}

func TestForeignTextIsRefused(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	signed := func(info string) string { return encode(ks.SignV1(vectorSecret+info) + "|" + info) }
	for name, tt := range map[string]struct {
		token string
		want  error
	}{
		"nothing":            {"", ks.ErrMalformed},
		"no base64":          {"hello world!", ks.ErrMalformed},
		"a line break":       {vectorV1[:10] + "\n" + vectorV1[10:], ks.ErrMalformed},
		"too long":           {strings.Repeat("A", 1<<20), ks.ErrMalformed},
		"no bar":             {encode("hello"), ks.ErrMalformed},
		"two fields":         {signed("102;102"), ks.ErrMalformed},
		"no account":         {signed(";102;1893456000"), ks.ErrMalformed},
		"account 0":          {signed("0;0;1893456000"), ks.ErrMalformed},
		"negative account":   {signed("-1;-1;1893456000"), ks.ErrMalformed},
		"no expiry":          {signed("102;102;soon"), ks.ErrMalformed},
		"no type":            {signed("102;102;1893456000;x"), ks.ErrMalformed},
		"no master":          {signed("102;102;1893456000;0;1;u;;x"), ks.ErrMalformed},
		"version 2, nothing": {encode("v2|102|"), ks.ErrMalformed},
		"version 2, no bar":  {encode("v2|102"), ks.ErrMalformed},
		"version 2, short":   {encode("v2|102|" + strings.Repeat("x", 32)), ks.ErrMalformed},
		"version 2, odd":     {encode("v2|102|" + strings.Repeat("x", 65)), ks.ErrMalformed},
		"version 2, random":  {encode("v2|102|" + strings.Repeat("x", 64)), ks.ErrSignature},
		"wrong secret":       {encode(ks.SignV1("other102;102;1893456000") + "|102;102;1893456000"), ks.ErrSignature},
	} {
		if s, err := ks.Parse(tt.token, secrets(vectorSecret)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, s, err, tt.want)
		}
	}
	if s, err := ks.Parse(signed("102;102;1893456000"), secrets(vectorSecret)); err != nil || s.Type != ks.UserType || s.User != "" {
		t.Errorf("three fields: %+v, %v", s, err)
	}
}

func TestAccountsWithoutSecretsHaveNoSessions(t *testing.T) {
	if _, err := ks.Parse(vectorV1, secrets()); !errors.Is(err, ks.ErrSignature) {
		t.Errorf("no secrets: %v", err)
	}
	down := errors.New("down")
	if _, err := ks.Parse(vectorV2, func(catalog.AccountID) ([]string, error) { return nil, down }); !errors.Is(err, down) {
		t.Errorf("failing look-up: %v", err)
	}
}

func TestWhatCannotBeWrittenIsNotMinted(t *testing.T) {
	for name, tt := range map[string]struct {
		s       ks.Session
		version int
		secret  string
	}{
		"no account":      {ks.Session{}, 2, "s"},
		"no secret":       {ks.Session{Account: 1}, 2, ""},
		"version 3":       {ks.Session{Account: 1}, 3, "s"},
		"semicolon":       {ks.Session{Account: 1, User: "a;b"}, 1, "s"},
		"underscore name": {ks.Session{Account: 1, Privileges: []ks.Privilege{{"_e", "9999999999"}}}, 2, "s"},
	} {
		if err := ks.Mint(&tt.s, tt.version, tt.secret); !errors.Is(err, ks.ErrUnmintable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokensForOneAssetRepeat(t *testing.T) {
	for _, version := range []int{1, 2} {
		mint := func(at int64) ks.Session {
			s := ks.Session{Account: 1, Expires: time.Unix(at, 0), Privileges: []ks.Privilege{{"downloadasset", "0_abc"}}}
			if err := ks.Mint(&s, version, "s"); err != nil {
				t.Fatal(err)
			}
			return s
		}
		a, b, c := mint(1000000001), mint(1000000200), mint(1000000201)
		if a.Token != b.Token || a.Expires.Unix() != 1000000200 {
			t.Errorf("version %d: two tokens within five minutes differ, or expire at %d", version, a.Expires.Unix())
		}
		if a.Token == c.Token {
			t.Errorf("version %d: a later token is the same", version)
		}
	}
}

func TestGroupIDIsThatOfTheContract(t *testing.T) {
	const want = "65d84250c1c367565aacd6558bc430cabdae2a41"
	s := ks.Session{Account: 102, Privileges: []ks.Privilege{{"sessionid", "0_abc123"}}}
	if got := s.GroupID(); got != want {
		t.Errorf("group is %s, want %s", got, want)
	}
	if got := (&ks.Session{Account: 102}).GroupID(); got != "" {
		t.Errorf("a session without sessionid has group %q", got)
	}
}

func TestPrivilegesOfObjects(t *testing.T) {
	for _, tt := range []struct {
		privileges, name, object string
		want                     bool
	}{
		{"edit:0_a", "edit", "0_a", true},
		{"edit:0_a", "edit", "0_b", false},
		{"edit:0_a/0_b", "edit", "0_b", true},
		{"edit:0_a,edit:0_b", "edit", "0_b", true},
		{"edit:*", "edit", "0_b", true},
		{"edit:*", "sview", "0_b", false},
		{"*", "edit", "0_b", true},
		{"all:*", "sview", "0_b", true},
		{"*", "list", "*", true},
		{"*", "enablecaptionmoderation", "", false},
		{"*", "limitentry", "0_a", false},
		{"enablecaptionmoderation", "enablecaptionmoderation", "", true},
		{"", "edit", "0_a", false},
	} {
		s := ks.Session{Privileges: ks.ParsePrivileges(tt.privileges)}
		if got := s.Has(tt.name, tt.object); got != tt.want {
			t.Errorf("%q for %s of %s: %v, want %v", tt.privileges, tt.name, tt.object, got, tt.want)
		}
	}
}

func TestClassesOfSessions(t *testing.T) {
	for _, tt := range []struct {
		s             ks.Session
		admin, widget bool
	}{
		{ks.Session{Type: ks.AdminType, Privileges: ks.ParsePrivileges("widget:1")}, true, false},
		{ks.Session{User: "0", Privileges: ks.ParsePrivileges("view:*,widget:1")}, false, true},
		{ks.Session{Privileges: ks.ParsePrivileges("widget:1")}, false, true},
		{ks.Session{Privileges: ks.ParsePrivileges("*")}, false, false},
		{ks.Session{User: "u", Privileges: ks.ParsePrivileges("widget:1")}, false, false},
	} {
		if tt.s.Admin() != tt.admin || tt.s.Widget() != tt.widget {
			t.Errorf("%+v: admin %v, widget %v", tt.s, tt.s.Admin(), tt.s.Widget())
		}
	}
}

func TestRestrictions(t *testing.T) {
	s := ks.Session{Privileges: ks.ParsePrivileges("iprestrict:192.0.2.1/2001:db8::1,urirestrict:/api_v3/*|/p/1?x=y,actionslimit:5,actionslimit:3")}
	for ip, want := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "2001:db8::1": true, "192.0.2.2": false, "::1": false,
	} {
		if got := s.PermitsIP(netip.MustParseAddr(ip)); got != want {
			t.Errorf("from %s: %v", ip, got)
		}
	}
	for uri, want := range map[string]bool{
		"/api_v3/service/media": true, "/p/1?x=y": true, "/p/1": false, "/api_v2/": false, "": false,
	} {
		if got := s.PermitsURI(uri); got != want {
			t.Errorf("on %s: %v", uri, got)
		}
	}
	if n, ok := s.ActionsLimit(); !ok || n != 3 {
		t.Errorf("limit is %d, %v", n, ok)
	}
	free := ks.Session{}
	if _, ok := free.ActionsLimit(); ok || !free.PermitsURI("/x") || !free.PermitsIP(netip.Addr{}) {
		t.Error("a session without restrictions is restricted")
	}
	for _, bad := range []string{"actionslimit", "actionslimit:-3", "actionslimit:many"} {
		wrong := ks.Session{Privileges: ks.ParsePrivileges(bad)}
		if n, ok := wrong.ActionsLimit(); !ok || n != 0 {
			t.Errorf("%s allows %d, %v", bad, n, ok)
		}
	}
	if s := (&ks.Session{Privileges: ks.ParsePrivileges("iprestrict:here")}); s.PermitsIP(netip.MustParseAddr("192.0.2.1")) {
		t.Error("an address that is none permits others")
	}
}

func FuzzParse(f *testing.F) {
	for _, token := range []string{"", vectorV1, vectorV1Nine, vectorV2, "djJ8", "djJ8MTAyfA=="} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		s, err := ks.Parse(token, secrets(vectorSecret))
		if err != nil {
			return
		}
		if b, err := hex.DecodeString(s.ID); err != nil || len(b) != 20 || s.Account <= 0 {
			t.Errorf("accepted as %+v", s)
		}
	})
}

// FuzzFields signs what the fuzzer makes, so that it gets past the signature.
func FuzzFields(f *testing.F) {
	f.Add("102;102;1893456000;2;12345;dev@example.test;edit:*,disableentitlement,list:*")
	f.Add("102;102;1893456000;2;1893369600.25;u;a:b/c,;;")
	f.Add(";;;;;;;;;")
	f.Fuzz(func(t *testing.T, info string) {
		token := base64.StdEncoding.EncodeToString([]byte(ks.SignV1(vectorSecret+info) + "|" + info))
		s, err := ks.Parse(token, secrets(vectorSecret))
		if err != nil {
			return
		}
		text := ks.FormatPrivileges(s.Privileges)
		if diff := cmp.Diff(text, ks.FormatPrivileges(ks.ParsePrivileges(text))); diff != "" {
			t.Error(diff)
		}
		s.Privileges = nil
		if err := ks.Mint(s, 2, vectorSecret); err != nil {
			t.Fatal(err)
		}
		again, err := ks.Parse(s.Token, secrets(vectorSecret))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, token := range map[string]string{"v1": vectorV1, "v2": vectorV2} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ks.Parse(token, secrets(vectorSecret)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestSessionsMayWorkAtAnotherTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for privileges, want := range map[string]int64{
		"": 1_800_000_000, "reftime:1700000000": 1_700_000_000, "reftime:x": 1_800_000_000, "reftime:0": 1_800_000_000, "reftime:-5,list:*": 1_800_000_000,
	} {
		s := &ks.Session{Privileges: ks.ParsePrivileges(privileges)}
		if got := s.Time(now).Unix(); got != want {
			t.Errorf("%q: %d, want %d", privileges, got, want)
		}
	}
}

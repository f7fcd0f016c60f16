package access_test

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

const entry catalog.EntryID = "0_ab12cd34"

func session(kind int, privileges ...string) *ks.Session {
	s := &ks.Session{Type: kind, User: "u"}
	for i := 0; i+1 < len(privileges); i += 2 {
		s.Privileges = append(s.Privileges, ks.Privilege{Name: privileges[i], Value: privileges[i+1]})
	}
	return s
}

// atlas knows one address.
type atlas map[netip.Addr]access.Place

func (a atlas) Place(ip netip.Addr) (access.Place, bool) {
	p, ok := a[ip]
	return p, ok
}

var (
	zurich  = netip.MustParseAddr("192.0.2.7")
	nowhere = netip.MustParseAddr("203.0.113.9")
	geo     = atlas{zurich: {Country: "CH", Latitude: 47.37, Longitude: 8.54, Anonymous: []string{"vpn"}}}
)

func TestConditionsHold(t *testing.T) {
	type request = access.Request
	condition := func(kind string, values ...string) catalog.AccessCondition {
		return catalog.AccessCondition{Type: kind, Values: values}
	}
	header := func(c catalog.AccessCondition, name string) catalog.AccessCondition {
		c.Header = name
		return c
	}
	forwarded := http.Header{"X-Client": {"10.0.0.9, 192.0.2.7"}}
	for name, tt := range map[string]struct {
		condition catalog.AccessCondition
		yes, no   []request
	}{
		"one address":     {condition(access.IPAddress, "198.51.100.1", " 192.0.2.7 "), []request{{IP: zurich}, {IP: netip.MustParseAddr("::ffff:192.0.2.7")}}, []request{{IP: nowhere}, {}}},
		"block":           {condition(access.IPAddress, "192.0.2.0/24"), []request{{IP: zurich}}, []request{{IP: nowhere}}},
		"block with mask": {condition(access.IPAddress, "192.0.2.0/255.255.255.0"), []request{{IP: zurich}}, []request{{IP: nowhere}}},
		"broken mask":     {condition(access.IPAddress, "192.0.2.0/255.0.255.0"), nil, []request{{IP: zurich}}},
		"span":            {condition(access.IPAddress, "192.0.2.1-192.0.2.9"), []request{{IP: zurich}}, []request{{IP: nowhere}}},
		"IPv6 block":      {condition(access.IPAddress, "2001:db8::/32"), []request{{IP: netip.MustParseAddr("2001:db8::7")}}, []request{{IP: zurich}}},
		"nonsense":        {condition(access.IPAddress, "office", "1-2", "/"), nil, []request{{IP: zurich}}},
		"address by header": {header(condition(access.IPAddress, "192.0.2.7"), "X-Client"), []request{{IP: nowhere, Header: forwarded}},
			[]request{{IP: zurich}, {IP: zurich, Header: http.Header{"X-Client": {"junk"}}}}},
		"private address by header": {catalog.AccessCondition{Type: access.IPAddress, Values: []string{"10.0.0.0/8"}, Header: "X-Client", Internal: true},
			[]request{{Header: forwarded}}, []request{{IP: zurich}}},
		"country":   {condition(access.Country, "de", "ch"), []request{{IP: zurich}}, []request{{IP: nowhere}}},
		"distance":  {condition(access.GeoDistance, "46.95,7.45,100"), []request{{IP: zurich}}, []request{{IP: nowhere}}},
		"too far":   {condition(access.GeoDistance, "46.95,7.45,90", "1,2", "a,b,c"), nil, []request{{IP: zurich}}},
		"anonymous": {condition(access.AnonymousIP, "tor", "VPN"), []request{{IP: zurich}}, []request{{IP: nowhere}}},
		"site": {condition(access.Site, "example.com"), []request{{Referrer: "https://example.com:8443/a"}, {Referrer: "http://www.Example.com"}, {Referrer: "example.com/x"}},
			[]request{{Referrer: "https://notexample.com/"}, {Referrer: "https://example.com.evil.test/"}, {}, {Referrer: "https://evil.test/?example.com"}}},
		"site pattern":    {condition(access.Site, "*.example.*"), []request{{Referrer: "https://a.example.org/"}}, []request{{Referrer: "https://example.org/"}}},
		"user agent":      {condition(access.UserAgent, "curl/[0-9]"), []request{{UserAgent: "Curl/8.1"}}, []request{{UserAgent: "Mozilla"}, {}}},
		"delimited":       {condition(access.UserAgent, "/^vlc/i"), []request{{UserAgent: "VLC 3"}}, []request{{UserAgent: "not VLC"}}},
		"broken regex":    {condition(access.UserAgent, "("), nil, []request{{UserAgent: "("}}},
		"header":          {header(condition(access.HTTPHeader, "^secret$"), "X-Key"), []request{{Header: http.Header{"X-Key": {"secret"}}}}, []request{{Header: http.Header{"X-Key": {"secrets"}}}, {}}},
		"no header named": {condition(access.HTTPHeader, ".*"), nil, []request{{Header: http.Header{"X-Key": {"secret"}}}}},
		"authenticated": {condition(access.Authenticated), []request{{Session: session(0, "sview", string(entry))}, {Session: session(0, "sview", "*")}, {Session: session(2)}, {Session: session(0, "*", "")}},
			[]request{{}, {Session: session(0)}, {Session: session(0, "sview", "0_other")}, {Session: session(0, "view", "*")}}},
		"privilege":    {condition(access.Authenticated, "vip"), []request{{Session: session(0, "vip", string(entry))}}, []request{{Session: session(0, "sview", "*")}}},
		"session type": {condition(access.SessionType, "0"), []request{{Session: session(0)}}, []request{{Session: session(2)}, {}}},
		"any of": {catalog.AccessCondition{Type: access.AnyOf, Conditions: []catalog.AccessCondition{condition(access.Country, "DE"), condition(access.UserAgent, "curl")}},
			[]request{{UserAgent: "curl"}}, []request{{IP: zurich}}},
		"unknown kind": {condition("99", "x"), nil, []request{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(r request, not, want bool) {
				t.Helper()
				r.Entry, r.Geo, r.Contexts = entry, geo, []access.Context{access.Play}
				c := tt.condition
				c.Not = not
				v := access.Evaluate([]catalog.AccessRule{{Conditions: []catalog.AccessCondition{c}, Actions: []catalog.AccessAction{{Type: access.Block}}, Admins: true}}, &r)
				if v.Blocked() != want {
					t.Errorf("%+v, not=%t: %t, want %t", r, not, v.Blocked(), want)
				}
			}
			for _, r := range tt.yes {
				check(r, false, true)
				check(r, true, false)
			}
			for _, r := range tt.no {
				check(r, false, false)
				check(r, true, true)
			}
		})
	}
}

func TestWithoutGeographyNoPlaceIsKnown(t *testing.T) {
	r := access.Request{IP: zurich, Contexts: []access.Context{access.Play}}
	for kind, value := range map[string]string{access.Country: "CH", access.GeoDistance: "47,8,20000", access.AnonymousIP: "vpn"} {
		rule := catalog.AccessRule{Conditions: []catalog.AccessCondition{{Type: kind, Values: []string{value}}}, Actions: []catalog.AccessAction{{Type: access.Block}}}
		if v := access.Evaluate([]catalog.AccessRule{rule}, &r); v.Blocked() {
			t.Errorf("condition %s holds of an address that is nowhere", kind)
		}
	}
}

func block(code string) catalog.AccessRule {
	return catalog.AccessRule{Code: code, Message: "No: " + code, Actions: []catalog.AccessAction{{Type: access.Block}}}
}

func TestRulesApply(t *testing.T) {
	conditional := block("ip")
	conditional.Conditions = []catalog.AccessCondition{{Type: access.IPAddress, Values: []string{"192.0.2.7"}}, {Type: access.UserAgent, Values: []string{"curl"}}}
	forDownloads := block("download")
	forDownloads.Contexts = []string{string(access.Download)}
	forAdmins := block("admins")
	forAdmins.Admins = true
	last := catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.Preview, Seconds: 30}}, Stop: true}
	request := func(change func(*access.Request)) access.Request {
		r := access.Request{Entry: entry, IP: zurich, UserAgent: "curl", Contexts: []access.Context{access.Play}}
		if change != nil {
			change(&r)
		}
		return r
	}
	for name, tt := range map[string]struct {
		rules   []catalog.AccessRule
		request access.Request
		blocked bool
		ruled   bool
		codes   []string
	}{
		"none":                        {nil, request(nil), false, false, nil},
		"without conditions":          {[]catalog.AccessRule{block("a")}, request(nil), true, true, []string{"a"}},
		"all conditions hold":         {[]catalog.AccessRule{conditional}, request(nil), true, true, []string{"ip", access.IPRestricted, access.UserAgentRestricted}},
		"one condition fails":         {[]catalog.AccessRule{conditional}, request(func(r *access.Request) { r.UserAgent = "x" }), false, true, nil},
		"another context":             {[]catalog.AccessRule{forDownloads}, request(nil), false, false, nil},
		"the context":                 {[]catalog.AccessRule{forDownloads}, request(func(r *access.Request) { r.Contexts = []access.Context{access.Download} }), true, true, []string{"download"}},
		"administrators are free":     {[]catalog.AccessRule{block("a")}, request(func(r *access.Request) { r.Session = session(2) }), false, true, nil},
		"unless the rule is for them": {[]catalog.AccessRule{forAdmins}, request(func(r *access.Request) { r.Session = session(2) }), true, true, []string{"admins"}},
		"stopped before the block":    {[]catalog.AccessRule{last, block("a")}, request(nil), false, true, nil},
		"several rules":               {[]catalog.AccessRule{block("a"), block("b")}, request(nil), true, true, []string{"a", "b"}},
		"sview is no admin":           {[]catalog.AccessRule{block("a")}, request(func(r *access.Request) { r.Session = session(0, "sview", "*") }), true, true, []string{"a"}},
		"a vendor's key is free": {[]catalog.AccessRule{block("a")}, request(func(r *access.Request) {
			r.Session = session(0, "setrole", "REACH_VENDOR_ROLE", "sview", string(entry))
		}), false, true, nil},
		"but for its entry only": {[]catalog.AccessRule{block("a")}, request(func(r *access.Request) { r.Session = session(0, "setrole", "REACH_VENDOR_ROLE", "sview", "0_other") }), true, true, []string{"a"}},
		"download frees downloads": {[]catalog.AccessRule{block("a")}, request(func(r *access.Request) {
			r.Contexts, r.Session = []access.Context{access.Download}, session(0, "download", string(entry))
		}), false, true, nil},
		"download frees no playing": {[]catalog.AccessRule{block("a")}, request(func(r *access.Request) { r.Session = session(0, "download", string(entry)) }), true, true, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := access.Evaluate(tt.rules, &tt.request)
			var codes []string
			for _, m := range v.Messages {
				codes = append(codes, m.Code)
			}
			if v.Blocked() != tt.blocked || v.Ruled != tt.ruled {
				t.Errorf("blocked %t, ruled %t", v.Blocked(), v.Ruled)
			}
			if diff := cmp.Diff(tt.codes, codes); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestActionsLimit(t *testing.T) {
	apply := func(actions ...catalog.AccessAction) access.Verdict {
		r := access.Request{Contexts: []access.Context{access.Play}}
		return access.Evaluate([]catalog.AccessRule{{Actions: actions}}, &r)
	}
	v := apply(catalog.AccessAction{Type: access.Preview, Seconds: 60}, catalog.AccessAction{Type: access.Preview, Seconds: 30})
	if v.Preview() != 30*time.Second || v.Blocked() {
		t.Errorf("preview %v", v.Preview())
	}
	v = apply(catalog.AccessAction{Type: access.LimitFlavors, IDs: "1, 3"})
	if !v.AllowsFlavor("3") || v.AllowsFlavor("2") {
		t.Error("a list of allowed flavors")
	}
	v = apply(catalog.AccessAction{Type: access.LimitFlavors, IDs: "1,3", Blocked: true})
	if v.AllowsFlavor("3") || !v.AllowsFlavor("2") {
		t.Error("a list of blocked flavors")
	}
	v = apply(catalog.AccessAction{Type: access.LimitDeliveryProfiles, IDs: "2"})
	if v.AllowsDeliveryProfile("1") || !v.AllowsDeliveryProfile("2") || !v.AllowsFlavor("9") {
		t.Error("delivery profiles")
	}
	v = apply(catalog.AccessAction{Type: access.RequestHostRegex, Pattern: `^www\.(.+)$`, Replacement: "cdn.$1"})
	if got := v.Host("www.example.com"); got != "cdn.example.com" {
		t.Errorf("host %q", got)
	}
	if v = apply(catalog.AccessAction{Type: access.LimitThumbnailCapture}); !v.NoCapture() || v.Blocked() {
		t.Error("thumbnail capture")
	}
}

func TestValuesOfConditionsAreChecked(t *testing.T) {
	for v, ok := range map[string]bool{"192.0.2.1": true, "::1": true, "192.0.2.0/24": true, "192.0.2.0/255.255.0.0": true, "192.0.2.1-192.0.2.9": true,
		"192.0.2": false, "192.0.2.0/33": false, "192.0.2.1-": false, "office": false, "": false} {
		if err := access.CheckRange(v); (err == nil) != ok {
			t.Errorf("%q: %v", v, err)
		}
	}
	for v, ok := range map[string]bool{"curl": true, "/x/i": true, "(": false, "[": false} {
		if err := access.CheckPattern(v); (err == nil) != ok {
			t.Errorf("%q: %v", v, err)
		}
	}
	for v, ok := range map[string]bool{"1,2,3": true, "47.3, 8.5, 10": true, "1,2": false, "a,b,c": false} {
		if err := access.CheckCircle(v); (err == nil) != ok {
			t.Errorf("%q: %v", v, err)
		}
	}
}

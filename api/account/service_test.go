package account_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/account"
	"sluice/catalog"
)

func TestSystemAnswersWithoutSession(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		for action, want := range map[string]any{"system.ping": true, "system.pingDatabase": true, "system.getVersion": "21.20.0"} {
			if got := f.call(action, params{"ks": "no token"}); got != want {
				t.Errorf("%s: %v", action, got)
			}
		}
		if got, ok := f.call("system.getTime", nil).(float64); !ok || time.Since(time.Unix(int64(got), 0)).Abs() > time.Hour {
			t.Errorf("the time is %v", got)
		}
	})
}

func TestAccountsTellOfThemselves(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.object("partner.get", params{"ks": f.admin(), "id": 102})
		if admin["adminSecret"] != adminSecret || admin["secret"] != userSecret || admin["id"] != 102.0 || admin["status"] != 1.0 {
			t.Errorf("an administrator sees %v", admin)
		}
		for _, token := range []string{f.start(0, "u", ""), f.start(2, "u", "setrole:REACH_VENDOR_ROLE")} {
			out, _ := f.raw("partner.getInfo", params{"ks": token}).(map[string]any)
			if out["adminSecret"] != nil || out["secret"] != nil {
				t.Errorf("a lesser session sees %v", out)
			}
		}
		for _, id := range []int{103, 999} {
			if got := f.refused("partner.get", params{"ks": f.admin(), "id": id}); got != fmt.Sprintf("UNKNOWN_PARTNER_ID[PID:%d]", id) {
				t.Error(got)
			}
		}
		want := map[string]any{"analyticsUrl": "", "ottEnvironmentUrl": "", "analyticsPersistentSessionId": false, "objectType": "KalturaPartnerPublicInfo"}
		if diff := cmp.Diff(want, f.call("partner.getPublicInfo", params{"id": 103})); diff != "" {
			t.Error(diff)
		}
		if got := f.refused("partner.getPublicInfo", params{"id": 999}); got != "UNKNOWN_PARTNER_ID[PID:999]" {
			t.Error(got)
		}
	})
}

func TestHashesOfAppTokensAreThoseOfTheContract(t *testing.T) {
	const text = "ZXhhbXBsZS13aWRnZXQta3M=" + "0123456789abcdef0123456789abcdef"
	for kind, want := range map[string]string{
		"MD5":    "266ccc5679b93e8f22dda9f9bde3e4a3",
		"SHA1":   "4abe4814ecb05c842db0ede2cc66148ecd359155",
		"SHA256": "5525903384b5ac10ca3f986d8c7ee3cbcbe3772f3872b314006dab17322bd3bc",
		"SHA512": "a6d00b824ca0376c8d5f84e90d54b61ec4b9eec013b5a530a55a36d6d6ca775a11690f182419938d68885ed23814d367a3f511d2af2a17389655af84c2f98e4c",
	} {
		if got := account.TokenHash(kind, text); got != want {
			t.Errorf("%s is %s", kind, got)
		}
	}
}

// appToken adds an app token and returns its id and text.
func (f *fixture) appToken(admin string, fields params) (id, text string) {
	f.t.Helper()
	t := f.object("appToken.add", params{"ks": admin, "appToken": fields})
	return t["id"].(string), t["token"].(string)
}

// widgetSession is what app tokens start from.
func (f *fixture) widgetSession() string {
	f.t.Helper()
	return f.object("session.startWidgetSession", params{"widgetId": "_102"})["ks"].(string)
}

// startToken asks for a session of an app token with the right hash.
func (f *fixture) startToken(id, text, kind string, more params) params {
	f.t.Helper()
	from := f.widgetSession()
	in := params{"ks": from, "id": id, "tokenHash": account.TokenHash(kind, from+text)}
	for k, v := range more {
		in[k] = v
	}
	return in
}

func TestAppTokensStartSessions(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		id, text := f.appToken(admin, params{
			"hashType": "SHA256", "sessionType": 2, "sessionPrivileges": "list:*,edit:0_a", "sessionUserId": "robot", "sessionDuration": 600,
		})
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(text) {
			t.Errorf("the token is %q", text)
		}
		info := f.object("appToken.startSession", f.startToken(id, text, "SHA256", params{
			"userId": "someone", "type": 0, "expiry": 3600, "sessionPrivileges": "edit:*,sview:*,list:0_b,myown:1,setrole:1",
		}))
		want := map[string]any{
			"sessionType": 2.0, "partnerId": 102.0, "userId": "robot", "expiry": float64(f.clock().Unix() + 600),
			"privileges": "sessionid:" + id + ",apptoken:" + id + ",list:*,edit:0_a,list:0_b,myown:1", "objectType": "KalturaSessionInfo",
		}
		token := info["ks"]
		delete(info, "ks")
		if diff := cmp.Diff(want, info); diff != "" {
			t.Error(diff)
		}
		if got := f.object("session.get", params{"ks": token})["privileges"].(string); !strings.HasSuffix(got, "list:*/0_b,edit:0_a,myown:1") {
			t.Errorf("the session has %s", got)
		}
		f.call("user.list", params{"ks": token})

		id, text = f.appToken(admin, params{"expiry": f.clock().Unix() + 100})
		info = f.object("appToken.startSession", f.startToken(id, text, "SHA1", params{"userId": "someone", "type": 2}))
		if info["userId"] != "someone" || info["sessionType"] != 0.0 || info["expiry"] != float64(f.clock().Unix()+100) {
			t.Errorf("the session is %v", info)
		}
	})
}

func TestAppTokensThatAreNotGoodStartNoSession(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		id, text := f.appToken(admin, params{"expiry": f.clock().Unix() + 1000})
		good := f.startToken(id, text, "SHA1", nil)
		try := func(want string, change params) {
			t.Helper()
			in := params{}
			for _, p := range []params{good, change} {
				for k, v := range p {
					in[k] = v
				}
			}
			if got := f.refused("appToken.startSession", in); got != want {
				t.Error(got)
			}
		}
		try("APP_TOKEN_ID_NOT_FOUND[ID:0_nothing1]", params{"id": "0_nothing1"})
		try("INVALID_APP_TOKEN_HASH", params{"tokenHash": "0000"})
		try("INVALID_APP_TOKEN_HASH", params{"tokenHash": strings.ToUpper(good["tokenHash"].(string))})
		try("INVALID_APP_TOKEN_HASH", params{"ks": f.start(0, "u", "")})
		try("APP_TOKEN_ID_NOT_FOUND[ID:"+id+"]", params{"ks": f.object("session.startWidgetSession", params{"widgetId": "_103"})["ks"]})
		f.pass(2000 * time.Second)
		try("APP_TOKEN_EXPIRED[ID:"+id+"]", nil)
		if _, err := f.db.UpdateAppToken(t.Context(), 102, id, func(a *catalog.AppToken) error {
			a.Status = catalog.AppTokenDisabled
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		try("APP_TOKEN_NOT_ACTIVE[ID:"+id+"]", nil)

		id, text = f.appToken(admin, params{"description": "x"})
		good = f.startToken(id, text, "SHA1", nil)
		for range 7 {
			try("INVALID_APP_TOKEN_HASH", params{"tokenHash": "guess"})
		}
		try("ACTION_BLOCKED[ACTION_NAME:startSession SERVICE_NAME:appToken]", nil)
	})
}

func TestSessionsOfAnAppTokenEndWithIt(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		id, text := f.appToken(f.admin(), params{"sessionDuration": 100 * 86400})
		start := func() any { return f.object("appToken.startSession", f.startToken(id, text, "SHA1", nil))["ks"] }
		first, second, third := start(), start(), start()
		f.call("session.end", params{"ks": first})
		if got := f.refused("session.get", params{"ks": first}); !strings.Contains(got, "LOGOUT") {
			t.Error(got)
		}
		f.call("session.get", params{"ks": second})
		f.call("appToken.delete", params{"ks": f.admin(), "id": id})
		f.pass(90 * 24 * time.Hour)
		for _, token := range []any{second, third} {
			if got := f.refused("session.get", params{"ks": token}); !strings.Contains(got, "LOGOUT") {
				t.Error(got)
			}
		}
		if got := f.refused("appToken.get", params{"ks": f.admin(), "id": id}); got != "APP_TOKEN_ID_NOT_FOUND[ID:"+id+"]" {
			t.Error(got)
		}
	})
}

func TestAppTokensAreKept(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		id, text := f.appToken(admin, params{"sessionPrivileges": "edit:*", "description": "one", "expiry": 3600})
		f.appToken(admin, params{"sessionUserId": "robot"})
		changed := f.object("appToken.update", params{"ks": admin, "id": id, "appToken": params{"description": "two", "sessionPrivileges__null": ""}})
		if changed["description"] != "two" || changed["sessionPrivileges"] != nil || changed["token"] != text || changed["hashType"] != "SHA1" {
			t.Errorf("changed to %v", changed)
		}
		if diff := cmp.Diff(changed, f.call("appToken.get", params{"ks": admin, "id": id})); diff != "" {
			t.Error(diff)
		}
		if e := changed["expiry"].(float64) - float64(f.clock().Unix()); e != 3600 {
			t.Errorf("a relative expiry became now + %v", e)
		}
		list := f.object("appToken.list", params{"ks": admin, "filter": params{"sessionUserIdEqual": "robot"}})
		if list["totalCount"] != 1.0 {
			t.Errorf("robots: %v", list)
		}
		if list = f.object("appToken.list", params{"ks": admin, "filter": params{"idIn": id + ",x", "statusEqual": 2, "orderBy": "+createdAt"}}); list["totalCount"] != 1.0 {
			t.Errorf("by id: %v", list)
		}
		for want, fields := range map[string]params{
			"UNKNOWN_ROLE_ID": {"sessionPrivileges": "setrole:NOBODY"},
			"INVALID_ENUM_VALUE[ENUM_TYPE:KalturaAppTokenHashType ENUM_VAL:CRC PARAM_NAME:hashType]": {"hashType": "CRC"},
			"PROPERTY_VALIDATION_NOT_UPDATABLE[PROP_NAME:KalturaAppToken::token]":                    {"token": "x"},
			"PROPERTY_VALIDATION_MAX_LENGTH[MAX_LEN:100 PROP_NAME:KalturaAppToken::sessionUserId]":   {"sessionUserId": strings.Repeat("x", 101)},
		} {
			if got := f.refused("appToken.add", params{"ks": admin, "appToken": fields}); got != want {
				t.Error(got)
			}
		}
		stranger := f.call("session.start", params{"secret": adminSecret + "B", "partnerId": 103, "type": 2})
		for _, action := range []string{"appToken.get", "appToken.delete", "appToken.update"} {
			if got := f.refused(action, params{"ks": stranger, "id": id, "appToken": params{"description": "x"}}); got != "APP_TOKEN_ID_NOT_FOUND[ID:"+id+"]" {
				t.Errorf("%s of another account: %s", action, got)
			}
			if got := f.refused(action, params{"ks": f.start(0, "u", "*"), "id": id, "appToken": params{}}); !strings.HasPrefix(got, "SERVICE_FORBIDDEN") {
				t.Errorf("%s by a user: %s", action, got)
			}
		}
	})
}

func TestWidgetsStartSessionsForPlayers(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		started := f.object("session.startWidgetSession", params{"widgetId": "_102"})
		if started["partnerId"] != 102.0 || started["userId"] != "0" || started["objectType"] != "KalturaStartWidgetSessionResponse" {
			t.Errorf("started %v", started)
		}
		privileges := func(widget any) any {
			t.Helper()
			token := f.object("session.startWidgetSession", params{"widgetId": widget})["ks"]
			return f.object("session.get", params{"ks": token})["privileges"]
		}
		if got := privileges("_102"); got != "view:*,widget:1" {
			t.Errorf("the default widget: %v", got)
		}
		entry, err := f.db.AddEntry(t.Context(), catalog.BlankEntry(102))
		if err != nil {
			t.Fatal(err)
		}
		w := f.object("widget.add", params{"ks": admin, "widget": params{
			"sourceWidgetId": "_102", "entryId": entry.ID, "enforceEntitlement": false, "privacyContext": "portal", "roles": "REACH_VENDOR_ROLE",
		}})
		want := fmt.Sprintf("view:*,widget:1,disableentitlementforentry:%[1]s,limitentry:%[1]s,privacycontext:portal,setrole:REACH_VENDOR_ROLE", entry.ID)
		token := f.object("session.startWidgetSession", params{"widgetId": w["id"]})["ks"]
		s, err := f.sessions.Open(t.Context(), token.(string), localOrigin)
		if err != nil || !s.Widget() {
			t.Fatal(s, err)
		}
		if got := fmt.Sprint(s.Privileges); got != fmt.Sprint(parsePrivileges(want)) {
			t.Errorf("privileges %v", got)
		}
		if w["sourceWidgetId"] != "_102" || w["rootWidgetId"] != "_102" {
			t.Errorf("the widget is %v", w)
		}
		for _, id := range []string{"_999", "_0102", "_", "", "0_nothing1", "_x", "_-5"} {
			if got := f.refused("session.startWidgetSession", params{"widgetId": id}); got != strings.ReplaceAll("INVALID_WIDGET_ID[WIDGET_ID:"+id+"]", ":]", ":N/A]") {
				t.Errorf("%q: %s", id, got)
			}
		}
		f.call("session.end", params{"ks": started["ks"]})
		f.call("session.get", params{"ks": started["ks"]})
		if got := f.refused("user.get", params{"ks": started["ks"]}); !strings.HasPrefix(got, "SERVICE_FORBIDDEN") {
			t.Errorf("a player calls user.get: %s", got)
		}
	})
}

func TestWidgetsAreKept(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		admin := f.admin()
		if got := f.object("widget.get", params{"ks": admin, "id": "_102"}); got["id"] != "_102" || got["partnerId"] != 102.0 {
			t.Errorf("the default widget is %v", got)
		}
		got := f.object("widget.update", params{"ks": admin, "id": "_102", "widget": params{"privileges": "sview:*", "partnerData": "x"}})
		if got["privileges"] != "sview:*" || got["partnerData"] != "x" || got["id"] != "_102" {
			t.Errorf("changed to %v", got)
		}
		got = f.object("widget.clone", params{"ks": admin, "widget": params{"sourceWidgetId": "_102", "uiConfId": 5}})
		if got["partnerData"] != "x" || got["uiConfId"] != 5.0 || got["id"] == "_102" {
			t.Errorf("cloned as %v", got)
		}
		if list := f.object("widget.list", params{"ks": admin, "filter": params{"uiConfIdEqual": 5}}); list["totalCount"] != 1.0 {
			t.Errorf("listed %v", list)
		}
		for want, fields := range map[string]params{
			"PROPERTY_VALIDATION_CANNOT_BE_NULL[PROP_NAME:KalturaWidget::sourceWidgetId]": {},
			"INVALID_WIDGET_ID[WIDGET_ID:_103]":                                           {"sourceWidgetId": "_103"},
			"UNKNOWN_ROLE_ID":                                                             {"sourceWidgetId": "_102", "roles": "NOBODY"},
			"ENTRY_ID_NOT_FOUND[ENTRY_ID:0_zzzzzzzz]":                                     {"sourceWidgetId": "_102", "entryId": "0_zzzzzzzz"},
		} {
			if got := f.refused("widget.add", params{"ks": admin, "widget": fields}); got != want {
				t.Error(got)
			}
		}
		stranger := f.call("session.start", params{"secret": adminSecret + "B", "partnerId": 103, "type": 2})
		for _, id := range []any{"_102", got["id"], "0_nothing1"} {
			for _, action := range []string{"widget.get", "widget.update"} {
				if got := f.refused(action, params{"ks": stranger, "id": id, "widget": params{"partnerData": "y"}}); got != fmt.Sprintf("INVALID_WIDGET_ID[WIDGET_ID:%s]", id) {
					t.Errorf("%s of another account: %s", action, got)
				}
			}
		}
	})
}

func TestOriginsOfFailuresAreAddressesOrCustomers(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := account.Origin(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s counts as %s", in, got)
		}
	}
	if got := account.Origin(netip.Addr{}); got != "invalid IP" {
		t.Errorf("no address counts as %s", got)
	}
}

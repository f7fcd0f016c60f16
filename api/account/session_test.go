package account_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// The tokens of the contract, as clients make them: their secret is that of account 102.
const (
	vectorV1 = "MDljMTcxMTcyMGI0YTVlOTg2OGU5YzgwZTUwNTVlN2ZjZDFhOTA1OHwxMDI7MTAyOzE4OTM0NTYwMDA7MjsxMjM0NTtkZXZAZXhhbXBsZS50ZXN0O2VkaXQ6KixkaXNhYmxlZW50aXRsZW1lbnQsbGlzdDoq"
	vectorV2 = "djJ8MTAyfDZigqvJmLOZNvSQuRvHqyG1TnKxEUjjEhxuaJpGqRj1f1rorxEgqG0zpO0tGQkyusdWb1C8DH5t2kz6bZmOuHzXqyQZZttjA0O7Ymk5Kj2nFS5-eIgITO5w6YNGgcT5Z7-bsBbUZaYI1c7xSZmAIiByzbxpAuf92mgj1cZamQaZ"
)

func TestTokensOfClientsAreAccepted(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		want := map[string]any{
			"sessionType": 2.0, "partnerId": 102.0, "userId": "dev@example.test", "expiry": 1893456000.0,
			"privileges": "edit:*,disableentitlement,list:*", "objectType": "KalturaSessionInfo",
		}
		for _, token := range []string{vectorV1, vectorV2} {
			if diff := cmp.Diff(want, f.call("session.get", params{"ks": token})); diff != "" {
				t.Error(diff)
			}
		}
		f.pass(10 * 365 * 24 * time.Hour)
		if got := f.refused("session.get", params{"ks": vectorV1}); got != "INVALID_KS[ERR_CODE:-5 ERR_DESC:EXPIRED KSID:EXPIRED]" {
			t.Error(got)
		}
	})
}

func TestSecretsStartSessions(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		refused := "START_SESSION_ERROR[PID:102]"
		for _, tt := range []struct {
			secret  string
			kind    int
			partner int
			want    string
		}{
			{adminSecret, 2, 102, ""},
			{adminSecret, 0, 102, ""},
			{userSecret, 0, 102, ""},
			{userSecret, 2, 102, refused},
			{"wrong", 2, 102, refused},
			{adminSecret + "B", 2, 102, refused},
			{adminSecret + "B", 2, 103, ""},
			{adminSecret, 2, 999, "START_SESSION_ERROR[PID:999]"},
			{adminSecret, 2, 0, "START_SESSION_ERROR[PID:0]"},
			{adminSecret, 2, -1, "START_SESSION_ERROR[PID:-1]"},
		} {
			in := params{"secret": tt.secret, "userId": "u", "type": tt.kind, "partnerId": tt.partner, "expiry": 60, "privileges": "edit:0_a,list:*"}
			if tt.want != "" {
				if got := f.refused("session.start", in); got != tt.want {
					t.Errorf("%+v: %s", tt, got)
				}
				continue
			}
			info := f.object("session.get", params{"ks": f.call("session.start", in)})
			want := map[string]any{
				"sessionType": float64(tt.kind), "partnerId": float64(tt.partner), "userId": "u", "privileges": "edit:0_a,list:*",
				"expiry": float64(f.clock().Unix() + 60), "objectType": "KalturaSessionInfo",
			}
			if diff := cmp.Diff(want, info); diff != "" {
				t.Errorf("%+v: %s", tt, diff)
			}
		}
		if got := f.refused("session.start", params{"partnerId": 102}); got != "MISSING_MANDATORY_PARAMETER[PARAM_NAME:secret]" {
			t.Error(got)
		}
	})
}

func TestPrivilegesThatCannotBeKeptStartNoSession(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		for privileges, want := range map[string]string{
			"actionslimit:0":                   "INVALID_ACTIONS_LIMIT",
			"actionslimit":                     "INVALID_ACTIONS_LIMIT",
			"setrole":                          "INVALID_SET_ROLE",
			"setrole:1,setrole:REACH":          "INVALID_SET_ROLE",
			"setrole:NOBODY":                   "UNKNOWN_ROLE_ID",
			"restrictingrole:4711":             "UNKNOWN_ROLE_ID",
			"_e:9999999999":                    "INVALID_PARAMETER_VALUE[PARAM_NAME:privileges]",
			"setrole:REACH_VENDOR_ROLE,edit:x": "",
		} {
			in := params{"secret": adminSecret, "partnerId": 102, "privileges": privileges}
			if want == "" {
				f.call("session.start", in)
			} else if got := f.refused("session.start", in); got != want {
				t.Errorf("%s: %s", privileges, got)
			}
		}
	})
}

func TestAccountsBoundTheirSessions(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		expiry := func() int64 {
			t.Helper()
			token := f.call("session.start", params{"secret": adminSecret, "partnerId": 102, "expiry": 1 << 40})
			return int64(f.object("session.get", params{"ks": token})["expiry"].(float64)) - f.clock().Unix()
		}
		if got := expiry(); got != 86400 {
			t.Errorf("without a bound a session lasts %d s", got)
		}
		f.change(102, func(a *catalog.Account) { a.Details.MaxSession, a.Details.TokenVersion = 600, 1 })
		if got := expiry(); got != 600 {
			t.Errorf("a session lasts %d s", got)
		}
		raw, err := base64.StdEncoding.DecodeString(f.start(0, "u", ""))
		if err != nil || !strings.Contains(string(raw), "|102;102;") {
			t.Errorf("the account prefers version 1 and got %q", raw)
		}
		admin := f.admin()
		f.change(102, func(a *catalog.Account) { a.Status = catalog.AccountBlocked })
		if got := f.refused("session.start", params{"secret": adminSecret, "partnerId": 102}); got != "START_SESSION_ERROR[PID:102]" {
			t.Error(got)
		}
		if got := f.refused("session.startWidgetSession", params{"widgetId": "_102"}); got != "START_WIDGET_SESSION_ERROR[WIDGET_ID:_102]" {
			t.Error(got)
		}
		if got := f.refused("user.list", params{"ks": admin}); got != "SERVICE_FORBIDDEN_CONTENT_BLOCKED" {
			t.Error(got)
		}
	})
}

// change changes an account and waits until processes know.
func (f *fixture) change(id catalog.AccountID, fn func(*catalog.Account)) {
	f.t.Helper()
	if _, err := f.db.UpdateAccount(f.t.Context(), id, func(a *catalog.Account) error { fn(a); return nil }); err != nil {
		f.t.Fatal(err)
	}
	f.pass(6 * time.Second)
}

func TestRefusalsOfSessionsNameTheirReason(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		raw, err := base64.URLEncoding.DecodeString(vectorV2)
		if err != nil {
			t.Fatal(err)
		}
		raw[60] ^= 4
		flipped := base64.URLEncoding.EncodeToString(raw)
		foreign := &ks.Session{Account: 999, Type: 2, Expires: f.clock().Add(time.Hour)}
		if err := ks.Mint(foreign, 2, adminSecret); err != nil {
			t.Fatal(err)
		}
		ended := f.start(0, "u", "")
		f.call("session.end", params{"ks": ended})
		limited := f.start(0, "u", "actionslimit:2")
		for range 2 {
			f.call("session.get", params{"ks": limited})
		}
		for name, tt := range map[string]struct{ token, want string }{
			"flipped bit": {flipped, "INVALID_KS[ERR_CODE:-1 ERR_DESC:INVALID_STR KSID:" + flipped + "]"},
			"no token":    {"hello", "INVALID_KS[ERR_CODE:-1 ERR_DESC:INVALID_STR KSID:hello]"},
			"no account":  {foreign.Token, "INVALID_KS[ERR_CODE:-1 ERR_DESC:INVALID_STR KSID:" + foreign.Token + "]"},
			"logged out":  {ended, "INVALID_KS[ERR_CODE:-6 ERR_DESC:LOGOUT KSID:LOGOUT]"},
			"used up":     {limited, "INVALID_KS[ERR_CODE:-8 ERR_DESC:EXCEEDED_ACTIONS_LIMIT KSID:EXCEEDED_ACTIONS_LIMIT]"},
			"elsewhere":   {f.start(0, "u", "iprestrict:192.0.2.1"), "INVALID_KS[ERR_CODE:-9 ERR_DESC:EXCEEDED_RESTRICTED_IP KSID:EXCEEDED_RESTRICTED_IP]"},
			"another uri": {f.start(0, "u", "urirestrict:/p/*"), "INVALID_KS[ERR_CODE:-11 ERR_DESC:EXCEEDED_RESTRICTED_URI KSID:EXCEEDED_RESTRICTED_URI]"},
		} {
			if got := f.refused("session.get", params{"ks": tt.token}); got != tt.want {
				t.Errorf("%s: %s", name, got)
			}
		}
		for _, privileges := range []string{"iprestrict:192.0.2.1/127.0.0.1/::1", "urirestrict:/api_v3/service/session/*", "actionslimit:1"} {
			f.call("session.get", params{"ks": f.start(0, "u", privileges)})
		}
		if got := f.refused("session.get", params{"ks": f.admin(), "session": limited + "x"}); !strings.HasPrefix(got, "INVALID_KS") {
			t.Errorf("another session: %s", got)
		}
	})
}

func TestActionsAreCountedAcrossProcesses(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		session := &ks.Session{ID: "one", Account: 102, Expires: time.Now().Add(time.Hour), Privileges: ks.ParsePrivileges("actionslimit:5")}
		results := make(chan error)
		for range 4 {
			p := f.process()
			go func() {
				for range 3 {
					results <- p.Count(context.Background(), session)
				}
			}()
		}
		allowed := 0
		for range 12 {
			if err := <-results; err == nil {
				allowed++
			}
		}
		if allowed != 5 {
			t.Errorf("%d actions were allowed", allowed)
		}
		if ttl := f.redis.TTL(t.Context(), "sluice:session:actions:one").Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("the count lasts %v", ttl)
		}
	})
}

func TestRevocationsHoldAcrossProcessesAndAnEmptiedRedis(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		var tokens []string
		for i := range 3 {
			tokens = append(tokens, f.start(0, fmt.Sprint("u", i), ""))
		}
		kept := f.start(0, "kept", "")
		f.call("session.end", params{"ks": tokens[0]})
		other := f.process()
		revoked := func(p interface {
			Open(context.Context, string, ks.Origin) (*ks.Session, error)
		}, token string) bool {
			t.Helper()
			_, err := p.Open(t.Context(), token, ks.Origin{IP: netip.MustParseAddr("127.0.0.1")})
			var e *rpc.Error
			if err != nil && (!errors.As(err, &e) || e.Args[1].Value != "-6") {
				t.Fatal(err)
			}
			return err != nil
		}
		check := func(when string, want ...bool) {
			t.Helper()
			for i, token := range append(tokens, kept) {
				if got := revoked(other, token); got != want[i] {
					t.Errorf("%s: session %d is revoked: %v", when, i, got)
				}
			}
		}
		check("at once", true, false, false, false)
		f.call("session.end", params{"ks": tokens[1]})
		check("with Redis filled", true, true, false, false)
		if err := f.redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		check("with Redis emptied", true, true, false, false)
		if n := f.redis.Exists(t.Context(), "sluice:session:revocations").Val(); n != 1 {
			t.Error("Redis was not filled again")
		}
		f.call("session.end", params{"ks": tokens[2]})
		check("with Redis filled again", true, true, true, false)
	})
}

func TestEndedGroupsEndTogether(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		a, b, c := f.start(0, "a", "sessionid:x"), f.start(0, "b", "sessionid:x"), f.start(0, "c", "sessionid:y")
		f.call("session.end", params{"ks": a})
		for token, want := range map[string]bool{a: true, b: true, f.start(0, "d", "sessionid:x"): true, c: false} {
			if !want {
				f.call("session.get", params{"ks": token})
			} else if got := f.refused("session.get", params{"ks": token}); !strings.Contains(got, "LOGOUT") {
				t.Error(got)
			}
		}
	})
}

func TestSessionsWorkFromMemoryAndRedis(t *testing.T) {
	f := newFixture(t, "sqlite://"+t.TempDir()+"/catalog.db")
	token := f.start(0, "u", "setrole:REACH_VENDOR_ROLE")
	use := func() error {
		s, err := f.sessions.Open(t.Context(), token, ks.Origin{IP: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			return err
		}
		if _, err := f.sessions.Account(t.Context(), 102); err != nil {
			return err
		}
		_, err = f.sessions.Permits(t.Context(), s, "media", "get")
		return err
	}
	if err := use(); err != nil {
		t.Fatal(err)
	}
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := use(); err != nil {
		t.Errorf("a session that was just used asks the catalog: %v", err)
	}
	f.pass(6 * time.Second)
	if err := use(); err == nil {
		t.Error("what was remembered never ages")
	}
}

func TestCatalogAnswersForRedis(t *testing.T) {
	f := newFixture(t, "sqlite://"+t.TempDir()+"/catalog.db")
	good, bad := f.start(0, "u", ""), f.start(0, "v", "")
	f.call("session.end", params{"ks": bad})
	_ = f.redis.Close()
	if _, err := f.sessions.Open(t.Context(), good, ks.Origin{}); err != nil {
		t.Errorf("without Redis: %v", err)
	}
	var e *rpc.Error
	if _, err := f.sessions.Open(t.Context(), bad, ks.Origin{}); !errors.As(err, &e) || e.Args[2].Value != "LOGOUT" {
		t.Errorf("without Redis, an ended session: %v", err)
	}
	s, err := f.sessions.Open(t.Context(), good, ks.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.sessions.End(t.Context(), s); err == nil {
		t.Error("a session ended though Redis could not be told")
	}
}

func TestRotatedSecretsAreKnownAtOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		old := f.admin()
		f.pass(2 * time.Second)
		if err := f.db.RotateSecrets(t.Context(), 102, time.Hour, catalog.AdminSecret); err != nil {
			t.Fatal(err)
		}
		list, err := f.db.Secrets(t.Context(), 102)
		if err != nil {
			t.Fatal(err)
		}
		fresh := &ks.Session{Account: 102, Type: 2, Expires: f.clock().Add(time.Hour)}
		if err := ks.Mint(fresh, 2, list[0].Text); err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{old, fresh.Token} {
			f.call("session.get", params{"ks": token})
		}
		if err := f.db.RotateSecrets(t.Context(), 102, 0, catalog.AdminSecret); err != nil {
			t.Fatal(err)
		}
		f.pass(6 * time.Second)
		for _, token := range []string{old, fresh.Token} {
			if got := f.refused("session.get", params{"ks": token}); !strings.Contains(got, "INVALID_STR") {
				t.Error(got)
			}
		}
	})
}

func TestGuessingSecretsIsStopped(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		in := params{"secret": "guess", "partnerId": 102, "type": 2}
		for range 10 {
			if got := f.refused("session.start", in); got != "START_SESSION_ERROR[PID:102]" {
				t.Fatal(got)
			}
		}
		blocked := "ACTION_BLOCKED[ACTION_NAME:start SERVICE_NAME:session]"
		in["secret"] = adminSecret
		if got := f.refused("session.start", in); got != blocked {
			t.Errorf("the eleventh try: %s", got)
		}
		in["impersonatedPartnerId"] = 102
		if got := f.refused("session.impersonate", in); got != "ACTION_BLOCKED[ACTION_NAME:impersonate SERVICE_NAME:session]" {
			t.Errorf("another way: %s", got)
		}
		f.call("session.start", params{"secret": adminSecret + "B", "partnerId": 103, "type": 2})
		f.call("session.get", params{"ks": vectorV2})
		keys := f.redis.Keys(t.Context(), "sluice:session:failures:*").Val()
		for _, k := range keys {
			if ttl := f.redis.TTL(t.Context(), k).Val(); ttl <= 0 || ttl > 5*time.Minute {
				t.Errorf("%s lasts %v", k, ttl)
			}
		}
	})
}

func TestSessionsOfOthersAreNotTold(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		other := f.call("session.start", params{"secret": adminSecret + "B", "partnerId": 103, "type": 2})
		want := "PARTNER_ACCESS_FORBIDDEN[ACCESSED_PID:103 ACCESSING_PID:102]"
		if got := f.refused("session.get", params{"ks": f.admin(), "session": other}); got != want {
			t.Error(got)
		}
		if got := f.refused("session.impersonateByKs", params{"ks": f.admin(), "session": other}); got != want {
			t.Error(got)
		}
		in := params{"secret": adminSecret, "partnerId": 102, "impersonatedPartnerId": 103, "userId": "u", "type": 2}
		if got := f.refused("session.impersonate", in); got != want {
			t.Error(got)
		}
		f.change(102, func(a *catalog.Account) { a.Details.ActsFor = []catalog.AccountID{103} })
		info := f.object("session.get", params{"ks": f.call("session.impersonate", in)})
		if info["partnerId"] != 103.0 || info["userId"] != "u" {
			t.Errorf("impersonated as %v", info)
		}
		in["secret"] = userSecret
		if got := f.refused("session.impersonate", in); got != "START_SESSION_ERROR[PID:102]" {
			t.Error(got)
		}
		byKS := f.object("session.impersonateByKs", params{"ks": f.admin(), "session": other, "type": 0, "expiry": 60, "privileges": "edit:0_a"})
		got := f.object("session.get", params{"ks": byKS["ks"]})
		if byKS["expiry"] != 60.0 || got["partnerId"] != 103.0 || got["sessionType"] != 0.0 || got["privileges"] != "edit:0_a" {
			t.Errorf("impersonated as %v, that is %v", byKS, got)
		}
		if got := f.refused("session.impersonateByKs", params{"ks": f.start(0, "u", ""), "session": f.admin()}); got != "SERVICE_FORBIDDEN[SERVICE:session->impersonateByKs]" {
			t.Error(got)
		}
	})
}

func TestRolesDecideWhatSessionsMayCall(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		role, err := f.db.AddRole(t.Context(), 102, catalog.Role{Name: "users", SystemName: "USERS", Status: 1, Permissions: "user.*,session.get"})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			kind       int
			privileges string
			allowed    map[string]bool
		}{
			{2, "", map[string]bool{"user.list": true, "apptoken.list": true, "session.get": true}},
			{0, "", map[string]bool{"user.list": false, "apptoken.list": false, "session.get": true}},
			{0, "setrole:USERS", map[string]bool{"user.list": true, "apptoken.list": false, "session.get": true}},
			{2, fmt.Sprint("setrole:", role.ID), map[string]bool{"user.list": true, "apptoken.list": false, "session.get": true}},
			{2, "restrictingrole:USERS", map[string]bool{"user.list": true, "apptoken.list": false}},
			{2, "setrole:USERS,restrictingrole:REACH_VENDOR_ROLE", map[string]bool{"user.list": false, "session.get": false}},
		} {
			token := f.start(tt.kind, "u", tt.privileges)
			for action, want := range tt.allowed {
				out, _ := f.raw(action, params{"ks": token}).(map[string]any)
				if got := out["code"] == nil; got != want {
					t.Errorf("type %d with %q calls %s: %v", tt.kind, tt.privileges, action, out)
				}
			}
		}
		token := f.start(0, "u", "setrole:USERS")
		if err := f.db.DeleteRole(t.Context(), 102, role.ID); err != nil {
			t.Fatal(err)
		}
		f.pass(6 * time.Second)
		if got := f.refused("session.get", params{"ks": token}); got != "UNKNOWN_ROLE_ID" {
			t.Error(got)
		}
		stranger := f.call("session.start", params{"secret": adminSecret + "B", "partnerId": 103, "type": 2})
		if got := f.refused("userRole.get", params{"ks": stranger, "userRoleId": role.ID}); got != fmt.Sprintf("INVALID_OBJECT_ID[ID:%d]", role.ID) {
			t.Error(got)
		}
	})
}

func TestEndedSessionIsOfNoUseInTheSameRequest(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		get := params{"service": "session", "action": "get"}
		answers, ok := f.raw("multirequest.", params{"ks": f.admin(), "1": get, "2": get, "3": params{"service": "session", "action": "end"}, "4": get}).([]any)
		if !ok || len(answers) != 4 {
			t.Fatalf("answers %v", answers)
		}
		for i, want := range []string{"KalturaSessionInfo", "KalturaSessionInfo", "", "KalturaAPIException"} {
			if got, _ := answers[i].(map[string]any); got["objectType"] != want && want != "" {
				t.Errorf("answer %d is %v, want %s", i+1, answers[i], want)
			}
		}
	})
}

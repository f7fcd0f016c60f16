package profile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"sluice/api/profile"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// tokens are sessions by their token.
type tokens map[string]*ks.Session

func (s tokens) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	if found, ok := s[token]; ok {
		return found, nil
	}
	return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
}

func (tokens) Count(context.Context, *ks.Session) error                           { return nil }
func (tokens) Permits(context.Context, *ks.Session, string, string) (bool, error) { return true, nil }

// serve runs the services; call posts a form to an action of accessControlProfile and returns the answer's JSON.
func serve(t *testing.T) (call func(action, token string, pairs ...string) map[string]any) {
	t.Helper()
	all := serveAll(t)
	return func(action, token string, pairs ...string) map[string]any {
		t.Helper()
		return all("accesscontrolprofile", action, token, pairs...)
	}
}

// serveAll is serve for every service of the package.
func serveAll(t *testing.T) (call func(service, action, token string, pairs ...string) map[string]any) {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	sessions := tokens{}
	for _, id := range []catalog.AccountID{102, 103} {
		if _, _, err := db.EnsureAccount(t.Context(), id, "a"); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint(id)
		sessions[name] = &ks.Session{Token: name, Account: id, Type: ks.AdminType}
	}
	reg := rpc.NewRegistry()
	(&profile.Access{Catalog: db}).Register(reg)
	(&profile.Conversion{Catalog: db}).Register(reg)
	responses := &profile.Responses{Catalog: db}
	responses.Register(reg)
	server, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions, Accounts: db, Profiles: responses})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	return func(service, action, token string, pairs ...string) map[string]any {
		t.Helper()
		v := url.Values{"format": {"1"}, "ks": {token}}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		resp, err := http.PostForm(srv.URL+"/api_v3/service/"+service+"/action/"+action, v)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatalf("%s: %v: %s", action, err, b)
		}
		return out
	}
}

const p = "accessControlProfile"

// rule are the pairs of a rule with every condition and every action.
func everything() []string {
	pairs := []string{p + "[name]", "everything", p + "[systemName]", "sys", p + "[rules][0][code]", "C", p + "[rules][0][message]", "M", p + "[rules][0][stopProcessing]", "1",
		p + "[rules][0][forceAdminValidation]", "1", p + "[rules][0][contexts][0][type]", "1", p + "[rules][0][contexts][0][objectType]", "KalturaAccessControlContextTypeHolder"}
	for i, c := range [][]string{
		{"IpAddressCondition", "values][0][value", "10.0.0.0/8", "acceptInternalIps", "1", "httpHeader", "X-Client", "not", "1"},
		{"CountryCondition", "values][0][value", "CH"}, {"GeoDistanceCondition", "values][0][value", "47,8,10"}, {"AnonymousIPCondition", "values][0][value", "tor"},
		{"SiteCondition", "values][0][value", "example.com"}, {"UserAgentCondition", "values][0][value", "curl"},
		{"HttpHeaderCondition", "headerName", "X-Key", "values][0][value", "^k$"}, {"AuthenticatedCondition", "privileges][0][value", "vip"},
		{"OrCondition", "conditions][0][objectType", "KalturaCountryCondition"}, {"SessionTypeCondition", "sessionType", "0"},
	} {
		pairs = append(pairs, fmt.Sprintf("%s[rules][0][conditions][%d][objectType]", p, i), "Kaltura"+c[0])
		for k := 1; k+1 < len(c); k += 2 {
			pairs = append(pairs, fmt.Sprintf("%s[rules][0][conditions][%d][%s]", p, i, c[k]), c[k+1])
		}
	}
	for i, a := range [][]string{
		{"Block"}, {"Preview", "limit", "30"}, {"LimitFlavors", "flavorParamsIds", "1,2", "isBlockedList", "1"}, {"LimitDeliveryProfiles", "deliveryProfileIds", "3"},
		{"ServeRemoteEdgeServer", "edgeServerIds", "7"}, {"ModifyRequestHostRegex", "pattern", "a.c", "replacement", "b", "replacmenServerNodeId", "4", "checkAliveTimeoutMs", "250"}, {"LimitThumbnailCapture"},
	} {
		pairs = append(pairs, fmt.Sprintf("%s[rules][0][actions][%d][objectType]", p, i), "KalturaAccessControl"+a[0]+"Action")
		for k := 1; k+1 < len(a); k += 2 {
			pairs = append(pairs, fmt.Sprintf("%s[rules][0][actions][%d][%s]", p, i, a[k]), a[k+1])
		}
	}
	return pairs
}

func TestProfilesComeBackAsTheyWereSent(t *testing.T) {
	call := serve(t)
	made := call("add", "102", everything()...)
	if made["objectType"] != "KalturaAccessControlProfile" {
		t.Fatalf("%v", made)
	}
	got := call("get", "102", "id", fmt.Sprint(made["id"]))
	b, err := json.Marshal(got["rules"])
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"actions":[{"objectType":"KalturaAccessControlBlockAction","type":1},{"limit":30,"objectType":"KalturaAccessControlPreviewAction","type":2},` +
		`{"flavorParamsIds":"1,2","isBlockedList":true,"objectType":"KalturaAccessControlLimitFlavorsAction","type":3},` +
		`{"deliveryProfileIds":"3","isBlockedList":false,"objectType":"KalturaAccessControlLimitDeliveryProfilesAction","type":5},` +
		`{"edgeServerIds":"7","objectType":"KalturaAccessControlServeRemoteEdgeServerAction","seamlessFallbackEnabled":false,"type":6},` +
		`{"checkAliveTimeoutMs":250,"objectType":"KalturaAccessControlModifyRequestHostRegexAction","pattern":"a.c","replacement":"b","replacmenServerNodeId":4,"type":7},` +
		`{"objectType":"KalturaAccessControlLimitThumbnailCaptureAction","type":8}],"code":"C","conditions":[` +
		`{"acceptInternalIps":true,"httpHeader":"X-Client","not":true,"objectType":"KalturaIpAddressCondition","type":3,"values":[{"objectType":"KalturaStringValue","value":"10.0.0.0/8"}]},` +
		`{"not":false,"objectType":"KalturaCountryCondition","type":2,"values":[{"objectType":"KalturaStringValue","value":"CH"}]},` +
		`{"not":false,"objectType":"KalturaGeoDistanceCondition","type":10,"values":[{"objectType":"KalturaStringValue","value":"47,8,10"}]},` +
		`{"not":false,"objectType":"KalturaAnonymousIPCondition","type":15,"values":[{"objectType":"KalturaStringValue","value":"tor"}]},` +
		`{"not":false,"objectType":"KalturaSiteCondition","type":4,"values":[{"objectType":"KalturaStringValue","value":"example.com"}]},` +
		`{"not":false,"objectType":"KalturaUserAgentCondition","type":5,"values":[{"objectType":"KalturaStringValue","value":"curl"}]},` +
		`{"headerName":"X-Key","not":false,"objectType":"KalturaHttpHeaderCondition","type":18,"values":[{"objectType":"KalturaStringValue","value":"^k$"}]},` +
		`{"not":false,"objectType":"KalturaAuthenticatedCondition","privileges":[{"objectType":"KalturaStringValue","value":"vip"}],"type":1},` +
		`{"conditions":[{"not":false,"objectType":"KalturaCountryCondition","type":2,"values":[]}],"not":false,"objectType":"KalturaOrCondition","type":11},` +
		`{"not":false,"objectType":"KalturaSessionTypeCondition","sessionType":0,"type":22}],` +
		`"contexts":[{"objectType":"KalturaContextTypeHolder","type":1}],"forceAdminValidation":true,"message":"M","objectType":"KalturaRule","stopProcessing":true}]`
	if string(b) != want {
		t.Errorf("rules\n%s\nwant\n%s", b, want)
	}
}

func TestProfilesAreChangedListedAndDeleted(t *testing.T) {
	call := serve(t)
	id := fmt.Sprint(call("add", "102", everything()...)["id"])
	if got := call("update", "102", "id", id, p+"[name]", "renamed"); got["name"] != "renamed" || len(got["rules"].([]any)) != 1 {
		t.Errorf("an update of the name: %v", got)
	}
	if got := call("update", "102", "id", id, p+"[rules][-]", ""); len(got["rules"].([]any)) != 0 {
		t.Errorf("no rules any more: %v", got)
	}
	list := call("list", "102", "filter[systemNameEqual]", "sys")
	if list["totalCount"] != 1.0 || list["objectType"] != "KalturaAccessControlProfileListResponse" {
		t.Errorf("list: %v", list)
	}
	if got := call("list", "103"); got["totalCount"] != 1.0 { // its own default
		t.Errorf("another account lists %v", got)
	}
	def := fmt.Sprint(call("list", "102", "filter[orderBy]", "+createdAt")["objects"].([]any)[0].(map[string]any)["id"])
	if got := call("delete", "102", "id", def); got["code"] != "CANNOT_DELETE_DEFAULT_ACCESS_CONTROL" {
		t.Errorf("the default: %v", got)
	}
	if got := call("delete", "102", "id", id); got != nil {
		t.Errorf("delete: %v", got)
	}
	for _, token := range []string{"102", "103"} {
		for action, more := range map[string][]string{"get": nil, "delete": nil, "update": {p + "[name]", "x"}} {
			got := call(action, token, append([]string{"id", id}, more...)...)
			if args, ok := got["args"].(map[string]any); got["code"] != "ACCESS_CONTROL_ID_NOT_FOUND" || !ok || args["ID"] != id {
				t.Errorf("%s of account %s: %v", action, token, got)
			}
		}
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	call := serve(t)
	call("add", "102", p+"[name]", "first", p+"[systemName]", "taken")
	rule := func(pairs ...string) []string {
		out := []string{p + "[name]", "x"}
		for i := 0; i+1 < len(pairs); i += 2 {
			out = append(out, p+"[rules][0]"+pairs[i], pairs[i+1])
		}
		return out
	}
	for name, tt := range map[string]struct {
		pairs []string
		code  string
	}{
		"no name":            {[]string{p + "[description]", "x"}, "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		"system name twice":  {[]string{p + "[name]", "x", p + "[systemName]", "taken"}, "SYSTEM_NAME_ALREADY_EXISTS"},
		"action of no class": {rule("[actions][0][type]", "1"), "OBJECT_TYPE_ABSTRACT"},
		"condition of none":  {rule("[conditions][0][not]", "1"), "OBJECT_TYPE_ABSTRACT"},
		"address":            {rule("[conditions][0][objectType]", "KalturaIpAddressCondition", "[conditions][0][values][0][value]", "office"), "PROPERTY_VALIDATION_WRONG_FORMAT"},
		"regular expression": {rule("[conditions][0][objectType]", "KalturaUserAgentCondition", "[conditions][0][values][0][value]", "("), "PROPERTY_VALIDATION_WRONG_FORMAT"},
		"long expression":    {rule("[conditions][0][objectType]", "KalturaUserAgentCondition", "[conditions][0][values][0][value]", strings.Repeat("a", 2000)), "PROPERTY_VALIDATION_WRONG_FORMAT"},
		"header":             {rule("[conditions][0][objectType]", "KalturaHttpHeaderCondition"), "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		"preview":            {rule("[actions][0][objectType]", "KalturaAccessControlPreviewAction"), "PROPERTY_VALIDATION_MIN_VALUE"},
		"host":               {rule("[actions][0][objectType]", "KalturaAccessControlModifyRequestHostRegexAction", "[actions][0][pattern]", "("), "PROPERTY_VALIDATION_WRONG_FORMAT"},
		"context":            {rule("[contexts][0][type]", "99"), "INVALID_ENUM_VALUE"},
		"nested or": {rule("[conditions][0][objectType]", "KalturaOrCondition", "[conditions][0][conditions][0][objectType]", "KalturaOrCondition"),
			"PROPERTY_VALIDATION_UNTIL_NOT_VALID"},
	} {
		if got := call("add", "102", tt.pairs...); got["code"] != tt.code {
			t.Errorf("%s: %v, want %s", name, got, tt.code)
		}
	}
}

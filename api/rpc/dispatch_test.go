package rpc_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"sluice/api/rpc"
)

func TestChecksComeInTheProtocolsOrder(t *testing.T) {
	for _, c := range []struct{ query, code, args string }{
		{"", "SERVICE_NOT_SPECIFIED", "[]"},
		{"service=Nope&action=get", "SERVICE_DOES_NOT_EXISTS", `{"SRV_NAME":"nope"}`},
		{"service=Box_Thing", "ACTION_NOT_SPECIFIED", "[]"},
		{"service=Box_Thing&action=Nope", "ACTION_DOES_NOT_EXISTS", `{"ACTION_NAME":"nope","SERVICE_NAME":"box_thing"}`},
		{"service=box_thing&action=delete&language=xyz&ks=bad", "INVALID_LANGUAGE_CODE", `{"LANG":"xyz"}`},
		{"service=box_thing&action=delete&ks=bad", "INVALID_KS", `{"KSID":"bad","ERR_CODE":"-1","ERR_DESC":"INVALID_STR"}`},
		{"service=box_thing&action=delete&ks=expired", "MISSING_MANDATORY_PARAMETER", `{"PARAM_NAME":"id"}`},
		{"service=box_thing&action=delete&ks=expired&id=1", "INVALID_KS", `{"KSID":"EXPIRED","ERR_CODE":"-5","ERR_DESC":"EXPIRED"}`},
		{"service=box_thing&action=delete&id=1", "MISSING_KS", "[]"},
		{"service=box_thing&action=delete&id=1&partnerId=102", "SERVICE_FORBIDDEN", `{"SERVICE":"box_thing->delete"}`},
		{"service=box_thing&action=delete&id=1&ks=widget", "SERVICE_FORBIDDEN", `{"SERVICE":"box_thing->delete"}`},
		{"service=box_thing&action=delete&id=1&ks=user&p=5", "INVALID_KS", `{"KSID":"INVALID_PARTNER","ERR_CODE":"-2","ERR_DESC":"INVALID_PARTNER"}`},
		{"service=box_thing&action=delete&id=1&ks=role", "SERVICE_FORBIDDEN", `{"SERVICE":"box_thing->delete"}`},
		{"service=box_thing&action=delete&id=1&ks=blocked", "SERVICE_FORBIDDEN_CONTENT_BLOCKED", "[]"},
		{"service=box_thing&action=get&id=1&p=999", "INVALID_PARTNER_ID", `{"PID":"999"}`},
		{"service=box_thing&action=get&id=1", "MISSING_KS", "[]"},
		{"service=box_thing&action=purge&ks=user", "SERVICE_FORBIDDEN", `{"SERVICE":"box_thing->purge"}`},
		{"service=system&action=panic", "INTERNAL_SERVERL_ERROR", "[]"},
		{"service=box_thing&action=broken", "INTERNAL_SERVERL_ERROR", "[]"},
		{"service=box_thing&action=delete&id=1&ks=user&partnerId=0", "", "null"},
		{"service=box_thing&action=delete&id=1&ks=user&partnerId=102", "", "null"},
		{"service=box_thing&action=delete&id=1&ks=admin&p=5", "INVALID_KS", `{"KSID":"INVALID_PARTNER","ERR_CODE":"-2","ERR_DESC":"INVALID_PARTNER"}`},
		{"service=box_thing&action=delete&id=1&ks=user&p=104", "INVALID_KS", `{"KSID":"INVALID_PARTNER","ERR_CODE":"-2","ERR_DESC":"INVALID_PARTNER"}`},
		{"service=box_thing&action=delete&id=1&ks=admin&p=103", "SERVICE_FORBIDDEN_CONTENT_BLOCKED", "[]"},
		{"service=box_thing&action=whose&ks=admin", "", `"102/102/0"`},
		{"service=box_thing&action=whose&ks=admin&partnerId=104", "", `"104/104/102"`},
		{"service=box_thing&action=purge&ks=admin", "", "null"},
		{"service=box_thing&action=purge&ks=role", "", "null"},
		{"service=box_thing&action=look&ks=widget&language=fr", "", `"0"`},
		{"service=system&action=ping&ks=bad", "", "true"},
		{"service=system&action=ping&ks=expired&partnerId=7", "", "true"},
	} {
		f := start(t)
		res, got := f.do(t, "GET", "/api_v3/?format=1&"+c.query, "", "")
		if c.code == "" {
			if got != c.args {
				t.Errorf("%s: %s", c.query, got)
			}
			continue
		}
		if res.StatusCode != 200 || !strings.HasPrefix(got, `{"code":"`+c.code+`"`) || !strings.HasSuffix(got, `"args":`+c.args+"}") || res.Header.Get("X-Kaltura") != "error-"+c.code {
			t.Errorf("%s: %d %s", c.query, res.StatusCode, got)
		}
	}
}

func TestAccountsMayRefusePlainHTTP(t *testing.T) {
	f := start(t, func(c *rpc.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for _, c := range []struct{ client, proto, partner, want string }{
		{"192.0.2.1", "http", "104", `{"code":"SERVICE_FORBIDDEN"`},
		{"192.0.2.1", "", "104", `{"code":"SERVICE_FORBIDDEN"`},
		{"192.0.2.1", "https", "104", "null"},
		{"127.0.0.1", "http", "104", "null"},
		{"192.0.2.1", "http", "102", "null"},
	} {
		req, err := http.NewRequest("GET", f.URL+"/api_v3/?format=1&service=box_thing&action=delete&id=1&ks=admin&partnerId="+c.partner, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", c.client)
		req.Header.Set("X-Forwarded-Proto", c.proto)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestExceptionsInXML(t *testing.T) {
	f := start(t)
	_, got := f.do(t, "GET", "/api_v3/?service=box_thing&action=delete&id=1", "", "")
	want := `<result><error><code>MISSING_KS</code><message>This call needs a session</message><objectType>KalturaAPIException</objectType><args></args></error></result>`
	if !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
}

func TestLimitedActionsAreCountedOnce(t *testing.T) {
	f := start(t)
	f.do(t, "GET", "/api_v3/?service=box_thing&action=purge&ks=role", "", "")
	f.do(t, "GET", "/api_v3/?service=box_thing&action=delete&id=1&ks=role", "", "") // not permitted
	f.do(t, "GET", "/api_v3/?service=box_thing&action=purge&ks=admin", "", "")      // not limited
	if f.sessions.counted != 1 {
		t.Errorf("counted %d", f.sessions.counted)
	}
}

func TestMessagesNameEveryArgumentAndNoMarkup(t *testing.T) {
	for _, c := range []struct {
		err  *rpc.Error
		want string
	}{
		{rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", "0_<b>x</b>"), `No entry "0_x"`},
		{rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", ""), `No entry "N/A"`},
		{rpc.E("SOMETHING_NEW", "A", "1", "B", "{A}"), `Something new [1] [A]`},
		{rpc.E("INVALID_KS", "KSID", "{ERR_CODE}", "ERR_CODE", "-1", "ERR_DESC", "X"), `Session "{ERR_CODE}" rejected (-1,X)`},
		{rpc.E("FLAVOR", "ID", "1 < 2"), `Flavor [1 < 2]`},
	} {
		if got := c.err.Message(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	f := start(t)
	ids := map[string]bool{}
	for _, path := range []string{"/api_v3/service/system/action/ping", "/api_v3/service/nope/action/ping", "/api/?format=1", "/api_v3/"} {
		res, _ := f.do(t, "GET", path, "", "")
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":   `\*`,
			"Access-Control-Expose-Headers": "Server, Content-Length, Content-Range, Date, X-Kaltura, X-Kaltura-Session, X-Me",
			"Cache-Control":                 "no-store, no-cache, must-revalidate, post-check=0, pre-check=0",
			"Pragma":                        "no-cache", "X-Me": ".+", "Expires": "2000", "X-Kaltura-Session": `^[0-9a-z]+, \d+$`,
		} {
			if !regexp.MustCompile(want).MatchString(res.Header.Get(name)) {
				t.Errorf("%s: %s is %q", path, name, res.Header.Get(name))
			}
		}
		ids[res.Header.Get("X-Kaltura-Session")] = true
	}
	if len(ids) != 4 {
		t.Errorf("request ids %v", ids)
	}
}

func TestPreflightAndHead(t *testing.T) {
	f := start(t)
	res, body := f.do(t, "OPTIONS", "/api_v3/service/box_thing/action/get", "", "")
	h := res.Header
	if res.StatusCode != 200 || body != "" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Max-Age") != "86400" ||
		h.Get("Access-Control-Allow-Methods") != "POST, GET, HEAD, OPTIONS" || !strings.HasPrefix(h.Get("Access-Control-Allow-Headers"), "Origin, X-Requested-With, Content-Type, Accept, Range, Cache-Control") {
		t.Errorf("%d %q %v", res.StatusCode, body, h)
	}
	res, body = f.do(t, "HEAD", "/api_v3/?service=system&action=ping&format=1", "", "")
	if res.StatusCode != 200 || body != "" || res.Header.Get("Content-Length") != "4" {
		t.Errorf("HEAD: %d %q %v", res.StatusCode, body, res.Header)
	}
}

func TestFilesAreServedBare(t *testing.T) {
	f := start(t)
	res, body := f.do(t, "GET", "/api_v3/service/box_thing/action/serve/id/x/p/102", "", "")
	if res.StatusCode != 200 || body != "file of x" || res.Header.Get("Content-Type") != "text/plain" || !strings.HasPrefix(res.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
	res, body = f.do(t, "GET", "/api_v3/service/box_thing/action/serve/id/nope/p/102", "", "")
	if res.StatusCode != 404 || body != "" || res.Header.Get("X-Kaltura") != "error- THING_NOT_FOUND" || !strings.Contains(res.Header.Get("X-Kaltura-App"), "nope") {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
}

func TestHostileBodies(t *testing.T) {
	f := start(t, func(c *rpc.Config) { c.MaxBody, c.MaxUpload = 1<<20, 600<<10 })
	file := func(n int) string {
		return "--B\r\nContent-Disposition: form-data; name=\"fileData\"; filename=\"x\"\r\n\r\n" + strings.Repeat("x", n) + "\r\n--B--\r\n"
	}
	const path = "/api_v3/service/box_thing/action/upload?id=1&format=1&p=102"
	for _, c := range []struct {
		name, kind, body string
		status           int
		want             string
	}{
		{"too large", jsonType, `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, 413, ""},
		{"too deep", jsonType, strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), 400, ""},
		{"too deep a name", formType, strings.Repeat("a:", 40) + "=1", 400, ""},
		{"too deep a name in json", jsonType, `{"` + strings.Repeat("a:", 4000) + `b":1}`, 400, ""},
		{"too many values", jsonType, `{"a":[` + strings.Repeat("1,", 250000) + `1]}`, 400, ""},
		{"too many fields", formType, strings.Repeat("a=1&b[]=1&", 50_000) + strings.Repeat("b[]=&", 100_000), 400, ""},
		{"no boundary", "multipart/form-data", "x", 400, ""},
		{"cut off", "multipart/form-data; boundary=B", file(10)[:80], 400, ""},
		{"too large a file", "multipart/form-data; boundary=B", file(601 << 10), 413, ""},
		{"too large a text part", "multipart/form-data; boundary=B", strings.Replace(file(1<<20), `; filename="x"`, "", 1), 413, ""},
		{"file on disk", "multipart/form-data; boundary=B", file(500 << 10), 200, `"1:x:xxxxxxxxxxxxxxxxxxxx"`},
		{"empty file", "multipart/form-data; boundary=B", file(0), 200, `"1:x:"`},
		{"not JSON", jsonType, `{"id":`, 200, "MISSING_MANDATORY_PARAMETER"},
		{"a scalar", jsonType, `5`, 200, "MISSING_MANDATORY_PARAMETER"},
		{"text where a file goes", formType, "fileData=x", 200, "UPLOAD_ERROR"},
	} {
		res, got := f.post(t, path, c.kind, c.body)
		if res.StatusCode != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: %d %.200s", c.name, res.StatusCode, got)
		}
		if c.name == "not JSON" && !strings.Contains(res.Header.Get("X-Kaltura-App"), "not JSON") {
			t.Errorf("%s: X-Kaltura-App %q", c.name, res.Header.Get("X-Kaltura-App"))
		}
	}
}

func TestOtherPathsAreNotTheAPIs(t *testing.T) {
	f := start(t)
	for _, path := range []string{"/", "/console/", "/api_v33/", "/apis/x"} {
		if res, _ := f.do(t, "GET", path, "", ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

func TestTheLogHasNoSecrets(t *testing.T) {
	f := start(t)
	f.post(t, "/api_v3/service/box_thing/action/add?ks=user&partnerId=102", jsonType,
		`{"thing":{"name":"shown","password":"hush1","privateKey":"hush8","keyPassphrase":"hush9","customHeaders":{"a":"hush10"},"urlHeaders":[{"value":"Cookie: hush2"}]},"tokenHash":"hush3","secret":"hush4","appToken":{"token":"hush5"},"url":"https://joe:hush6@example.com/a?sig=hush7"}`)
	f.post(t, "/api_v3/service/multirequest?ks=user", jsonType, `{"1":{"service":"system","action":"ping","ks":"hush8"}}`)
	f.post(t, "/api_v3/service/system/action/ping", formType, "thing:urlHeaders:0:value=hush9&url=http://h/api_v3/service/a/ks/hush10/x")
	log := f.log.String()
	if strings.Contains(log, "hush") {
		t.Errorf("a secret in the log:\n%s", log)
	}
	for _, want := range []string{"service=box_thing", "action=add", "account=102", "shown", "user=joe"} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in the log:\n%s", want, log)
		}
	}
}

func TestClientsAddressComesFromTrustedProxiesOnly(t *testing.T) {
	var seen string
	for _, c := range []struct{ trusted, forwarded, ip, base string }{
		{"", "9.9.9.9", "127.0.0.1", "http://"},
		{"127.0.0.0/8", "9.9.9.9", "9.9.9.9", "https://"},
		{"127.0.0.0/8", "1.1.1.1, 9.9.9.9, 127.0.0.2", "9.9.9.9", "https://"},
		{"127.0.0.0/8", "junk", "127.0.0.1", "https://"},
		{"10.0.0.0/8", "9.9.9.9", "127.0.0.1", "http://"},
	} {
		f := start(t, func(cfg *rpc.Config) {
			if c.trusted != "" {
				cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)}
			}
			rpc.Action(cfg.Registry.Service("who", ""), "ami", "", func(c *rpc.Call, _ rpc.None) (rpc.Void, error) {
				seen = fmt.Sprint(c.ClientIP, " ", c.Base)
				return rpc.Void{}, nil
			}, rpc.For(rpc.Public))
		})
		req, _ := http.NewRequest("GET", f.URL+"/api_v3/?service=who&action=ami", nil)
		req.Header.Set("X-Forwarded-For", c.forwarded)
		req.Header.Set("X-Forwarded-Proto", "https")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if !strings.HasPrefix(seen, c.ip+" "+c.base) {
			t.Errorf("%+v: %s", c, seen)
		}
	}
}

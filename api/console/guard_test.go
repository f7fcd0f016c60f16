package console_test

import (
	"net/http"
	"strings"
	"testing"

	"sluice/api/console"
)

func TestOnlyOurOwnNamesAreAnswered(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Hosts = []string{"Console.example"} })
	for host, want := range map[string]int{
		"127.0.0.1:8080":         http.StatusOK,
		"[::1]:8080":             http.StatusOK,
		"10.1.2.3":               http.StatusOK,
		"localhost:8080":         http.StatusOK,
		"LOCALHOST":              http.StatusOK,
		"sluice.localhost":       http.StatusOK,
		"console.example":        http.StatusOK,
		"console.example.:443":   http.StatusOK,
		"evil.example":           http.StatusMisdirectedRequest,
		"evil.console.example":   http.StatusMisdirectedRequest,
		"console.example.evil":   http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example": http.StatusMisdirectedRequest,
		"localhost.evil.example": http.StatusMisdirectedRequest,
		"evil.example:localhost": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/v1/work", "/v1/system"} {
			response, body := f.do("GET", path, http.Header{"Host": {host}})
			if response.StatusCode != want {
				t.Errorf("%s for %q: %d, want %d: %s", path, host, response.StatusCode, want, body)
			}
		}
	}
}

func TestAnyNameIsAnsweredWhenTheCheckIsLifted(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Hosts = []string{"*"} })
	if response, body := f.do("GET", "/v1/work", http.Header{"Host": {"any.example"}}); response.StatusCode != http.StatusOK {
		t.Errorf("%d: %s", response.StatusCode, body)
	}
}

func TestAnotherSiteCannotChangeAnything(t *testing.T) {
	f := start(t, nil)
	e, _ := f.entry("Film", nil, nil)
	path := "/v1/entries/" + string(e.ID)
	for name, header := range map[string]http.Header{
		"cross-site":         {"Sec-Fetch-Site": {"cross-site"}},
		"same-site":          {"Sec-Fetch-Site": {"same-site"}},
		"a foreign origin":   {"Origin": {"http://evil.example"}},
		"another port":       {"Origin": {"http://127.0.0.1:1"}},
		"an opaque origin":   {"Origin": {"null"}},
		"forged navigations": {"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}},
	} {
		for _, request := range []struct{ method, path string }{{"DELETE", path}, {"POST", path + "/retry"}, {"POST", "/v1/tasks/1/retry"}} {
			response, body := f.do(request.method, request.path, header)
			if response.StatusCode != http.StatusForbidden || !strings.Contains(string(body), `"forbidden"`) {
				t.Errorf("%s: %s %s: %d: %s", name, request.method, request.path, response.StatusCode, body)
			}
		}
	}
	f.call("GET", path, http.StatusOK)

	if response, _ := f.do("GET", "/v1/events", http.Header{"Sec-Fetch-Site": {"cross-site"}}); response.StatusCode != http.StatusForbidden {
		t.Errorf("another site can listen: %d", response.StatusCode)
	}
	own := http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {f.url}}
	if response, body := f.do("DELETE", path, own); response.StatusCode != http.StatusNoContent {
		t.Errorf("our own page cannot delete: %d: %s", response.StatusCode, body)
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	valid := start(t, nil).db
	for name, cfg := range map[string]console.Config{
		"Catalog is missing":                    {},
		`PlayOrigins: "cdn.example"`:            {Catalog: valid, PlayOrigins: []string{"cdn.example"}},
		`PlayOrigins: "http://a/path"`:          {Catalog: valid, PlayOrigins: []string{"http://a/path"}},
		`PlayOrigins: "http://a; script-src *"`: {Catalog: valid, PlayOrigins: []string{"http://a; script-src *"}},
		"must not be negative":                  {Catalog: valid, MaxStreams: -1},
	} {
		if _, err := console.New(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error with %q", err, name)
		}
	}
}

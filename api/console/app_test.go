package console_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/api/console"
)

var built = fstest.MapFS{
	".keep":               {Data: nil},
	"index.html":          {Data: []byte("<!doctype html><title>pages</title>")},
	"sluice.svg":          {Data: []byte("<svg/>")},
	"assets/index-a1.js":  {Data: []byte(strings.Repeat("console.log(1);\n", 500))},
	"assets/index-b2.css": {Data: []byte("body{}")},
}

func TestPagesAreServedWithTheirCaching(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Assets = built })
	const page, forever = "no-cache", "public, max-age=31536000, immutable"
	for path, want := range map[string]struct {
		status             int
		cache, kind, holds string
	}{
		"/console/":                    {200, page, "text/html", "<title>pages"},
		"/console/entries":             {200, page, "text/html", "<title>pages"},
		"/console/entries/0_abc":       {200, page, "text/html", "<title>pages"},
		"/console/sluice.svg":          {200, page, "image/svg+xml", "<svg/>"},
		"/console/assets/index-b2.css": {200, forever, "text/css", "body{}"},
		"/console/assets/index-a1.js":  {200, forever, "text/javascript", "console.log"},
		"/console/assets/index-old.js": {404, "", "text/plain", "no such file"},
		"/console/missing.svg":         {404, "", "text/plain", "no such file"},
		"/console/.keep":               {404, "", "text/plain", "no such file"},
	} {
		response, body := f.do("GET", path, nil)
		h := response.Header
		if response.StatusCode != want.status || h.Get("Cache-Control") != want.cache ||
			!strings.HasPrefix(h.Get("Content-Type"), want.kind) || !strings.Contains(string(body), want.holds) {
			t.Errorf("%s: %d %q %q %.60s", path, response.StatusCode, h.Get("Cache-Control"), h.Get("Content-Type"), body)
		}
	}
}

func TestRootLeadsToThePages(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Assets = built })
	for _, path := range []string{"/", "/console"} {
		response, _ := f.do("GET", path, nil)
		if response.StatusCode/100 != 3 || response.Header.Get("Location") != "/console/" {
			t.Errorf("%s: %d to %q", path, response.StatusCode, response.Header.Get("Location"))
		}
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Assets = built })
	for _, coding := range []string{"", "gzip"} {
		header := http.Header{"Accept-Encoding": {coding}}
		first, _ := f.do("GET", "/console/assets/index-a1.js", header)
		header.Set("If-None-Match", first.Header.Get("ETag"))
		again, body := f.do("GET", "/console/assets/index-a1.js", header)
		if first.Header.Get("ETag") == "" || again.StatusCode != http.StatusNotModified || len(body) != 0 {
			t.Errorf("coding %q: ETag %q, then %d", coding, first.Header.Get("ETag"), again.StatusCode)
		}
	}
}

func TestTextIsCompressedForThoseWhoTakeIt(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Assets = built })
	want := string(built["assets/index-a1.js"].Data)
	for accept, packed := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "identity": false, "gzipped": false} {
		response, body := f.do("GET", "/console/assets/index-a1.js", http.Header{"Accept-Encoding": {accept}})
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%q: compressed %v, want %v", accept, got, packed)
			continue
		}
		if packed {
			z, err := gzip.NewReader(strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if string(body) != want {
			t.Errorf("%q: the content differs", accept)
		}
	}
}

func TestPagesMayLoadNothingFromStrangers(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Assets, c.PlayOrigins = built, []string{"https://cdn.example:8443"} })
	response, _ := f.do("GET", "/console/entries", nil)
	policy := response.Header.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'",
		"connect-src 'self' https://cdn.example:8443;", "media-src blob: data: 'self' https://cdn.example:8443;",
	} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	if response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", response.Header)
	}
}

func TestBinaryWithoutPagesSaysHowToBuildThem(t *testing.T) {
	f := start(t, func(c *console.Config) { c.Assets = fstest.MapFS{".keep": {}} })
	for _, path := range []string{"/console/", "/console/work"} {
		response, body := f.do("GET", path, nil)
		if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "make build") {
			t.Errorf("%s: %d: %s", path, response.StatusCode, body)
		}
	}
	f.call("GET", "/v1/work", http.StatusOK)
}

package rpc_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flag"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: %s", path, d)
	}
}

func TestSchemaOfTheRegistry(t *testing.T) {
	f := start(t)
	for _, path := range []string{"/api/schema.xml", "/api_v3/api_schema.php", "/api_v3/schema.xml"} {
		res, got := f.do(t, "GET", path, "", "")
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/xml") {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		golden(t, "schema.xml", got)
	}
}

// TestBasesComeFirst is what generators rely on.
func TestBasesComeFirst(t *testing.T) {
	f := start(t)
	_, got := f.do(t, "GET", "/api/schema.xml", "", "")
	var s struct {
		Classes []struct {
			Name string `xml:"name,attr"`
			Base string `xml:"base,attr"`
		} `xml:"classes>class"`
	}
	if err := xml.Unmarshal([]byte(got), &s); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"": true}
	for _, c := range s.Classes {
		if !seen[c.Base] {
			t.Errorf("%s comes before its base %s", c.Name, c.Base)
		}
		if seen[c.Name] {
			t.Errorf("%s comes twice", c.Name)
		}
		seen[c.Name] = true
	}
}

func TestReferencePages(t *testing.T) {
	f := start(t)
	for _, c := range []struct {
		path   string
		status int
		want   []string
	}{
		{"/api/docs", 200, []string{"box_thing", "Things."}},
		{"/api/docs/", 200, []string{"box_thing"}},
		{"/api/docs/box_thing", 200, []string{`action="/api_v3/service/box_thing/action/upload"`, `type="file" name="fileData"`, "Returns a thing.", "KalturaThingListResponse", `textarea name="thing"`}},
		{"/api/docs/KalturaThing", 200, []string{"KalturaBase", "KalturaKind", "when added", "never shown"}},
		{"/api/docs/KalturaState", 200, []string{"DONE"}},
		{"/api/docs/<script>", 404, []string{"Nothing here"}},
	} {
		res, got := f.do(t, "GET", c.path, "", "")
		if res.StatusCode != c.status {
			t.Errorf("%s: status %d", c.path, res.StatusCode)
		}
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q", c.path, w)
			}
		}
		nonce := regexp.MustCompile(`script-src 'nonce-([A-Z2-7]+)'`).FindStringSubmatch(res.Header.Get("Content-Security-Policy"))
		if nonce == nil || !strings.Contains(got, `<style nonce="`+nonce[1]+`">`) {
			t.Errorf("%s: policy %q", c.path, res.Header.Get("Content-Security-Policy"))
		}
		if regexp.MustCompile(`(?i)\son\w+=|style="`).MatchString(got) {
			t.Errorf("%s: inline handlers or styles that the policy forbids", c.path)
		}
	}
}

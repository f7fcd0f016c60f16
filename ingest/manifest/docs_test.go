package manifest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sluice/ingest/manifest"
)

// TestTheDocumentationsExamplesAreValid reads the documents in docs/manifests.md.
func TestTheDocumentationsExamplesAreValid(t *testing.T) {
	b, err := os.ReadFile("../../docs/manifests.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, block := range regexp.MustCompile("(?s)```(xml|json|csv)\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		seen++
		problems, err := read(t, manifest.Format(block[1]), strings.NewReader(block[2]))
		if err != nil || len(problems) == 0 || strings.Join(problems, "") != "" {
			t.Errorf("%s: %q, %v", block[1], problems, err)
		}
	}
	if seen != 3 {
		t.Errorf("%d examples", seen)
	}
}

package vtt

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager"
)

func TestExportedCaptionsAreReadBack(t *testing.T) {
	cues := []packager.Cue{
		{Start: 1000, End: 2500, Text: "<i>one</i> &amp; two\nsecond line"},
		{Start: 3_600_000, End: 3_601_001, Text: "a &lt;b&gt; <b>bold</b>"},
	}
	for _, format := range []string{"vtt", "srt", "ttml"} {
		b, err := Export(format, cues, "fr")
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		got, err := Import(format, b)
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, b)
		}
		for i := range got {
			got[i].ID = ""
		}
		if d := cmp.Diff(cues, got); d != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", format, d, b)
		}
	}
}

func TestNoCuesMakeASoundFile(t *testing.T) {
	for _, format := range []string{"vtt", "srt", "ttml"} {
		b, err := Export(format, nil, "en")
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if cues, err := Import(format, b); err != nil || len(cues) > 0 {
			t.Errorf("%s: %d cues, %v", format, len(cues), err)
		}
	}
	if _, err := Export("scc", nil, "en"); err == nil {
		t.Error("SCC was written")
	}
}

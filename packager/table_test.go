package packager_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager"
	"sluice/packager/internal/synthetic"
)

func TestTableListsOnlyWhatWillNotChange(t *testing.T) {
	v, short := synthetic.Video(640, 360, 20, 500_000), synthetic.Video(320, 180, 14, 100_000)
	sound := synthetic.Audio("en", 2, 20, 64_000)
	for name, tt := range map[string]struct {
		files    []any
		complete bool
		ready    int
		endMS    int64
	}{
		"complete":                          {[]any{v, sound}, true, 4, 20011},
		"growing":                           {[]any{v, sound}, false, 3, 18000},
		"growing, one rendition behind":     {[]any{v, short, sound}, false, 2, 12000},
		"growing, sound behind":             {[]any{v, synthetic.Audio("en", 2, 7, 64_000)}, false, 1, 6000},
		"growing, nothing yet":              {[]any{synthetic.Video(640, 360, 4, 500_000)}, false, 0, 0},
		"complete, sound ends early":        {[]any{v, synthetic.Audio("en", 2, 7, 64_000)}, true, 4, 20000},
		"complete, sound alone":             {[]any{sound}, true, 4, 20011},
		"complete, text alone":              {[]any{synthetic.Cues("en", "", false, false)}, true, 1, 9000},
		"growing, text never holds it back": {[]any{v, synthetic.Cues("en", "", false, false)}, false, 3, 18000},
	} {
		t.Run(name, func(t *testing.T) {
			s := synthetic.Set("x", tt.files...)
			s.Complete = tt.complete
			if name == "complete, text alone" {
				s.DurationMS = 9000
			}
			table := packager.NewTable(s)
			if table.Ready != tt.ready || table.EndMS() != tt.endMS {
				t.Errorf("%d segments ready, to %d ms; want %d, to %d", table.Ready, table.EndMS(), tt.ready, tt.endMS)
			}
		})
	}
}

// TestGrowthKeepsWhatWasListed: the ready segments of a set that grows are the first segments of the complete one.
func TestGrowthKeepsWhatWasListed(t *testing.T) {
	var listed []packager.Segment
	for secs := 2; secs <= 40; secs += 2 {
		s := synthetic.Set("x", synthetic.Video(640, 360, secs, 500_000), synthetic.Audio("en", 2, secs, 64_000))
		s.Complete = secs == 40
		table := packager.NewTable(s)
		now := table.Segments(packager.Ref{File: 2, Kind: packager.Audio, N: 1})[:table.Ready]
		if len(now) < len(listed) {
			t.Fatalf("at %d s %d segments are listed, before %d", secs, len(now), len(listed))
		}
		if diff := cmp.Diff(listed, now[:len(listed)]); diff != "" && len(listed) > 0 {
			t.Fatalf("at %d s a listed segment changed:\n%s", secs, diff)
		}
		listed = now
	}
	if len(listed) != 7 {
		t.Errorf("%d segments in the end", len(listed))
	}
}

func TestSpansTileTheTimeline(t *testing.T) {
	table := packager.NewTable(synthetic.Set("x", synthetic.Video(640, 360, 20, 500_000)))
	end := int64(0)
	for k := range table.Ready {
		from, to := table.Span(k)
		if from != end || to <= from {
			t.Errorf("span %d is [%d, %d), the last ended at %d", k, from, to, end)
		}
		end = to
	}
	if end != 20000 {
		t.Errorf("the spans end at %d", end)
	}
}

func TestRefsNameTracksAsURLsDo(t *testing.T) {
	empty := packager.NewBuilder(packager.Media{Kind: packager.Video, Timescale: 1}).Track()
	v, a, b := synthetic.Video(640, 360, 2, 1000), synthetic.Audio("en", 2, 2, 1000), synthetic.Audio("fr", 2, 2, 1000)
	s := synthetic.Set("x", []*packager.Track{empty, v, a, b}, synthetic.Cues("en", "", false, false))
	want := map[packager.Kind][]packager.Ref{
		packager.Video: {{File: 1, Kind: packager.Video, N: 2}}, // the empty track keeps its number and is not listed
		packager.Audio: {{File: 1, Kind: packager.Audio, N: 1}, {File: 1, Kind: packager.Audio, N: 2}},
		packager.Text:  {{File: 2, Kind: packager.Text, N: 1}},
	}
	for k, refs := range want {
		if diff := cmp.Diff(refs, s.Refs(k)); diff != "" {
			t.Error(diff)
		}
	}
	if s.Track(want[packager.Audio][1]) != b || s.Media(want[packager.Text][0]) == nil || s.Text(want[packager.Text][0]) == nil {
		t.Error("a name leads elsewhere")
	}
	for _, r := range []packager.Ref{{}, {File: 3, Kind: packager.Video, N: 1}, {File: 1, Kind: packager.Video, N: 3}, {File: 1, Kind: packager.Text, N: 1}} {
		if s.Media(r) != nil {
			t.Errorf("%+v names something", r)
		}
	}
}

func TestBandwidthIsThePeakOfAnyRunNearTheTarget(t *testing.T) {
	seg := func(dur int64) packager.Segment { return packager.Segment{Count: 1, Dur: dur} }
	for name, tt := range map[string]struct {
		segs  []packager.Segment
		sizes []int64
		want  packager.Bandwidth
	}{
		"constant":                    {[]packager.Segment{seg(6), seg(6)}, []int64{6000, 6000}, packager.Bandwidth{Peak: 8000, Average: 8000}},
		"one heavy segment":           {[]packager.Segment{seg(6), seg(6)}, []int64{3000, 12000}, packager.Bandwidth{Peak: 16000, Average: 10000}},
		"a short tail does not count": {[]packager.Segment{seg(6), seg(1)}, []int64{6000, 5000}, packager.Bandwidth{Peak: 12572, Average: 12572}},
		"short segments add up":       {[]packager.Segment{seg(2), seg(2), seg(2), seg(6)}, []int64{4000, 4000, 100, 600}, packager.Bandwidth{Peak: 16000, Average: 5800}},
		"an empty segment":            {[]packager.Segment{seg(6), {}, seg(6)}, []int64{6000, 999999, 6000}, packager.Bandwidth{Peak: 8000, Average: 8000}},
		"nothing":                     {nil, nil, packager.Bandwidth{}},
	} {
		got, err := packager.Measure(tt.segs, 1, 6, func(k int) (int64, error) { return tt.sizes[k], nil })
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tt.want)
		}
	}
	boom := errors.New("boom")
	if _, err := packager.Measure([]packager.Segment{seg(1)}, 1, 6, func(int) (int64, error) { return 0, boom }); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
}

func TestLanguagesBecomeTags(t *testing.T) {
	for in, want := range map[string][2]string{
		"eng": {"en", "English"}, "fra": {"fr", "français"}, "pt-BR": {"pt-BR", "português"}, "und": {"", ""}, "": {"", ""}, "not a language": {"", ""},
	} {
		m := packager.Media{Language: in}
		if m.LanguageTag() != want[0] || m.LanguageName() != want[1] {
			t.Errorf("%q: %q, %q", in, m.LanguageTag(), m.LanguageName())
		}
	}
}

package dash

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/packager"
	"sluice/packager/internal/synthetic"
	"sluice/packager/uri"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs:\n%s", name, diff)
	}
}

func options(s *packager.Set) *Options {
	table := packager.NewTable(s)
	size := synthetic.Size(table)
	o := &Options{
		Table: table, Size: size,
		Stored: func(packager.Ref) (Stored, bool) { return Stored{InitEnd: 700, IndexOff: 700, IndexLen: 124}, true },
		TrickSize: func(ref packager.Ref, k int) (int64, error) {
			n, err := size([]packager.Ref{ref}, k)
			return n / 20, err
		},
	}
	if s.Complete {
		o.Version = s.Version
	}
	return o
}

func manifest(t *testing.T, s *packager.Set, o *Options, onDemand bool) []byte {
	t.Helper()
	sel, err := uri.Select(s, &uri.Request{Kind: uri.Manifest})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Manifest(o, &sel, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// gapped is a sound track that is silent from 7 s to 20 s: no segment 3.
func gapped() *packager.Track {
	m := synthetic.Audio("en", 2, 1, 1000).Media
	b := packager.NewBuilder(m, synthetic.File(1<<20, "gap"))
	for i := range 1200 {
		at := int64(i) * 1024
		if i >= 330 {
			at += 13 * 48000
		}
		b.Add(packager.Sample{DTS: at, PTS: at, Dur: 1024, Size: 100, Sync: true, Offset: int64(i * 100)})
	}
	return b.Track()
}

func sets() map[string]*packager.Set {
	hi, lo := synthetic.Video(1920, 1080, 20, 4_500_000), synthetic.Video(640, 360, 20, 600_000)
	hdr := synthetic.With(synthetic.Video(1440, 1080, 20, 14_000_000), func(m *packager.Media) {
		m.Entry, m.Config = "hvc1", []byte{1, 2, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 153}
		m.Color = packager.Color{Primaries: 9, Transfer: 16, Matrix: 9}
		m.RateNum, m.RateDen, m.SARNum, m.SARDen = 24000, 1001, 4, 3
	})
	described := synthetic.With(synthetic.Audio("en", 2, 20, 128_000), func(m *packager.Media) { m.Name, m.Roles = "Described & more", []string{"description"} })
	main := synthetic.With(synthetic.Audio("eng", 2, 20, 128_000), func(m *packager.Media) { m.Default = true })
	captions := synthetic.Cues("en", "English", true, false)
	captions.Roles = []string{"caption"}
	m := map[string]*packager.Set{
		"ladder": synthetic.Set("ladder", hi, lo, hdr, main, synthetic.Audio("eng", 1, 20, 64_000), synthetic.Audio("deu", 6, 20, 384_000), described,
			captions, synthetic.Cues("de", "", false, true)),
		"gap":     synthetic.Set("gap", synthetic.Video(640, 360, 38, 600_000), gapped()),
		"growing": synthetic.Set("growing", lo, main),
		"sound":   synthetic.Set("sound", main),
		// Nothing says what the second English is, but it is another.
		"untold": synthetic.Set("untold", lo, main, synthetic.Audio("en", 1, 20, 64_000), synthetic.Audio("en", 2, 20, 128_000), synthetic.Audio("en", 1, 20, 64_000)),
	}
	m["ladder"].Storyboard = synthetic.Storyboard(20)
	m["ladder"].Title = `A title <of> "many" & more`
	m["growing"].Complete = false
	return m
}

func TestManifestsAreAsAgreed(t *testing.T) {
	for name, s := range sets() {
		for suffix, onDemand := range map[string]bool{"": false, "-ondemand": true} {
			t.Run(name+suffix, func(t *testing.T) {
				b := manifest(t, s, options(s), onDemand)
				golden(t, name+suffix+".mpd", b)
				check(t, s, b)
				schema(t, b)
			})
		}
	}
}

// check applies the rules of the DASH-IF interoperability points that a schema cannot express.
func check(t *testing.T, s *packager.Set, b []byte) {
	t.Helper()
	var m mpd
	if err := xml.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m.Type != "static" || m.Duration != m.Period.Duration {
		t.Errorf("type %s, durations %s and %s", m.Type, m.Duration, m.Period.Duration)
	}
	ids, setIDs := make(map[string]bool), make(map[string]bool)
	for _, as := range m.Period.Sets {
		if setIDs[strconv.Itoa(as.ID)] {
			t.Errorf("AdaptationSet id %d twice", as.ID)
		}
		setIDs[strconv.Itoa(as.ID)] = true
		var first *timeline
		for _, r := range as.Reps {
			if ids[r.ID] || r.ID == "" || strings.ContainsAny(r.ID, " \t") {
				t.Errorf("Representation id %q is empty, used twice or holds a space", r.ID)
			}
			ids[r.ID] = true
			if r.Bandwidth <= 0 || r.Codecs == "" && (as.ContentType == "video" || as.ContentType == "audio") {
				t.Errorf("%s: bandwidth %d, codecs %q", r.ID, r.Bandwidth, r.Codecs)
			}
			if r.Width > as.MaxWidth && as.ContentType == "video" || r.Height > as.MaxHeight && as.ContentType == "video" {
				t.Errorf("%s is larger than its set says", r.ID)
			}
			scale, line := lineOf(as, r)
			if line == nil {
				continue
			}
			if first == nil {
				first = line
			}
			if as.SegmentAlignment && !first.equal(line) {
				t.Errorf("%s is not aligned with its set", r.ID)
			}
			sumIsDuration(t, s, r, scale, line)
		}
	}
	for _, as := range m.Period.Sets {
		for _, e := range as.Essential {
			if !setIDs[e.Value] {
				t.Errorf("trick mode of AdaptationSet %q, which does not exist", e.Value)
			}
		}
	}
}

func lineOf(as *adaptationSet, r *representation) (uint32, *timeline) {
	switch {
	case r.Template != nil:
		return r.Template.Timescale, r.Template.Timeline
	case r.List != nil:
		return r.List.Timescale, r.List.Timeline
	case as.Template != nil:
		return as.Template.Timescale, as.Template.Timeline
	}
	return 0, nil
}

// sumIsDuration: the timeline ends where the track ends, or where its ready part does.
func sumIsDuration(t *testing.T, s *packager.Set, r *representation, scale uint32, line *timeline) {
	t.Helper()
	end, n := int64(0), 0
	for _, x := range line.S {
		if x.T != nil {
			end = *x.T
		}
		end += x.D * int64(x.R+1)
		n += x.R + 1
	}
	if r.List != nil && len(r.List.URLs) != n {
		t.Errorf("%s lists %d URLs for %d segments", r.ID, len(r.List.URLs), n)
	}
	for _, k := range []packager.Kind{packager.Video, packager.Audio} {
		for _, ref := range s.Refs(k) {
			if id(ref) != strings.TrimPrefix(r.ID, "trick-") {
				continue
			}
			want := s.Track(ref).Duration()
			if !s.Complete {
				table := packager.NewTable(s)
				want = table.Segments(ref)[table.Ready].Start
			}
			if end != want || scale != s.Track(ref).Timescale {
				t.Errorf("%s ends at %d/%d, the track at %d/%d", r.ID, end, scale, want, s.Track(ref).Timescale)
			}
		}
	}
}

// schema validates against MPEG's schema where SLUICE_DASH_XSD names a copy of it.
func schema(t *testing.T, b []byte) {
	t.Helper()
	xsd := os.Getenv("SLUICE_DASH_XSD")
	if xsd == "" {
		return
	}
	cmd := exec.Command("xmllint", "--noout", "--nonet", "--schema", xsd, "-")
	cmd.Stdin = bytes.NewReader(b)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestQueryReachesEveryChild(t *testing.T) {
	s := sets()["ladder"]
	for _, onDemand := range []bool{false, true} {
		o := options(s)
		o.Query = "?t=a&b"
		text := string(manifest(t, s, o, onDemand))
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '"' || r == '<' || r == '>' }) {
			for _, ext := range []string{".m4s", ".mp4", ".vtt", ".jpg"} {
				if strings.Contains(part, ext) && !strings.HasSuffix(part, ext+"?t=a&amp;b") {
					t.Errorf("without the query: %s", part)
				}
			}
		}
	}
}

func TestNothingToPlayIsSaid(t *testing.T) {
	s := sets()["ladder"]
	o := options(s)
	o.Stored = nil
	sel, err := uri.Select(s, &uri.Request{Kind: uri.Manifest})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Manifest(o, &sel, true); !errors.Is(err, ErrNothing) {
		t.Errorf("on demand without stored files: %v", err)
	}
	if _, err := Manifest(o, &uri.Selection{Text: sel.Text}, false); !errors.Is(err, ErrNothing) {
		t.Errorf("text alone: %v", err)
	}
	boom := errors.New("boom")
	o.Size = func([]packager.Ref, int) (int64, error) { return 0, boom }
	if _, err := Manifest(o, &sel, false); !errors.Is(err, boom) {
		t.Errorf("an unreadable segment: %v", err)
	}
}

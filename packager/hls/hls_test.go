package hls

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafov/m3u8"

	"sluice/packager"
	"sluice/packager/internal/synthetic"
	"sluice/packager/uri"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with testdata/name.
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

// iframes lists every key frame in the stored file, 3,000 bytes each.
func iframes(s *packager.Set) func(packager.Ref) ([]IFrame, error) {
	return func(ref packager.Ref) ([]IFrame, error) {
		t := s.Track(ref)
		var list []IFrame
		for i := t.NextSync(0); i < t.Len(); i = t.NextSync(i + 1) {
			x := t.Sample(i)
			list = append(list, IFrame{Off: x.Offset, N: 3000, Start: x.PTS, Dur: min(25600, t.Duration()-x.PTS)})
		}
		return list, nil
	}
}

func options(s *packager.Set, fmp4 bool) *Options {
	table := packager.NewTable(s)
	o := &Options{Table: table, FMP4: fmp4, Size: synthetic.Size(table), IFrames: iframes(s)}
	if s.Complete {
		o.Version = s.Version
	}
	return o
}

func all(t *testing.T, s *packager.Set) *uri.Selection {
	t.Helper()
	sel, err := uri.Select(s, &uri.Request{Kind: uri.Master})
	if err != nil {
		t.Fatal(err)
	}
	return &sel
}

func named(lang, name string, channels uint8, bitrate int, roles ...string) *packager.Track {
	return synthetic.With(synthetic.Audio(lang, channels, 20, bitrate), func(m *packager.Media) { m.Name, m.Roles = name, roles })
}

// sets are the presentations of the golden files.
func sets() map[string]*packager.Set {
	hi, mid, lo := synthetic.Video(1920, 1080, 20, 4_500_000), synthetic.Video(1280, 720, 20, 2_500_000), synthetic.Video(640, 360, 20, 600_000)
	def := func(t *packager.Track) *packager.Track {
		return synthetic.With(t, func(m *packager.Media) { m.Default = true })
	}
	surround := synthetic.With(named("en", "", 6, 384_000), func(m *packager.Media) { m.Entry, m.Config = "ec-3", []byte{6, 0, 32, 0} })
	hdr := synthetic.With(synthetic.Video(3840, 2160, 20, 14_000_000), func(m *packager.Media) {
		m.Entry, m.Config = "hvc1", []byte{1, 2, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 153}
		m.Color = packager.Color{Primaries: 9, Transfer: 16, Matrix: 9}
		m.RateNum, m.RateDen = 24000, 1001
	})
	m := map[string]*packager.Set{
		"ladder": synthetic.Set("ladder", hi, mid, lo, def(named("eng", "English", 2, 128_000)), named("eng", "English", 1, 64_000),
			named("deu", "", 2, 128_000), named("eng", `The "director"`, 2, 128_000, "commentary"), named("eng", "", 2, 128_000, "description"), surround,
			synthetic.Cues("en", "English", true, false), synthetic.Cues("de", "", false, true), synthetic.Cues("en", "English", false, false)),
		// Both tiers of every language, the default not the first: what an import makes of a film with two sound tracks.
		"tiers": synthetic.Set("tiers", hi, mid, lo, synthetic.Video(426, 240, 20, 300_000), named("eng", "", 2, 128_000), named("eng", "", 1, 64_000),
			def(named("deu", "", 2, 128_000)), def(named("deu", "", 1, 64_000))),
		// Nothing says what the second German is, but it is another.
		"untold":        synthetic.Set("untold", mid, lo, named("deu", "", 2, 128_000), named("deu", "", 1, 64_000), named("deu", "", 2, 128_000), named("deu", "", 1, 64_000)),
		"tiers-audio":   synthetic.Set("tiers2", named("eng", "", 2, 128_000), named("eng", "", 1, 64_000), named("deu", "", 2, 128_000), named("deu", "", 1, 64_000)),
		"surround":      synthetic.Set("surround", hi, lo, named("eng", "", 6, 384_000), named("eng", "", 2, 128_000), named("deu", "", 2, 128_000)),
		"one-language":  synthetic.Set("one", mid, lo, named("en", "", 2, 128_000), named("en", "", 2, 64_000)),
		"silent":        synthetic.Set("silent", mid),
		"audio-only":    synthetic.Set("audio", named("en", "", 2, 128_000), named("en", "", 2, 64_000)),
		"radio":         synthetic.Set("radio", named("en", "", 2, 128_000), named("fr", "", 2, 128_000)),
		"hdr":           synthetic.Set("hdr", hdr, named("en", "", 2, 128_000)),
		"own-sound":     synthetic.Set("own", []*packager.Track{mid, named("en", "", 2, 128_000)}, []*packager.Track{lo, named("en", "", 2, 64_000)}),
		"own-languages": synthetic.Set("own2", []*packager.Track{mid, named("en", "", 2, 128_000), named("fr", "", 2, 128_000)}),
		"growing":       synthetic.Set("growing", mid, named("en", "", 2, 128_000)),
	}
	m["ladder"].Storyboard = synthetic.Storyboard(20)
	m["growing"].Complete = false
	return m
}

func TestMastersAreAsAgreed(t *testing.T) {
	for name, s := range sets() {
		for container, fmp4 := range map[string]bool{"ts": false, "fmp4": true} {
			if !fmp4 && !InTS(s) {
				continue
			}
			t.Run(name+"-"+container, func(t *testing.T) {
				b, err := Master(options(s, fmp4), all(t, s))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+"-"+container+".m3u8", b)
				lintMaster(t, b)
			})
		}
	}
}

func TestMediaPlaylistsAreAsAgreed(t *testing.T) {
	all := sets()
	v, a := packager.Ref{File: 1, Kind: packager.Video, N: 1}, packager.Ref{File: 2, Kind: packager.Audio, N: 1}
	for name, c := range map[string]struct {
		set  string
		fmp4 bool
		refs []packager.Ref
	}{
		"media-ts": {"hdr", false, []packager.Ref{v, a}}, "media-fmp4": {"hdr", true, []packager.Ref{v}}, "media-audio": {"hdr", true, []packager.Ref{a}},
		"media-event": {"growing", true, []packager.Ref{v}}, "media-text": {"ladder", true, []packager.Ref{{File: 10, Kind: packager.Text, N: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Media(options(all[c.set], c.fmp4), c.refs)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".m3u8", b)
			lintMedia(t, b, all[c.set].Complete)
		})
	}
	for name, make := range map[string]func(*Options) ([]byte, error){
		"iframes": func(o *Options) ([]byte, error) { return IFrames(o, v) }, "images": Images,
	} {
		b, err := make(options(all["ladder"], true))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".m3u8", b)
	}
}

func TestQueryReachesEveryChild(t *testing.T) {
	s := sets()["ladder"]
	o := options(s, true)
	o.Query = "?t=abc"
	var texts [][]byte
	master, err := Master(o, all(t, s))
	texts = append(texts, master)
	for _, ref := range []packager.Ref{{File: 1, Kind: packager.Video, N: 1}, {File: 10, Kind: packager.Text, N: 1}} {
		b, merr := Media(o, []packager.Ref{ref})
		err = errors.Join(err, merr)
		texts = append(texts, b)
	}
	frames, ferr := IFrames(o, packager.Ref{File: 1, Kind: packager.Video, N: 1})
	images, ierr := Images(o)
	if err = errors.Join(err, ferr, ierr); err != nil {
		t.Fatal(err)
	}
	for _, text := range append(texts, frames, images) {
		for line := range strings.Lines(string(text)) {
			_, attr, has := strings.Cut(line, `URI="`)
			if line[0] != '#' && !strings.HasSuffix(line, "?t=abc\n") || has && !strings.Contains(attr, `?t=abc"`) {
				t.Errorf("without the query: %s", line)
			}
		}
	}
}

func TestNothingReadyIsSaid(t *testing.T) {
	empty := synthetic.Set("empty", synthetic.Video(640, 360, 4, 1000))
	empty.Complete = false
	o := options(empty, true)
	ref := packager.Ref{File: 1, Kind: packager.Video, N: 1}
	_, err1 := Master(o, all(t, empty))
	_, err2 := Media(o, []packager.Ref{ref})
	_, err3 := Images(o)
	for i, err := range []error{err1, err2, err3} {
		if !errors.Is(err, ErrNothing) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestContainerFollowsTheCodecs(t *testing.T) {
	all := sets()
	for _, c := range []struct {
		set  string
		ask  uri.Container
		fmp4 bool
	}{{"ladder", uri.Auto, false}, {"ladder", uri.FMP4, true}, {"hdr", uri.Auto, true}, {"hdr", uri.TS, false}} {
		if got := UseFMP4(all[c.set], c.ask); got != c.fmp4 {
			t.Errorf("%s, asked for %d: fmp4 %v", c.set, c.ask, got)
		}
	}
}

// TestDurationsSumWithoutDrift: whatever the timescale, the durations written sum to the track's, to the microsecond.
func TestDurationsSumWithoutDrift(t *testing.T) {
	for _, c := range []struct {
		scale, dur uint32
		gop        int
	}{{30000, 1001, 60}, {24000, 1001, 48}, {90000, 3003, 59}, {44100, 1024, 1}, {12800, 512, 50}, {1000, 33, 60}} {
		m := packager.Media{Kind: packager.Video, Entry: "avc1", Timescale: c.scale}
		tr := synthetic.Track(m, 40000, c.dur, c.gop, 10)
		b, err := Media(options(synthetic.Set("x", tr), true), []packager.Ref{{File: 1, Kind: packager.Video, N: 1}})
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, us := range extinfs(t, b) {
			sum += us
		}
		if want := micros(tr.Duration(), c.scale); sum != want {
			t.Errorf("%d/%d: %d µs, the track has %d", c.dur, c.scale, sum, want)
		}
	}
}

func decode(t *testing.T, b []byte) (m3u8.Playlist, m3u8.ListType) {
	t.Helper()
	p, kind, err := m3u8.DecodeFrom(bytes.NewReader(b), true)
	if err != nil {
		t.Fatalf("an independent reader refuses it: %v\n%s", err, b)
	}
	return p, kind
}

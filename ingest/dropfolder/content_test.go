package dropfolder

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestSlugPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          Parsed
		match, bad    bool
	}{
		{"", "film.mp4", Parsed{Slug: "film"}, true, false},
		{"", "a.b.ts", Parsed{Slug: "a.b"}, true, false},
		{"", "noextension", Parsed{}, false, false},
		{"", ".mp4", Parsed{}, false, false},
		{`/(?P<referenceId>\w+)_(?P<flavorName>\w+)[.]\w{3,}/`, "x_hd.mp4", Parsed{Slug: "x", Flavor: "hd"}, true, false},
		{`/(?<userId>\w+)-(?<referenceId>\w+)[.]mp4/i`, "Bob-X.MP4", Parsed{Slug: "X", User: "Bob"}, true, false},
		{`#(?P<referenceId>.+)\#\d+$#`, "a#12", Parsed{Slug: "a"}, true, false},
		{`(?P<referenceId>\d+)`, "x42y", Parsed{Slug: "42"}, true, false},
		{`/(?P<referenceId>.+)(?<!draft)[.]mp4/`, "a draft.mp4", Parsed{}, false, false},
		{`/(?P<referenceId>.+)(?<!draft)[.]mp4/`, "final.mp4", Parsed{Slug: "final"}, true, false},
		{`/(?P<referenceId>a b)/x`, "ab", Parsed{Slug: "ab"}, true, false},
		{`/(?P<referenceId>(a+)+)\1\1b$/`, strings.Repeat("a", 60) + "c", Parsed{}, false, false}, // stopped by its time limit
		{`/(?P<slug>.+)/`, "", Parsed{}, false, true},
		{`/(?P<referenceId>.+/`, "", Parsed{}, false, true},
		{`/(?P<referenceId>.+)/e`, "", Parsed{}, false, true},
		{`/(?P<referenceId>.+)`, "", Parsed{}, false, true},
	} {
		s, err := ParseSlug(c.pattern)
		if (err != nil) != c.bad {
			t.Errorf("%q: %v", c.pattern, err)
		}
		if err != nil {
			continue
		}
		got, err := s.Parse(c.name)
		if got != c.want || (err == nil) != c.match {
			t.Errorf("%q of %q: %+v, %v", c.pattern, c.name, got, err)
		}
	}
}

func FuzzParseSlug(f *testing.F) {
	f.Add(DefaultSlug, "a.mp4")
	f.Add(`{(?P<referenceId>x)}i`, "x")
	f.Fuzz(func(_ *testing.T, pattern, name string) {
		if s, err := ParseSlug(pattern); err == nil {
			_, _ = s.Parse(name)
		}
	})
}

// entry makes an entry of the account without content.
func (h *house) entry(ref string, status catalog.EntryStatus) catalog.EntryID {
	h.Helper()
	e := catalog.BlankEntry(account)
	e.Name, e.ReferenceID, e.Status = "there", ref, status
	e, err := h.db.AddEntry(h.Context(), e)
	if err != nil {
		h.Fatal(err)
	}
	return e.ID
}

func match(p catalog.MatchPolicy, slug string) func(*catalog.DropFolder) {
	return func(f *catalog.DropFolder) { f.Options.Match, f.Options.SlugRegex = p, slug }
}

func TestAFileIsForTheEntryWithItsReferenceID(t *testing.T) {
	for _, policy := range []catalog.MatchPolicy{catalog.MatchOrAdd, catalog.MatchOrKeep} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			h := newHouse(t, match(policy, `/(?P<referenceId>\w+?)(-(?P<userId>\w+))?[.]mp4/`))
			empty, full := h.entry("empty", catalog.EntryNoContent), h.entry("full", catalog.EntryReady)
			h.entry("gone", catalog.EntryErrorConverting) // of no use to files
			h.start()
			h.drop("empty-ann.mp4", "for empty")
			h.drop("full.mp4", "for full")
			for rel, id := range map[string]catalog.EntryID{"empty-ann.mp4": empty, "full.mp4": full} {
				if r := h.wait(rel, purged); r.Entry != id {
					t.Errorf("%s became entry %s, want %s", rel, r.Entry, id)
				}
			}
			e, err := h.db.Entry(t.Context(), account, empty)
			if err != nil || e.Owner != "ann" || e.Version != 1 || h.content(empty) != "for empty" {
				t.Errorf("%+v, %v", e, err)
			}
			if e, err = h.db.Entry(t.Context(), account, full); err != nil || e.Version != 2 || h.content(full) != "for full" {
				t.Errorf("%+v, %v", e, err)
			}
			h.drop("gone.mp4", "x")
			if policy == catalog.MatchOrAdd {
				h.wait("gone.mp4", purged)
				if len(h.entries()["gone"]) != 1 {
					t.Errorf("entries %v", h.entries())
				}
				return
			}
			r := h.wait("gone.mp4", noMatch)
			if r.Why == "" || r.NextAt == 0 {
				t.Errorf("%+v", r)
			}
			late := h.entry("gone", catalog.EntryNoContent)
			if _, err := Retry(t.Context(), h.db, account, r.ID); err != nil {
				t.Fatal(err)
			}
			if r := h.wait("gone.mp4", purged); r.Entry != late {
				t.Errorf("it became entry %s, want %s", r.Entry, late)
			}
		})
	}
}

// profile makes a conversion profile with two flavors that are given and one that may be, and returns its id.
func (h *house) profile() (id int64, params map[string]int64) {
	h.Helper()
	params = map[string]int64{}
	var rows []catalog.ProfileParams
	for i, name := range []string{"hd", "sd", "extra"} {
		p, err := h.db.AddFlavorParams(h.Context(), account, catalog.FlavorParams{Name: name, SystemName: name, VideoCodec: "h264", VideoRate: 1e6, Height: 360})
		if err != nil {
			h.Fatal(err)
		}
		params[name] = p.ID
		ready := 1
		if i == 2 {
			ready = 2
		}
		rows = append(rows, catalog.ProfileParams{Params: p.ID, Ready: ready, Origin: catalog.OriginIngest})
	}
	p, err := h.db.AddConversionProfile(h.Context(), account, catalog.ConversionProfile{Name: "given", Status: catalog.ProfileEnabled, Type: 1}, nil)
	if err == nil {
		_, err = h.db.UpdateConversionProfile(h.Context(), account, p.ID, []int64{params["hd"], params["sd"], params["extra"]}, func(*catalog.ConversionProfile) error { return nil })
	}
	for _, r := range rows {
		if err == nil {
			_, err = h.db.UpdateProfileParams(h.Context(), account, p.ID, r.Params, func(row *catalog.ProfileParams) error {
				row.Ready, row.Origin = r.Ready, r.Origin
				return nil
			})
		}
	}
	if err != nil {
		h.Fatal(err)
	}
	return p.ID, params
}

const flavorSlug = `/(?P<referenceId>\w+)_(?P<flavorName>\w+)[.]mp4/`

func TestFlavorsOfOneSlugAreOneEntry(t *testing.T) {
	for _, order := range [][]string{{"hd", "sd"}, {"sd", "HD"}} {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			h := newHouse(t, match(catalog.AddAsNew, flavorSlug))
			profile, params := h.profile()
			h.use(profile)
			h.start()
			first, second := "film_"+order[0]+".mp4", "film_"+order[1]+".mp4"
			h.drop(first, "one")
			if r := h.wait(first, waiting); r.Why == "" || r.NextAt == 0 {
				t.Errorf("%+v", r)
			}
			if n := len(h.entries()); n != 0 {
				t.Fatalf("%d entries of half a group", n)
			}
			h.drop(second, "two")
			a, b := h.wait(first, purged), h.wait(second, purged)
			if a.Entry == "" || a.Entry != b.Entry {
				t.Fatalf("entries %s and %s", a.Entry, b.Entry)
			}
			h.drop("film_extra.mp4", "three")
			if c := h.wait("film_extra.mp4", purged); c.Entry != a.Entry {
				t.Errorf("the late flavor became part of %s, not of %s", c.Entry, a.Entry)
			}
			assets, err := h.db.Assets(t.Context(), a.Entry, catalog.AssetFlavor)
			if err != nil {
				t.Fatal(err)
			}
			got := map[int64]bool{}
			for _, asset := range assets {
				got[asset.ParamsID] = true
			}
			want := map[int64]bool{params["hd"]: true, params["sd"]: true, params["extra"]: true}
			if diff := cmp.Diff(want, got); diff != "" || len(assets) != 3 {
				t.Error(diff, len(assets))
			}
			if e, err := h.db.Entry(t.Context(), account, a.Entry); err != nil || e.Version != 1 {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// use gives the folder a conversion profile.
func (h *house) use(profile int64) {
	h.Helper()
	var err error
	h.folder, err = h.db.UpdateDropFolder(h.Context(), account, h.folder.ID, func(f *catalog.DropFolder) error {
		f.ConversionProfile = profile
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
}

func TestAGroupThatStaysIncompleteIsGivenUp(t *testing.T) {
	h := newHouse(t, match(catalog.AddAsNew, flavorSlug), func(f *catalog.DropFolder) { f.Options.SidecarTimeout = 1 })
	profile, _ := h.profile()
	h.use(profile)
	h.start()
	h.drop("film_hd.mp4", "one")
	h.drop("film_8k.mp4", "two")
	if r := h.wait("film_hd.mp4", errorHandling); r.ErrorCode != string(CodeGroup) || !strings.Contains(r.ErrorText, "sd") {
		t.Errorf("%+v", r)
	}
	if r := h.wait("film_8k.mp4", errorHandling); r.ErrorCode != string(CodeFlavorUnknown) || !strings.Contains(r.ErrorText, "8k") {
		t.Errorf("%+v", r)
	}
	for _, rel := range []string{"film_hd.mp4", "film_8k.mp4"} {
		if _, err := os.Lstat(h.path(rel)); err != nil {
			t.Error(err)
		}
	}
	// From here on there is time enough: what comes late must not be given up before the other is tried again.
	h.stop()
	if _, err := h.db.UpdateDropFolder(t.Context(), account, h.folder.ID, func(f *catalog.DropFolder) error {
		f.Options.SidecarTimeout = 3600
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.drop("film_sd.mp4", "three")
	h.wait("film_sd.mp4", waiting)
	if _, err := Retry(t.Context(), h.db, account, h.row("film_hd.mp4").ID); err != nil {
		t.Fatal(err)
	}
	h.wait("film_hd.mp4", purged)
	h.wait("film_sd.mp4", purged)
}

func TestTheSameContentIsFoundByItsHash(t *testing.T) {
	h := newHouse(t, match(catalog.MatchOrAdd, ""), func(f *catalog.DropFolder) { f.Options.MatchKey = matchSHA256 })
	same := []string{"one.mp4", "two.mp4", "sub/three.mov"}
	for _, rel := range same {
		h.drop(rel, "the very same")
	}
	h.drop("other.mp4", "another one!!")
	h.start()
	first := catalog.EntryID("")
	for _, rel := range same {
		r := h.wait(rel, purged)
		if first == "" {
			first = r.Entry
		}
		if r.Entry == "" || r.Entry != first {
			t.Errorf("%s is of entry %q, the first of %q", rel, r.Entry, first)
		}
	}
	if r := h.wait("other.mp4", purged); r.Entry == first || r.Entry == "" {
		t.Errorf("other.mp4 is of entry %q", r.Entry)
	}
	if got := h.entries(); len(got) != 2 {
		t.Errorf("%d entries: %v", len(got), got)
	}
}

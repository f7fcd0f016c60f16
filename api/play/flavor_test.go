package play

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/packager/origin"
	"sluice/packager/uri"
)

func TestServedNamesAFlavor(t *testing.T) {
	for path, want := range map[string]Served{
		"p/102/sp/10200/serveFlavor/entryId/0_e/v/1/ev/2/flavorId/0_f/name/a.mp4":         {102, "0_e", "0_f", ""},
		"s/p/102/sp/10200/serveFlavor/flavorId/0_f/fileName/My film.mp4/entryId/0_e/name": {102, "0_e", "0_f", "My film.mp4"},
		"p/102/serveFlavor/entryId/0_e/flavorId/0_f":                                      {102, "0_e", "0_f", ""},
		"p/102/serveFlavor/entryId/0_e/flavorId/0_f/entryId/0_x/flavorId/0_y/name/a.mp4":  {102, "0_e", "0_f", ""},
		"p/x/serveFlavor/entryId/0_e/flavorId/0_f":                                        {},
		"sp/10200/serveFlavor/entryId/0_e/flavorId/0_f":                                   {},
	} {
		got, ok := ParseServed(path)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %t (-want +got):\n%s", path, ok, diff)
		}
	}
	for _, path := range []string{"0_e", "0_e/0_f", "p/102/sp/10200/playManifest/entryId/0_e", "serveFlavor/entryId/0_e"} {
		if _, ok := ParseServed(path); ok {
			t.Errorf("%s is a flavor's", path)
		}
	}
}

// resolve asks the resolver for the path behind a location.
func (h *house) resolve(path string) (origin.Presentation, error) {
	h.t.Helper()
	req, err := uri.Parse(uri.HLS, path)
	if err != nil {
		h.t.Fatal(err)
	}
	return Resolver{h.lib}.Resolve(context.Background(), &req.Source)
}

func TestFlavorsAreOfTheAccountAndTheEntryNamed(t *testing.T) {
	h := newHouse(t)
	a, b := h.finished(h.entry.ID, "a"), h.finished(h.entry.ID, "b")
	other := h.newEntry("other")
	foreign := h.finished(other.ID, "c")
	served := func(account int, e catalog.EntryID, flavor string) string {
		return fmt.Sprintf("/p/%d/sp/%d00/serveFlavor/entryId/%s/flavorId/%s/name/a.mp4", account, account, e, flavor)
	}
	many := "0_," + string(a.ID)[2:] + "," + string(b.ID)[2:] + ","
	for path, want := range map[string]int{
		served(101, h.entry.ID, string(a.ID)) + "/index.m3u8":                                    1,
		served(101, h.entry.ID, many) + ".urlset/master.m3u8":                                    2,
		served(102, h.entry.ID, string(a.ID)) + "/index.m3u8":                                    0,
		served(101, h.entry.ID, string(foreign.ID)) + "/index.m3u8":                              0,
		served(101, other.ID, string(a.ID)) + "/index.m3u8":                                      0,
		served(101, h.entry.ID, "0_zzzzzzzz") + "/index.m3u8":                                    0,
		strings.Replace(served(101, h.entry.ID, many), "name/a", "x", 1) + ".urlset/master.m3u8": 2,
	} {
		p, err := h.resolve(path)
		switch {
		case want == 0:
			if !errors.Is(err, origin.ErrNotFound) {
				t.Errorf("%s: %v, want not found", path, err)
			}
		case err != nil:
			t.Errorf("%s: %v", path, err)
		default:
			if len(p.Set.Files) != want {
				t.Errorf("%s: %d files, want %d", path, len(p.Set.Files), want)
			}
			again, err := h.resolve(path)
			if err != nil || again.Set != p.Set {
				t.Errorf("%s: the same choice gives another set, %v", path, err)
			}
			again.Release()
			p.Release()
		}
	}
}

// BenchmarkResolve compares the two ways to name what plays: a segment's request spends this much on finding its set.
func BenchmarkResolve(b *testing.B) {
	h := newHouse(b)
	a := h.finished(h.entry.ID, "a")
	for name, path := range map[string]string{
		"entry":  "/" + string(h.entry.ID) + "/" + string(a.ID) + "/seg-1-a1.ts",
		"flavor": "/p/101/sp/10100/serveFlavor/entryId/" + string(h.entry.ID) + "/v/1/ev/1/flavorId/" + string(a.ID) + "/name/a.mp4/seg-1-a1.ts",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var req uri.Request
			for b.Loop() {
				if err := req.Parse(uri.HLS, path); err != nil {
					b.Fatal(err)
				}
				p, err := Resolver{h.lib}.Resolve(context.Background(), &req.Source)
				if err != nil {
					b.Fatal(err)
				}
				p.Release()
			}
		})
	}
}

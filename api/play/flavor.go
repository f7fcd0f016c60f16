package play

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/packager"
	"sluice/packager/uri"
)

// Served is the file part of a URL that names a flavor: a rung with the sound that goes with it, sound, captions or the
// original. Its pairs stand in any order, and unknown ones don't matter:
//
//	p/102/sp/10200/serveFlavor/entryId/0_ab12cd34/v/1/flavorId/0_ef56gh78/name/a.mp4
type Served struct {
	Account  catalog.AccountID
	Entry    catalog.EntryID
	Flavor   catalog.AssetID
	FileName string // suggested to who downloads; "" none
}

// ParseServed reads a decoded file part; ok says whether it is one of a flavor at all.
func ParseServed(file string) (s Served, ok bool) {
	partner, rest, ok := strings.Cut(file, "/serveFlavor/")
	if !ok {
		return Served{}, false
	}
	_, partner, _ = strings.Cut("/"+partner, "/p/")
	number, _, _ := strings.Cut(partner, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return Served{}, true // of no account: not found
	}
	s.Account = catalog.AccountID(id)
	for rest != "" {
		var key, value string
		key, rest, _ = strings.Cut(rest, "/")
		value, rest, _ = strings.Cut(rest, "/")
		switch {
		case key == "entryId" && s.Entry == "":
			s.Entry = catalog.EntryID(value)
		case key == "flavorId" && s.Flavor == "":
			s.Flavor = catalog.AssetID(value)
		case key == "fileName" && s.FileName == "":
			s.FileName = value
		}
	}
	return s, true
}

// parseFlavors reads a file part whose files are flavors of one entry.
func parseFlavors(src *uri.Source) (s Served, flavors []catalog.AssetID, ok bool) {
	first, ok := ParseServed(src.File(0))
	if !ok {
		return Served{}, nil, false
	}
	flavors = append(make([]catalog.AssetID, 0, src.Len()), first.Flavor)
	for i := 1; i < src.Len(); i++ {
		next, ok := ParseServed(src.File(i))
		if !ok || next.Entry != first.Entry || next.Account != first.Account {
			return Served{}, nil, true // of no entry: not found
		}
		flavors = append(flavors, next.Flavor)
	}
	return first, flavors, true
}

// Flavors returns the presentation of flavors, each a file: a rung brings the main sound with it, unless sound is chosen
// besides. The original, which is not kept as tracks, is stood in for by the best rung. The same choice gives the same
// pointer.
func (t *Title) Flavors(ids ...catalog.AssetID) (*packager.Set, error) {
	return t.cached("flavors", ids, func() (*packager.Set, error) {
		set, err := t.makeSet(t.playedBy(ids))
		if err != nil {
			return nil, err
		}
		set.Version += ".av"
		sound := t.mainSound()
		if sound == nil || len(ids) == 0 {
			return set, nil
		}
		for i := range set.Files {
			if len(ids) > 1 && has(set.Files[i], packager.Audio) {
				return set, nil
			}
		}
		for i := range set.Files {
			if f := &set.Files[i]; has(*f, packager.Video) {
				f.Tracks = append(f.Tracks[:1:1], sound)
			}
		}
		return set, nil
	})
}

// playedBy replaces the original by the best of what was made of it.
func (t *Title) playedBy(ids []catalog.AssetID) []catalog.AssetID {
	ids = slices.Clone(ids)
	for i, id := range ids {
		original := slices.ContainsFunc(t.Assets, func(a catalog.Asset) bool { return a.ID == id && a.Original && a.Version == t.Entry.Version })
		if original && len(t.source) > 0 && t.source[0].track != nil {
			ids[i] = t.source[0].asset.ID
		}
	}
	return ids
}

// mainSound is the sound that goes with every rung, as far as there is any yet.
func (t *Title) mainSound() *packager.Track {
	main := kaltura.MainSound(t.Entry, t.Assets)
	var sound *packager.Track
	for _, f := range t.source {
		if f.track == nil || f.track.Kind != packager.Audio {
			continue
		}
		if main != nil && f.asset.ID == main.ID {
			return f.track
		}
		if sound == nil {
			sound = f.track
		}
	}
	return sound
}

// flavor finds an asset of the title by its id.
func (t *Title) flavor(id catalog.AssetID) (catalog.Asset, error) {
	for _, a := range t.Assets {
		if a.ID == id && a.Status == catalog.AssetReady {
			return a, nil
		}
	}
	return catalog.Asset{}, fmt.Errorf("entry %s has no flavor %q: %w", t.Entry.ID, id, catalog.ErrNotFound)
}

func has(f packager.SetFile, kind packager.Kind) bool {
	return len(f.Tracks) > 0 && f.Tracks[0].Kind == kind
}

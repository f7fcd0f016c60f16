package play

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/packager/origin"
	"sluice/packager/uri"
)

// Resolver finds entries for packager/origin. The file part of a URL is an entry's id, or an entry's id and one asset's, or
// <entry>/,<asset>,<asset>,.urlset for a choice.
type Resolver struct{ Library *Library }

var (
	_ origin.Resolver  = Resolver{}
	_ origin.Originals = Resolver{}
)

// Resolve implements origin.Resolver.
func (r Resolver) Resolve(ctx context.Context, src *uri.Source) (origin.Presentation, error) {
	entry, choice, err := parse(src)
	if err != nil {
		return origin.Presentation{}, err
	}
	t, err := r.Library.Acquire(ctx, entry)
	if err != nil {
		return origin.Presentation{}, translate(err)
	}
	set, err := t.Set(choice...)
	if err != nil {
		t.Release()
		return origin.Presentation{}, translate(err)
	}
	return origin.Presentation{Set: set, Modified: t.Entry.UpdatedAt, Poster: t.poster, Release: t.release}, nil
}

// Original implements origin.Originals: the file as received.
func (r Resolver) Original(ctx context.Context, fileURI string) (origin.Original, error) {
	entry, _, _ := strings.Cut(fileURI, "/")
	t, err := r.Library.Acquire(ctx, catalog.EntryID(entry))
	if err != nil {
		return origin.Original{}, translate(err)
	}
	defer t.Release()
	i := slices.IndexFunc(t.Assets, func(a catalog.Asset) bool {
		return a.Original && a.Version == t.Entry.Version && a.Status == catalog.AssetReady
	})
	if i < 0 {
		return origin.Original{}, fmt.Errorf("entry %s has no original: %w", entry, origin.ErrNotFound)
	}
	a := t.Assets[i]
	var holder Title
	f, err := r.Library.openFile(ctx, &holder, a.Key)
	if err != nil {
		return origin.Original{}, translate(err)
	}
	return origin.Original{
		File: f, Name: path.Base(a.Key), Modified: a.UpdatedAt,
		Release: func() {
			for _, c := range holder.closers {
				_ = c() // a read-only file: nothing to lose
			}
		},
	}, nil
}

func parse(src *uri.Source) (catalog.EntryID, []catalog.AssetID, error) {
	if !src.Multi {
		entry, asset, chosen := strings.Cut(src.Part(0), "/")
		if !chosen {
			return catalog.EntryID(entry), nil, nil
		}
		return catalog.EntryID(entry), []catalog.AssetID{catalog.AssetID(asset)}, nil
	}
	var entry catalog.EntryID
	var choice []catalog.AssetID
	for i := range src.Len() {
		e, asset, ok := strings.Cut(src.File(i), "/")
		if !ok || entry != "" && catalog.EntryID(e) != entry {
			return "", nil, fmt.Errorf("want assets of one entry: %w", origin.ErrNotFound)
		}
		entry = catalog.EntryID(e)
		choice = append(choice, catalog.AssetID(asset))
	}
	return entry, choice, nil
}

func translate(err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("%w: %w", origin.ErrNotFound, err)
	}
	return err
}

package play

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/packager"
	"sluice/packager/origin"
	"sluice/packager/uri"
)

// Resolver finds entries for packager/origin. The file part of a URL is an entry's id, or an entry's id and one asset's, or
// <entry>/,<asset>,<asset>,.urlset for a choice; or that of flavors (see Served).
type Resolver struct{ Library *Library }

var (
	_ origin.Resolver  = Resolver{}
	_ origin.Originals = Resolver{}
)

// Resolve implements origin.Resolver.
func (r Resolver) Resolve(ctx context.Context, src *uri.Source) (origin.Presentation, error) {
	served, choice, flavors := parseFlavors(src)
	entry := served.Entry
	if !flavors {
		var err error
		if entry, choice, err = parse(src); err != nil {
			return origin.Presentation{}, err
		}
	}
	t, err := r.Library.Acquire(ctx, entry)
	if err != nil {
		return origin.Presentation{}, translate(err)
	}
	set, err := t.choose(served, choice, flavors)
	if err != nil {
		t.Release()
		return origin.Presentation{}, translate(err)
	}
	return origin.Presentation{
		Set: set, Modified: t.Entry.UpdatedAt, Poster: t.poster, Restricted: t.Facts().Restricted, Release: t.release,
	}, nil
}

func (t *Title) choose(served Served, choice []catalog.AssetID, flavors bool) (*packager.Set, error) {
	switch {
	case !flavors:
		return t.Set(choice...)
	case served.Account != t.Entry.Account:
		return nil, fmt.Errorf("entry %s of account %d: %w", t.Entry.ID, served.Account, catalog.ErrNotFound)
	}
	return t.Flavors(choice...)
}

// Original implements origin.Originals: the file as received, of an entry, or a flavor's file as it is stored.
func (r Resolver) Original(ctx context.Context, fileURI string) (origin.Original, error) {
	served, flavor := ParseServed(fileURI)
	if !flavor {
		entry, _, _ := strings.Cut(fileURI, "/")
		served.Entry = catalog.EntryID(entry)
	}
	t, err := r.Library.Acquire(ctx, served.Entry)
	if err != nil {
		return origin.Original{}, translate(err)
	}
	defer t.Release()
	a, err := t.stored(served, flavor)
	if err != nil {
		return origin.Original{}, translate(err)
	}
	name := path.Base(a.Key)
	if flavor {
		name = served.FileName
	}
	var holder Title
	f, err := r.Library.openFile(ctx, &holder, a.Key)
	if err != nil {
		return origin.Original{}, translate(err)
	}
	return origin.Original{
		File: f, Name: name, ContentType: ContentType(a), Modified: a.UpdatedAt, Restricted: t.Facts().Restricted,
		Release: func() {
			for _, c := range holder.closers {
				_ = c() // a read-only file: nothing to lose
			}
		},
	}, nil
}

// stored finds the asset whose file is wanted as it is.
func (t *Title) stored(served Served, flavor bool) (catalog.Asset, error) {
	if flavor {
		a, err := t.flavor(served.Flavor)
		if err == nil && (served.Account != t.Entry.Account || a.Type == catalog.AssetFlavor && !a.Original) {
			err = fmt.Errorf("asset %s of account %d is no file of its own: %w", a.ID, served.Account, catalog.ErrNotFound)
		}
		return a, err
	}
	i := slices.IndexFunc(t.Assets, func(a catalog.Asset) bool {
		return a.Original && a.Version == t.Entry.Version && a.Status == catalog.AssetReady
	})
	if i < 0 {
		return catalog.Asset{}, fmt.Errorf("entry %s has no original: %w", t.Entry.ID, catalog.ErrNotFound)
	}
	return t.Assets[i], nil
}

// ContentType is the media type of an asset's file; "" when it is not one that browsers may show as it is.
func ContentType(a catalog.Asset) string {
	return contentTypes[strings.ToLower(path.Ext(a.Key))]
}

// contentTypes leaves out what can hold scripts: originals come from strangers.
var contentTypes = map[string]string{
	".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".mkv": "video/x-matroska",
	".ts": "video/mp2t", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".avi": "video/x-msvideo", ".wmv": "video/x-ms-wmv", ".flv": "video/x-flv",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".wav": "audio/wav", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff",
	".srt": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8", ".json": "application/json",
	".pdf": "application/pdf",
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

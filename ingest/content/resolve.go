package content

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/fetch"
	"sluice/pipeline/stage"
)

// origin is where the bytes of a source are, or will be: exactly one of path, pending, url, stored and open is set.
type origin struct {
	path    string // a complete file on this machine
	keep    bool   // it stays there
	token   catalog.UploadTokenID
	pending bool // the token's upload is not finished
	sha256  string
	url     *URL
	target  fetch.Target // of the url, for a task
	stored  *stage.Stored
	open    func() (io.ReadCloser, error)

	name  string // for the extension
	kind  string // of the source, for errors
	clips []stage.Part
}

// resolve finds a source's bytes.
func (s *Service) resolve(ctx context.Context, account catalog.AccountID, src Source) (origin, error) {
	switch src := src.(type) {
	case Token:
		o, err := s.resolveToken(ctx, account, src)
		o.sha256 = src.SHA256
		return o, err
	case URL:
		if err := fetch.Check(src.URL, src.Headers); err != nil {
			return origin{}, &Error{Kind: BadURL, Object: fetch.Redact(src.URL), Err: err}
		}
		target, err := fetch.NewTarget(s.Catalog, account, src.URL, src.Headers)
		if err != nil {
			return origin{}, err
		}
		return origin{url: &src, target: target, name: filepath.Base(fetch.Redact(src.URL)), kind: "URL"}, nil
	case Asset:
		a, err := s.Catalog.Asset(ctx, src.ID)
		if missing(err) || err == nil && (a.Account != account || a.Status == catalog.AssetDeleted) {
			return origin{}, &Error{Kind: NoAsset, Object: string(src.ID)}
		}
		if err != nil {
			return origin{}, err
		}
		return s.resolveAsset(ctx, a)
	case Entry:
		return s.resolveEntry(ctx, account, src)
	case Text:
		if src.Content == "" {
			return origin{}, &Error{Kind: NoText}
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(src.Content)), nil }
		return origin{open: open, name: "text.txt", kind: "Text"}, nil
	case File:
		st, err := os.Stat(src.Path)
		if err != nil || !st.Mode().IsRegular() {
			return origin{}, &Error{Kind: NoFile, Object: filepath.Base(src.Path), Err: err}
		}
		return origin{path: src.Path, keep: !src.Move, name: cmp.Or(src.Name, filepath.Base(src.Path)), kind: "File"}, nil
	case Stream:
		return origin{open: src.Open, name: src.Name, kind: "Stream"}, nil
	case Clips:
		return s.resolveClips(ctx, account, src)
	}
	return origin{}, &Error{Kind: NotSupported, Object: "no source"}
}

func (s *Service) resolveToken(ctx context.Context, account catalog.AccountID, src Token) (origin, error) {
	t, err := s.Catalog.UploadToken(ctx, account, src.ID)
	switch {
	case missing(err) || err == nil && t.Status == catalog.UploadDeleted:
		return origin{}, &Error{Kind: NoToken, Object: string(src.ID)}
	case err != nil:
		return origin{}, err
	case t.Open() && t.AttachedID == "":
		return origin{token: t.ID, pending: true, name: t.FileName, kind: "Token"}, nil
	case t.Status == catalog.UploadFull:
		return origin{token: t.ID, path: s.Uploads.Path(t), name: t.FileName, kind: "Token"}, nil
	}
	return origin{}, &Error{Kind: TokenState, Object: string(src.ID)}
}

// resolveAsset finds an asset's object. A rendition's picture goes together with the entry's main sound.
func (s *Service) resolveAsset(ctx context.Context, a catalog.Asset) (origin, error) {
	if a.Status != catalog.AssetReady || a.Key == "" {
		return origin{}, &Error{Kind: NoFile, Object: string(a.ID)}
	}
	o := origin{kind: "Asset", name: "asset" + filepath.Ext(a.Key)}
	if a.IndexKey == "" {
		o.stored = &stage.Stored{Key: a.Key}
		return o, nil
	}
	o.stored = &stage.Stored{Tracks: []stage.Stored{{Key: a.Key, IndexKey: a.IndexKey}}}
	if a.Kind != "video" {
		return o, nil
	}
	all, err := s.Catalog.Assets(ctx, a.Entry, catalog.AssetFlavor)
	if err != nil {
		return origin{}, err
	}
	if i := mainSound(all, a.Version); i >= 0 {
		o.stored.Tracks = append(o.stored.Tracks, stage.Stored{Key: all[i].Key, IndexKey: all[i].IndexKey})
	}
	return o, nil
}

// mainSound is the index of the best sound of the default language, -1 without any.
func mainSound(all []catalog.Asset, version int) int {
	best := -1
	for i, a := range all {
		if a.Kind != "audio" || a.Version != version || a.Status != catalog.AssetReady || a.IndexKey == "" || a.Original {
			continue
		}
		if best < 0 || a.Default && !all[best].Default || a.Default == all[best].Default && a.BitRate > all[best].BitRate {
			best = i
		}
	}
	return best
}

func (s *Service) resolveEntry(ctx context.Context, account catalog.AccountID, src Entry) (origin, error) {
	e, err := s.Catalog.Entry(ctx, account, src.ID)
	if missing(err) || err == nil && e.Status == catalog.EntryDeleted {
		return origin{}, &Error{Kind: NoEntry, Object: string(src.ID)}
	}
	if err != nil {
		return origin{}, err
	}
	all, err := s.Catalog.Assets(ctx, e.ID, catalog.AssetFlavor)
	if err != nil {
		return origin{}, err
	}
	all = slices.DeleteFunc(all, func(a catalog.Asset) bool { return a.Version != e.Version })
	is := func(a catalog.Asset) bool { return a.Original }
	if src.Params != 0 {
		is = func(a catalog.Asset) bool { return !a.Original && a.ParamsID == src.Params }
	}
	i := slices.IndexFunc(all, is)
	if i < 0 && src.Params == 0 {
		i = largest(all) // it came as renditions only
	}
	if i < 0 {
		return origin{}, &Error{Kind: NoFile, Object: string(src.ID)}
	}
	return s.resolveAsset(ctx, all[i])
}

// largest is the index of the video rendition with the most pixels, else of the main sound, or -1.
func largest(all []catalog.Asset) int {
	best := -1
	for i, a := range all {
		if a.Kind == "video" && a.Status == catalog.AssetReady && (best < 0 || a.Width*a.Height > all[best].Width*all[best].Height) {
			best = i
		}
	}
	if best < 0 && len(all) > 0 {
		return mainSound(all, all[0].Version)
	}
	return best
}

// maxClips bounds the parts of one source.
const maxClips = 500

func (s *Service) resolveClips(ctx context.Context, account catalog.AccountID, src Clips) (origin, error) {
	if _, nested := src.Of.(Clips); nested || src.Of == nil {
		return origin{}, &Error{Kind: NotSupported, Object: "Clips"}
	}
	if len(src.Parts) == 0 || len(src.Parts) > maxClips {
		return origin{}, &Error{Kind: BadClip, Err: errors.New("there must be 1 to 500 clips")}
	}
	o, err := s.resolve(ctx, account, src.Of)
	if err != nil {
		return o, err
	}
	if o.kind == "Text" {
		return o, &Error{Kind: NotSupported, Object: "Text"}
	}
	for _, c := range src.Parts {
		if c.Offset < 0 || c.Duration < 0 {
			return o, &Error{Kind: BadClip, Err: errors.New("offset and duration may not be negative")}
		}
		o.clips = append(o.clips, stage.Part{FromUS: c.Offset.Microseconds(), LengthUS: c.Duration.Microseconds()})
	}
	return o, nil
}

// extension is that of the source's name.
func (o origin) extension() string { return ingest.Extension(o.name) }

func missing(err error) bool { return errors.Is(err, catalog.ErrNotFound) }

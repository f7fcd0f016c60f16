package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/content"
)

// sidecar is what a file beside media of its name is for the media's entry.
type sidecar struct {
	asset catalog.Asset
	// of is the file's name, and its folder, as the media has it but for the end.
	of []string
}

// captionEnds are the ends of names of captions, with the format's number on the wire and the container.
var captionEnds = map[string][2]string{".srt": {"1", "srt"}, ".dfxp": {"2", "ttml"}, ".ttml": {"2", "ttml"}, ".vtt": {"3", "vtt"}, ".scc": {"5", "scc"}}

// pictureEnds are those of pictures.
var pictureEnds = map[string]bool{".jpg": true, ".jpeg": true, ".png": true}

// tongue is the language that a caption's name may end with: "film.de.srt", "film.pt-BR.srt".
var tongue = regexp.MustCompile(`^(.+)\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$`)

// sidecar says what a file of a folder for both is beside media of its name; false for media itself.
func (fo *folder) sidecar(rel string) (sidecar, bool) {
	if fo.f.Handler != catalog.HandleAuto {
		return sidecar{}, false
	}
	end := strings.ToLower(path.Ext(rel))
	stem := strings.TrimSuffix(rel, path.Ext(rel))
	s := sidecar{of: []string{stem}, asset: catalog.Asset{Status: catalog.AssetQueued, Name: "beside-" + catalog.PathKey(rel)[:16]}}
	format, caption := captionEnds[end]
	switch {
	case caption:
		s.asset.Type, s.asset.Kind, s.asset.Language = catalog.AssetCaption, "text", "und"
		s.asset.Details.Format, s.asset.Container = format[0], format[1]
		if m := tongue.FindStringSubmatch(stem); m != nil && fo.cfg.Language != nil {
			if code, ok := fo.cfg.Language(m[2]); ok {
				s.asset.Language, s.of = code, append(s.of, m[1])
			}
		}
	case pictureEnds[end]:
		s.asset.Type, s.asset.Kind, s.asset.Default = catalog.AssetThumb, "image", true
	default:
		return s, false
	}
	return s, true
}

// planSidecar decides about a caption or picture: it joins the entry of the media that it lies beside, or waits for that.
func (fo *folder) planSidecar(ctx context.Context, f catalog.DropFolderFile, s sidecar) (plan, error) {
	p := plan{job: job{files: []catalog.DropFolderFile{f}, beside: true}, parsed: []Parsed{{}}, event: Incomplete, to: waiting}
	entry, err := fo.entryBeside(ctx, s)
	if err != nil {
		return p, err
	}
	if entry == "" {
		p.again, p.why = time.Now().Add(time.Second), waitsForMedia(f)
		return p, nil
	}
	p.event, p.to, p.target = Taken, processing, entry
	return p, nil
}

func waitsForMedia(f catalog.DropFolderFile) string {
	return fmt.Sprintf("It waits for media of the same name, as whose %s it comes.", map[bool]string{true: "picture", false: "caption"}[pictureEnds[strings.ToLower(path.Ext(f.Path))]])
}

// entryBeside is the entry of the newest media that a sidecar lies beside; "" for none.
func (fo *folder) entryBeside(ctx context.Context, s sidecar) (entry catalog.EntryID, err error) {
	for _, stem := range s.of {
		parsed, ok := fo.parse(catalog.DropFolderFile{Path: stem + ".mp4"}) // whatever its own end, the slug is the media's
		if !ok {
			continue
		}
		rows, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{
			Folder: fo.f.ID, Slug: parsed.Slug, Statuses: statuses{handled, processing, deleted, purged}, Limit: keepBatch,
		})
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			if r.ImportEnd != 0 && r.Entry != "" && strings.TrimSuffix(r.Path, path.Ext(r.Path)) == stem {
				entry = r.Entry
			}
		}
		if entry != "" {
			break
		}
	}
	if entry == "" {
		return "", nil
	}
	e, err := fo.cfg.Catalog.Entry(ctx, fo.f.Account, entry)
	if errors.Is(err, catalog.ErrNotFound) || err == nil && e.Status == catalog.EntryDeleted {
		return "", nil
	}
	return entry, err
}

// enterSidecar makes a file an asset of the entry that it lies beside, or that asset's new content.
func (fo *folder) enterSidecar(ctx context.Context, r ready) error {
	err := fo.setSidecar(ctx, r.target, r.files[0])
	if err == nil {
		fo.at("entered")
		fo.finish(ctx, r)
		return nil
	}
	return fo.fail(ctx, r.files, err)
}

func (fo *folder) setSidecar(ctx context.Context, id catalog.EntryID, t taken) error {
	s, _ := fo.sidecar(t.Path)
	have, err := fo.cfg.Catalog.Assets(ctx, id, s.asset.Type)
	if err != nil {
		return err
	}
	asset := catalog.AssetID("")
	for _, a := range have {
		if a.Name == s.asset.Name {
			asset = a.ID
		}
	}
	if asset == "" {
		e, err := fo.cfg.Catalog.Entry(ctx, fo.f.Account, id)
		if err != nil {
			return err
		}
		s.asset.Version = e.Version
		made, err := fo.cfg.Catalog.AddAssets(ctx, id, []catalog.Asset{s.asset})
		if err != nil {
			return err
		}
		asset = made[0].ID
	}
	if err := fo.cfg.Content.SetAsset(ctx, fo.f.Account, asset, content.File{Path: t.path, Name: path.Base(t.Path), Move: true}); err != nil {
		return err
	}
	return fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		if s.asset.Default {
			if err := onlyDefault(ctx, tx, id, asset); err != nil {
				return err
			}
		}
		return fo.linked(ctx, tx, t, id)
	})
}

// onlyDefault makes a picture the one that stands for its entry.
func onlyDefault(ctx context.Context, tx *catalog.Tx, id catalog.EntryID, picture catalog.AssetID) error {
	have, err := tx.Assets(ctx, id, catalog.AssetThumb)
	if err != nil {
		return err
	}
	for _, a := range have {
		if a.Default == (a.ID == picture) {
			continue
		}
		if err := tx.UpdateAsset(ctx, a.ID, func(a *catalog.Asset) error { a.Default = a.ID == picture; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// waitOn looks again whether the media of sidecars has come, less and less often, until they are given up. It returns the files that
// are none.
func (fo *folder) waitOn(ctx context.Context, files []catalog.DropFolderFile) (others []catalog.DropFolderFile, err error) {
	for _, f := range files {
		s, ok := fo.sidecar(f.Path)
		if !ok || f.Lead != 0 {
			others = append(others, f)
			continue
		}
		entry, err := fo.entryBeside(ctx, s)
		if err != nil {
			return nil, err
		}
		if err := fo.each(ctx, []catalog.DropFolderFile{f}, func(tx *catalog.Tx, f catalog.DropFolderFile) error {
			return fo.waitFor(ctx, tx, f, entry)
		}); err != nil {
			return nil, err
		}
	}
	return others, nil
}

// waitFor lets a sidecar go on whose media has an entry, wait on, or end.
func (fo *folder) waitFor(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, entry catalog.EntryID) error {
	age := time.Since(f.UploadEnd.Time())
	switch {
	case entry != "":
		_, err := move(ctx, tx, fo.fence, f, Retried, pending, nil)
		fo.signal()
		return err
	case age < fo.sidecarTimeout():
		_, err := move(ctx, tx, fo.fence, f, Incomplete, waiting, func(n *catalog.DropFolderFile) {
			n.Why, n.NextAt = f.Why, catalog.StampOf(time.Now().Add(min(max(age/4, time.Second), 5*time.Minute)))
		})
		return err
	}
	_, err := move(ctx, tx, fo.fence, f, GaveUp, errorHandling, func(n *catalog.DropFolderFile) {
		n.ErrorCode = string(CodeSidecar)
		n.ErrorText = fmt.Sprintf("No media with the name of %q came in time. Send it, then retry.", complete.Shown(f.Path))
	})
	return err
}

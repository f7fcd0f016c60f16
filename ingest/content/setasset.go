package content

import (
	"context"
	"errors"
	"strings"

	"sluice/catalog"
)

func (s *Service) setAsset(ctx context.Context, account catalog.AccountID, id catalog.AssetID, src Source) error {
	a, err := s.Catalog.Asset(ctx, id)
	if missing(err) || err == nil && (a.Account != account || a.Status == catalog.AssetDeleted) {
		return &Error{Kind: NoAsset, Object: string(id)}
	}
	if err != nil {
		return err
	}
	if a.Original {
		return s.setEntry(ctx, account, a.Entry, []Part{{Source: src}}, Options{})
	}
	e, err := s.Catalog.Entry(ctx, account, a.Entry)
	if missing(err) || err == nil && e.Status == catalog.EntryDeleted {
		return &Error{Kind: NoAsset, Object: string(id)}
	}
	if err != nil {
		return err
	}
	o, err := s.resolve(ctx, account, src)
	if err != nil {
		return err
	}
	p := piece{origin: o, asset: &a, arrival: arrival{
		Entry: e.ID, Asset: a.ID, Version: a.Version, Revision: a.Revision + 1, Use: whole, Ext: o.extension(), SHA256: o.sha256, account: account,
	}}
	if len(o.clips) > 0 {
		return &Error{Kind: NotSupported, Object: "Clips"}
	}
	if a.Type == catalog.AssetFlavor {
		return s.setFlavor(ctx, e, p)
	}
	return s.setWhole(ctx, a, p)
}

// setFlavor brings a rendition in that was made elsewhere.
func (s *Service) setFlavor(ctx context.Context, e catalog.Entry, p piece) error {
	if p.kind == "Text" {
		return &Error{Kind: NotSupported, Object: "Text"}
	}
	p.Use = rendition
	have, err := s.Catalog.Assets(ctx, e.ID, catalog.AssetFlavor)
	if err != nil {
		return err
	}
	p.Lone = true
	for _, a := range have {
		if a.Original && a.Version == e.Version && a.Revision+len(a.Key) > 0 {
			p.Lone = false
		}
	}
	if p.open != nil {
		if p.placed, err = s.place(ctx, p.arrival, p.origin); err != nil {
			return err
		}
	}
	err = s.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		err := tx.UpdateEntry(ctx, e.ID, func(n *catalog.Entry) error {
			if n.Version != e.Version || n.Status == catalog.EntryDeleted {
				return errMoved
			}
			if n.Status == catalog.EntryNoContent {
				n.Status, n.SourceKey = catalog.EntryImport, sourceKey(p.origin)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.enterAsset(ctx, tx, p, "flavorAsset")
	})
	if err != nil {
		return errors.Join(err, s.unplace(ctx, []piece{p}))
	}
	return nil
}

// enterAsset starts the next revision of an asset and adds its tasks.
func (s *Service) enterAsset(ctx context.Context, tx *catalog.Tx, p piece, kind string) error {
	if err := tx.CancelAsset(ctx, p.Asset); err != nil {
		return err
	}
	if err := s.enterPiece(ctx, tx, p); err != nil {
		return err
	}
	if err := p.bind(ctx, tx, p.arrival, kind, string(p.Asset)); err != nil || p.pending {
		return err
	}
	_, err := tx.AddTasks(ctx, p.Entry, p.tasks(p.origin))
	return err
}

// setWhole gives a caption, picture or attachment its content: at once, unless it has yet to come.
func (s *Service) setWhole(ctx context.Context, a catalog.Asset, p piece) error {
	kind := string(a.Type) + "Asset"
	later := p.pending || p.url != nil && (p.url.Later || a.Type == catalog.AssetCaption)
	if later {
		return s.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return s.enterAsset(ctx, tx, p, kind) })
	}
	var err error
	if p.url != nil {
		if p.origin, err = s.fetchNow(ctx, p.origin, p.Asset); err != nil {
			return s.failAsset(ctx, p, err)
		}
		defer s.release(p.origin)
	}
	if p.placed, err = s.place(ctx, p.arrival, p.origin); err != nil {
		return err
	}
	size, format, picErr := s.pictureSize(ctx, p.placed.object.Key)
	err = s.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		if err := tx.CancelAsset(ctx, p.Asset); err != nil {
			return err
		}
		if err := s.enterPiece(ctx, tx, p); err != nil {
			return err
		}
		err := tx.UpdateAsset(ctx, p.Asset, func(n *catalog.Asset) error {
			if n.Type != catalog.AssetCaption { // captions are of the format that they were added with
				n.Container = strings.TrimPrefix(p.Ext, ".")
			}
			if picErr == nil {
				n.Kind, n.Container, n.Width, n.Height = "image", format, size.Width, size.Height
			}
			return nil
		})
		if err != nil {
			return err
		}
		return p.bind(ctx, tx, p.arrival, kind, string(p.Asset))
	})
	if err != nil {
		return errors.Join(err, s.unplace(ctx, []piece{p}))
	}
	s.release(p.origin)
	s.dropOld(ctx, a, p.placed.object.Key)
	return nil
}

// dropOld removes the content that an asset had before.
func (s *Service) dropOld(ctx context.Context, a catalog.Asset, now string) {
	if a.Key == "" || a.Key == now {
		return
	}
	if err := s.Store.Delete(context.WithoutCancel(ctx), a.Key); err != nil {
		s.log().Warn("replaced content stays in storage", "asset", a.ID, "object", a.Key, "error", err)
	}
}

// failAsset records that an asset's content could not be downloaded: the caller gets no error.
func (s *Service) failAsset(ctx context.Context, p piece, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	_, text := failureOf(cause)
	return s.Catalog.UpdateAsset(ctx, p.Asset, func(a *catalog.Asset) error {
		a.Status, a.ErrorText = catalog.AssetError, text
		return nil
	})
}

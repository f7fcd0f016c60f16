package content

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/catalog"
)

// piece is a part of an entry's content on its way in.
type piece struct {
	arrival
	origin
	params int64
	fresh  bool           // the asset is to be made
	placed *placed        // what is stored already
	asset  *catalog.Asset // the one there is
}

func (s *Service) setEntry(ctx context.Context, account catalog.AccountID, id catalog.EntryID, parts []Part, opts Options) error {
	e, err := s.Catalog.Entry(ctx, account, id)
	if missing(err) || err == nil && e.Status == catalog.EntryDeleted {
		return &Error{Kind: NoEntry, Object: string(id)}
	}
	if err != nil {
		return err
	}
	if e.Status != catalog.EntryNoContent && !opts.Replace {
		return &Error{Kind: HasContent, Object: string(id)}
	}
	version := e.Version
	if e.Status != catalog.EntryNoContent {
		version++
	}
	pieces, err := s.pieces(ctx, e, version, parts)
	if err != nil {
		return err
	}
	if len(pieces) == 1 && pieces[0].Use == original {
		done, err := s.setPicture(ctx, e, pieces[0], opts)
		if done || err != nil {
			return err
		}
	}
	for i := range pieces {
		if pieces[i].open == nil {
			continue
		}
		// What came with the request cannot wait for a task.
		if pieces[i].placed, err = s.place(ctx, pieces[i].arrival, pieces[i].origin); err != nil {
			return errors.Join(err, s.unplace(ctx, pieces))
		}
	}
	err = s.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		if err := s.enter(ctx, tx, e, version, pieces); err != nil {
			return err
		}
		return opts.also(ctx, tx)
	})
	if err != nil {
		return errors.Join(err, s.unplace(ctx, pieces))
	}
	return nil
}

// also runs what goes with the content.
func (o Options) also(ctx context.Context, tx *catalog.Tx) error {
	if o.Also == nil {
		return nil
	}
	return o.Also(ctx, tx)
}

// pieces resolves the parts and finds or names their assets.
func (s *Service) pieces(ctx context.Context, e catalog.Entry, version int, parts []Part) ([]piece, error) {
	if len(parts) == 0 {
		return nil, &Error{Kind: NoText}
	}
	have, err := s.Catalog.Assets(ctx, e.ID, catalog.AssetFlavor)
	if err != nil {
		return nil, err
	}
	lone := !slices.ContainsFunc(parts, func(p Part) bool { return p.AssetParams == 0 })
	seen := map[int64]bool{}
	var out []piece
	for _, p := range parts {
		if seen[p.AssetParams] {
			return nil, &Error{Kind: NotSupported, Object: fmt.Sprintf("two parts for params %d", p.AssetParams)}
		}
		seen[p.AssetParams] = true
		o, err := s.resolve(ctx, e.Account, p.Source)
		if err != nil {
			return nil, err
		}
		if o.kind == "Text" || e.MediaType == catalog.MediaImage && (len(parts) > 1 || len(o.clips) > 0) || p.AssetParams != 0 && len(o.clips) > 0 {
			return nil, &Error{Kind: NotSupported, Object: o.kind}
		}
		pc := piece{origin: o, params: p.AssetParams, fresh: true, arrival: arrival{
			Entry: e.ID, Asset: catalog.NewAssetID(), Version: version, Revision: 1, Use: original, Clips: o.clips, Lone: lone,
			Ext: o.extension(), SHA256: o.sha256, account: e.Account,
		}}
		if p.AssetParams != 0 {
			pc.Use = rendition
		}
		for i, a := range have {
			if a.Version == version && a.Original == (p.AssetParams == 0) && a.ParamsID == p.AssetParams {
				pc.Asset, pc.Revision, pc.fresh, pc.asset = a.ID, a.Revision+1, false, &have[i]
			}
		}
		out = append(out, pc)
	}
	return out, nil
}

// enter makes the assets and tasks and gives the entry its status.
func (s *Service) enter(ctx context.Context, tx *catalog.Tx, e catalog.Entry, version int, pieces []piece) error {
	status := catalog.EntryImport
	for _, p := range pieces {
		if p.Use == original && (p.path != "" || p.placed != nil) {
			status = catalog.EntryPreconvert
		}
	}
	if err := s.open(ctx, tx, e, version, func(n *catalog.Entry) {
		n.Status = status
		n.SourceKey = sourceKey(pieces[0].origin)
	}); err != nil {
		return err
	}
	for _, p := range pieces {
		if err := s.enterPiece(ctx, tx, p); err != nil {
			return err
		}
		// An upload is for one asset of the entry, but what its sender asked for is the entry.
		if err := p.bind(ctx, tx, p.arrival, "entry", string(e.ID)); err != nil {
			return err
		}
		if p.pending {
			continue
		}
		if _, err := tx.AddTasks(ctx, e.ID, p.tasks(p.origin)); err != nil {
			return err
		}
	}
	return nil
}

// open makes the entry ready to take content: it is as it was looked at, and what belonged to a version before goes.
func (s *Service) open(ctx context.Context, tx *catalog.Tx, e catalog.Entry, version int, set func(n *catalog.Entry)) error {
	replaces := version != e.Version
	err := tx.UpdateEntry(ctx, e.ID, func(n *catalog.Entry) error {
		if n.Version != e.Version || n.Status != e.Status {
			return errMoved
		}
		n.Version, n.ErrorCode, n.ErrorText = version, "", ""
		set(n)
		return nil
	})
	if err != nil || !replaces {
		return err
	}
	if _, err := tx.CancelEntry(ctx, e.ID); err != nil {
		return err
	}
	old, err := tx.Assets(ctx, e.ID, catalog.AssetFlavor, catalog.AssetThumb, catalog.AssetStoryboard)
	if err != nil {
		return err
	}
	for _, a := range old {
		if err := tx.DeleteAsset(ctx, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// enterPiece makes the piece's asset, or the one there is ready to take content.
func (s *Service) enterPiece(ctx context.Context, tx *catalog.Tx, p piece) error {
	set := func(a *catalog.Asset) {
		a.Status, a.Revision, a.ErrorText = catalog.AssetImporting, p.Revision, ""
		if p.placed != nil {
			p.placed.apply(a, p.arrival)
		}
	}
	if !p.fresh {
		return tx.UpdateAsset(ctx, p.Asset, func(a *catalog.Asset) error {
			if a.Revision != p.Revision-1 || a.Status == catalog.AssetDeleted {
				return errMoved
			}
			set(a)
			return nil
		})
	}
	a := catalog.Asset{ID: p.Asset, Type: catalog.AssetFlavor, Version: p.Version, Name: "source", Original: p.Use == original, ParamsID: p.params}
	if p.Use != original {
		a.Name = fmt.Sprintf("flavor-%d", p.params)
	}
	set(&a)
	_, err := tx.AddAssets(ctx, p.Entry, []catalog.Asset{a})
	if errors.Is(err, catalog.ErrConflict) {
		return errors.Join(errMoved, err)
	}
	return err
}

// sourceKey says where an entry's content came from.
func sourceKey(o origin) string {
	if o.kind == "" || o.name == "" {
		return "api:"
	}
	return "api:" + o.kind + ":" + o.name
}

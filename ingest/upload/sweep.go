package upload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/catalog"
)

// sweepBatch bounds the tokens that are read at a time.
const sweepBatch = 500

// Sweep gives up the uploads that rest for longer than their lifetime, and removes files that nobody will ask for: of tokens
// that are over, and of used ones whose entry is gone. Any process may call it at any time.
func (e *Engine) Sweep(ctx context.Context) error {
	before := time.Now().Add(-orDefault(e.Lifetime, DefaultLifetime))
	for {
		idle, err := e.Catalog.IdleUploadTokens(ctx, before, sweepBatch, catalog.UploadPending, catalog.UploadPartial, catalog.UploadFull)
		if err != nil {
			return err
		}
		for _, t := range idle {
			still := func(n catalog.UploadToken) bool { return n.UpdatedAt.Equal(t.UpdatedAt) }
			if err := e.giveUp(ctx, t.Account, t.ID, catalog.UploadTimeout, still); err != nil {
				return fmt.Errorf("give upload %s up: %w", t.ID, err)
			}
			timedOut.Inc()
			e.log().Info("upload given up: it rested too long", "token", t.ID, "account", t.Account, "bytes", t.Extents.Total())
		}
		if len(idle) < sweepBatch {
			return errors.Join(e.sweepWhole(ctx), e.sweepFolders(ctx))
		}
	}
}

// sweepWhole completes uploads whose last byte is here, but whose process died before it came to that.
func (e *Engine) sweepWhole(ctx context.Context) error {
	whole, err := e.Catalog.WholeUploadTokens(ctx, time.Now(), sweepBatch)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range whole {
		_, err := e.Complete(ctx, t.Account, t.ID, t.FileSize)
		if errors.Is(err, ErrForbidden) {
			e.log().Warn("upload given up", "token", t.ID, "account", t.Account, "error", err)
			err = e.Delete(ctx, t.Account, t.ID)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (e *Engine) sweepFolders(ctx context.Context) error {
	names, err := os.ReadDir(e.Dir)
	if err != nil {
		return quietly(err)
	}
	var errs []error
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !n.IsDir() || !tokenID.MatchString(n.Name()) {
			continue
		}
		errs = append(errs, e.sweepFolder(ctx, catalog.UploadTokenID(n.Name())))
	}
	return errors.Join(errs...)
}

// sweepFolder removes the folder of a token that needs it no more. One whose token this catalog does not know stays.
func (e *Engine) sweepFolder(ctx context.Context, id catalog.UploadTokenID) error {
	t, err := e.Catalog.UploadTokenByID(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if t.Open() || t.Status == catalog.UploadFull {
		return e.sweepOld(t)
	}
	if t.AttachedID != "" { // the file was handed over, whatever became of the token afterwards
		if wanted, err := e.wanted(ctx, t); err != nil || wanted {
			return err
		}
	}
	return os.RemoveAll(e.folder(id))
}

// wanted says whether the object that a file was handed to may still want it.
func (e *Engine) wanted(ctx context.Context, t catalog.UploadToken) (bool, error) {
	var err error
	entry := catalog.EntryID(t.AttachedID)
	if t.AttachedType != "entry" {
		var a catalog.Asset
		if a, err = e.Catalog.Asset(ctx, catalog.AssetID(t.AttachedID)); err == nil && a.Status == catalog.AssetDeleted {
			return false, nil
		}
		entry = a.Entry
	}
	if err == nil {
		_, err = e.Catalog.EntryByID(ctx, entry)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	return true, err
}

// sweepOld removes files that an upload began before the one it has now, which a crash left.
func (e *Engine) sweepOld(t catalog.UploadToken) error {
	files, err := filepath.Glob(filepath.Join(e.folder(t.ID), dataFile+".*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		var generation int
		if _, err := fmt.Sscanf(filepath.Base(f), dataFile+".%d", &generation); err == nil && generation < t.Generation {
			errs = append(errs, quietly(os.Remove(f)))
		}
	}
	return errors.Join(errs...)
}

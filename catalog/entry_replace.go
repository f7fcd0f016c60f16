package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// EventEntryReplaced says that an entry has other content than before, which was made as a hidden entry. The asset.ready of
// what is new come with it, and before it.
const EventEntryReplaced = "entry.replaced"

// Replacement is how an entry's content is to be replaced.
type Replacement struct {
	// Profile is the conversion profile of the new content; 0 keeps the entry's.
	Profile int64
	// Status is ReplacementApprovedNotReady where nobody has to approve, else ReplacementNeither.
	Status ReplacementStatus
	// KeepThumbs keeps the thumbnails that were added by hand.
	KeepThumbs bool
}

// StartReplacement makes the hidden entry whose content is to replace that of an entry, and ties the two together. An entry that is being replaced already is ErrConflict, unless that attempt never got any
// content: then it is given up.
func (db *DB) StartReplacement(ctx context.Context, id EntryID, r Replacement) (Entry, error) {
	var hidden Entry
	err := db.InTx(ctx, func(tx *Tx) error {
		if err := tx.lockEntries(ctx, id); err != nil {
			return err
		}
		e, err := tx.Entry(ctx, id)
		if err != nil {
			return err
		}
		if e.Status == EntryDeleted {
			return fmt.Errorf("%w: it is deleted", ErrConflict)
		}
		if err := tx.giveUpEmpty(ctx, e); err != nil {
			return err
		}
		hidden = BlankEntry(e.Account)
		hidden.Type, hidden.MediaType, hidden.Name, hidden.Owner, hidden.Creator = e.Type, e.MediaType, e.Name, e.Owner, e.Creator
		hidden.ConversionProfile, hidden.AccessControl = e.ConversionProfile, e.AccessControl
		if r.Profile != 0 {
			hidden.ConversionProfile = r.Profile
		}
		hidden.Details.KeepThumbs = r.KeepThumbs
		hidden.Display, hidden.Replaced = DisplaySystem, id
		if hidden, err = tx.AddEntry(ctx, hidden); err != nil {
			return err
		}
		return tx.UpdateEntry(ctx, id, func(e *Entry) error {
			e.Replacing, e.Replacement = hidden.ID, r.Status
			return nil
		})
	})
	if err != nil {
		return Entry{}, fmt.Errorf("replace content of entry %s: %w", id, err)
	}
	return hidden, nil
}

// giveUpEmpty ends a replacement of e that never got content: a crash may have left it.
func (tx *Tx) giveUpEmpty(ctx context.Context, e Entry) error {
	if e.Replacing == "" {
		return nil
	}
	if old, err := tx.Entry(ctx, e.Replacing); err == nil && old.Status != EntryNoContent && old.Status != EntryDeleted {
		return fmt.Errorf("%w: entry %s is about to replace it", ErrConflict, e.Replacing)
	}
	return tx.EndReplacement(ctx, e.ID)
}

// EndReplacement gives the replacement of an entry's content up: the hidden entry is deleted. An entry without one is
// ErrConflict.
func (tx *Tx) EndReplacement(ctx context.Context, id EntryID) error {
	hidden, err := tx.untie(ctx, id)
	if err != nil {
		return fmt.Errorf("end replacement of entry %s: %w", id, err)
	}
	if err := tx.DeleteEntry(ctx, hidden); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// EndReplacement is Tx.EndReplacement in a transaction of its own.
func (db *DB) EndReplacement(ctx context.Context, id EntryID) error {
	return db.InTx(ctx, func(tx *Tx) error { return tx.EndReplacement(ctx, id) })
}

// untie removes the tie of an entry to the one that was to replace it, and returns that one.
func (tx *Tx) untie(ctx context.Context, id EntryID) (EntryID, error) {
	var hidden EntryID
	err := tx.UpdateEntry(ctx, id, func(e *Entry) error {
		if hidden = e.Replacing; hidden == "" {
			return fmt.Errorf("%w: nothing replaces it", ErrConflict)
		}
		e.Replacing, e.Replacement = "", ReplacementNone
		return nil
	})
	return hidden, err
}

// Replace gives an entry the content of the hidden entry that is to replace it, as its next version, and removes the hidden
// entry. The objects stay where they are; captions and attachments that were added by hand stay with the entry (and
// thumbnails, where wanted), everything else of its former content is deleted. An entry without a replacement, or whose replacement is not ready, is ErrConflict.
func (tx *Tx) Replace(ctx context.Context, id EntryID) error {
	if err := tx.replace(ctx, id); err != nil {
		return fmt.Errorf("replace content of entry %s: %w", id, err)
	}
	return nil
}

func (tx *Tx) replace(ctx context.Context, id EntryID) error {
	e, err := tx.Entry(ctx, id)
	if err != nil {
		return err
	}
	if e.Replacing == "" {
		return fmt.Errorf("%w: nothing replaces it", ErrConflict)
	}
	if err := tx.lockEntries(ctx, id, e.Replacing); err != nil {
		return err
	}
	by := e.Replacing
	if e, err = tx.Entry(ctx, id); err != nil {
		return err
	}
	if e.Replacing != by || e.Status == EntryDeleted { // another transaction came first, and the hidden entry is gone
		return fmt.Errorf("%w: entry %s does not replace it any more", ErrConflict, by)
	}
	hidden, err := tx.Entry(ctx, by)
	if err != nil {
		return err
	}
	if hidden.Status != EntryReady {
		return fmt.Errorf("%w: entry %s is not ready to replace it", ErrConflict, hidden.ID)
	}
	version := e.Version + 1
	moved, err := tx.moveAssets(ctx, e, hidden, version)
	if err != nil {
		return err
	}
	err = tx.UpdateEntry(ctx, id, func(e *Entry) error {
		e.Version, e.Replacing, e.Replacement = version, "", ReplacementNone
		e.Status, e.ErrorCode, e.ErrorText = EntryReady, "", ""
		e.MediaType, e.DurationMS, e.Width, e.Height = hidden.MediaType, hidden.DurationMS, hidden.Width, hidden.Height
		e.SourceKey, e.PlayableAt, e.ReadyAt, e.ConversionProfile = hidden.SourceKey, hidden.PlayableAt, tx.now, hidden.ConversionProfile
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := tx.tx.NewDelete().Table("entries").Where("id = ?", hidden.ID).Exec(ctx); err != nil {
		return err
	}
	if err := tx.Emit(EventReplacementDeleted, e.Account, hidden.ID, string(hidden.ID), nil); err != nil {
		return err
	}
	for _, a := range moved {
		if a.Status != AssetReady {
			continue
		}
		if err := tx.emitAsset(EventAssetReady, a); err != nil {
			return err
		}
	}
	return tx.Emit(EventEntryReplaced, e.Account, id, string(id), map[string]any{"version": version})
}

// moveAssets makes the hidden entry's assets those of e's next version, and returns them.
func (tx *Tx) moveAssets(ctx context.Context, e, hidden Entry, version int) ([]Asset, error) {
	now := micros(tx.now)
	kept := []AssetType{AssetCaption, AssetAttachment}
	if hidden.Details.KeepThumbs {
		kept = append(kept, AssetThumb)
	}
	_, err := tx.tx.NewUpdate().Table("assets").Set("status = ?", AssetDeleted).Set("deleted_at = ?", now).Set("updated_at = ?", now).
		Where("entry = ?", e.ID).Where("deleted_at = 0").Where("NOT (revision > 0 AND type IN (?))", bun.List(kept)).Exec(ctx)
	if err != nil {
		return nil, err
	}
	// Names are unique in a version: what was kept gives way.
	_, err = tx.tx.NewUpdate().Table("assets").Set("version = ?", version).Set("updated_at = ?", now).
		Set("name = CASE WHEN name IN (SELECT h.name FROM assets AS h WHERE h.entry = ? AND h.version = ? AND h.deleted_at = 0) THEN 'kept-' || id ELSE name END",
			hidden.ID, hidden.Version).
		Where("entry = ?", e.ID).Where("deleted_at = 0").Exec(ctx)
	if err != nil {
		return nil, err
	}
	var rows []assetRow
	_, err = tx.tx.NewUpdate().Model(&rows).Set("entry = ?", e.ID).Set("version = ?", version).Set("updated_at = ?", now).
		Where("entry = ?", hidden.ID).Where("version = ?", hidden.Version).Returning("*").Exec(ctx, &rows)
	out := make([]Asset, len(rows))
	for i := range rows {
		out[i] = rows[i].asset()
	}
	return out, err
}

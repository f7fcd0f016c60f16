package catalog

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// Folder is where the objects of an asset lie, ending in a slash; empty when it has none, or none of its own.
func (a Asset) Folder() string {
	key := a.Key
	if key == "" && len(a.Parts) > 0 {
		key = a.Parts[0].Key
	}
	if dir := path.Dir(key); path.Base(dir) == string(a.ID) {
		return dir + "/"
	}
	return ""
}

// PurgeableAssets returns up to limit assets that were deleted before the time and whose entries live on, oldest first. The
// caller deletes their objects and then calls PurgeAsset: after a crash between the two the asset is returned again.
func (db *DB) PurgeableAssets(ctx context.Context, before time.Time, limit int) ([]Asset, error) {
	var rows []assetRow
	err := db.read.NewSelect().Model(&rows).Where("deleted_at > 0").Where("deleted_at < ?", micros(before)).
		Where("NOT EXISTS (SELECT 1 FROM entries AS e WHERE e.id = asset_row.entry AND e.deleted_at > 0)").
		Order("deleted_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list purgeable assets: %w", err)
	}
	out := make([]Asset, len(rows))
	for i := range rows {
		out[i] = rows[i].asset()
	}
	return out, nil
}

// PurgeAsset removes a deleted asset for good. One that is not deleted is ErrConflict.
func (db *DB) PurgeAsset(ctx context.Context, id AssetID) error {
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		res, err := tx.tx.NewDelete().Table("assets").Where("id = ?", id).Where("deleted_at > 0").Exec(ctx)
		if err != nil {
			return fmt.Errorf("purge asset %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		if _, err := assetByID(ctx, tx.tx, id); err != nil {
			return err
		}
		return fmt.Errorf("purge asset %s: %w: it is not deleted", id, ErrConflict)
	})
}

// ForeignFolders returns where the entry's assets, deleted ones too, lie outside the entry's own folder: content that
// replaced the entry's former one stays where it was made.
func (db *DB) ForeignFolders(ctx context.Context, e Entry) ([]string, error) {
	var rows []assetRow
	own := fmt.Sprintf("%d/%s/", e.Account, e.ID)
	if err := db.read.NewSelect().Model(&rows).Where("entry = ?", e.ID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("assets of entry %s: %w", e.ID, err)
	}
	var out []string
	for i := range rows {
		a := rows[i].asset()
		if f := a.Folder(); f != "" && !strings.HasPrefix(f, own) {
			out = append(out, f)
		}
	}
	return out, nil
}

package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// EntryWithOriginal returns the account's oldest media entry that has not failed and is not deleted, and whose original, of its present version, has that
// SHA-256 and size; false when there is none.
func (db *DB) EntryWithOriginal(ctx context.Context, account AccountID, sha256 string, size int64) (EntryID, bool, error) {
	var id EntryID
	err := db.read.NewRaw(`
		SELECT e.id FROM assets a JOIN entries e ON e.id = a.entry AND e.version = a.version
		WHERE a.account = ? AND a.original AND a.sha256 <> '' AND a.sha256 = ? AND a.size = ? AND a.status <> ? AND e.status >= 0 AND e.status <> ? AND e.type = ?
		AND e.display <> ? ORDER BY e.num LIMIT 1`,
		account, sha256, size, AssetDeleted, EntryDeleted, EntryMedia, DisplaySystem).Scan(ctx, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("entry with the original %s: %w", sha256, err)
	}
	return id, true, nil
}

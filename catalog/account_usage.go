package catalog

import (
	"context"
	"fmt"
)

// StoredBytes is how much the assets of an account's entries keep in storage, deleted ones apart.
func (db *DB) StoredBytes(ctx context.Context, id AccountID) (int64, error) {
	var n int64
	err := db.read.NewRaw(`
		SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM assets WHERE account = ? AND status <> ?`, id, AssetDeleted).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("stored bytes of account %d: %w", id, err)
	}
	return n, nil
}

// FolderBytes is how much the assets of the entries that a drop folder made keep in storage, deleted ones apart.
func (db *DB) FolderBytes(ctx context.Context, id AccountID, folder DropFolderID) (int64, error) {
	var n int64
	err := db.read.NewRaw(`
		SELECT CAST(COALESCE(SUM(a.size), 0) AS BIGINT) FROM assets a JOIN entries e ON e.id = a.entry
		WHERE e.account = ? AND e.source_key LIKE ? AND a.status <> ?`, id, fmt.Sprintf("dropfolder:%d:%%", folder), AssetDeleted).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("stored bytes of drop folder %d: %w", folder, err)
	}
	return n, nil
}

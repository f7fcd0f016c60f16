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

package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// ReadyParams returns, for each of several entries, the ids of the flavor params that its content has ready flavors of, in
// order; 0 is the original. An entry without ready flavors has no key.
func (db *DB) ReadyParams(ctx context.Context, entries []EntryID) (map[EntryID][]int64, error) {
	out := make(map[EntryID][]int64, len(entries))
	for chunk := range slices.Chunk(distinct(entries), batchSize) {
		var rows []struct {
			Entry  EntryID
			Params int64
		}
		err := db.read.NewSelect().Distinct().ColumnExpr("a.entry, a.params_id AS params").TableExpr("assets AS a").
			Join("JOIN entries AS e ON e.id = a.entry AND e.version = a.version").
			Where("a.entry IN (?)", bun.List(chunk)).Where("a.type = ?", AssetFlavor).Where("a.status = ?", AssetReady).
			Where("a.deleted_at = 0").Where("a.original OR a.params_id <> 0").OrderExpr("a.entry, a.params_id").Scan(ctx, &rows)
		if err != nil {
			return nil, fmt.Errorf("flavors of %d entries: %w", len(entries), err)
		}
		for _, r := range rows {
			out[r.Entry] = append(out[r.Entry], r.Params)
		}
	}
	return out, nil
}

package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// batchSize bounds the ids of one query; more are asked for in turns.
const batchSize = 500

// AssetsOf returns what Assets returns for each of several entries, with a query for all of them. An entry without assets,
// or unknown, has no key.
func (db *DB) AssetsOf(ctx context.Context, entries []EntryID, types ...AssetType) (map[EntryID][]Asset, error) {
	out := make(map[EntryID][]Asset, len(entries))
	for chunk := range slices.Chunk(distinct(entries), batchSize) {
		var rows []assetRow
		sel := db.read.NewSelect().Model(&rows).Where("entry IN (?)", bun.List(chunk)).Where("deleted_at = 0").Order("num")
		if len(types) > 0 {
			sel = sel.Where("type IN (?)", bun.List(types))
		}
		if err := sel.Scan(ctx); err != nil {
			return nil, fmt.Errorf("assets of %d entries: %w", len(entries), err)
		}
		for i := range rows {
			out[rows[i].Entry] = append(out[rows[i].Entry], rows[i].asset())
		}
	}
	return out, nil
}

// distinct returns ids in order, each once, so that no chunk repeats what another asked for.
func distinct(ids []EntryID) []EntryID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

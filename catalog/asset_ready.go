package catalog

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// shownRow is an entry with the params of its ready flavors.
type shownRow struct {
	entryRow `bun:",extend"`

	Params string `bun:"ready_params,scanonly"` // comma list
}

// EntryShown returns an entry of any account and what ReadyParams tells of it, by one query: it is what most calls of the API ask.
func (db *DB) EntryShown(ctx context.Context, id EntryID) (Entry, []int64, error) {
	var row shownRow
	if err := db.lookups.shown.scan(ctx, db.read, id, &row); err != nil {
		return Entry{}, nil, notFound(err, "entry %s", id)
	}
	var params []int64
	for text := range strings.SplitSeq(row.Params, ",") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			params = append(params, n)
		}
	}
	slices.Sort(params)
	return row.entry(), slices.Compact(params), nil
}

package catalog

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// lookups are the selects of one entry by its id: most calls of the API make one.
type lookups struct{ entry, shown lookup }

// lookup is a select of one row. SQLite parses it once, which is half of what it costs there; PostgreSQL is sent its text each time,
// since poolers know nothing of what was prepared over another of their connections.
type lookup struct {
	text string    // with ? for the id
	stmt *sql.Stmt // nil where the text is sent
}

// newLookups writes the selects; params is the expression that lists the params of assets.
func newLookups(db *bun.DB, params string) lookups {
	id := bun.Safe("?")
	return lookups{
		entry: lookup{text: db.NewSelect().Model((*entryRow)(nil)).Where("id = ?", id).String()},
		shown: lookup{text: db.NewSelect().Model((*shownRow)(nil)).ColumnExpr("?TableColumns").ColumnExpr(`coalesce((SELECT `+params+` FROM assets AS a
			WHERE a.entry = ?TableAlias.id AND a.version = ?TableAlias.version AND a.type = ? AND a.status = ? AND a.deleted_at = 0
			AND (a.original OR a.params_id <> 0)), '') AS ready_params`, AssetFlavor, AssetReady).Where("id = ?", id).String()},
	}
}

func (l *lookups) prepare(ctx context.Context, db *bun.DB) (err error) {
	for _, q := range []*lookup{&l.entry, &l.shown} {
		if q.stmt, err = db.DB.PrepareContext(ctx, q.text); err != nil {
			return err
		}
	}
	return nil
}

// scan reads the row with an id; sql.ErrNoRows when there is none.
func (l *lookup) scan(ctx context.Context, db *bun.DB, id EntryID, row any) error {
	if l.stmt == nil {
		return db.NewRaw(l.text, id).Scan(ctx, row)
	}
	rows, err := l.stmt.QueryContext(ctx, string(id))
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return db.ScanRow(ctx, rows, row)
}

package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// EntryOrder is what a list of entries is sorted by.
type EntryOrder string

// Orders of entries; entries that are equal in it follow by age.
const (
	ByCreated  EntryOrder = "created_at" // the default
	ByUpdated  EntryOrder = "updated_at"
	ByName     EntryOrder = "name" // by bytes
	ByDuration EntryOrder = "duration_ms"
)

// Page sizes of lists.
const (
	defaultPage = 50
	maxPage     = 1000
)

// EntryFilter selects entries. Deleted ones are left out unless Statuses names EntryDeleted.
type EntryFilter struct {
	Account  AccountID // 0 means all
	Statuses []EntryStatus
	// Search keeps entries that have, for each of its words, a word beginning with it in name, id, reference id,
	// description or tags.
	Search      string
	ReferenceID string
	OrderBy     EntryOrder
	Desc        bool
	// Cursor is the last entry of the page before; Offset skips entries, after the cursor if there is one.
	Cursor EntryID
	Offset int
	Limit  int // 0 means 50; at most 1000
}

// ListEntries returns a page of entries and how many the filter selects on all pages.
func (db *DB) ListEntries(ctx context.Context, f EntryFilter) ([]Entry, int, error) {
	entries, total, err := db.listEntries(ctx, f)
	if err != nil {
		return nil, 0, fmt.Errorf("list entries: %w", err)
	}
	return entries, total, nil
}

func (db *DB) listEntries(ctx context.Context, f EntryFilter) ([]Entry, int, error) {
	order, limit, err := f.page()
	if err != nil {
		return nil, 0, err
	}
	total, err := db.whereEntries(db.read.NewSelect().Table("entries"), f).Count(ctx)
	if err != nil {
		return nil, 0, err
	}
	var rows []entryRow
	q := db.whereEntries(db.read.NewSelect().Model(&rows), f).Limit(int64(limit)).Offset(int64(f.Offset))
	direction, beyond := "ASC", ">"
	if f.Desc {
		direction, beyond = "DESC", "<"
	}
	if f.Cursor != "" {
		last, err := entryByID(ctx, db.read, f.Cursor)
		if err != nil {
			return nil, 0, fmt.Errorf("cursor: %w", err)
		}
		q = q.Where("(?, num) "+beyond+" (?, ?)", order, last.column(f.OrderBy), last.Num)
	}
	if err := q.OrderExpr("? "+direction+", num "+direction, order).Scan(ctx); err != nil {
		return nil, 0, err
	}
	out := make([]Entry, len(rows))
	for i := range rows {
		out[i] = rows[i].entry()
	}
	return out, int(total), nil
}

func (db *DB) whereEntries(q *bun.SelectQuery, f EntryFilter) *bun.SelectQuery {
	if f.Account != 0 {
		q = q.Where("account = ?", f.Account)
	}
	if len(f.Statuses) > 0 {
		q = q.Where("status IN (?)", bun.List(f.Statuses))
	} else {
		q = q.Where("status <> ?", EntryDeleted)
	}
	if f.ReferenceID != "" {
		q = q.Where("reference_id = ?", f.ReferenceID)
	}
	return db.whereWords(q, f.Search)
}

// page checks and completes the paging of a filter.
func (f EntryFilter) page() (bun.Ident, int, error) {
	switch f.OrderBy {
	case "":
		f.OrderBy = ByCreated
	case ByCreated, ByUpdated, ByName, ByDuration:
	default:
		return "", 0, fmt.Errorf("%w: cannot order entries by %q", ErrInvalid, f.OrderBy)
	}
	limit, err := pageSize(f.Limit, f.Offset)
	return bun.Ident(f.OrderBy), limit, err
}

func pageSize(limit, offset int) (int, error) {
	switch {
	case limit < 0 || limit > maxPage:
		return 0, fmt.Errorf("%w: limit %d is not within 0 to %d", ErrInvalid, limit, maxPage)
	case offset < 0:
		return 0, fmt.Errorf("%w: offset %d is negative", ErrInvalid, offset)
	case limit == 0:
		return defaultPage, nil
	}
	return limit, nil
}

// column is the row's value in the order.
func (r *entryRow) column(by EntryOrder) any {
	switch by {
	case ByUpdated:
		return r.UpdatedAt
	case ByName:
		return r.Name
	case ByDuration:
		return r.DurationMS
	default:
		return r.CreatedAt
	}
}

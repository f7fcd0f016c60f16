package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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

// maxFound is how many entries a search counts and sorts; of words that more have, pages are found by walking the order.
const maxFound = 10000

// ListEntries returns a page of entries and how many the filter selects on all pages; of a search at most 10,000 are counted.
func (db *DB) ListEntries(ctx context.Context, f EntryFilter) ([]Entry, int, error) {
	entries, total, err := db.listEntries(ctx, f)
	if err != nil {
		return nil, 0, fmt.Errorf("list entries: %w", err)
	}
	return entries, total, nil
}

func (db *DB) listEntries(ctx context.Context, f EntryFilter) ([]Entry, int, error) {
	if err := f.complete(); err != nil {
		return nil, 0, err
	}
	total, plan, err := db.planEntries(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	var last *entryRow
	if f.Cursor != "" {
		if last, err = entryByID(ctx, db.read, f.Cursor); err != nil {
			return nil, 0, fmt.Errorf("cursor: %w", err)
		}
	}
	rows, err := db.pageOfEntries(ctx, f, plan, last)
	if err != nil {
		return nil, 0, err
	}
	out := make([]Entry, len(rows))
	for i := range rows {
		out[i] = rows[i].entry()
	}
	return out, total, nil
}

// entryPlan is how the entries of a filter are found. Databases guess, and at a million entries a wrong guess takes seconds.
type entryPlan struct {
	// walk goes through the entries in order, past those of another status, rather than sort all of the status.
	walk bool
	// common goes through the entries in order and looks at the words of each, rather than sort all that have them.
	common bool
}

// planEntries counts what the filter selects and decides how to find it.
func (db *DB) planEntries(ctx context.Context, f EntryFilter) (int, entryPlan, error) {
	var p entryPlan
	if f.Search == "" && f.ReferenceID == "" {
		var n int
		err := db.whereEntries(db.read.NewSelect().Table("entry_counts").ColumnExpr("coalesce(sum(n), 0)"), f, p).Scan(ctx, &n)
		p.walk = len(f.Statuses) == 1 && f.OrderBy != ByCreated && n > fewRows
		return n, p, err
	}
	if f.Search != "" {
		found, err := db.read.NewSelect().TableExpr("(?) AS found", db.haveWords(words(f.Search))).Count(ctx)
		if err != nil {
			return 0, p, err
		}
		p.common = found > maxFound
	}
	hits := db.whereEntries(db.read.NewSelect().Table("entries").Column("num"), f, p).Limit(maxFound)
	n, err := db.read.NewSelect().TableExpr("(?) AS hits", hits).Count(ctx)
	p.common = p.common || f.Search != "" && n > fewRows
	return int(n), p, err
}

// pageOfEntries returns the rows of a page. An index holds the entries of one status in order; those of several statuses
// are merged here, because a database would sort them all, or walk past all others to find few.
func (db *DB) pageOfEntries(ctx context.Context, f EntryFilter, p entryPlan, last *entryRow) ([]entryRow, error) {
	if len(f.Statuses) < 2 {
		return db.selectEntries(ctx, f, p, last)
	}
	var rows []entryRow
	one := f
	one.Offset, one.Limit = 0, f.Offset+f.Limit
	for _, s := range f.Statuses {
		one.Statuses = []EntryStatus{s}
		some, err := db.selectEntries(ctx, one, p, last)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b entryRow) int {
		if f.Desc {
			a, b = b, a
		}
		return a.compare(&b, f.OrderBy)
	})
	rows = rows[min(f.Offset, len(rows)):]
	return rows[:min(f.Limit, len(rows))], nil
}

func (db *DB) selectEntries(ctx context.Context, f EntryFilter, p entryPlan, last *entryRow) ([]entryRow, error) {
	var rows []entryRow
	order := bun.Ident(f.OrderBy)
	q := db.whereEntries(db.read.NewSelect().Model(&rows), f, p).Limit(int64(f.Limit)).Offset(int64(f.Offset))
	direction, beyond := "ASC", ">"
	if f.Desc {
		direction, beyond = "DESC", "<"
	}
	if last != nil {
		q = q.Where("(?, num) "+beyond+" (?, ?)", order, last.column(f.OrderBy), last.Num)
	}
	by := "?"
	if f.ReferenceID != "" && !db.postgres {
		by = "+?" // a plus keeps SQLite from an index, here that of the order: few entries have one reference id
	}
	err := q.OrderExpr(by+" "+direction+", num "+direction, order).Scan(ctx)
	return rows, err
}

func (db *DB) whereEntries(q *bun.SelectQuery, f EntryFilter, p entryPlan) *bun.SelectQuery {
	account, status := "account", "status"
	if !db.postgres {
		if f.Search != "" && !p.common {
			account = "+account" // rather by the words
		}
		if f.Search != "" || f.ReferenceID != "" || p.walk {
			status = "+status"
		}
	}
	if f.Account != 0 {
		q = q.Where(account+" = ?", f.Account)
	}
	if len(f.Statuses) > 0 {
		q = q.Where(status+" IN (?)", bun.List(f.Statuses))
	} else {
		q = q.Where(status+" <> ?", EntryDeleted)
	}
	if f.ReferenceID != "" {
		q = q.Where("reference_id = ?", f.ReferenceID)
	}
	switch {
	case f.Search == "":
		return q
	case p.common:
		return db.whereText(q, words(f.Search))
	}
	return q.Where("num IN (?)", db.haveWords(words(f.Search)))
}

// complete fills in the defaults of a filter and refuses what is none.
func (f *EntryFilter) complete() error {
	switch f.OrderBy {
	case "":
		f.OrderBy = ByCreated
	case ByCreated, ByUpdated, ByName, ByDuration:
	default:
		return fmt.Errorf("%w: cannot order entries by %q", ErrInvalid, f.OrderBy)
	}
	if len(words(f.Search)) == 0 {
		f.Search = ""
	}
	f.Statuses = slices.Compact(slices.Sorted(slices.Values(f.Statuses)))
	var err error
	f.Limit, err = pageSize(f.Limit, f.Offset)
	return err
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
	if by == ByName {
		return r.Name
	}
	return r.number(by)
}

func (r *entryRow) number(by EntryOrder) int64 {
	switch by {
	case ByUpdated:
		return r.UpdatedAt
	case ByDuration:
		return r.DurationMS
	default:
		return r.CreatedAt
	}
}

// compare orders rows as the databases do.
func (r *entryRow) compare(other *entryRow, by EntryOrder) int {
	if by == ByName {
		return cmp.Or(cmp.Compare(r.Name, other.Name), cmp.Compare(r.Num, other.Num))
	}
	return cmp.Or(cmp.Compare(r.number(by), other.number(by)), cmp.Compare(r.Num, other.Num))
}

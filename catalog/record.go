package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Stamp is a time as columns hold it: microseconds since 1970, 0 for none.
type Stamp int64

// StampOf returns t as a Stamp.
func StampOf(t time.Time) Stamp { return Stamp(micros(t)) }

// Time returns the time in UTC, zero for none.
func (s Stamp) Time() time.Time { return fromMicros(int64(s)) }

// Unix returns whole seconds since 1970, 0 for none.
func (s Stamp) Unix() int64 { return int64(s) / 1e6 }

// Record is embedded by the structs of small nouns: what every one of them has. The catalog sets it.
type Record struct {
	Account   AccountID `bun:"account"`
	CreatedAt Stamp     `bun:"created_at"`
	UpdatedAt Stamp     `bun:"updated_at"`
	DeletedAt Stamp     `bun:"deleted_at"`
}

func (r *Record) record() *Record { return r }

// recorded is a pointer to a struct that embeds Record.
type recorded[T any] interface {
	*T
	record() *Record
}

// table is the table of a small noun. Its struct T is its row as well:
//
//	type AppToken struct {
//		bun.BaseModel `bun:"table:app_tokens"`
//		Record
//
//		ID   string         `bun:"id,pk"` // or int64, "id,pk,autoincrement": the database then chooses
//		Hash string         `bun:"hash"`
//		More map[string]any `bun:"more"`  // structs, maps and slices are JSON in a TEXT column
//	}
//
//	var appTokens = table[AppToken, *AppToken]{noun: "app token", fields: fields{
//		"id":        {"id", kindText},
//		"createdAt": {"created_at", kindTime},
//	}}
//
//	func (db *DB) AppToken(ctx context.Context, a AccountID, id string) (AppToken, error) {
//		return appTokens.get(ctx, db, a, id)
//	}
//
// Every method is bound to an account and never sees deleted rows. The source is a DB, where a change is a transaction of
// its own, or a Tx. Errors are ErrNotFound, ErrConflict (a unique value is taken) and ErrInvalid; they name the noun.
//
// The table has the columns of Record, integers in SQLite and BIGINT in PostgreSQL, and its unique indexes end in
// "WHERE deleted_at = 0" unless names stay taken.
type table[T any, P recorded[T]] struct {
	noun   string
	fields fields
	// shared lets every account read the rows of account 0, the system's own.
	shared bool
	// check says why a row cannot be stored; it may also normalise the row.
	check func(P) error
}

func (t *table[T, P]) mine(account AccountID) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("deleted_at = 0")
		if t.shared {
			return q.Where("account IN (?, 0)", account)
		}
		return q.Where("account = ?", account)
	}
}

// get returns a row by its id.
func (t *table[T, P]) get(ctx context.Context, s source, account AccountID, id any) (T, error) {
	var row T
	if err := t.mine(account)(s.reader().NewSelect().Model(&row)).Where("id = ?", id).Scan(ctx); err != nil {
		var none T
		return none, notFound(err, "%s %v", t.noun, id)
	}
	return row, nil
}

// list returns a page of rows and how many there are on all pages.
func (t *table[T, P]) list(ctx context.Context, s source, account AccountID, q Query) ([]T, int, error) {
	rows, total, err := listWhere[T](ctx, s, t.fields, q, "id", t.mine(account))
	if err != nil {
		return nil, 0, fmt.Errorf("list of %ss: %w", t.noun, err)
	}
	return rows, total, nil
}

// insert stores a new row and returns it as stored. A text id must be set; an id that the database chooses must be 0.
func (t *table[T, P]) insert(ctx context.Context, s source, account AccountID, row T) (T, error) {
	made := row
	err := s.within(ctx, func(tx *Tx) error {
		made = row
		*P(&made).record() = Record{Account: account, CreatedAt: StampOf(tx.now), UpdatedAt: StampOf(tx.now)}
		if err := t.checked(&made); err != nil {
			return err
		}
		return tx.guard(ctx, func() error {
			_, err := tx.tx.NewInsert().Model(&made).Exec(ctx)
			return err
		})
	})
	if err != nil {
		var none T
		return none, t.failed("add", nil, err)
	}
	return made, nil
}

// update changes a row of the account's own by fn and returns it. Fn sees the newest state, may run several times, and
// must leave the id alone.
func (t *table[T, P]) update(ctx context.Context, s source, account AccountID, id any, fn func(P) error) (T, error) {
	return t.change(ctx, s, account, id, func(_ *Tx, row P) error { return fn(row) })
}

// delete marks a row of the account's own as deleted. Fn, which may be nil, changes it at the same time, for a status that
// says so.
func (t *table[T, P]) delete(ctx context.Context, s source, account AccountID, id any, fn func(P)) error {
	_, err := t.change(ctx, s, account, id, func(tx *Tx, row P) error {
		row.record().DeletedAt = StampOf(tx.now)
		if fn != nil {
			fn(row)
		}
		return nil
	})
	return err
}

func (t *table[T, P]) change(ctx context.Context, s source, account AccountID, id any, fn func(*Tx, P) error) (T, error) {
	var row T
	err := s.within(ctx, func(tx *Tx) error {
		row = *new(T)
		q := tx.tx.NewSelect().Model(&row).Where("account = ?", account).Where("deleted_at = 0").Where("id = ?", id)
		if tx.db.postgres {
			q = q.For("NO KEY UPDATE")
		}
		if err := q.Scan(ctx); err != nil {
			return notFound(err, "%s %v", t.noun, id)
		}
		return t.apply(ctx, tx, &row, fn)
	})
	if err != nil {
		var none T
		return none, t.failed("change", id, err)
	}
	return row, nil
}

// apply changes a locked row.
func (t *table[T, P]) apply(ctx context.Context, tx *Tx, row P, fn func(*Tx, P) error) error {
	before := *row.record()
	if err := fn(tx, row); err != nil {
		return err
	}
	record := row.record()
	record.Account, record.CreatedAt, record.UpdatedAt = before.Account, before.CreatedAt, StampOf(tx.now)
	if err := t.checked(row); err != nil {
		return err
	}
	return tx.guard(ctx, func() error {
		_, err := tx.tx.NewUpdate().Model(row).ExcludeColumn("id").WherePK().Exec(ctx)
		return err
	})
}

func (t *table[T, P]) checked(row P) error {
	if t.check == nil {
		return nil
	}
	return t.check(row)
}

func (t *table[T, P]) failed(what string, id any, err error) error {
	if uniqueViolation(err) {
		err = fmt.Errorf("%w: a value that must be unique is taken: %w", ErrConflict, err)
	}
	if id == nil {
		return fmt.Errorf("%s %s: %w", what, t.noun, err)
	}
	return fmt.Errorf("%s %s %v: %w", what, t.noun, id, err)
}

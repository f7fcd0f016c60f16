package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// kind says how a column holds a field and how the field is compared.
type kind int

const (
	kindText  kind = iota
	kindCSV        // text: tokens with commas between them and no spaces around
	kindInt        // also enumerations
	kindFloat      // a column of real numbers
	kindBool
	kindTime    // a Stamp; seconds in conditions
	kindSeconds // a duration in milliseconds; whole seconds, rounded, in conditions
)

// column is where a field of the wire is stored.
type column struct {
	name string
	kind kind
}

// fields are the fields of a noun that queries may name, by their name on the wire; all of them but comma lists may also
// sort. A time that is 0 and any other column that is NULL are the wire's null, which only OrNull operators, NotEqual,
// NotIn and Empty match.
type fields map[string]column

// source is a DB or a Tx: where a noun is read and changed.
type source interface {
	reader() bun.IDB
	onPostgres() bool
	within(ctx context.Context, fn func(tx *Tx) error) error
}

func (db *DB) reader() bun.IDB  { return db.read }
func (db *DB) onPostgres() bool { return db.postgres }
func (db *DB) within(ctx context.Context, fn func(tx *Tx) error) error {
	return db.inTx(ctx, durable, fn)
}

func (tx *Tx) reader() bun.IDB                                       { return tx.tx }
func (tx *Tx) onPostgres() bool                                      { return tx.db.postgres }
func (tx *Tx) within(_ context.Context, fn func(tx *Tx) error) error { return fn(tx) }

// listWhere returns the page of rows of type R that q selects, and how many there are on all pages. Scope adds what a query
// cannot say: the account above all. Tie is the column that orders rows that are equal in everything else.
func listWhere[R any](ctx context.Context, s source, f fields, q Query, tie string, scope func(*bun.SelectQuery) *bun.SelectQuery) ([]R, int, error) {
	if q.Offset < 0 {
		return nil, 0, fmt.Errorf("%w: offset %d is negative", ErrInvalid, q.Offset)
	}
	where, err := f.where(q.Conds, s.onPostgres())
	if err != nil {
		return nil, 0, err
	}
	order, err := f.order(q.Order, tie, s.onPostgres())
	if err != nil {
		return nil, 0, err
	}
	total, err := where.apply(scope(s.reader().NewSelect().Model((*R)(nil)))).Count(ctx)
	if err != nil || q.Limit == 0 || int64(q.Offset) >= total {
		return nil, int(total), err
	}
	var rows []R
	sel := order.apply(where.apply(scope(s.reader().NewSelect().Model(&rows)))).Offset(int64(q.Offset))
	if q.Limit > 0 {
		sel = sel.Limit(int64(q.Limit))
	} else if !s.onPostgres() {
		sel = sel.Limit(total) // SQLite has no offset without a limit
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, 0, err
	}
	return rows, int(total), nil
}

// clause is a piece of SQL with its parameters.
type clause struct {
	sql  string
	args []any
}

// clauses are conditions that all hold.
type clauses []clause

func (cs clauses) apply(q *bun.SelectQuery) *bun.SelectQuery {
	for _, c := range cs {
		q = q.Where(c.sql, c.args...)
	}
	return q
}

// ordering is a list of things to sort by.
type ordering []clause

func (o ordering) apply(q *bun.SelectQuery) *bun.SelectQuery {
	for _, c := range o {
		q = q.OrderExpr(c.sql, c.args...)
	}
	return q
}

// where turns conditions into SQL, or says which of them makes no sense.
func (f fields) where(conds []Cond, postgres bool) (clauses, error) {
	out := make(clauses, 0, len(conds))
	for _, c := range conds {
		col, ok := f[c.Field]
		if !ok {
			return nil, fmt.Errorf("%w: no condition on %q", ErrInvalid, c.Field)
		}
		cl, err := col.condition(c, postgres)
		if err != nil {
			return nil, err
		}
		if cl.sql != "" {
			out = append(out, cl)
		}
	}
	return out, nil
}

// order turns an order into SQL. The tie follows the direction of the last field.
func (f fields) order(by []Order, tie string, postgres bool) (ordering, error) {
	if len(by) == 0 {
		by = []Order{{"createdAt", true}}
		if _, ok := f["createdAt"]; !ok {
			by = nil
		}
	}
	direction := func(desc bool) string {
		if desc {
			return " DESC"
		}
		return " ASC"
	}
	var out ordering
	seen := map[string]bool{tie: true}
	desc := true
	for _, o := range by {
		col, ok := f[o.Field]
		if !ok || col.kind == kindCSV {
			return nil, fmt.Errorf("%w: cannot order by %q", ErrInvalid, o.Field)
		}
		if col.name == tie {
			desc = o.Desc
			break // nothing after it can matter
		}
		if seen[col.name] {
			continue
		}
		seen[col.name], desc = true, o.Desc
		collate := ""
		if postgres && col.kind == kindText {
			collate = ` COLLATE "C"` // by bytes, as SQLite does
		}
		out = append(out, clause{"?" + collate + direction(o.Desc), []any{bun.Ident(col.name)}})
	}
	return append(out, clause{"?" + direction(desc), []any{bun.Ident(tie)}}), nil
}

// join puts clauses together with AND or OR; of none it is what holds for none.
func join(cs []clause, with, none string) clause {
	if len(cs) == 0 {
		return clause{sql: none}
	}
	parts := make([]string, len(cs))
	var args []any
	for i, c := range cs {
		parts[i], args = c.sql, slices.Concat(args, c.args)
	}
	return clause{"(" + strings.Join(parts, with) + ")", args}
}

package catalog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// SQL that is always or never true.
const (
	always = "1 = 1"
	never  = "1 = 0"
)

// condition turns a condition on the column into SQL; it is empty when it does not restrict.
func (col column) condition(c Cond, postgres bool) (clause, error) {
	single := len(c.Values) == 1
	switch c.Op {
	case OpIn:
		return col.oneOf(c.Values), nil
	case OpNotIn:
		return col.negate(col.oneOf(c.Values)), nil
	case OpEq, OpNot, OpGTE, OpLTE, OpGT, OpLT, OpGTEOrNull, OpLTEOrNull, OpEmpty:
		if single {
			return col.compare(c)
		}
	case OpLike, OpStartsWith, OpMultiLikeOr, OpMultiLikeAnd, OpMatchOr, OpMatchAnd, OpNotContains:
		if col.kind != kindText && col.kind != kindCSV {
			break
		}
		if single || c.Op != OpLike && c.Op != OpStartsWith {
			return col.search(c, postgres), nil
		}
	}
	return clause{}, fmt.Errorf("%w: no condition %s with %d values on %q", ErrInvalid, c.Op, len(c.Values), c.Field)
}

func (col column) compare(c Cond) (clause, error) {
	v := c.Values[0]
	switch c.Op {
	case OpEq:
		return col.equal(v), nil
	case OpNot:
		return col.negate(col.equal(v)), nil
	case OpGTEOrNull:
		return join([]clause{col.bound(OpGTE, v), col.null()}, " OR ", never), nil
	case OpLTEOrNull:
		return join([]clause{col.bound(OpLTE, v), col.null()}, " OR ", never), nil
	case OpEmpty:
		switch n, ok := integer(v); {
		case ok && n == 1:
			return col.empty(), nil
		case ok && n == 0:
			empty := col.empty()
			return clause{"NOT " + empty.sql, empty.args}, nil
		}
		return clause{}, nil
	}
	if col.kind == kindBool || col.kind == kindCSV {
		return clause{}, fmt.Errorf("%w: no condition %s on %q", ErrInvalid, c.Op, c.Field)
	}
	return col.bound(c.Op, v), nil
}

// ident is the column in SQL. A name that starts with a plus keeps SQLite from using the column's index.
func (col column) ident() any {
	if strings.HasPrefix(col.name, "+") {
		return bun.Safe(col.name)
	}
	return bun.Ident(col.name)
}

// second returns the stored values that the wire shows as second s: from the first up to, not including, the last.
func (col column) second(v any) (from, to int64, ok bool) {
	const far = 1 << 40 // keep products within 64 bits
	s, ok := integer(v)
	s = min(max(s, -far), far)
	if col.kind == kindSeconds {
		return s*1000 - 500, s*1000 + 500, ok
	}
	return s * 1e6, (s + 1) * 1e6, ok
}

// coarse says that the column is finer than the seconds it is compared with.
func (col column) coarse() bool { return col.kind == kindTime || col.kind == kindSeconds }

// equal compares with one value. A value that the column's type cannot have equals nothing.
func (col column) equal(v any) clause {
	if col.coarse() {
		from, to, ok := col.second(v)
		if !ok {
			return clause{sql: never}
		}
		return clause{"(? >= ? AND ? < ?)", []any{col.ident(), from, col.ident(), to}}
	}
	value, ok := col.value(v)
	if !ok {
		return clause{sql: never}
	}
	return clause{"? = ?", []any{col.ident(), value}}
}

// oneOf compares with several values.
func (col column) oneOf(values []any) clause {
	if col.coarse() {
		return join(each(values, col.equal), " OR ", never)
	}
	var list []any
	for _, v := range values {
		if value, ok := col.value(v); ok {
			list = append(list, value)
		}
	}
	if len(list) == 0 {
		return clause{sql: never}
	}
	return clause{"? IN (?)", []any{col.ident(), bun.List(list)}}
}

// bound compares with a limit. Up to a second means to its end.
func (col column) bound(op Op, v any) clause {
	sign := map[Op]string{OpGTE: ">=", OpLTE: "<=", OpGT: ">", OpLT: "<"}[op]
	if !col.coarse() {
		value, ok := col.value(v)
		if !ok {
			return clause{sql: never}
		}
		return clause{"? " + sign + " ?", []any{col.ident(), value}}
	}
	from, to, ok := col.second(v)
	if !ok {
		return clause{sql: never}
	}
	limit := from
	switch op {
	case OpLTE:
		sign, limit = "<", to
	case OpGT:
		sign, limit = ">=", to
	}
	if col.kind == kindTime {
		return clause{"(? " + sign + " ? AND ? <> 0)", []any{col.ident(), limit, col.ident()}}
	}
	return clause{"? " + sign + " ?", []any{col.ident(), limit}}
}

// negate turns a condition round; null then matches.
func (col column) negate(c clause) clause {
	switch c.sql {
	case never:
		return clause{}
	case always:
		return clause{sql: never}
	}
	return clause{"(NOT " + c.sql + " OR ? IS NULL)", append(c.args, col.ident())}
}

func (col column) null() clause {
	if col.kind == kindTime {
		return clause{"(? = 0)", []any{col.ident()}}
	}
	return clause{"(? IS NULL)", []any{col.ident()}}
}

func (col column) empty() clause {
	if col.kind == kindText || col.kind == kindCSV {
		return clause{"(? = '' OR ? IS NULL)", []any{col.ident(), col.ident()}}
	}
	return col.null()
}

// foldedPostgres is PostgreSQL's lower for all of Unicode, whatever the database's locale.
const foldedPostgres = `lower(? COLLATE "und-x-icu")`

// maxPattern bounds what text is looked for. SQLite takes patterns of 50,000 bytes.
const maxPattern = 40_000

// search compares text without case.
func (col column) search(c Cond, postgres bool) clause {
	// Both databases fold all of Unicode: SQLite by a function of ours, PostgreSQL by a collation of its own.
	folded := "fold(?)"
	if postgres {
		folded = foldedPostgres
	}
	like := func(before, after string) func(any) clause {
		return func(v any) clause { return col.matching(folded, before+pattern(v)+after) }
	}
	token := func(v any) clause { return col.matching(`(',' || `+folded+` || ',')`, "%,"+pattern(v)+",%") }
	switch c.Op {
	case OpStartsWith:
		return like("", "%")(c.Values[0])
	case OpMultiLikeAnd:
		return join(each(c.Values, like("%", "%")), " AND ", always)
	case OpMatchOr:
		return join(each(c.Values, token), " OR ", never)
	case OpMatchAnd:
		return join(each(c.Values, token), " AND ", always)
	case OpNotContains:
		return col.negate(join(each(c.Values, token), " OR ", never))
	default: // OpLike, OpMultiLikeOr
		return join(each(c.Values, like("%", "%")), " OR ", never)
	}
}

// matching is text of the column, as what makes of it, that is like a pattern.
func (col column) matching(what, pattern string) clause {
	if len(pattern) > maxPattern {
		return clause{sql: never}
	}
	return clause{what + ` LIKE ? ESCAPE '\'`, []any{col.ident(), pattern}}
}

func each(values []any, fn func(any) clause) []clause {
	out := make([]clause, len(values))
	for i, v := range values {
		out[i] = fn(v)
	}
	return out
}

// value turns a condition's value into the column's type.
func (col column) value(v any) (any, bool) {
	switch col.kind {
	case kindInt:
		n, ok := integer(v)
		return n, ok
	case kindFloat:
		return number(v)
	case kindBool:
		switch strings.ToLower(text(v)) {
		case "1", "true":
			return true, true
		case "0", "-1", "false", "":
			return false, true
		}
		return nil, false
	default:
		return text(v), true
	}
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == float64(int64(v))
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case float64:
		return v, true
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return n, err == nil
	}
	return 0, false
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// pattern is the folded text of a value as part of a LIKE pattern.
func pattern(v any) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(strings.TrimSpace(text(v))))
}

package catalog

import (
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

func noCondition(c Cond) error {
	return fmt.Errorf("%w: no condition %s with %d values on %q", ErrInvalid, c.Op, len(c.Values), c.Field)
}

// anyOf puts a condition to several columns, one of which has to meet each of its values.
func anyOf(names ...string) func(Cond, bool) (clause, error) {
	return func(c Cond, postgres bool) (clause, error) {
		var values []clause
		for _, v := range c.Values {
			var cols []clause
			for _, name := range names {
				one := Cond{c.Field, c.Op, []any{v}}
				cl, err := entryFields[name].condition(one, postgres)
				if err != nil {
					return clause{}, err
				}
				cols = append(cols, cl)
			}
			values = append(values, join(cols, " OR ", never))
		}
		if c.Op == OpMultiLikeAnd || c.Op == OpMatchAnd {
			return join(values, " AND ", always), nil
		}
		return join(values, " OR ", never), nil
	}
}

// categoryClause matches full names of categories; an entry of a category is one of its parents, too.
func categoryClause(c Cond, postgres bool) (clause, error) {
	col := column{"categories", kindCSV}
	within := func(v any) clause {
		exact := col.search(Cond{c.Field, OpMatchOr, []any{v}}, postgres)
		folded := "fold(?)"
		if postgres {
			folded = foldedPostgres
		}
		below := col.matching(`(',' || `+folded+`)`, "%,"+pattern(v)+">%")
		return join([]clause{exact, below}, " OR ", never)
	}
	switch c.Op {
	case OpMatchOr:
		return join(each(c.Values, within), " OR ", never), nil
	case OpMatchAnd:
		return join(each(c.Values, within), " AND ", always), nil
	case OpNotContains:
		return col.negate(join(each(c.Values, within), " OR ", never)), nil
	case OpIn, OpEq:
		return col.search(Cond{c.Field, OpMatchOr, c.Values}, postgres), nil
	}
	return clause{}, noCondition(c)
}

// Bounds of the kinds of duration, in milliseconds: short, up to medium, medium up to and including long.
const (
	mediumMS = 4 * 60 * 1000
	longMS   = 20 * 60 * 1000
)

// DurationType is the wire's kind of a duration: notavailable, short, medium or long.
func DurationType(ms int64) string {
	switch {
	case ms <= 0:
		return "notavailable"
	case ms < mediumMS:
		return "short"
	case ms <= longMS:
		return "medium"
	}
	return "long"
}

func durationClause(c Cond, _ bool) (clause, error) {
	if c.Op != OpMatchOr && c.Op != OpIn && c.Op != OpEq {
		return clause{}, noCondition(c)
	}
	return join(each(c.Values, func(v any) clause {
		switch strings.TrimSpace(text(v)) {
		case "notavailable":
			return clause{sql: "duration_ms <= 0"}
		case "short":
			return clause{"(duration_ms > 0 AND duration_ms < ?)", []any{mediumMS}}
		case "medium":
			return clause{"(duration_ms >= ? AND duration_ms <= ?)", []any{mediumMS, longMS}}
		case "long":
			return clause{"duration_ms > ?", []any{longMS}}
		}
		return clause{sql: never}
	}), " OR ", never), nil
}

// flavorClause looks for entries that have ready flavors of the parameters; 0 is the original.
func flavorClause(c Cond, _ bool) (clause, error) {
	ready := func(v any) clause {
		id, ok := integer(v)
		if !ok {
			return clause{sql: never}
		}
		return clause{`EXISTS (SELECT 1 FROM assets AS a WHERE a.entry = entry_row.id AND a.version = entry_row.version AND a.type = ?
			AND a.status = ? AND a.deleted_at = 0 AND a.params_id = ? AND a.original = ?)`, []any{AssetFlavor, AssetReady, id, id == 0}}
	}
	switch c.Op {
	case OpMatchOr, OpIn, OpEq:
		return join(each(c.Values, ready), " OR ", never), nil
	case OpMatchAnd:
		return join(each(c.Values, ready), " AND ", always), nil
	}
	return clause{}, noCondition(c)
}

// wordClause looks for entries that have, for each word of a value, a word that starts with it.
func wordClause(c Cond, postgres bool) (clause, error) {
	var with string
	switch c.Op {
	case OpMatchOr, OpMultiLikeOr:
		with = " OR "
	case OpMatchAnd, OpMultiLikeAnd, OpLike:
		with = " AND "
	default:
		return clause{}, noCondition(c)
	}
	and := map[bool]string{true: " & ", false: " AND "}[postgres]
	if postgres {
		with = map[string]string{" OR ": " | ", " AND ": " & "}[with]
	}
	var groups []string
	for _, v := range c.Values {
		terms := words(text(v))
		for i, t := range terms {
			if postgres {
				terms[i] = "'" + t + "':*"
			} else {
				terms[i] = `"` + t + `"*`
			}
		}
		if len(terms) > 0 {
			groups = append(groups, "("+strings.Join(terms, and)+")")
		}
	}
	if len(groups) == 0 {
		return clause{}, nil
	}
	match := strings.Join(groups, with)
	if postgres {
		return clause{"array_to_tsvector(string_to_array(search_words, ' ')) @@ ?::tsquery", []any{match}}, nil
	}
	return clause{"num IN (SELECT rowid FROM entries_words WHERE entries_words MATCH ?)", []any{match}}, nil
}

func rootClause(c Cond, _ bool) (clause, error) {
	if len(c.Values) != 1 {
		return clause{}, noCondition(c)
	}
	switch n, _ := integer(c.Values[0]); n {
	case 1:
		return clause{"? = ''", []any{bun.Ident("root")}}, nil
	case 0:
		return clause{"? <> ''", []any{bun.Ident("root")}}, nil
	}
	return clause{}, nil
}

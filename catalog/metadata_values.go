package catalog

import (
	"context"
	"database/sql"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
)

// MetadataMatch is a condition on the custom metadata of entries: the value of the field "metadata" in queries of them. It
// holds terms, all of which or any of which an entry meets; or it compares one element of the values of a profile.
type MetadataMatch struct {
	Terms []MetadataMatch
	Any   bool

	Profile int64
	// Field is the path of the element by its local names: "metadata/Genre".
	Field string
	// Op is one of OpEq, OpStartsWith (text without case), OpGT, OpGTE, OpLT and OpLTE (numbers).
	Op    Op
	Value string
	// Not turns the condition round; entries without the element then meet it.
	Not bool
}

// Bounds of what is looked for.
const (
	maxMetadataValues = 1000 // elements of one object's values
	maxMetadataKey    = 500  // bytes of a value; the rest does not count
	maxMetadataTerms  = 100
	maxMetadataDepth  = 10
)

// metadataValue is what one element holds.
type metadataValue struct {
	bun.BaseModel `bun:"table:metadata_values"`

	Metadata int64    `bun:"metadata"`
	Profile  int64    `bun:"profile"`
	Entry    EntryID  `bun:"entry"`
	Field    string   `bun:"field"`
	Value    string   `bun:"value"`
	Number   *float64 `bun:"number"`
}

// index keeps what is looked for in step with the values of an object; values that are no XML are found by nothing.
func (tx *Tx) index(ctx context.Context, m Metadata) error {
	if _, err := tx.tx.NewDelete().Table("metadata_values").Where("metadata = ?", m.ID).Exec(ctx); err != nil {
		return err
	}
	rows := m.values()
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// values are the elements of an entry's metadata that hold text and nothing else.
func (m *Metadata) values() []metadataValue {
	if m.Entry == "" || m.DeletedAt != 0 {
		return nil
	}
	var out []metadataValue
	var path []string
	var text strings.Builder
	leaf := false
	for d := xml.NewDecoder(strings.NewReader(m.XML)); len(out) < maxMetadataValues; {
		token, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil
			}
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			leaf = true
			text.Reset()
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if leaf {
				v := metadataValue{Metadata: m.ID, Profile: m.Profile, Entry: m.Entry, Field: strings.Join(path, "/"), Value: metadataKey(text.String())}
				if n, err := strconv.ParseFloat(v.Value, 64); err == nil && n == n { // not NaN
					v.Number = &n
				}
				out = append(out, v)
			}
			leaf = false
			path = path[:len(path)-1]
		}
	}
	return out
}

// metadataKey is a value as it is compared: without case, and not too long for an index.
func metadataKey(v string) string {
	v = strings.ToLower(strings.TrimSpace(v))
	if len(v) > maxMetadataKey {
		v = v[:maxMetadataKey]
		for !utf8.ValidString(v) {
			v = v[:len(v)-1]
		}
	}
	return v
}

// metadataClause is the condition of entries that the field "metadata" stands for.
func metadataClause(c Cond, _ bool) (clause, error) {
	left := maxMetadataTerms
	all := make([]clause, 0, len(c.Values))
	for _, v := range c.Values {
		m, ok := v.(MetadataMatch)
		if !ok {
			return clause{}, noCondition(c)
		}
		cl, err := m.clause(&left, 0)
		if err != nil {
			return clause{}, err
		}
		all = append(all, cl)
	}
	return join(all, " AND ", always), nil
}

func (m *MetadataMatch) clause(left *int, depth int) (clause, error) {
	if *left--; *left < 0 || depth > maxMetadataDepth {
		return clause{}, fmt.Errorf("%w: more than %d conditions on metadata, or %d within each other", ErrInvalid, maxMetadataTerms, maxMetadataDepth)
	}
	var out clause
	if m.Field == "" {
		terms := make([]clause, len(m.Terms))
		for i := range m.Terms {
			var err error
			if terms[i], err = m.Terms[i].clause(left, depth+1); err != nil {
				return clause{}, err
			}
		}
		if m.Any && len(terms) > 0 {
			out = join(terms, " OR ", never)
		} else {
			out = join(terms, " AND ", always)
		}
	} else {
		what, err := m.compare()
		if err != nil {
			return clause{}, err
		}
		out = clause{"entry_row.id IN (SELECT entry FROM metadata_values WHERE profile = ? AND field = ? AND " + what.sql + ")",
			append([]any{m.Profile, m.Field}, what.args...)}
	}
	if m.Not {
		out.sql = "NOT (" + out.sql + ")"
	}
	return out, nil
}

// compare is what the element has to be.
func (m *MetadataMatch) compare() (clause, error) {
	key := metadataKey(m.Value)
	switch m.Op {
	case OpEq:
		return clause{"value = ?", []any{key}}, nil
	case OpStartsWith:
		return clause{`value LIKE ? ESCAPE '\'`, []any{pattern(key) + "%"}}, nil
	case OpGT, OpGTE, OpLT, OpLTE:
		n, err := strconv.ParseFloat(key, 64)
		if err != nil {
			return clause{sql: never}, nil //nolint:nilerr // nothing compares with what is no number
		}
		sign := map[Op]string{OpGTE: ">=", OpLTE: "<=", OpGT: ">", OpLT: "<"}[m.Op]
		return clause{"number " + sign + " ?", []any{n}}, nil
	}
	return clause{}, fmt.Errorf("%w: no condition %s on metadata", ErrInvalid, m.Op)
}

// indexMetadata makes the values that were stored before they could be looked for known, some rows at a time.
func indexMetadata(postgres bool) *goose.Migration {
	after, marks := "?", "?, ?, ?, ?, ?, ?"
	if postgres {
		after, marks = "$1", "$1, $2, $3, $4, $5, $6"
	}
	query := "SELECT id, profile, entry, xml FROM metadata WHERE id > " + after + " AND deleted_at = 0 AND entry IS NOT NULL ORDER BY id LIMIT " +
		strconv.Itoa(insertBatch)
	return goose.NewGoMigration(171, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for last := int64(0); ; {
			some, err := metadataAfter(ctx, tx, query, last)
			if err != nil || len(some) == 0 {
				return err
			}
			for _, m := range some {
				for _, v := range m.values() {
					_, err := tx.ExecContext(ctx, "INSERT INTO metadata_values (metadata, profile, entry, field, value, number) VALUES ("+marks+")",
						v.Metadata, v.Profile, string(v.Entry), v.Field, v.Value, v.Number)
					if err != nil {
						return err
					}
				}
				last = m.ID
			}
		}
	}}, nil)
}

// metadataAfter reads what query finds behind an id.
func metadataAfter(ctx context.Context, tx *sql.Tx, query string, last int64) ([]Metadata, error) {
	rows, err := tx.QueryContext(ctx, query, last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var some []Metadata
	for rows.Next() {
		var m Metadata
		if err := rows.Scan(&m.ID, &m.Profile, &m.Entry, &m.XML); err != nil {
			return nil, err
		}
		some = append(some, m)
	}
	return some, rows.Err()
}

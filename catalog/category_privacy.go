package catalog

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// Whom a private category's entries are for; the values are the wire's.
const (
	PrivacyAll           = 1 // everybody
	PrivacyAuthenticated = 2 // users
	PrivacyMembers       = 3 // the category's owner
)

// Privacy says whom the entries of a private category are for. A category is private when it, or one that it lies in, has a
// privacy context.
type Privacy struct {
	ID       CategoryID
	Contexts []string
	Level    int
	Owner    string
}

// privacyRow is what decides about a category's privacy.
type privacyRow struct {
	bun.BaseModel `bun:"table:categories,alias:c"`
	ID            CategoryID      `bun:"id"`
	FullIDs       string          `bun:"full_ids"`
	Owner         string          `bun:"owner"`
	More          json.RawMessage `bun:"more"`
}

// of reads what the wire keeps of a category.
func (r *privacyRow) of() (contexts []string, level int) {
	var more struct {
		Context string `json:"privacyContext"`
		Level   int    `json:"privacy"`
	}
	if len(r.More) > 0 {
		_ = json.Unmarshal(r.More, &more) // written by the category service
	}
	if more.Level == 0 {
		more.Level = PrivacyAll
	}
	for _, c := range tokens(more.Context) {
		if c = strings.TrimSpace(c); c != "" {
			contexts = append(contexts, c)
		}
	}
	return contexts, more.Level
}

// Privacies returns those categories of a list that are private.
func (db *DB) Privacies(ctx context.Context, account AccountID, ids []CategoryID) ([]Privacy, error) {
	rows, err := db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id IN (?)", bun.List(ids)) })
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var above []CategoryID
	for _, r := range rows {
		above = append(above, categoryIDs(strings.Split(r.FullIDs, CategorySeparator))...)
	}
	known, err := db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id IN (?)", bun.List(above)) })
	return privacies(rows, known), err
}

// AllPrivacies returns an account's private categories.
func (db *DB) AllPrivacies(ctx context.Context, account AccountID) ([]Privacy, error) {
	marked, err := db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("more LIKE ?", `%"privacyContext":"%`) })
	if err != nil || len(marked) == 0 {
		return nil, err
	}
	rows, err := db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for _, r := range marked {
				q = q.WhereOr("id = ?", r.ID).WhereOr("full_ids LIKE ?", r.FullIDs+CategorySeparator+"%")
			}
			return q
		})
	})
	return privacies(rows, marked), err
}

func (db *DB) privacyRows(ctx context.Context, account AccountID, where func(*bun.SelectQuery) *bun.SelectQuery) ([]privacyRow, error) {
	var rows []privacyRow
	err := where(db.read.NewSelect().Model(&rows).Where("account = ?", account).Where("deleted_at = 0")).Scan(ctx)
	return rows, err
}

// privacies are the private ones of some categories; known are they and all that they lie in, as far as those have contexts.
func privacies(rows, known []privacyRow) []Privacy {
	contexts := map[string][]string{}
	for i := range known {
		contexts[strconv.FormatInt(int64(known[i].ID), 10)], _ = known[i].of()
	}
	var out []Privacy
	for i := range rows {
		_, level := rows[i].of()
		p := Privacy{ID: rows[i].ID, Level: level, Owner: rows[i].Owner}
		for id := range strings.SplitSeq(rows[i].FullIDs, CategorySeparator) {
			p.Contexts = append(p.Contexts, contexts[id]...)
		}
		slices.Sort(p.Contexts)
		if p.Contexts = slices.Compact(p.Contexts); len(p.Contexts) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// Entitlement selects, as a condition on the field "entitled", the entries that somebody may see: those that are theirs or
// shared with them, those of the categories open to them, and, with Others, those that are in no private category.
type Entitlement struct {
	User          string
	Open, Private []CategoryID
	Others        bool
	// Entries may be seen whatever they are in.
	Entries []EntryID
}

func entitlementClause(c Cond, postgres bool) (clause, error) {
	if len(c.Values) != 1 {
		return clause{}, noCondition(c)
	}
	e, ok := c.Values[0].(Entitlement)
	if !ok {
		return clause{}, noCondition(c)
	}
	within := func(ids []CategoryID) clause {
		if len(ids) == 0 {
			return clause{sql: never}
		}
		return clause{`EXISTS (SELECT 1 FROM category_entries AS l WHERE l.entry = entry_row.id AND l.status = ? AND l.deleted_at = 0 AND l.category IN (?))`,
			[]any{CategoryEntryActive, bun.List(ids)}}
	}
	either := []clause{within(e.Open)}
	if e.User != "" {
		either = append(either, entryFields["userId"].equal(e.User))
		for _, field := range []string{"entitledUsersEdit", "entitledUsersPublish", "entitledUsersView"} {
			either = append(either, entryFields[field].search(Cond{field, OpMatchOr, []any{e.User}}, postgres))
		}
	}
	if len(e.Entries) > 0 {
		ids := clause{"id IN (?)", []any{bun.List(e.Entries)}}
		for _, column := range []string{"parent", "root"} {
			ids = join([]clause{ids, {"? IN (?)", []any{bun.Ident(column), bun.List(e.Entries)}}}, " OR ", never)
		}
		either = append(either, ids)
	}
	if e.Others {
		private := within(e.Private)
		either = append(either, clause{"NOT " + private.sql, private.args})
	}
	return join(either, " OR ", never), nil
}

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
	PrivacyMembers       = 3 // the category's owner and its members
)

// Privacy says whom the entries of a private category are for. A category is private when it, or one that it lies in, has a
// privacy context.
type Privacy struct {
	ID       CategoryID
	Contexts []string
	Level    int
	// Member says that the user who was asked about is the owner, or an active member who may see entries. It is told of
	// categories for members only.
	Member bool
}

// privacyRow is what decides about a category's privacy.
type privacyRow struct {
	bun.BaseModel `bun:"table:categories,alias:c"`
	ID            CategoryID      `bun:"id"`
	FullIDs       string          `bun:"full_ids"`
	Owner         string          `bun:"owner"`
	More          json.RawMessage `bun:"more"`
}

// byID are rows by their id as full ids have it.
func byID(rows []privacyRow) map[string]*privacyRow {
	out := make(map[string]*privacyRow, len(rows))
	for i := range rows {
		out[strconv.FormatInt(int64(rows[i].ID), 10)] = &rows[i]
	}
	return out
}

// source is the row of the category whose members this one has; known are this one and those that it lies in.
func (r *privacyRow) source(known map[string]*privacyRow) *privacyRow {
	ids := strings.Split(r.FullIDs, CategorySeparator)
	for i, id := range slices.Backward(ids) {
		if row := known[id]; row != nil && (i == 0 || !policyOf(row.More).Inherits) {
			return row
		}
	}
	return r
}

// Privacies returns those categories of a list that are private, and whether a user, "" for none, is a member of them.
func (db *DB) Privacies(ctx context.Context, account AccountID, ids []CategoryID, user string) ([]Privacy, error) {
	rows, err := db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id IN (?)", bun.List(ids)) })
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	known, err := db.above(ctx, account, rows)
	if err != nil {
		return nil, err
	}
	return db.privacies(ctx, account, rows, known, user)
}

// above returns categories and all that they lie in.
func (db *DB) above(ctx context.Context, account AccountID, rows []privacyRow) ([]privacyRow, error) {
	var ids []CategoryID
	for _, r := range rows {
		ids = append(ids, categoryIDs(strings.Split(r.FullIDs, CategorySeparator))...)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("id IN (?)", bun.List(ids)) })
}

// AllPrivacies returns an account's private categories, and whether a user, "" for none, is a member of them.
func (db *DB) AllPrivacies(ctx context.Context, account AccountID, user string) ([]Privacy, error) {
	marked, err := db.privacyRows(ctx, account, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("private") })
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
	if err != nil {
		return nil, err
	}
	var heirs []privacyRow
	for _, r := range rows {
		if policyOf(r.More).Inherits {
			heirs = append(heirs, r)
		}
	}
	known := slices.Concat(rows, marked)
	if len(heirs) > 0 { // of members that a category without a context may have
		above, err := db.above(ctx, account, heirs)
		if err != nil {
			return nil, err
		}
		known = append(known, above...)
	}
	return db.privacies(ctx, account, rows, known, user)
}

func (db *DB) privacyRows(ctx context.Context, account AccountID, where func(*bun.SelectQuery) *bun.SelectQuery) ([]privacyRow, error) {
	var rows []privacyRow
	err := where(db.read.NewSelect().Model(&rows).Where("account = ?", account).Where("deleted_at = 0")).Scan(ctx)
	return rows, err
}

// privacies are the private ones of some categories; known are they and all that they lie in, as far as those have contexts or
// members.
func (db *DB) privacies(ctx context.Context, account AccountID, rows, known []privacyRow, user string) ([]Privacy, error) {
	all := byID(known)
	contexts := make(map[string][]string, len(all))
	for id, r := range all {
		contexts[id] = policyOf(r.More).Contexts
	}
	var out []Privacy
	var asked []CategoryID            // whose members matter
	sources := map[CategoryID][]int{} // their heirs in out
	for i := range rows {
		p := Privacy{ID: rows[i].ID, Level: policyOf(rows[i].More).Privacy}
		for id := range strings.SplitSeq(rows[i].FullIDs, CategorySeparator) {
			p.Contexts = append(p.Contexts, contexts[id]...)
		}
		slices.Sort(p.Contexts)
		if p.Contexts = slices.Compact(p.Contexts); len(p.Contexts) == 0 {
			continue
		}
		if p.Level == PrivacyMembers && user != "" {
			source := rows[i].source(all)
			if p.Member = user == rows[i].Owner || user == source.Owner; !p.Member {
				if sources[source.ID] == nil {
					asked = append(asked, source.ID)
				}
				sources[source.ID] = append(sources[source.ID], len(out))
			}
		}
		out = append(out, p)
	}
	if len(asked) == 0 {
		return out, nil
	}
	levels, err := db.levels(ctx, account, user, asked)
	for id, level := range levels {
		for _, i := range sources[id] {
			out[i].Member = level < LevelNone
		}
	}
	return out, err
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

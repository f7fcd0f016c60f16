package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// entryFields are the columns that queries of entries may name.
var entryFields = fields{
	"id": {"id", kindText}, "name": {"name", kindText}, "description": {"description", kindText},
	"tags": {"tags", kindCSV}, "adminTags": {"admin_tags", kindCSV},
	"partnerId": {"account", kindInt}, "userId": {"owner", kindText}, "creatorId": {"creator", kindText},
	"categoriesIds": {"category_ids", kindCSV},
	"status":        {"status", kindInt}, "type": {"type", kindText}, "mediaType": {"media_type", kindInt},
	"moderationStatus": {"moderation_status", kindInt}, "moderationCount": {"moderation_count", kindInt},
	"displayInSearch": {"display", kindInt}, "sourceType": {"source_type", kindText}, "groupId": {"group_id", kindInt},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	"startDate": {"start_at", kindTime}, "endDate": {"end_at", kindTime},
	"rank": {"rank", kindFloat}, "totalRank": {"total_rank", kindInt}, "votes": {"votes", kindInt},
	"plays": {"plays", kindInt}, "views": {"views", kindInt}, "lastPlayedAt": {"last_played_at", kindTime},
	"accessControlId": {"access_control", kindInt}, "conversionProfileId": {"conversion_profile", kindInt},
	"referenceId": {"reference_id", kindText}, "partnerSortValue": {"sort_value", kindInt},
	"replacingEntryId": {"replacing", kindText}, "replacedEntryId": {"replaced", kindText},
	"replacementStatus": {"replacement_status", kindInt},
	"redirectEntryId":   {"redirect", kindText}, "rootEntryId": {"root", kindText}, "parentEntryId": {"parent", kindText},
	"entitledUsersEdit": {"editors", kindCSV}, "entitledUsersPublish": {"publishers", kindCSV}, "entitledUsersView": {"viewers", kindCSV},
	"duration": {"duration_ms", kindSeconds}, "msDuration": {"duration_ms", kindInt},
}

// entrySpecials are the fields that no one column holds.
var entrySpecials = map[string]func(c Cond, postgres bool) (clause, error){
	"categories":        categoryClause,
	"entitled":          entitlementClause,
	"durationType":      durationClause,
	"flavorParamsIds":   flavorClause,
	"searchText":        wordClause,
	"tagsName":          anyOf("tags", "name"),
	"tagsAdminTags":     anyOf("tags", "adminTags"),
	"tagsAdminTagsName": anyOf("tags", "adminTags", "name"),
	"isRoot":            rootClause,
	"metadata":          metadataClause,
}

// indexed are the fields with an index of their own that leaves few rows when compared with values.
var indexed = map[string]bool{
	"id": true, "referenceId": true, "userId": true, "rootEntryId": true, "parentEntryId": true, "replacedEntryId": true,
	"replacingEntryId": true,
}

// counted are the fields that entry_counts tells apart.
var counted = map[string]bool{
	"partnerId": true, "type": true, "mediaType": true, "status": true, "moderationStatus": true, "displayInSearch": true,
}

// Bounds of how a page is read.
const (
	maxMerged = 10000 // rows of each status, when a page is merged from several
	fewRows   = 2000  // are sorted rather than found in order
)

// QueryEntries returns the page of the account's entries that q selects, and how many there are on all pages. The fields are
// those of the wire, and besides: searchText (whole words or their beginnings), tagsName and tagsAdminTagsName (one of these
// texts), isRoot and metadata (a MetadataMatch). Deleted entries are left out unless q has a condition on the status.
func (db *DB) QueryEntries(ctx context.Context, account AccountID, q Query) ([]Entry, int, error) {
	rows, total, err := db.queryEntries(ctx, account, q)
	if err != nil {
		return nil, 0, fmt.Errorf("query entries: %w", err)
	}
	out := make([]Entry, len(rows))
	for i := range rows {
		out[i] = rows[i].entry()
	}
	return out, total, nil
}

func (db *DB) queryEntries(ctx context.Context, account AccountID, q Query) ([]entryRow, int, error) {
	if q.Offset < 0 {
		return nil, 0, fmt.Errorf("%w: offset %d is negative", ErrInvalid, q.Offset)
	}
	s := entrySelection{db: db, account: account, conds: q.Conds}
	if !slices.ContainsFunc(q.Conds, func(c Cond) bool { return c.Field == "status" }) {
		s.conds = append(slices.Clone(q.Conds), Cond{"status", OpNot, []any{int64(EntryDeleted)}})
	}
	order, err := entryFields.order(q.Order, "num", db.postgres)
	if err != nil {
		return nil, 0, err
	}
	total, err := s.count(ctx)
	if err != nil || q.Limit == 0 || q.Offset >= total {
		return nil, total, err
	}
	if q.Limit < 0 {
		q.Limit = total
	}
	byAge := len(q.Order) == 0 || q.Order[0].Field == "createdAt"
	if byAge {
		if rows, done, err := s.merged(ctx, q, order); done || err != nil {
			return rows, total, err
		}
	}
	s.walk = !byAge && total > fewRows
	rows, err := s.page(ctx, q, order)
	return rows, total, err
}

// entrySelection is a selection of an account's entries.
type entrySelection struct {
	db      *DB
	account AccountID
	conds   []Cond
	// walk goes through the entries in order rather than by status.
	walk bool
}

// narrow says that an index other than the status's finds the entries best.
func (s *entrySelection) narrow() bool {
	return slices.ContainsFunc(s.conds, func(c Cond) bool {
		return c.Field == "searchText" || indexed[c.Field] && (c.Op == OpEq || c.Op == OpIn)
	})
}

// where is the selection's SQL. SQLite knows nothing of how many entries have a status and believes that its index leaves as
// few as any other, so it must not see the status where a better way is known.
func (s *entrySelection) where() (clauses, error) {
	known := entryFields
	if !s.db.postgres && (s.narrow() || s.walk) {
		known = maps.Clone(entryFields)
		known["status"] = column{"+status", kindInt}
	}
	var plain []Cond
	var out clauses
	for _, c := range s.conds {
		special, ok := entrySpecials[c.Field]
		if !ok {
			plain = append(plain, c)
			continue
		}
		cl, err := special(c, s.db.postgres)
		if err != nil {
			return nil, err
		}
		if cl.sql != "" {
			out = append(out, cl)
		}
	}
	for _, c := range plain {
		// The indexes of these leave out what has none.
		switch c.Field {
		case "rootEntryId", "parentEntryId", "replacedEntryId", "replacingEntryId":
			if (c.Op == OpEq || c.Op == OpIn) && !slices.Contains(c.Values, any("")) {
				out = append(out, clause{"? <> ''", []any{known[c.Field].ident()}})
			}
		}
	}
	rest, err := known.where(plain, s.db.postgres)
	return append(out, rest...), err
}

func (s *entrySelection) scope(q *bun.SelectQuery) *bun.SelectQuery {
	account := "account = ?"
	if !s.db.postgres && slices.ContainsFunc(s.conds, func(c Cond) bool { return c.Field == "searchText" || c.Field == "id" }) {
		account = "+account = ?"
	}
	return q.Where(account, s.account)
}

// count tells how many entries the selection has: from the counters where they can tell, otherwise by counting.
func (s *entrySelection) count(ctx context.Context) (int, error) {
	if !slices.ContainsFunc(s.conds, func(c Cond) bool { return !counted[c.Field] }) {
		where, err := entryFields.where(s.conds, s.db.postgres)
		if err != nil {
			return 0, err
		}
		var n int
		q := where.apply(s.db.read.NewSelect().Table("entry_counts").ColumnExpr("coalesce(sum(n), 0)").Where("account = ?", s.account))
		err = q.Scan(ctx, &n)
		return n, err
	}
	where, err := s.where()
	if err != nil {
		return 0, err
	}
	n, err := where.apply(s.scope(s.db.read.NewSelect().Model((*entryRow)(nil)))).Count(ctx)
	return int(n), err
}

func (s *entrySelection) page(ctx context.Context, q Query, order ordering) ([]entryRow, error) {
	where, err := s.where()
	if err != nil {
		return nil, err
	}
	var rows []entryRow
	err = order.apply(where.apply(s.scope(s.db.read.NewSelect().Model(&rows)))).
		Limit(int64(q.Limit)).Offset(int64(q.Offset)).Scan(ctx)
	return rows, err
}

// merged reads a page of several statuses by age. An index holds the entries of one status in order; a database would sort
// those of several, or walk past all others to find few. It says whether this is such a page.
func (s *entrySelection) merged(ctx context.Context, q Query, order ordering) ([]entryRow, bool, error) {
	i := slices.IndexFunc(s.conds, func(c Cond) bool { return c.Field == "status" && c.Op == OpIn && len(c.Values) > 1 })
	if i < 0 || len(s.conds[i].Values) > 12 || q.Offset+q.Limit > maxMerged || s.narrow() {
		return nil, false, nil
	}
	var parts []string
	var args []any
	seen := map[string]bool{}
	for _, status := range s.conds[i].Values {
		if seen[text(status)] {
			continue
		}
		seen[text(status)] = true
		one := *s
		one.conds = slices.Clone(s.conds)
		one.conds[i] = Cond{"status", OpEq, []any{status}}
		where, err := one.where()
		if err != nil {
			return nil, false, err
		}
		sub := order.apply(where.apply(one.scope(s.db.read.NewSelect().Model((*entryRow)(nil)).Column("num")))).Limit(int64(q.Offset + q.Limit))
		parts, args = append(parts, "SELECT num FROM (?) AS part"), append(args, sub)
	}
	var rows []entryRow
	err := order.apply(s.db.read.NewSelect().Model(&rows).Where("num IN ("+strings.Join(parts, " UNION ALL ")+")", args...)).
		Limit(int64(q.Limit)).Offset(int64(q.Offset)).Scan(ctx)
	return rows, true, err
}

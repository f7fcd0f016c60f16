package catalog

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
)

// recorder keeps the statements that run.
type recorder struct{ statements []string }

func (r *recorder) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (r *recorder) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	r.statements = append(r.statements, e.Query)
}

// TestHotQueriesUseIndexes looks at SQLite's plans: at a million rows, a query that walks a table or sorts it is a
// fault that no small test would feel.
func TestHotQueriesUseIndexes(t *testing.T) {
	db, err := Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx := t.Context()
	if _, _, err := db.EnsureAccount(ctx, 1, "a"); err != nil {
		t.Fatal(err)
	}
	e, _, tasks, err := db.CreateEntry(ctx, NewEntry{Account: 1, Name: "n", DedupKey: "k"}, nil,
		[]NewTask{{Stage: StageProbe, Name: "a"}, {Stage: StageProbe, Name: "b", After: []int{0}}})
	if err != nil {
		t.Fatal(err)
	}
	id := tasks[0].ID
	list := func(f EntryFilter) func() error {
		return func() error { _, _, err := db.ListEntries(ctx, f); return err }
	}
	hot := map[string]func() error{
		"stages":    func() error { _, err := db.RunnableStages(ctx); return err },
		"runnable":  func() error { _, err := db.Runnable(ctx, StageProbe, 10, 1); return err },
		"claim":     func() error { _, err := db.Claim(ctx, id, "w", time.Minute); return err },
		"heartbeat": func() error { return db.Heartbeat(ctx, id, 1, time.Minute, 1, 1, 1) },
		"complete":  func() error { return db.Complete(ctx, id, 1, nil, nil) },
		"expire":    func() error { _, err := db.ExpireLeases(ctx, time.Now()); return err },
		"requeue":   func() error { _, err := db.RequeueLost(ctx, StageProbe, nil, time.Now()); return err },
		"mark":      func() error { _, err := db.MarkQueued(ctx, []TaskID{id}); return err },
		"counts":    func() error { _, err := db.TaskCounts(ctx); return err },
		"dead":      func() error { _, _, err := db.DeadTasks(ctx, TaskFilter{}); return err },
		"tasks":     func() error { _, err := db.Tasks(ctx, e.ID); return err },
		"assets":    func() error { _, err := db.Assets(ctx, e.ID); return err },
		"progress":  func() error { _, err := db.Progress(ctx, e.ID, "0_00000000"); return err },
		"events":    func() error { _, err := db.Events(ctx, 5, 10); return err },
		"trim":      func() error { _, err := db.TrimEvents(ctx, time.Now(), 10); return err },
		"purgeable": func() error { _, err := db.Purgeable(ctx, time.Now(), 10); return err },
		"dedup":     func() error { _, err := db.entryByDedup(ctx, 1, "k"); return err },
		"fail": func() error {
			_, err := db.Fail(ctx, id, 1, "", "", true, 0)
			return ignoreFence(err)
		},
		"delete": func() error { return db.DeleteEntry(ctx, e.ID) },
		"purge":  func() error { return db.PurgeEntry(ctx, e.ID) },
		"search": list(EntryFilter{Search: "abc", OrderBy: ByName}),
	}
	for _, by := range []EntryOrder{ByCreated, ByUpdated, ByName, ByDuration} {
		hot["list by "+string(by)] = list(EntryFilter{OrderBy: by, Desc: true})
		hot["list account by "+string(by)] = list(EntryFilter{OrderBy: by, Account: 1})
		hot["list page by "+string(by)] = list(EntryFilter{OrderBy: by, Account: 1, Cursor: e.ID})
	}
	hot["search account"] = list(EntryFilter{Search: "abc", Account: 1})
	hot["list statuses"] = list(EntryFilter{Statuses: []EntryStatus{EntryErrorConverting, EntryErrorImporting}, Account: 1})
	hot["list status"] = list(EntryFilter{Statuses: []EntryStatus{EntryReady}})
	hot["list account status"] = list(EntryFilter{Statuses: []EntryStatus{EntryReady}, Account: 1})
	query := func(q Query) func() error {
		q.Limit = 100
		return func() error { _, _, err := db.QueryEntries(ctx, 1, q); return err }
	}
	ready := []Cond{{"status", OpEq, []any{int64(2)}}, {"moderationStatus", OpNotIn, []any{int64(1), int64(3)}}}
	with := func(c Cond) Query { return Query{Conds: append(slices.Clone(ready), c)} }
	hot["list ready"] = query(Query{Conds: ready})
	hot["merge several"] = query(Query{Conds: []Cond{{"status", OpIn, []any{int64(0), int64(1), int64(2)}}}})
	hot["list owner"] = query(with(Cond{"userId", OpEq, []any{"u"}}))
	hot["query reference"] = query(with(Cond{"referenceId", OpEq, []any{"r"}}))
	hot["query parent"] = query(with(Cond{"parentEntryId", OpEq, []any{"0_a"}}))
	hot["query root"] = query(with(Cond{"rootEntryId", OpIn, []any{"0_a"}}))
	hot["query replaced"] = query(with(Cond{"replacedEntryId", OpEq, []any{"0_a"}}))
	hot["query ids"] = query(with(Cond{"id", OpIn, []any{"0_a", "0_b"}}))
	hot["query flavors"] = query(with(Cond{"flavorParamsIds", OpMatchOr, []any{int64(0)}}))
	hot["query metadata"] = query(with(Cond{"metadata", OpMatchAnd, []any{MetadataMatch{Profile: 1, Field: "a/b", Op: OpEq, Value: "x"}}}))
	hot["entry shown"] = func() error { _, err := db.read.NewRaw(db.lookups.shown.text, e.ID).Exec(ctx); return err }
	hot["entry"] = func() error { _, err := db.read.NewRaw(db.lookups.entry.text, e.ID).Exec(ctx); return err }
	hot["memberships"] = func() error { _, err := db.levels(ctx, 1, "u", []CategoryID{1, 2}); return err }
	hot["all memberships"] = func() error { _, err := db.levels(ctx, 1, "u", make([]CategoryID, maxNamed+1)); return err }
	hot["members"] = func() error { _, _, err := db.countMembers(ctx, Category{ID: 1}); return err }
	hot["private categories"] = func() error { _, err := db.AllPrivacies(ctx, 1, "u"); return err }
	hot["privacies"] = func() error { _, err := db.Privacies(ctx, 1, []CategoryID{1, 2}, "u"); return err }
	hot["members of a category"] = func() error {
		_, _, err := db.CategoryUsers(ctx, 1, MemberQuery{Query: Query{Limit: 100, Conds: []Cond{{"categoryId", OpEq, []any{int64(1)}}}}})
		return err
	}
	hot["categories of a user"] = func() error {
		_, _, err := db.CategoryUsers(ctx, 1, MemberQuery{Query: Query{Limit: 100, Conds: []Cond{{"userId", OpEq, []any{"u"}}}}})
		return err
	}
	hot["ready params"] = func() error { _, err := db.ReadyParams(ctx, []EntryID{e.ID}); return err }
	hot["purgeable assets"] = func() error { _, err := db.PurgeableAssets(ctx, time.Now(), 10); return err }
	hot["growing uploads"] = func() error { _, err := db.GrowingUploads(ctx, time.Now(), 10); return err }
	hot["release bytes"] = func() error { _, err := db.ReleaseBytes(ctx, "0_a", 10); return err }
	hot["early status"] = func() error { _, err := db.EarlyStatus(ctx, "0_a"); return missingIsFine(err) }
	order := []string{"claim", "heartbeat", "complete"} // each finds the task as the last one left it
	for name := range hot {
		switch name {
		case "claim", "heartbeat", "complete", "delete", "purge":
		default:
			order = append(order, name)
		}
	}
	var seen recorder
	db.read, db.write = db.read.WithQueryHook(&seen), db.write.WithQueryHook(&seen)
	for _, name := range append(order, "delete", "purge") {
		seen.statements = nil
		if err := hot[name](); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(seen.statements) == 0 {
			t.Errorf("%s: no statement was seen", name)
		}
		for _, s := range seen.statements {
			checkPlan(t, db, name, s)
		}
	}
}

func missingIsFine(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func checkPlan(t *testing.T, db *DB, name, statement string) {
	t.Helper()
	switch verb, _, _ := strings.Cut(strings.TrimSpace(statement), " "); verb {
	case "SELECT", "UPDATE", "DELETE", "WITH":
	default:
		return
	}
	rows, err := db.write.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		t.Errorf("%s: %s: %v", name, statement, err)
		return
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b, c int
		var step string
		if err := rows.Scan(&a, &b, &c, &step); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s", name, step)
		// A count may walk an index that covers it; the full-text table, the accounts' cursors, counters and what a bounded
		// search found are scanned by nature.
		counting := strings.HasPrefix(statement, "SELECT count(*)") && strings.Contains(step, "COVERING INDEX")
		small := strings.Contains(step, "VIRTUAL TABLE") || strings.Contains(step, "SCAN cursors") || strings.Contains(step, "SCAN hop") || step == "SCAN part" ||
			strings.Contains(step, "CONSTANT ROW") || strings.Contains(step, "entry_counts") || step == "SCAN found" || step == "SCAN hits"
		if strings.HasPrefix(name, "search") && strings.Contains(step, "INDEX entries_") {
			t.Errorf("%s walks the entries instead of the words: %s\n%s", name, step, statement)
		}
		ordered := strings.Contains(statement, "ORDER BY") && strings.Contains(statement, "LIMIT") && strings.Contains(step, "USING INDEX")
		switch {
		case strings.HasPrefix(step, "SCAN") && !counting && !small && !ordered:
			t.Errorf("%s walks a table: %s\n%s", name, step, statement)
		case strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && (strings.HasPrefix(name, "list") || name == "runnable"):
			t.Errorf("%s sorts: %s\n%s", name, step, statement)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/catalog"
	"sluice/internal/pgtest"
)

// benchEntries is how many entries BenchmarkQueryEntries makes; SLUICE_BENCH_ENTRIES sets another number.
const benchEntries = 50_000

// BenchmarkQueryEntries reads pages of 100 out of many entries, most of them ready, on both databases.
func BenchmarkQueryEntries(b *testing.B) {
	n := benchEntries
	if s := os.Getenv("SLUICE_BENCH_ENTRIES"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("sqlite", func(b *testing.B) { benchQueries(b, "sqlite://"+filepath.Join(b.TempDir(), "catalog.db"), n) })
	b.Run("postgres", func(b *testing.B) { benchQueries(b, pgtest.Start(b), n) })
}

func benchQueries(b *testing.B, location string, n int) {
	db := open(b, location)
	newAccount(b, db, 1)
	newAccount(b, db, 2)
	series := "WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d)"
	if strings.HasPrefix(location, "postgres") {
		series = "WITH s (i) AS (SELECT generate_series(CAST(1 AS bigint), %d))"
	}
	// One in a thousand failed, one in ten thousand has a reference; there are a thousand users.
	fill := fmt.Sprintf(`INSERT INTO entries (id, account, status, media_type, name, description, reference_id, tags, source_key, version,
		duration_ms, width, height, error_code, error_text, playable_at, ready_at, deleted_at, created_at, updated_at, revision, search_words, owner)
		`+series+` SELECT '0_' || i, 1, CASE WHEN i %% 1000 = 0 THEN -1 ELSE 2 END, 1, 'film ' || i, '', CASE WHEN i %% 10000 = 0 THEN 'ref' ELSE '' END,
		'red,green', '', 1, i %% 7200000, 1920, 1080, '', '', 0, 0, 0, 1700000000000000 + i * 1000000, 1800000000000000 - i, 1,
		'film ' || i, 'user' || (i %% 1000) FROM s`, n)
	if strings.HasPrefix(location, "postgres") {
		// In one transaction the triggers would leave a million versions of the same few counters.
		fill = "SET session_replication_role = replica; " + fill + `; INSERT INTO entry_counts
			SELECT account, type, media_type, status, moderation_status, display, 0, count(*) FROM entries
			GROUP BY account, type, media_type, status, moderation_status, display; SET session_replication_role = origin`
	}
	rawExec(b, location)(fill)
	if strings.HasPrefix(location, "postgres") {
		rawExec(b, location)("VACUUM ANALYZE")
	}
	visible := []catalog.Cond{
		cond("moderationStatus", catalog.OpNotIn, int64(1), int64(3)), cond("displayInSearch", catalog.OpNotIn, int64(-1), int64(-2)),
		cond("type", catalog.OpIn, "1", "7"),
	}
	ready := append([]catalog.Cond{cond("status", catalog.OpEq, int64(2))}, visible...)
	with := func(c ...catalog.Cond) []catalog.Cond { return append(append([]catalog.Cond{}, ready...), c...) }
	for _, bench := range []struct {
		name  string
		query catalog.Query
	}{
		{"default", catalog.Query{Conds: ready}},
		{"page 50", catalog.Query{Conds: ready, Offset: 5000}},
		{"several statuses", catalog.Query{Conds: append([]catalog.Cond{cond("status", catalog.OpIn, int64(-2), int64(-1), int64(0), int64(1), int64(2), int64(7))}, visible...)}},
		{"failed", catalog.Query{Conds: append([]catalog.Cond{cond("status", catalog.OpIn, int64(-2), int64(-1))}, visible...)}},
		{"by update", catalog.Query{Conds: ready, Order: []catalog.Order{{Field: "updatedAt", Desc: true}}}},
		{"by name", catalog.Query{Conds: ready, Order: []catalog.Order{{Field: "name"}}}},
		{"owner", catalog.Query{Conds: with(cond("userId", catalog.OpEq, "user7"))}},
		{"reference", catalog.Query{Conds: with(cond("referenceId", catalog.OpEq, "ref"))}},
		{"ids", catalog.Query{Conds: with(cond("id", catalog.OpIn, "0_5", "0_7"))}},
		{"words", catalog.Query{Conds: with(cond("searchText", catalog.OpMatchAnd, "film 777"))}},
		{"since", catalog.Query{Conds: with(cond("createdAt", catalog.OpGTE, int64(1700000000+n-5000)))}},
		{"name like", catalog.Query{Conds: with(cond("name", catalog.OpLike, "m 777"))}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			bench.query.Limit = 100
			for b.Loop() {
				if _, _, err := db.QueryEntries(b.Context(), 1, bench.query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

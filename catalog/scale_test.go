package catalog_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"sluice/catalog"
)

var scaleRows = flag.Int("scale-rows", 20000, "how many entries BenchmarkEntryLists searches among")

// seeds fill a catalog with entries of 100 accounts, past the catalog, because a million transactions take long. Of each entry
// the words "film" and "season" with a number are known; "rare" has one in 10,000.
var seeds = map[string]string{
	"sqlite": `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) ` + seedInsert + `
		SELECT printf('0_%%08d', i), 101 + i %% 100, CASE WHEN i %% 1000 = 0 THEN -1 WHEN i %% 500 = 0 THEN 1 ELSE 2 END, 1,
		'Film ' || i || ' season ' || (i %% 100), '', 'ref-' || i, '', '', 'k' || i, 1, i %% 7200000, 0, 0, '', '', i, i, 0, i, i * 7 %% 1000003, 1,
		'film ' || i || ' season s' || (i %% 100) || CASE WHEN i %% 10000 = 0 THEN ' rare' ELSE '' END FROM c`,
	// Counting triggers would touch a few rows a million times in one transaction, which PostgreSQL cannot tidy until it ends.
	"postgres": `SET session_replication_role = replica; ` + seedInsert + `
		SELECT '0_' || lpad(i::text, 8, '0'), 101 + i %% 100, CASE WHEN i %% 1000 = 0 THEN -1 WHEN i %% 500 = 0 THEN 1 ELSE 2 END, 1,
		'Film ' || i || ' season ' || (i %% 100), '', 'ref-' || i, '', '', 'k' || i, 1, i %% 7200000, 0, 0, '', '', i, i, 0, i, i * 7 %% 1000003, 1,
		'film ' || i || ' season s' || (i %% 100) || CASE WHEN i %% 10000 = 0 THEN ' rare' ELSE '' END FROM generate_series(1::bigint, %d) i;
		INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
		SELECT account, type, media_type, status, moderation_status, display, 0, count(*) FROM entries
		GROUP BY account, type, media_type, status, moderation_status, display; SET session_replication_role = origin`,
}

const seedInsert = `INSERT INTO entries (id, account, status, media_type, name, description, reference_id, tags, source_key, dedup_key,
	version, duration_ms, width, height, error_code, error_text, playable_at, ready_at, deleted_at, created_at, updated_at, revision, search_words)`

// TestSearchOfCommonWordsFindsThemInOrder: of words that very many entries have, pages are found in another way.
func TestSearchOfCommonWordsFindsThemInOrder(t *testing.T) {
	const rows = 10500
	for kind, location := range map[string]func() string{
		"sqlite": func() string { return "sqlite://" + t.TempDir() + "/catalog.db" }, "postgres": func() string { return postgres(t) },
	} {
		t.Run(kind, func(t *testing.T) {
			at := location()
			db := open(t, at)
			for i := range 100 {
				newAccount(t, db, catalog.AccountID(101+i))
			}
			rawExec(t, at)(fmt.Sprintf(seeds[kind], rows))
			for name, test := range map[string]struct {
				filter       catalog.EntryFilter
				total, first int
			}{
				"all":         {catalog.EntryFilter{Search: "film"}, 10000, 1},
				"down":        {catalog.EntryFilter{Search: "film", Desc: true}, 10000, rows},
				"by name":     {catalog.EntryFilter{Search: "fil seas", OrderBy: catalog.ByName, Desc: true}, 10000, 9999},
				"offset":      {catalog.EntryFilter{Search: "film", Offset: 10200}, 10000, 10201},
				"cursor":      {catalog.EntryFilter{Search: "film", Cursor: "0_00005000"}, 10000, 5001},
				"account":     {catalog.EntryFilter{Search: "film", Account: 150}, 105, 49},
				"status":      {catalog.EntryFilter{Search: "film", Statuses: []catalog.EntryStatus{-1}}, 10, 1000},
				"statuses":    {catalog.EntryFilter{Search: "film", Statuses: []catalog.EntryStatus{1, -1}, Desc: true}, 21, rows},
				"few":         {catalog.EntryFilter{Search: "film s42"}, 105, 42},
				"rare":        {catalog.EntryFilter{Search: "rare"}, 1, 10000},
				"ready":       {catalog.EntryFilter{Statuses: []catalog.EntryStatus{2}, OrderBy: catalog.ByName, Desc: true}, rows - 21, 9999},
				"reference":   {catalog.EntryFilter{ReferenceID: "ref-77"}, 1, 77},
				"not a word":  {catalog.EntryFilter{Search: "?!"}, rows, 1},
				"not the end": {catalog.EntryFilter{Search: "ilm"}, 0, 0},
			} {
				got, total, err := db.ListEntries(t.Context(), test.filter)
				if err != nil || total != test.total {
					t.Errorf("%s: %d, %v; want %d", name, total, err, test.total)
					continue
				}
				if first := catalog.EntryID(fmt.Sprintf("0_%08d", test.first)); total > 0 && (len(got) == 0 || got[0].ID != first) {
					t.Errorf("%s: %d entries, not %s first", name, len(got), first)
				}
			}
		})
	}
}

// BenchmarkEntryLists measures the pages that the console asks for: go test ./catalog -run '^$' -bench EntryLists -scale-rows
// 1000000.
func BenchmarkEntryLists(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkLists(b, "sqlite", "sqlite://"+b.TempDir()+"/catalog.db") })
	b.Run("postgres", func(b *testing.B) { benchmarkLists(b, "postgres", postgres(b)) })
}

func benchmarkLists(b *testing.B, kind, location string) {
	db := open(b, location)
	for i := range 100 {
		newAccount(b, db, catalog.AccountID(101+i))
	}
	exec := rawExec(b, location)
	began := time.Now()
	exec(fmt.Sprintf(seeds[kind], *scaleRows))
	if kind == "postgres" {
		exec("VACUUM ANALYZE")
	}
	b.Logf("%d entries after %v", *scaleRows, time.Since(began).Round(time.Millisecond))
	rows := *scaleRows
	at := func(i int) catalog.EntryID { return catalog.EntryID(fmt.Sprintf("0_%08d", i)) }
	for _, c := range []struct {
		name   string
		filter catalog.EntryFilter
	}{
		{"newest", catalog.EntryFilter{Desc: true}},
		{"account", catalog.EntryFilter{Account: 150, Desc: true}},
		{"name", catalog.EntryFilter{OrderBy: catalog.ByName}},
		{"updated", catalog.EntryFilter{OrderBy: catalog.ByUpdated, Desc: true}},
		{"cursor", catalog.EntryFilter{Desc: true, Cursor: at(rows / 2)}},
		{"offset", catalog.EntryFilter{Desc: true, Offset: rows / 2}},
		{"failed", catalog.EntryFilter{Statuses: []catalog.EntryStatus{-1, -2}, Desc: true}},
		{"ready", catalog.EntryFilter{Statuses: []catalog.EntryStatus{2}, OrderBy: catalog.ByName}},
		{"reference", catalog.EntryFilter{Account: 101 + catalog.AccountID(rows/2%100), ReferenceID: fmt.Sprintf("ref-%d", rows/2)}},
		{"referenceAnywhere", catalog.EntryFilter{ReferenceID: fmt.Sprintf("ref-%d", rows/2)}},
		{"rareWord", catalog.EntryFilter{Search: "rare", Desc: true}},
		{"oneWord", catalog.EntryFilter{Search: fmt.Sprint(rows / 2), Desc: true}},
		{"commonWord", catalog.EntryFilter{Search: "film", Desc: true}},
		{"commonWordOfAccount", catalog.EntryFilter{Search: "film", Account: 150, Desc: true}},
		{"prefix", catalog.EntryFilter{Search: "s4", Desc: true}},
		{"twoWords", catalog.EntryFilter{Search: "film s42", OrderBy: catalog.ByName}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := db.ListEntries(b.Context(), c.filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

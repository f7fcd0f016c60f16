package catalog

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"sluice/internal/pgtest"
)

// TestEntriesOfTheFirstReleaseMove opens a catalog that was made before entries had the API's fields.
func TestEntriesOfTheFirstReleaseMove(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.db")
	for name, old := range map[string]struct {
		location func() string
		driver   string
		source   func(location string) string
		dialect  goose.Dialect
		dir      string
	}{
		"sqlite": {
			func() string { return "sqlite://" + file }, "sqlite", func(string) string { return file }, goose.DialectSQLite3, "migrations/sqlite",
		},
		"postgres": {
			func() string { return pgtest.Start(t) }, "pgx", func(l string) string { return l }, goose.DialectPostgres, "migrations/postgres",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, location := t.Context(), old.location()
			raw, err := sql.Open(old.driver, old.source(location))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = raw.Close() }()
			files, err := fs.Sub(migrations, old.dir)
			if err != nil {
				t.Fatal(err)
			}
			p, err := goose.NewProvider(old.dialect, raw, files, goose.WithDisableGlobalRegistry(true))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.UpTo(ctx, 1); err != nil {
				t.Fatal(err)
			}
			columns := "id, account, status, media_type, name, description, reference_id, tags, source_key, version, duration_ms, width, height, " +
				"error_code, error_text, playable_at, ready_at, deleted_at, created_at, updated_at, revision, search_words"
			statements := []string{
				"INSERT INTO accounts VALUES (1, 'a', 's', 's', 1, true, 0, 0)",
				"INSERT INTO entries (" + columns + `) VALUES ('0_aaaaaaaa', 1, 2, 1, 'a', '', '', '["x","y z","p,q"]', '', 1, 0, 0, 0, '', '', 0, 0, 0, 1, 1, 1, 'a')`,
				"INSERT INTO entries (" + columns + `) VALUES ('0_bbbbbbbb', 1, 2, 1, 'b', '', '', '', '', 1, 0, 0, 0, '', '', 0, 0, 0, 2, 2, 1, 'b')`,
			}
			for _, s := range statements {
				if _, err := raw.ExecContext(ctx, s); err != nil {
					t.Fatalf("%s: %v", strings.Fields(s)[2], err)
				}
			}
			db, err := Open(ctx, location)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			found, total, err := db.QueryEntries(ctx, 1, Query{Limit: 10})
			if err != nil || total != 2 || len(found) != 2 {
				t.Fatalf("%d entries of %d, %v", len(found), total, err)
			}
			e := found[1]
			if !slices.Equal(e.Tags, []string{"x", "y z", "p q"}) || e.Type != EntryMedia || e.Moderation != ModerationAutoApproved || e.Display != DisplayPartner {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

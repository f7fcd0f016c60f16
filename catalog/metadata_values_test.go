package catalog

import (
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/pgtest"
)

// TestMetadataIsFoundByItsElements covers what tells the elements of values, whatever the values are.
func TestMetadataIsFoundByItsElements(t *testing.T) {
	long := strings.Repeat("é", maxMetadataKey)
	for xml, want := range map[string]string{
		"":                                    "",
		"no XML":                              "",
		"<a><b>x</b>":                         "", // cut off
		"<a> Some <![CDATA[<Text>]]> </a>":    "a=some <text>",
		"<a>1.5</a>":                          "a=1.5#",
		"<a><b>1</b><b>2</b><c/></a>":         "a/b=1# a/b=2# a/c=",
		"<a>around<b>in</b>after</a>":         "a/b=in",
		"<x:a xmlns:x='u'><x:b>Y</x:b></x:a>": "a/b=y",
		"<a>NaN</a>":                          "a=nan",
		"<a>" + long + "</a>":                 "a=" + long[:maxMetadataKey],
	} {
		m := Metadata{ID: 1, Profile: 2, Entry: "0_aaaaaaaa", XML: xml}
		var got []string
		for _, v := range m.values() {
			text := v.Field + "=" + v.Value
			if v.Number != nil {
				text += "#"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%.60s: %q, want %q", xml, got, want)
		}
	}
	many := Metadata{Entry: "0_aaaaaaaa", XML: "<a>" + strings.Repeat("<b>x</b>", 2*maxMetadataValues) + "</a>"}
	if got := len(many.values()); got != maxMetadataValues {
		t.Errorf("%d values", got)
	}
	deep := MetadataMatch{Field: "a", Op: OpEq}
	for range 2 * maxMetadataDepth {
		deep = MetadataMatch{Terms: []MetadataMatch{deep}}
	}
	if _, err := metadataClause(Cond{Values: []any{deep}}, false); err == nil {
		t.Error("conditions may be within each other without end")
	}
}

// TestMetadataOfBeforeIsFound opens a catalog whose metadata was stored before its elements were told apart.
func TestMetadataOfBeforeIsFound(t *testing.T) {
	for name, location := range map[string]string{"sqlite": "sqlite://" + filepath.Join(t.TempDir(), "catalog.db"), "postgres": pgtest.Start(t)} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			db, err := Open(ctx, location)
			if err != nil {
				t.Fatal(err)
			}
			account, _, err := db.EnsureAccount(ctx, 1, "a")
			if err != nil {
				t.Fatal(err)
			}
			e, err := db.AddEntry(ctx, Entry{Account: account.ID, Name: "e", MediaType: MediaVideo, Status: EntryReady})
			if err != nil {
				t.Fatal(err)
			}
			p, err := db.AddMetadataProfile(ctx, account.ID, MetadataProfile{Name: "p", ObjectType: MetadataOfEntries, XSD: "<x/>"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.AddMetadata(ctx, account.ID, Metadata{Profile: p.ID, ObjectType: MetadataOfEntries, Object: string(e.ID), XML: "<a><b>x</b></a>"}); err != nil {
				t.Fatal(err)
			}
			// What later migrations made goes with their versions: they run again.
			for _, statement := range []string{
				"DELETE FROM metadata_values", "DELETE FROM goose_db_version WHERE version_id >= 171", "DROP TABLE category_users", "DROP TABLE entry_days",
				"DROP INDEX categories_private", "ALTER TABLE categories DROP COLUMN private", "ALTER TABLE bulk_results DROP COLUMN cells",
			} {
				if _, err := db.write.NewRaw(statement).Exec(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if db, err = Open(ctx, location); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			q := Query{Limit: 10, Conds: []Cond{{"metadata", OpMatchAnd, []any{MetadataMatch{Profile: p.ID, Field: "a/b", Op: OpEq, Value: "X"}}}}}
			found, total, err := db.QueryEntries(ctx, account.ID, q)
			if err != nil || total != 1 || len(found) != 1 || found[0].ID != e.ID {
				t.Errorf("%d of %d, %v", len(found), total, err)
			}
		})
	}
}

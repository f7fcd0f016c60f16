package catalog_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sluice/catalog"
)

// hostile are texts that no id is, by what is wrong with them.
var hostile = map[string]string{
	"empty": "", "NUL": "\x00", "NUL within": "0_abcd\x00efg", "not UTF-8": "0_\xff\xfe", "quotes": `0_'"\';--`, "placeholders": "?0 ?1 ? ??",
	"a megabyte": strings.Repeat("0_é", 1<<18), "formats": "%s%d%v%!", "patterns": "%_%", "lines": "a\r\nb\u2028c",
}

func TestIDsThatCannotBeAreNotFound(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		lookups := map[string]func(ctx context.Context, id string) error{
			"Entry": func(ctx context.Context, id string) error {
				_, err := db.Entry(ctx, 1, catalog.EntryID(id))
				return err
			},
			"EntryByID": func(ctx context.Context, id string) error {
				_, err := db.EntryByID(ctx, catalog.EntryID(id))
				return err
			},
			"UpdateEntry": func(ctx context.Context, id string) error { return db.UpdateEntry(ctx, catalog.EntryID(id), nil) },
			"DeleteEntry": func(ctx context.Context, id string) error { return db.DeleteEntry(ctx, catalog.EntryID(id)) },
			"Asset":       func(ctx context.Context, id string) error { _, err := db.Asset(ctx, catalog.AssetID(id)); return err },
			"UpdateAsset": func(ctx context.Context, id string) error { return db.UpdateAsset(ctx, catalog.AssetID(id), nil) },
			"UploadToken": func(ctx context.Context, id string) error {
				_, err := db.UploadToken(ctx, 1, catalog.UploadTokenID(id))
				return err
			},
			"UploadTokenByID": func(ctx context.Context, id string) error {
				_, err := db.UploadTokenByID(ctx, catalog.UploadTokenID(id))
				return err
			},
			"User":             func(ctx context.Context, id string) error { _, err := db.User(ctx, 1, id); return err },
			"Widget":           func(ctx context.Context, id string) error { _, err := db.WidgetByID(ctx, id); return err },
			"AppToken":         func(ctx context.Context, id string) error { _, err := db.AppToken(ctx, 1, id); return err },
			"CuePoint":         func(ctx context.Context, id string) error { _, err := db.CuePoint(ctx, 1, id); return err },
			"RoleBySystemName": func(ctx context.Context, id string) error { _, err := db.RoleBySystemName(ctx, 1, id); return err },
		}
		for what, text := range hostile {
			for name, lookup := range lookups {
				if err := lookup(t.Context(), text); !errors.Is(err, catalog.ErrNotFound) {
					t.Errorf("%s with %s: %.200v", name, what, err)
				}
			}
			if list, err := db.Assets(t.Context(), catalog.EntryID(text)); err != nil || len(list) != 0 {
				t.Errorf("Assets with %s: %v, %.200v", what, list, err)
			}
		}
	})
}

func TestConditionsTakeAnyText(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		e := catalog.BlankEntry(1)
		e.Name = "plain"
		if _, err := db.AddEntry(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		for what, text := range hostile {
			for field, ops := range map[string][]catalog.Op{
				"id": {catalog.OpEq, catalog.OpIn}, "name": {catalog.OpEq, catalog.OpLike}, "tags": {catalog.OpMultiLikeOr}, "userId": {catalog.OpEq}, "categories": {catalog.OpMatchOr},
				"searchText": {catalog.OpMatchAnd}, "createdAt": {catalog.OpGTE}, "duration": {catalog.OpLT}, "referenceId": {catalog.OpIn}, "status": {catalog.OpEq},
			} {
				for _, op := range ops {
					_, _, err := db.QueryEntries(t.Context(), 1, catalog.Query{Limit: 5, Conds: []catalog.Cond{{Field: field, Op: op, Values: []any{text}}}})
					if err != nil {
						t.Errorf("%s %s %s: %.200v", field, op, what, err)
					}
				}
			}
		}
	})
}

package catalog_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// everyNotes runs a test on a fresh table of notes in both databases.
func everyNotes(t *testing.T, test func(t *testing.T, db *catalog.DB)) {
	t.Helper()
	everyLocation(t, func(t *testing.T, location string) {
		db := open(t, location)
		kind, _, _ := strings.Cut(location, ":")
		exec := rawExec(t, location)
		exec(catalog.NoteTables[kind])
		exec(catalog.NoteTables["unique"])
		test(t, db)
	})
}

func addNote(t *testing.T, db *catalog.DB, account catalog.AccountID, n catalog.Note) catalog.Note {
	t.Helper()
	made, err := db.AddNote(t.Context(), account, n)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// cond makes a condition.
func cond(field string, op catalog.Op, values ...any) catalog.Cond {
	return catalog.Cond{Field: field, Op: op, Values: values}
}

func TestConditionsSelectTheSameOnEveryDatabase(t *testing.T) {
	level := func(n int) *int { return &n }
	second := func(s float64) catalog.Stamp { return catalog.Stamp(s * 1e6) }
	notes := []catalog.Note{
		{Name: "a", Tags: "red,Green", Size: 1, Ratio: 0.5, Open: true, Level: level(1), At: second(100)},
		{Name: "ÄPFEL 100%", Tags: "green", Size: 2, Ratio: 1.5, Level: level(2), At: second(100.9)},
		{Name: `b_\c`, Tags: "greenish", Size: 3, Ratio: 2.5, Open: true, At: second(101)},
		{Name: "bxxc", Size: -4, Ratio: -1},
	}
	tests := []struct {
		name string
		cond catalog.Cond
		want string // which of the notes, by their first letters in order of size
	}{
		{"int eq", cond("size", catalog.OpEq, int64(2)), "Ä"},
		{"int eq text", cond("size", catalog.OpEq, "2"), "Ä"},
		{"int eq no number", cond("size", catalog.OpEq, "x.Y"), ""},
		{"int not", cond("size", catalog.OpNot, int64(2)), "bab"},
		{"int not no number", cond("size", catalog.OpNot, "x.Y"), "baÄb"},
		{"int in", cond("size", catalog.OpIn, int64(1), "3", "x.Y"), "ab"},
		{"int in nothing", cond("size", catalog.OpIn), ""},
		{"int notin", cond("size", catalog.OpNotIn, int64(1), int64(3)), "bÄ"},
		{"int notin nothing", cond("size", catalog.OpNotIn), "baÄb"},
		{"int gte", cond("size", catalog.OpGTE, int64(2)), "Äb"},
		{"int gt", cond("size", catalog.OpGT, int64(2)), "b"},
		{"int lte", cond("size", catalog.OpLTE, int64(1)), "ba"},
		{"int lt", cond("size", catalog.OpLT, int64(1)), "b"},
		{"null eq", cond("level", catalog.OpEq, int64(1)), "a"},
		{"null not", cond("level", catalog.OpNot, int64(1)), "bÄb"},
		{"null notin", cond("level", catalog.OpNotIn, int64(1)), "bÄb"},
		{"null gte", cond("level", catalog.OpGTE, int64(2)), "Ä"},
		{"null gteornull", cond("level", catalog.OpGTEOrNull, int64(2)), "bÄb"},
		{"null lteornull", cond("level", catalog.OpLTEOrNull, int64(1)), "bab"},
		{"null empty", cond("level", catalog.OpEmpty, int64(1)), "bb"},
		{"null not empty", cond("level", catalog.OpEmpty, int64(0)), "aÄ"},
		{"null either", cond("level", catalog.OpEmpty, int64(-1)), "baÄb"},
		{"float gte", cond("ratio", catalog.OpGTE, 1.5), "Äb"},
		{"float eq int", cond("ratio", catalog.OpEq, int64(-1)), "b"},
		{"bool true", cond("open", catalog.OpEq, int64(1)), "ab"},
		{"bool false", cond("open", catalog.OpEq, "false"), "bÄ"},
		{"bool in", cond("open", catalog.OpIn, "1", "0"), "baÄb"},
		{"time eq", cond("at", catalog.OpEq, int64(100)), "aÄ"},
		{"time not", cond("at", catalog.OpNot, int64(100)), "bb"},
		{"time in", cond("at", catalog.OpIn, int64(100), int64(101)), "aÄb"},
		{"time notin", cond("at", catalog.OpNotIn, int64(100)), "bb"},
		{"time gte", cond("at", catalog.OpGTE, int64(100)), "aÄb"},
		{"time gte of none", cond("at", catalog.OpGTE, int64(-5)), "aÄb"},
		{"time gt", cond("at", catalog.OpGT, int64(100)), "b"},
		{"time lte", cond("at", catalog.OpLTE, int64(100)), "aÄ"},
		{"time lt", cond("at", catalog.OpLT, int64(101)), "aÄ"},
		{"time gteornull", cond("at", catalog.OpGTEOrNull, int64(101)), "bb"},
		{"time lteornull", cond("at", catalog.OpLTEOrNull, int64(100)), "baÄ"},
		{"time far", cond("at", catalog.OpLTE, int64(1)<<62), "aÄb"},
		{"time empty", cond("at", catalog.OpEmpty, int64(1)), "b"},
		{"text eq", cond("name", catalog.OpEq, "a"), "a"},
		{"text eq exact", cond("name", catalog.OpEq, "A"), ""},
		{"text not", cond("name", catalog.OpNot, "a"), "bÄb"},
		{"text in", cond("name", catalog.OpIn, "a", "bxxc"), "ba"},
		{"text like folds", cond("name", catalog.OpLike, "äpf"), "Ä"},
		{"text like percent", cond("name", catalog.OpLike, "0%"), "Ä"},
		{"text like literal", cond("name", catalog.OpLike, `b_`), "b"},
		{"text like backslash", cond("name", catalog.OpLike, `\C`), "b"},
		{"text likex", cond("name", catalog.OpStartsWith, "B"), "bb"},
		{"text likex start only", cond("name", catalog.OpStartsWith, "c"), ""},
		{"text mlikeor", cond("name", catalog.OpMultiLikeOr, "pfel", "xx"), "bÄ"},
		{"text mlikeand", cond("name", catalog.OpMultiLikeAnd, "b", "c"), "bb"},
		{"text mlikeand narrow", cond("name", catalog.OpMultiLikeAnd, "b", "xx"), "b"},
		{"text empty", cond("tags", catalog.OpEmpty, int64(1)), "b"},
		{"csv like", cond("tags", catalog.OpLike, "green"), "aÄb"},
		{"csv matchor", cond("tags", catalog.OpMatchOr, "green", "blue"), "aÄ"},
		{"csv matchand", cond("tags", catalog.OpMatchAnd, "green", "Red"), "a"},
		{"csv notcontains", cond("tags", catalog.OpNotContains, "green"), "bb"},
		{"injection", cond("name", catalog.OpEq, "a' OR '1'='1"), ""},
		{"placeholder in value", cond("name", catalog.OpLike, "?0"), ""},
	}
	everyNotes(t, func(t *testing.T, db *catalog.DB) {
		for _, n := range notes {
			addNote(t, db, 1, n)
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				found, total, err := db.Notes(t.Context(), 1, catalog.Query{
					Conds: []catalog.Cond{tt.cond}, Order: []catalog.Order{{Field: "size"}}, Limit: catalog.Everything,
				})
				if err != nil {
					t.Fatal(err)
				}
				var got strings.Builder
				for _, n := range found {
					got.WriteRune([]rune(n.Name)[0])
				}
				if got.String() != tt.want || total != len(found) {
					t.Errorf("got %q (%d in all), want %q", got.String(), total, tt.want)
				}
			})
		}
	})
}

func TestSenselessQueriesAreRefused(t *testing.T) {
	queries := map[string]catalog.Query{
		"unknown field":     {Conds: []catalog.Cond{cond("secret", catalog.OpEq, "a")}},
		"column name":       {Conds: []catalog.Cond{cond("deleted_at", catalog.OpEq, "a")}},
		"unknown op":        {Conds: []catalog.Cond{cond("name", "drop", "a")}},
		"no value":          {Conds: []catalog.Cond{cond("name", catalog.OpEq)}},
		"two values":        {Conds: []catalog.Cond{cond("name", catalog.OpLike, "a", "b")}},
		"like of a number":  {Conds: []catalog.Cond{cond("size", catalog.OpLike, "1")}},
		"tokens of a bool":  {Conds: []catalog.Cond{cond("open", catalog.OpMatchOr, "1")}},
		"range of a bool":   {Conds: []catalog.Cond{cond("open", catalog.OpGTE, int64(1))}},
		"order unknown":     {Order: []catalog.Order{{Field: "account"}}},
		"order by a list":   {Order: []catalog.Order{{Field: "tags"}}},
		"negative offset":   {Offset: -1},
		"order by anything": {Order: []catalog.Order{{Field: "name; DROP TABLE notes"}}},
	}
	everyNotes(t, func(t *testing.T, db *catalog.DB) {
		for name, q := range queries {
			if _, _, err := db.Notes(t.Context(), 1, q); !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("%s: got %v, want ErrInvalid", name, err)
			}
		}
	})
}

func TestPagesAreInOrderAndCountAll(t *testing.T) {
	everyNotes(t, func(t *testing.T, db *catalog.DB) {
		for i, name := range []string{"b", "B", "ä", "a", "c"} {
			addNote(t, db, 1, catalog.Note{Name: name, Size: int64(i / 2)})
		}
		tests := []struct {
			name  string
			order []catalog.Order
			want  string
		}{
			{"newest first", nil, "caäBb"},
			{"by bytes", []catalog.Order{{Field: "name"}}, "Babcä"},
			{"ties follow the direction", []catalog.Order{{Field: "size"}}, "bBäac"},
			{"ties follow the direction down", []catalog.Order{{Field: "size", Desc: true}}, "caäBb"},
			{"second key", []catalog.Order{{Field: "size", Desc: true}, {Field: "name"}}, "caäBb"},
			{"repeated key", []catalog.Order{{Field: "size"}, {Field: "size", Desc: true}}, "bBäac"},
			{"id", []catalog.Order{{Field: "id"}, {Field: "name"}}, "bBäac"},
		}
		for _, tt := range tests {
			var all strings.Builder
			for offset := 0; offset < 7; offset += 2 {
				page, total, err := db.Notes(t.Context(), 1, catalog.Query{Order: tt.order, Offset: offset, Limit: 2})
				if err != nil {
					t.Fatal(err)
				}
				if total != 5 {
					t.Errorf("%s: total %d, want 5", tt.name, total)
				}
				for _, n := range page {
					all.WriteString(n.Name)
				}
			}
			if all.String() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, all.String(), tt.want)
			}
		}
		none, total, err := db.Notes(t.Context(), 1, catalog.Query{})
		if err != nil || len(none) != 0 || total != 5 {
			t.Errorf("limit 0: %d notes of %d, %v; want none of 5", len(none), total, err)
		}
	})
}

func TestRecordsBelongToTheirAccount(t *testing.T) {
	everyNotes(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		mine := addNote(t, db, 1, catalog.Note{Name: "n", More: map[string]string{"k": "v"}})
		theirs := addNote(t, db, 2, catalog.Note{Name: "n"})
		common := addNote(t, db, 0, catalog.Note{Name: "system"})
		if mine.ID == 0 || mine.CreatedAt == 0 || mine.UpdatedAt != mine.CreatedAt || mine.Account != 1 {
			t.Errorf("made %+v", mine)
		}
		got, err := db.Note(ctx, 1, mine.ID)
		if diff := cmp.Diff(mine, got); err != nil || diff != "" {
			t.Errorf("get: %v\n%s", err, diff)
		}
		if _, err := db.Note(ctx, 1, theirs.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's note: %v", err)
		}
		if _, err := db.Note(ctx, 1, common.ID); err != nil {
			t.Errorf("the system's note: %v", err)
		}
		rename := func(n *catalog.Note) error { n.Name, n.Account = "changed", 9; return nil }
		for _, id := range []int64{theirs.ID, common.ID, 99} {
			if _, err := db.UpdateNote(ctx, 1, id, rename); !errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("update %d: %v", id, err)
			}
			if err := db.DeleteNote(ctx, 1, id); !errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("delete %d: %v", id, err)
			}
		}
		changed, err := db.UpdateNote(ctx, 1, mine.ID, rename)
		if err != nil || changed.Name != "changed" || changed.Account != 1 || changed.UpdatedAt <= mine.UpdatedAt || changed.CreatedAt != mine.CreatedAt {
			t.Errorf("update: %+v, %v", changed, err)
		}
		list, total, err := db.Notes(ctx, 1, catalog.Query{Limit: 10})
		if err != nil || total != 2 || list[1].Name != "changed" {
			t.Errorf("list: %+v of %d, %v", list, total, err)
		}
		if err := db.DeleteNote(ctx, 1, mine.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Note(ctx, 1, mine.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		addNote(t, db, 1, catalog.Note{Name: "changed"}) // the name is free again
	})
}

func TestRecordsRefuseWhatCannotBeStored(t *testing.T) {
	everyNotes(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		n := addNote(t, db, 1, catalog.Note{Name: "n"})
		if _, err := db.AddNote(ctx, 1, catalog.Note{}); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("no name: %v", err)
		}
		if _, err := db.UpdateNote(ctx, 1, n.ID, func(n *catalog.Note) error { n.Name = "a\x00"; return nil }); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("NUL: %v", err)
		}
		err := db.InTx(ctx, func(tx *catalog.Tx) error {
			if _, err := tx.AddNote(ctx, 1, catalog.Note{Name: "n"}); !errors.Is(err, catalog.ErrConflict) {
				t.Errorf("name taken: %v", err)
			}
			_, err := tx.Note(ctx, 1, n.ID) // the transaction goes on
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestRecordUpdatesDoNotLoseEachOther(t *testing.T) {
	everyNotes(t, func(t *testing.T, db *catalog.DB) {
		n := addNote(t, db, 1, catalog.Note{Name: "n"})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := db.UpdateNote(t.Context(), 1, n.ID, func(n *catalog.Note) error { n.Size++; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := db.Note(t.Context(), 1, n.ID); err != nil || got.Size != 20 {
			t.Errorf("size %d after 20 increments, %v", got.Size, err)
		}
	})
}

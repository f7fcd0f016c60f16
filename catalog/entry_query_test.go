package catalog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// addEntry makes an entry of account 1.
func addEntry(t testing.TB, db *catalog.DB, change func(e *catalog.Entry)) catalog.Entry {
	t.Helper()
	e := catalog.BlankEntry(1)
	change(&e)
	made, err := db.AddEntry(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestEntriesKeepWhatTheyAreGiven(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_123_456).UTC()
	want := catalog.Entry{
		Account: 1, Type: catalog.EntryMedia, Status: catalog.EntryNoContent, MediaType: catalog.MediaAudio, Name: "n", Description: "d",
		ReferenceID: "r", Tags: []string{"a", "b c"}, AdminTags: []string{"x"}, Owner: "o", Creator: "c", Editors: []string{"e"},
		Publishers: []string{"p"}, Viewers: []string{"v"}, Categories: []string{"a>b"}, CategoryIDs: []string{"2"},
		SourceType: catalog.SourceURL, SourceKey: "s", DedupKey: "k", Version: 3, DurationMS: 1, Width: 2, Height: 3, ErrorCode: "ec",
		ErrorText: "et", Moderation: catalog.ModerationFlagged, Flags: 2, Display: catalog.DisplayNone, GroupID: 4, SortValue: 5,
		AccessControl: 6, ConversionProfile: 7, StartAt: at, EndAt: at.Add(time.Hour), Replacing: "0_aaaaaaaa", Replaced: "0_bbbbbbbb",
		Replacement: catalog.ReplacementFailed, Redirect: "0_cccccccc", Root: "0_dddddddd", Parent: "0_eeeeeeee", Plays: 8, Views: 9,
		LastPlayedAt: at, Rank: 1.5, TotalRank: 10, Votes: 11, PlayableAt: at, ReadyAt: at,
		Details: catalog.EntryDetails{
			PartnerData: "pd", License: new(0), Template: "0_ffffffff", TrimDisabled: new(false),
			Texts: map[string]map[string]string{"name": {"fr": "é"}},
			Clips: []catalog.EntryClip{{Offset: 1, Duration: 2}}, Streams: []catalog.EntryStream{{ID: "1", TrackIndex: new(0)}},
		},
	}
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		made, err := db.AddEntry(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Entry(t.Context(), 1, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := want
		want.ID, want.CreatedAt, want.UpdatedAt, want.Revision = got.ID, got.CreatedAt, got.UpdatedAt, 1
		if diff := cmp.Diff(want, got); diff != "" || got.CreatedAt.IsZero() {
			t.Error(diff)
		}
		if names := eventNames(t, db, got.ID); !slices.Equal(names, []string{"replacement.created"}) {
			t.Errorf("events %v", names)
		}
	})
}

func TestCommaListsAreStoredClean(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		e := addEntry(t, db, func(e *catalog.Entry) { e.Tags = []string{" a ", "b, c", "", "a"} })
		if !slices.Equal(e.Tags, []string{"a", "b", "c"}) {
			t.Errorf("tags %q", e.Tags)
		}
	})
}

func TestEntryQueries(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		add := func(name string, change func(e *catalog.Entry)) catalog.Entry {
			return addEntry(t, db, func(e *catalog.Entry) { e.Name, e.Status = name, catalog.EntryReady; change(e) })
		}
		add("a", func(e *catalog.Entry) {
			e.DurationMS, e.Tags, e.Owner, e.Categories = 1499, []string{"red"}, "u", []string{"news>sport"}
		})
		add("b", func(e *catalog.Entry) {
			e.DurationMS, e.AdminTags, e.Type, e.Categories = 1500, []string{"RED"}, catalog.EntryData, []string{"newspaper"}
		})
		add("c", func(e *catalog.Entry) {
			e.DurationMS, e.Status, e.Display = 240_000, catalog.EntryNoContent, catalog.DisplaySystem
			e.Description, e.Replaced = "straße café", "0_aaaaaaaa"
		})
		add("d", func(e *catalog.Entry) {
			e.DurationMS, e.Status, e.Parent, e.Root = 1_200_001, catalog.EntryDeleted, "0_aaaaaaaa", "0_aaaaaaaa"
		})
		f := add("f", func(e *catalog.Entry) { e.Parent, e.Root, e.ReferenceID = "0_aaaaaaaa", "0_aaaaaaaa", "ref one" })
		other := catalog.BlankEntry(2)
		other.Name = "x"
		if _, err := db.AddEntry(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		_, err := db.AddAssets(t.Context(), f.ID, []catalog.Asset{
			{Type: catalog.AssetFlavor, Status: catalog.AssetReady, Name: "source", Original: true},
			{Type: catalog.AssetFlavor, Status: catalog.AssetReady, Name: "360p", ParamsID: 7},
			{Type: catalog.AssetFlavor, Status: catalog.AssetConverting, Name: "720p", ParamsID: 8},
		})
		if err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			name  string
			conds []catalog.Cond
			want  string // names, newest first
		}{
			{"all", nil, "fcba"},
			{"deleted when asked for", []catalog.Cond{cond("status", catalog.OpEq, int64(3))}, "d"},
			{"status", []catalog.Cond{cond("status", catalog.OpEq, int64(2))}, "fba"},
			{"statuses", []catalog.Cond{cond("status", catalog.OpIn, int64(7), "2", int64(7), "virusScan.Infected")}, "fcba"},
			{"statuses and type", []catalog.Cond{cond("status", catalog.OpIn, int64(7), int64(2)), cond("type", catalog.OpEq, int64(6))}, "b"},
			{"status not", []catalog.Cond{cond("status", catalog.OpNot, int64(2))}, "dc"},
			{"counted fields", []catalog.Cond{cond("status", catalog.OpIn, int64(2)), cond("type", catalog.OpEq, "1"), cond("displayInSearch", catalog.OpNotIn, int64(-1))}, "fa"},
			{"own account", []catalog.Cond{cond("partnerId", catalog.OpEq, int64(1))}, "fcba"},
			{"another account", []catalog.Cond{cond("partnerId", catalog.OpEq, int64(2))}, ""},
			{"another account listed", []catalog.Cond{cond("partnerId", catalog.OpIn, int64(2), int64(1)), cond("name", catalog.OpLike, "x")}, ""},
			{"owner", []catalog.Cond{cond("userId", catalog.OpEq, "u"), cond("status", catalog.OpEq, int64(2))}, "a"},
			{"parent", []catalog.Cond{cond("parentEntryId", catalog.OpEq, "0_aaaaaaaa")}, "f"},
			{"root in", []catalog.Cond{cond("rootEntryId", catalog.OpIn, "0_aaaaaaaa", "0_b")}, "f"},
			{"no parent", []catalog.Cond{cond("parentEntryId", catalog.OpEq, "")}, "cba"},
			{"replaced", []catalog.Cond{cond("replacedEntryId", catalog.OpEq, "0_aaaaaaaa")}, "c"},
			{"is root", []catalog.Cond{cond("isRoot", catalog.OpEq, int64(1))}, "cba"},
			{"is no root", []catalog.Cond{cond("isRoot", catalog.OpEq, int64(0))}, "f"},
			{"is root or not", []catalog.Cond{cond("isRoot", catalog.OpEq, int64(-1))}, "fcba"},
			{"duration rounds", []catalog.Cond{cond("duration", catalog.OpGTE, int64(2))}, "cb"},
			{"duration below", []catalog.Cond{cond("duration", catalog.OpLTE, int64(1))}, "fa"},
			{"duration less", []catalog.Cond{cond("duration", catalog.OpLT, int64(2))}, "fa"},
			{"duration greater", []catalog.Cond{cond("duration", catalog.OpGT, int64(1))}, "cb"},
			{"duration none", []catalog.Cond{cond("durationType", catalog.OpMatchOr, "notavailable")}, "f"},
			{"duration short", []catalog.Cond{cond("durationType", catalog.OpMatchOr, "short", "long")}, "ba"},
			{"duration medium", []catalog.Cond{cond("durationType", catalog.OpMatchOr, "medium")}, "c"},
			{"flavors or", []catalog.Cond{cond("flavorParamsIds", catalog.OpMatchOr, "7", "8")}, "f"},
			{"flavors and", []catalog.Cond{cond("flavorParamsIds", catalog.OpMatchAnd, "7", "8")}, ""},
			{"flavors source", []catalog.Cond{cond("flavorParamsIds", catalog.OpMatchAnd, "0", int64(7))}, "f"},
			{"category", []catalog.Cond{cond("categories", catalog.OpMatchOr, "News>Sport")}, "a"},
			{"category above", []catalog.Cond{cond("categories", catalog.OpMatchOr, "news")}, "a"},
			{"category not", []catalog.Cond{cond("categories", catalog.OpNotContains, "news")}, "fcb"},
			{"category exact", []catalog.Cond{cond("categories", catalog.OpIn, "news")}, ""},
			{"tags or name", []catalog.Cond{cond("tagsName", catalog.OpMultiLikeOr, "red", "c")}, "ca"},
			{"tags and admin tags and name", []catalog.Cond{cond("tagsAdminTagsName", catalog.OpMultiLikeAnd, "red", "b")}, "b"},
			{"words", []catalog.Cond{cond("searchText", catalog.OpMatchAnd, "strasse")}, ""},
			{"words begin", []catalog.Cond{cond("searchText", catalog.OpMatchAnd, "CAF")}, "c"},
			{"words and", []catalog.Cond{cond("searchText", catalog.OpMatchAnd, "cafe", "ref")}, ""},
			{"words or", []catalog.Cond{cond("searchText", catalog.OpMatchOr, "cafe", "one ref")}, "fc"},
			{"words quoted", []catalog.Cond{cond("searchText", catalog.OpMatchOr, `"' OR 1 --`)}, ""},
			{"no words", []catalog.Cond{cond("searchText", catalog.OpMatchOr, "!")}, "fcba"},
			{"id and status", []catalog.Cond{cond("id", catalog.OpIn, string(f.ID), "0_x"), cond("status", catalog.OpEq, int64(2))}, "f"},
			{"reference", []catalog.Cond{cond("referenceId", catalog.OpIn, "ref one", "b")}, "f"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				for _, order := range [][]catalog.Order{nil, {{Field: "createdAt", Desc: true}}, {{Field: "name", Desc: true}}} {
					found, total, err := db.QueryEntries(t.Context(), 1, catalog.Query{Conds: tt.conds, Order: order, Limit: 100})
					if err != nil {
						t.Fatal(err)
					}
					var got strings.Builder
					for _, e := range found {
						got.WriteString(e.Name)
					}
					if got.String() != tt.want || total != len(found) {
						t.Errorf("order %v: got %q (%d in all), want %q", order, got.String(), total, tt.want)
					}
				}
			})
		}
		for name, q := range map[string]catalog.Query{
			"unknown field":  {Conds: []catalog.Cond{cond("source_key", catalog.OpEq, "a")}},
			"special op":     {Conds: []catalog.Cond{cond("durationType", catalog.OpGTE, "short")}},
			"special order":  {Order: []catalog.Order{{Field: "durationType"}}},
			"negative":       {Offset: -2},
			"unknown op":     {Conds: []catalog.Cond{cond("searchText", "regexp", "a")}},
			"list order":     {Order: []catalog.Order{{Field: "tags"}}},
			"root of lists":  {Conds: []catalog.Cond{cond("isRoot", catalog.OpEq)}},
			"categories gte": {Conds: []catalog.Cond{cond("categories", catalog.OpGTE, "a")}},
		} {
			if _, _, err := db.QueryEntries(t.Context(), 1, q); !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPagesOfSeveralStatusesAreInOrder(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		for i := range 20 {
			addEntry(t, db, func(e *catalog.Entry) {
				e.Name, e.Status = string(rune('a'+i)), []catalog.EntryStatus{catalog.EntryReady, catalog.EntryImport, catalog.EntryNoContent}[i%3]
			})
		}
		for _, desc := range []bool{true, false} {
			var got strings.Builder
			for offset := 0; offset < 20; offset += 3 {
				page, total, err := db.QueryEntries(t.Context(), 1, catalog.Query{
					Conds: []catalog.Cond{cond("status", catalog.OpIn, int64(2), int64(0))}, Order: []catalog.Order{{"createdAt", desc}},
					Offset: offset, Limit: 3,
				})
				if err != nil || total != 14 {
					t.Fatalf("%d in all, %v", total, err)
				}
				for _, e := range page {
					got.WriteString(e.Name)
				}
			}
			want := "abdeghjkmnpqst"
			if desc {
				want = "tsqpnmkjhgedba"
			}
			if got.String() != want {
				t.Errorf("desc %v: %s, want %s", desc, got.String(), want)
			}
		}
	})
}

// TestTotalsStayExact lets writers change entries at random while the counters are kept, then compares them with a real count.
func TestTotalsStayExact(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(w)))
				var ids []catalog.EntryID
				for range 40 {
					if len(ids) == 0 || random.IntN(3) == 0 {
						e := catalog.BlankEntry(catalog.AccountID(1 + random.IntN(2)))
						made, err := db.AddEntry(t.Context(), e)
						if err != nil {
							t.Error(err)
							return
						}
						ids = append(ids, made.ID)
						continue
					}
					id := ids[random.IntN(len(ids))]
					var err error
					switch random.IntN(4) {
					case 0:
						err = db.DeleteEntry(t.Context(), id)
					case 1:
						if err = db.PurgeEntry(t.Context(), id); errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
							err = nil
						}
					default:
						err = db.UpdateEntry(t.Context(), id, func(e *catalog.Entry) error {
							e.Status = catalog.EntryStatus(random.IntN(3))
							e.Moderation = catalog.ModerationStatus(1 + random.IntN(6))
							e.MediaType = catalog.MediaType(random.IntN(2))
							return nil
						})
					}
					if err != nil && !errors.Is(err, catalog.ErrNotFound) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for account := catalog.AccountID(1); account <= 2; account++ {
			for status := -1; status <= 7; status++ {
				conds := []catalog.Cond{cond("status", catalog.OpEq, int64(status))}
				counted := total(t, db, account, conds)
				// A condition on the id that all meet makes the catalog count the rows.
				real := total(t, db, account, append(conds, cond("id", catalog.OpNot, "")))
				if counted != real {
					t.Errorf("account %d, status %d: %d by the counters, %d in truth", account, status, counted, real)
				}
			}
		}
	})
}

func total(t *testing.T, db *catalog.DB, account catalog.AccountID, conds []catalog.Cond) int {
	t.Helper()
	_, n, err := db.QueryEntries(t.Context(), account, catalog.Query{Conds: conds})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAddEntryRefusals(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		made := addEntry(t, db, func(e *catalog.Entry) { e.DedupKey = "k" })
		for name, tt := range map[string]struct {
			change func(e *catalog.Entry)
			want   error
		}{
			"unknown account": {func(e *catalog.Entry) { e.Account = 9 }, catalog.ErrNotFound},
			"taken id":        {func(e *catalog.Entry) { e.ID = made.ID }, catalog.ErrConflict},
			"taken dedup key": {func(e *catalog.Entry) { e.DedupKey = "k" }, catalog.ErrConflict},
			"no id":           {func(e *catalog.Entry) { e.ID = "x" }, catalog.ErrInvalid},
			"long name":       {func(e *catalog.Entry) { e.Name = strings.Repeat("x", 2000) }, catalog.ErrInvalid},
			"broken text":     {func(e *catalog.Entry) { e.Tags = []string{"\xff"} }, catalog.ErrInvalid},
			"long owner":      {func(e *catalog.Entry) { e.Owner = fmt.Sprint(strings.Repeat("x", 2000)) }, catalog.ErrInvalid},
		} {
			e := catalog.BlankEntry(1)
			tt.change(&e)
			if _, err := db.AddEntry(t.Context(), e); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", name, err, tt.want)
			}
		}
	})
}

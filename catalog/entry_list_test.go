package catalog_test

import (
	"errors"
	"slices"
	"testing"

	"sluice/catalog"
)

func TestListSelectsOrdersAndPages(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		names := []string{"b", "a", "C", "a", "é"}
		var ids []catalog.EntryID
		for i, n := range append(names, "other") {
			e, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{Account: catalog.AccountID(1 + i/5), Name: n}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.ID)
			if err := db.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error {
				e.DurationMS = int64(10 - i)
				if i == 1 {
					e.Status = catalog.EntryReady
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.DeleteEntry(t.Context(), ids[4]); err != nil {
			t.Fatal(err)
		}
		tests := map[string]struct {
			filter catalog.EntryFilter
			want   []int
			total  int
		}{
			"all":          {catalog.EntryFilter{}, []int{0, 1, 2, 3, 5}, 5},
			"account":      {catalog.EntryFilter{Account: 1}, []int{0, 1, 2, 3}, 4},
			"newest first": {catalog.EntryFilter{Account: 1, Desc: true}, []int{3, 2, 1, 0}, 4},
			"by name":      {catalog.EntryFilter{Account: 1, OrderBy: catalog.ByName}, []int{2, 1, 3, 0}, 4},
			"by duration":  {catalog.EntryFilter{OrderBy: catalog.ByDuration}, []int{5, 3, 2, 1, 0}, 5},
			"by update":    {catalog.EntryFilter{OrderBy: catalog.ByUpdated, Desc: true}, []int{5, 3, 2, 1, 0}, 5},
			"status":       {catalog.EntryFilter{Statuses: []catalog.EntryStatus{catalog.EntryReady, catalog.EntryDeleted}}, []int{1, 4}, 2},
			"statuses": {catalog.EntryFilter{
				Statuses: []catalog.EntryStatus{catalog.EntryReady, catalog.EntryImport, catalog.EntryReady}, Limit: 2, Offset: 1,
			}, []int{1, 2}, 5},
			"statuses down": {catalog.EntryFilter{
				Statuses: []catalog.EntryStatus{catalog.EntryReady, catalog.EntryImport}, OrderBy: catalog.ByName, Desc: true, Account: 1,
			}, []int{0, 3, 1, 2}, 4},
			"statuses beyond": {catalog.EntryFilter{
				Statuses: []catalog.EntryStatus{catalog.EntryReady, catalog.EntryImport}, Offset: 9,
			}, nil, 5},
			"statuses cursor": {catalog.EntryFilter{
				Statuses: []catalog.EntryStatus{catalog.EntryReady, catalog.EntryImport}, OrderBy: catalog.ByDuration, Cursor: ids[3],
			}, []int{2, 1, 0}, 5},
			"page":              {catalog.EntryFilter{Limit: 2, Offset: 1}, []int{1, 2}, 5},
			"cursor":            {catalog.EntryFilter{Limit: 2, Cursor: ids[1]}, []int{2, 3}, 5},
			"cursor down":       {catalog.EntryFilter{Limit: 2, Cursor: ids[2], Desc: true}, []int{1, 0}, 5},
			"cursor among same": {catalog.EntryFilter{Account: 1, OrderBy: catalog.ByName, Cursor: ids[1]}, []int{3, 0}, 4},
		}
		for name, test := range tests {
			got, total, err := db.ListEntries(t.Context(), test.filter)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var places []int
			for _, e := range got {
				places = append(places, slices.Index(ids, e.ID))
			}
			if !slices.Equal(places, test.want) || total != test.total {
				t.Errorf("%s: %v of %d, want %v of %d", name, places, total, test.want, test.total)
			}
		}
		for name, f := range map[string]catalog.EntryFilter{
			"limit": {Limit: 1001}, "negative limit": {Limit: -1}, "offset": {Offset: -1}, "order": {OrderBy: "name; DROP TABLE entries"},
		} {
			if _, _, err := db.ListEntries(t.Context(), f); !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestSearchFindsWordsByTheirBeginning(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		ids := map[string]catalog.EntryID{}
		for key, n := range map[string]catalog.NewEntry{
			"holiday": {Name: "My_Holiday-2024.mp4", Description: "Sun & sea", Tags: []string{"Été"}},
			"tokyo":   {Name: "東京の夜", ReferenceID: "JP/77"},
			"odd":     {Name: `it's "odd" \ % * AND OR NOT :`},
		} {
			n.Account = 1
			e, _, _, err := db.CreateEntry(t.Context(), n, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			ids[key] = e.ID
		}
		for search, want := range map[string][]string{
			"holiday": {"holiday"}, "HOLI": {"holiday"}, "2024 my": {"holiday"}, "sea ete": {"holiday"}, "oliday": nil,
			"京": {"tokyo"}, "東京": {"tokyo"}, "jp77": nil, "jp 77": {"tokyo"},
			`'odd' "`: {"odd"}, `\ odd * )`: {"odd"}, "and or not": {"odd"}, "odd holiday": nil,
			string(ids["odd"]): {"odd"}, "": {"holiday", "odd", "tokyo"}, "?!*": {"holiday", "odd", "tokyo"},
		} {
			got, total, err := db.ListEntries(t.Context(), catalog.EntryFilter{Account: 1, Search: search})
			if err != nil {
				t.Errorf("%q: %v", search, err)
				continue
			}
			var found []string
			for _, e := range got {
				for key, id := range ids {
					if id == e.ID {
						found = append(found, key)
					}
				}
			}
			slices.Sort(found)
			if !slices.Equal(found, want) || total != len(want) {
				t.Errorf("%q found %v (%d), want %v", search, found, total, want)
			}
		}
		// A renamed entry is found by its new name only.
		if err := db.UpdateEntry(t.Context(), ids["tokyo"], func(e *catalog.Entry) error {
			e.Name = "Kyoto"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for search, want := range map[string]int{"kyoto": 1, "東京": 0} {
			if _, total, err := db.ListEntries(t.Context(), catalog.EntryFilter{Search: search}); err != nil || total != want {
				t.Errorf("%q: %d, %v", search, total, err)
			}
		}
	})
}

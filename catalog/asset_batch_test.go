package catalog_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// TestAssetsOfManyAreThoseOfEach: a batch says what asking for each entry would, also where there are more entries than one
// query takes.
func TestAssetsOfManyAreThoseOfEach(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		var ids []catalog.EntryID
		for i := range 12 {
			e, _ := newEntry(t, db)
			ids = append(ids, e.ID, e.ID) // asked for twice, told once
			if i == 0 {
				continue // without assets
			}
			made, err := db.AddAssets(ctx, e.ID, []catalog.Asset{
				{Name: "360p", Type: catalog.AssetFlavor}, {Name: "poster", Type: catalog.AssetThumb}, {Name: "gone", Type: catalog.AssetFlavor},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.DeleteAsset(ctx, made[2].ID); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1200 {
			ids = append(ids, catalog.EntryID(fmt.Sprintf("0_unknown%d", i)))
		}
		for _, types := range [][]catalog.AssetType{nil, {catalog.AssetThumb}, {catalog.AssetThumb, catalog.AssetFlavor}} {
			want := map[catalog.EntryID][]catalog.Asset{}
			for _, id := range ids[:24] {
				one, err := db.Assets(ctx, id, types...)
				if err != nil {
					t.Fatal(err)
				}
				if len(one) > 0 {
					want[id] = one
				}
			}
			if len(want) != 11 {
				t.Fatalf("%d entries have assets, want 11", len(want))
			}
			got, err := db.AssetsOf(ctx, ids, types...)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("types %v: %s", types, d)
			}
		}
		if none, err := db.AssetsOf(ctx, nil); err != nil || len(none) != 0 {
			t.Errorf("of nothing: %v %v", none, err)
		}
	})
}

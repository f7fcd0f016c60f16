package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// withAsset makes a ready asset whose object lies in its own folder.
func withAsset(t *testing.T, db *catalog.DB, e catalog.Entry, a catalog.Asset) catalog.Asset {
	t.Helper()
	a.ID, a.Status = catalog.NewAssetID(), catalog.AssetReady
	a.Key = fmt.Sprintf("1/%s/%d/%s/file", e.ID, e.Version, a.ID)
	made, err := db.AddAssets(t.Context(), e.ID, []catalog.Asset{a})
	if err != nil {
		t.Fatal(err)
	}
	return made[0]
}

func TestReplacedContentKeepsWhatWasAddedByHand(t *testing.T) {
	t.Run("thumbnails go", func(t *testing.T) { replaceContent(t, false) })
	t.Run("thumbnails stay", func(t *testing.T) { replaceContent(t, true) })
}

func replaceContent(t *testing.T, keep bool) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		newAccount(t, db, 1)
		e := addEntry(t, db, func(e *catalog.Entry) { e.Status, e.Name = catalog.EntryReady, "n" })
		old := withAsset(t, db, e, catalog.Asset{Type: catalog.AssetFlavor, Name: "360p"})
		withAsset(t, db, e, catalog.Asset{Type: catalog.AssetCaption, Name: "en", Revision: 1})
		withAsset(t, db, e, catalog.Asset{Type: catalog.AssetThumb, Name: "mine", Revision: 2})
		withAsset(t, db, e, catalog.Asset{Type: catalog.AssetThumb, Name: "poster"})
		hidden, err := db.StartReplacement(ctx, e.ID, catalog.Replacement{Profile: 9, Status: catalog.ReplacementApprovedNotReady, KeepThumbs: keep})
		if err != nil || hidden.Display != catalog.DisplaySystem || hidden.Replaced != e.ID || hidden.ConversionProfile != 9 {
			t.Fatalf("hidden entry %+v, %v", hidden, err)
		}
		replace := func() error { return db.InTx(ctx, func(tx *catalog.Tx) error { return tx.Replace(ctx, e.ID) }) }
		if err := replace(); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("replaced before it is ready: %v", err)
		}
		made := withAsset(t, db, hidden, catalog.Asset{Type: catalog.AssetFlavor, Name: "360p"})
		withAsset(t, db, hidden, catalog.Asset{Type: catalog.AssetCaption, Name: "en"})
		err = db.UpdateEntry(ctx, hidden.ID, func(e *catalog.Entry) error { e.Status, e.DurationMS = catalog.EntryReady, 7000; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.StartReplacement(ctx, e.ID, catalog.Replacement{}); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("a second replacement: %v", err)
		}
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		// The hidden entry does not exist for who follows entries; what is new is the entry's.
		want := []string{"replacement.created", "replacement.updated", "replacement.updated", "replacement.ready", "replacement.updated", "replacement.deleted"}
		if diff := cmp.Diff(want, eventNames(t, db, hidden.ID)); diff != "" {
			t.Error(diff)
		}
		told := eventNames(t, db, e.ID)
		if diff := cmp.Diff([]string{"entry.updated", "asset.ready", "asset.ready", "entry.replaced"}, told[max(0, len(told)-4):]); diff != "" {
			t.Error(diff)
		}
		got, err := db.Entry(ctx, 1, e.ID)
		if err != nil || got.Version != 2 || got.DurationMS != 7000 || got.Replacing != "" || got.Name != "n" || got.ConversionProfile != 9 {
			t.Errorf("entry %+v, %v", got, err)
		}
		if _, err := db.Entry(ctx, 1, hidden.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("hidden entry: %v", err)
		}
		if err := replace(); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("replaced again: %v", err)
		}
		assets, err := db.Assets(ctx, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range assets {
			if a.Version != 2 {
				t.Errorf("%s is of version %d", a.Name, a.Version)
			}
			names = append(names, string(a.Type)+" "+a.Name)
		}
		want = []string{"caption kept-" + string(assets[0].ID), "flavor 360p", "caption en"}
		if keep {
			want = slices.Insert(want, 1, "thumb mine")
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
		if names := eventNames(t, db, e.ID); !slices.Contains(names, catalog.EventEntryReplaced) {
			t.Errorf("events %v", names)
		}

		folders, err := db.ForeignFolders(ctx, got)
		if err != nil || !slices.Contains(folders, made.Folder()) || slices.Contains(folders, old.Folder()) {
			t.Errorf("folders elsewhere %v, %v", folders, err)
		}
		if early, err := db.PurgeableAssets(ctx, time.Now().Add(-time.Hour), 10); err != nil || len(early) != 0 {
			t.Errorf("%d assets to purge at once, %v", len(early), err)
		}
		gone, err := db.PurgeableAssets(ctx, time.Now().Add(time.Hour), 10)
		if err != nil || len(gone) != 3-len(want)+3 {
			t.Fatalf("%d assets to purge, %v", len(gone), err)
		}
		if err := db.PurgeAsset(ctx, old.ID); err != nil {
			t.Error(err)
		}
		if err := db.PurgeAsset(ctx, old.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("purged twice: %v", err)
		}
		if err := db.PurgeAsset(ctx, made.ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("purge of a living asset: %v", err)
		}
		// With their entry, assets go at once.
		if err := db.DeleteEntry(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		if rest, err := db.PurgeableAssets(ctx, time.Now().Add(time.Hour), 10); err != nil || len(rest) != 0 {
			t.Errorf("%d assets of a deleted entry to purge, %v", len(rest), err)
		}
	})
}

func TestFoldersOfAssetsAreTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		asset catalog.Asset
		want  string
	}{
		{catalog.Asset{ID: "0_aaaaaaaa", Key: "1/0_e/1/0_aaaaaaaa/v.mp4"}, "1/0_e/1/0_aaaaaaaa/"},
		{catalog.Asset{ID: "0_aaaaaaaa", Parts: []catalog.Part{{Key: "1/0_e/1/0_aaaaaaaa/0.mp4"}}}, "1/0_e/1/0_aaaaaaaa/"},
		{catalog.Asset{ID: "0_aaaaaaaa", Key: "1/0_e/1/0_bbbbbbbb/v.mp4"}, ""}, // another asset's object
		{catalog.Asset{ID: "0_aaaaaaaa"}, ""},
	} {
		if got := tt.asset.Folder(); got != tt.want {
			t.Errorf("folder of %q is %q, want %q", tt.asset.Key, got, tt.want)
		}
	}
}

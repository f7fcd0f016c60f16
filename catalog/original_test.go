package catalog_test

import (
	"testing"

	"sluice/catalog"
)

func TestEntryWithOriginal(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		if _, _, err := db.EnsureAccount(ctx, 101, "test"); err != nil {
			t.Fatal(err)
		}
		add := func(status catalog.EntryStatus, source, sum string, size int64) catalog.EntryID {
			e := catalog.BlankEntry(101)
			e.Name, e.Status, e.SourceKey = "e", status, source
			e, err := db.AddEntry(ctx, e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.AddAssets(ctx, e.ID, []catalog.Asset{{Type: catalog.AssetFlavor, Status: catalog.AssetReady, Version: e.Version, Name: "source", Original: true, SHA256: sum, Size: size}}); err != nil {
				t.Fatal(err)
			}
			return e.ID
		}
		failed := add(catalog.EntryErrorConverting, "dropfolder:1:a", "aa", 5)
		oldest := add(catalog.EntryReady, "dropfolder:1:b", "aa", 5)
		add(catalog.EntryReady, "dropfolder:12:c", "aa", 5)
		for _, c := range []struct {
			sum  string
			size int64
			want catalog.EntryID
		}{{"aa", 5, oldest}, {"aa", 6, ""}, {"bb", 5, ""}, {"", 5, ""}} {
			if got, ok, err := db.EntryWithOriginal(ctx, 101, c.sum, c.size); err != nil || got != c.want || ok != (c.want != "") {
				t.Errorf("%q of %d bytes: %q %v, %v; want %q, not the failed %q", c.sum, c.size, got, ok, err, c.want, failed)
			}
		}
		for folder, want := range map[catalog.DropFolderID]int64{1: 10, 12: 5, 2: 0} {
			if n, err := db.FolderBytes(ctx, 101, folder); err != nil || n != want {
				t.Errorf("folder %d keeps %d, %v; want %d", folder, n, err, want)
			}
		}
	})
}

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
)

// TestPurgeThatIsKilledLeavesNothingBehind deletes many entries and kills the server over and over while it removes them.
// In the end rows, objects and received files are all gone, and those of the entries that nobody deleted are all there.
func TestPurgeThatIsKilledLeavesNothingBehind(t *testing.T) {
	s := newServer(t)
	s.start("server", "serve", "--purge-after=0s", "--worker-roles=api,feeder")
	s.waitReady()
	db := s.catalog()
	const entries, kept = 600, 10
	for i := range entries {
		id, asset := catalog.NewEntryID(), catalog.NewAssetID()
		key := fmt.Sprintf("101/%s/1/%s/source.mp4", id, asset)
		for _, path := range []string{
			filepath.Join(s.data, "objects", key), filepath.Join(s.data, "objects", filepath.Dir(key), "info.json"),
			filepath.Join(s.data, "objects", filepath.Dir(key), "plan.json"), filepath.Join(s.data, "incoming", string(id), "x.mp4"),
		} {
			if i >= entries-kept && filepath.Base(path) == "x.mp4" {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{ID: id, Account: 101, Name: fmt.Sprint(i)}, []catalog.Asset{{
			ID: asset, Type: catalog.AssetFlavor, Status: catalog.AssetReady, Version: 1, Name: "source", Original: true, Key: key, Size: 1,
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i < entries-kept {
			if err := db.DeleteEntry(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func() int {
		left, err := db.Purgeable(t.Context(), time.Now(), entries)
		if err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	interrupted := 0
	for last := count(); last > 0; last = count() {
		s.eventually(time.Minute, "the purge to go on", func() bool { return count() < last })
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		s.kill("server")
		if count() > 0 {
			interrupted++
		}
		s.start("server", "serve", "--purge-after=0s", "--worker-roles=api,feeder")
	}
	if interrupted < 3 {
		t.Errorf("only %d kills met a purge", interrupted)
	}
	t.Logf("%d kills met a purge", interrupted)
	if _, total, err := db.ListEntries(t.Context(), catalog.EntryFilter{Limit: 1}); err != nil || total != kept {
		t.Errorf("%d entries left, %v; want %d", total, err, kept)
	}
	s.waitReady()
	checkTidy(t, db, filepath.Join(s.data, "objects"))
	s.checkNothingIncoming(t)
	dirs, err := filepath.Glob(filepath.Join(s.data, "objects", "101", "*"))
	if err != nil || len(dirs) != kept {
		t.Errorf("%d folders of entries left, %v", len(dirs), err)
	}
}

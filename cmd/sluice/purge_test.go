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
	s.kill("server")
	db := s.catalog()
	const kept, batch, meetings = 10, 200, 5
	put := func(name string, deleted bool) {
		id, asset := catalog.NewEntryID(), catalog.NewAssetID()
		key := fmt.Sprintf("101/%s/1/%s/source.mp4", id, asset)
		paths := []string{
			filepath.Join(s.data, "objects", key), filepath.Join(s.data, "objects", filepath.Dir(key), "info.json"),
			filepath.Join(s.data, "objects", filepath.Dir(key), "plan.json"),
		}
		if deleted {
			paths = append(paths, filepath.Join(s.data, "incoming", string(id), "x.mp4"))
		}
		for _, path := range paths {
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, _, _, err := db.CreateEntry(t.Context(), catalog.NewEntry{ID: id, Account: 101, Name: name}, []catalog.Asset{{
			ID: asset, Type: catalog.AssetFlavor, Status: catalog.AssetReady, Version: 1, Name: "source", Original: true, Key: key, Size: 1,
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !deleted {
			return
		}
		if err := db.DeleteEntry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		left, err := db.Purgeable(t.Context(), time.Now(), 100*batch)
		if err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	for i := range kept {
		put(fmt.Sprint("kept ", i), false)
	}
	// How long a purge takes depends on the machine: a kill that comes after its end does not count, and the next comes
	// sooner.
	pause := 60 * time.Millisecond
	for met, round := 0, 0; met < meetings; round++ {
		if round == 10*meetings {
			t.Fatalf("%d of %d kills met a purge", met, round)
		}
		for i := range batch {
			put(fmt.Sprint(round, " ", i), true)
		}
		before := count()
		s.start("server", "serve", "--purge-after=0s", "--worker-roles=api,feeder")
		for deadline := time.Now().Add(time.Minute); count() == before; {
			if time.Now().After(deadline) {
				t.Fatal("a minute without a purge")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(pause))
		s.kill("server")
		if count() > 0 {
			met++
		} else {
			pause = max(pause/2, time.Millisecond)
		}
	}
	s.start("server", "serve", "--purge-after=0s", "--worker-roles=api,feeder")
	s.eventually(time.Minute, "the purge to end", func() bool { return count() == 0 })
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

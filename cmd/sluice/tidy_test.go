package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/catalog"
	"sluice/pipeline/stage"
)

// checkTidy holds that every file below the objects' directory belongs to an asset of an entry, and that nothing waits
// half-written.
func checkTidy(t *testing.T, db *catalog.DB, objects string) {
	t.Helper()
	var keys []string
	err := filepath.WalkDir(objects, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		key, err := filepath.Rel(objects, path)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checkKeys(t, db, keys)
}

func checkKeys(t *testing.T, db *catalog.DB, keys []string) {
	t.Helper()
	known := knownObjects(t, db)
	for _, key := range keys {
		if !known[key] {
			t.Errorf("%s belongs to nothing", key)
		}
		delete(known, key)
	}
	for key := range known {
		t.Errorf("%s is missing", key)
	}
}

// knownObjects are the keys of everything that an asset of any entry has.
func knownObjects(t *testing.T, db *catalog.DB) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	entries, _, err := db.ListEntries(t.Context(), catalog.EntryFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		assets, err := db.Assets(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range assets {
			keys := []string{a.Key, a.IndexKey}
			if a.Original {
				dir := strings.TrimSuffix(a.Key, filepath.Base(a.Key))
				keys = append(keys, dir+"info.json", dir+"plan.json")
			}
			if a.Type == catalog.AssetStoryboard {
				var p stage.StoryboardProps
				if err := json.Unmarshal(a.Props, &p); err != nil {
					t.Fatal(err)
				}
				keys = append(keys, p.Sprites...)
			}
			for _, k := range keys {
				if k != "" {
					known[k] = true
				}
			}
		}
	}
	return known
}

// checkNothingIncoming holds that no received file waits for anything.
func (s *server) checkNothingIncoming(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(s.data, "incoming"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("left in incoming: %s", e.Name())
	}
}

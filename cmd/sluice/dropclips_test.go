package main

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
)

var (
	clipFiles = flag.Int("drop-clips", 4, "how many clips TestDroppedClipsBecomeReady drops")
	clipKills = flag.Int("drop-clips-kills", 0, "how often it kills the server; a folder's lease takes 30 s to run out")
)

// TestDroppedClipsBecomeReady drops small clips, no two alike, into a folder of the real server, which may be killed meanwhile: each is
// one entry that is ready, with the clip's very bytes as its original.
func TestDroppedClipsBecomeReady(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	s := startServer(t, "--dropfolder-sweep=1s")
	db, ctx := s.catalog(), t.Context()
	folder, err := db.AddDropFolder(ctx, 101, catalog.DropFolder{
		Name: "clips", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: filepath.Join(s.data, "folders", "101", "in"),
		Handler: catalog.HandleContent, DeletePolicy: catalog.DeleteAfterImport, Options: catalog.DropFolderOptions{Match: catalog.AddAsNew},
	})
	if err != nil {
		t.Fatal(err)
	}
	film, err := os.ReadFile(clip(t, "small.mp4", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for i := range *clipFiles {
		// A free box at the end makes it another file of the same content (ISO/IEC 14496-12 §8.1.2).
		b := fmt.Appendf(nil, "%s\x00\x00\x00\x10free%08d", film, i)
		name, sum := fmt.Sprintf("clip%05d", i), sha256.Sum256(b)
		sums[name] = hex.EncodeToString(sum[:])
		arriving := filepath.Join(folder.Path, "."+name)
		if err := os.WriteFile(arriving, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(arriving, filepath.Join(folder.Path, name+".mp4")); err != nil {
			t.Fatal(err)
		}
	}
	ready := func() int {
		_, n, err := db.QueryEntries(ctx, 101, catalog.Query{Limit: 1, Conds: []catalog.Cond{
			{Field: "status", Op: catalog.OpEq, Values: []any{int64(catalog.EntryReady)}}, {Field: "name", Op: catalog.OpNot, Values: []any{""}},
		}})
		if err != nil {
			t.Log(err)
		}
		return n
	}
	limit := 3*time.Minute + time.Duration(*clipFiles)*3*time.Second
	for kill := range *clipKills {
		some := (kill + 1) * *clipFiles / (*clipKills + 2)
		s.eventually(limit, fmt.Sprintf("%d clips to be ready", some), func() bool { return ready() >= some })
		time.Sleep(rand.N(3 * time.Second)) // wherever that may be
		t.Logf("kill %d at %d clips: the server's memory is %s", kill+1, ready(), s.status("all", "VmRSS"))
		s.kill("all")
		s.start("all", "serve", "--dropfolder-sweep=1s")
		s.waitReady()
	}
	s.eventually(limit, "all clips to be ready", func() bool { return ready() >= *clipFiles })
	entries, _, err := db.QueryEntries(ctx, 101, catalog.Query{Limit: catalog.Everything})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range entries {
		seen[e.Name]++
		assets, err := db.Assets(ctx, e.ID, catalog.AssetFlavor)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range assets {
			if a.Original && a.SHA256 != sums[e.Name] {
				t.Errorf("%s has the original %s, not %s", e.Name, a.SHA256, sums[e.Name])
			}
		}
	}
	for name := range sums {
		if seen[name] != 1 {
			t.Errorf("%s is %d entries", name, seen[name])
		}
	}
	left, err := os.ReadDir(folder.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range left {
		if !strings.HasPrefix(l.Name(), ".") {
			t.Errorf("%s is left in the folder", l.Name())
		}
	}
}

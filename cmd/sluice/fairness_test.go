package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
)

// TestASmallCustomerNeverWaitsForALargeOne: account 201 hands in 500 files, then account 202 one; the one is ready before
// the twentieth of the 500.
func TestASmallCustomerNeverWaitsForALargeOne(t *testing.T) {
	src := clip(t, "tiny.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast")
	s := newServer(t)
	large, small := filepath.Join(s.data, "inbox", "201"), filepath.Join(s.data, "inbox", "202")
	b, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{large, small} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		if err := os.WriteFile(filepath.Join(large, fmt.Sprintf("a%03d.mp4", i)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.start("all", "serve", "--inbox-settle=1s")
	s.waitReady()
	db := s.catalog()
	count := func(account catalog.AccountID, statuses ...catalog.EntryStatus) int {
		_, n, err := db.ListEntries(context.Background(), catalog.EntryFilter{Account: account, Statuses: statuses, Limit: 1})
		if err != nil {
			return -1
		}
		return n
	}
	s.eventually(3*time.Minute, "all 500 files to be entries", func() bool { return count(201) == 500 })
	drop(t, src, filepath.Join(small, "b.mp4"))
	s.eventually(3*time.Minute, "the small customer's entry", func() bool { return count(202) == 1 })
	before := count(201, catalog.EntryReady)
	s.eventually(3*time.Minute, "the small customer's file to be ready", func() bool { return count(202, catalog.EntryReady) == 1 })
	if n := count(201, catalog.EntryReady) - before; n >= 20 {
		t.Errorf("%d of the large customer's files became ready before the small customer's one", n)
	}
	if count(201, catalog.EntryReady) == 500 {
		t.Error("the large customer was done already: the test showed nothing")
	}
}

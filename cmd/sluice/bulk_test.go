package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
)

// TestABulkJobSurvivesKills kills the server in the middle of a job, again and again. In the end every item has one result
// and made one entry with one attachment.
func TestABulkJobSurvivesKills(t *testing.T) {
	const items, kills = 300, 4
	roots := t.TempDir()
	notes := filepath.Join(roots, "notes.txt")
	if err := os.WriteFile(notes, []byte("notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	var doc strings.Builder
	for i := range items {
		fmt.Fprintf(&doc, `{"referenceId":"r%d","name":"Item %d","categories":["Night>%d"],"attachments":[{"title":"n","serverFile":%q}],`+
			`"cuePoints":[{"type":"code","start":"00:00:01","code":"x"}]}`+"\n", i, i, i%7, notes)
	}
	path := filepath.Join(roots, "night.ndjson")
	if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	serve := []string{"serve", "--worker-roles=api,feeder", "--worker-lease=2s", "--bulk-server-roots=" + roots}
	s.start("server", serve...)
	s.waitReady()
	out, err := s.run("bulk", path, "--json", "--key=night")
	if err != nil {
		t.Fatal(out, err)
	}
	var added bulkResult
	if err := json.Unmarshal([]byte(out), &added); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if again, err := s.run("bulk", path, "--json", "--key=night"); err != nil || !strings.Contains(again, fmt.Sprintf(`"job":%d,`, added.Job)) {
		t.Errorf("the same delivery again: %s, %v", again, err)
	}
	db := s.catalog()
	done := func() int64 {
		j, err := db.BulkJobByID(t.Context(), added.Job)
		if err != nil {
			t.Fatal(err)
		}
		return j.Done
	}
	for i := range kills {
		at := int64(items * (i + 1) / (kills + 1))
		s.eventually(2*time.Minute, "the job goes on", func() bool { return done() >= at })
		s.kill("server")
		s.start("server", serve...)
	}
	s.waitReady()
	var job catalog.BulkJob
	s.eventually(3*time.Minute, "the job ends", func() bool {
		if job, err = db.BulkJobByID(t.Context(), added.Job); err != nil {
			t.Fatal(err)
		}
		return job.Status.Ended()
	})
	if job.Status != catalog.BulkFinished || job.Done != items || job.Failed != 0 || job.Attempt < 2 {
		t.Errorf("job %+v", job)
	}
	rows, err := db.BulkResultsAfter(t.Context(), job.Account, job.ID, 0, items+1, false)
	if err != nil || len(rows) != items {
		t.Fatalf("%d results, %v", len(rows), err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if r.Status != catalog.BulkItemOK || seen[r.ObjectID] {
			t.Errorf("item %d: %+v", r.Line, r)
		}
		seen[r.ObjectID] = true
		assets, err := db.Assets(t.Context(), catalog.EntryID(r.ObjectID), catalog.AssetAttachment)
		if err != nil || len(assets) != 1 || assets[0].Status != catalog.AssetReady {
			t.Errorf("item %d: %d attachments, %v", r.Line, len(assets), err)
		}
	}
	_, entries, err := db.QueryEntries(t.Context(), job.Account, catalog.Query{})
	_, cues, cerr := db.ListCuePoints(t.Context(), job.Account, catalog.Query{})
	if err != nil || cerr != nil || entries != items || cues != items {
		t.Errorf("%d entries, %d cue points, %v, %v", entries, cues, err, cerr)
	}
}

package console_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"sluice/api/console"
	"sluice/catalog"
	"sluice/ingest/manifest"
	"sluice/storage/disk"
)

func TestBulkJobsAreShownFollowedAndAborted(t *testing.T) {
	store, err := disk.Open(filepath.Join(t.TempDir(), "objects"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var jobs *manifest.Jobs
	f := start(t, func(c *console.Config) {
		db, _ := c.Catalog.(*catalog.DB)
		jobs = &manifest.Jobs{Catalog: db, Store: store}
		c.Bulk = jobs
	})
	ctx := t.Context()
	j, err := jobs.Add(ctx, account, manifest.Add{Format: manifest.CSV, FileName: "night.csv", Document: strings.NewReader("*title\na\nb\n"), User: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if j, err = f.db.ClaimBulkJob(ctx, "w", 1<<40, 4); err != nil {
		t.Fatal(err)
	}
	for line, status := range []catalog.BulkResultStatus{catalog.BulkItemOK, catalog.BulkItemError} {
		r := catalog.BulkResult{Job: j.ID, Line: int64(line + 1), Status: status, Action: catalog.BulkAdd, Title: "=cmd", ErrorText: "why"}
		r.Account = account
		if err := f.db.InTx(ctx, func(tx *catalog.Tx) error { return tx.SetBulkResult(ctx, j.Attempt, r) }); err != nil {
			t.Fatal(err)
		}
	}
	list := f.call("GET", "/v1/bulk", http.StatusOK)
	shown, _ := list["jobs"].([]any)[0].(map[string]any)
	if list["total"] != 1.0 || shown["file_name"] != "night.csv" || shown["status"] != "running" || shown["done"] != 2.0 || shown["failed"] != 1.0 || shown["uploaded_by"] != "ann" {
		t.Errorf("%v", list)
	}
	for query, want := range map[string]float64{"": 2, "?errors=true": 1} {
		if got := f.call("GET", "/v1/bulk/1"+query, http.StatusOK); got["total"] != want {
			t.Errorf("%q: %v", query, got)
		}
	}
	res, err := http.Get(f.url + "/v1/bulk/1/log")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || !strings.Contains(string(b), "'=cmd") || res.Header.Get("Content-Disposition") != "attachment; filename=bulk-1.csv" {
		t.Errorf("%v %s, %v", res.Header, b, err)
	}
	http.DefaultClient.CloseIdleConnections()
	f.call("POST", "/v1/bulk/1/abort", http.StatusNoContent)
	f.call("POST", "/v1/bulk/1/abort", http.StatusConflict)
	f.call("GET", "/v1/bulk/2", http.StatusNotFound)
	f.call("GET", "/v1/bulk/x", http.StatusBadRequest)
	f.call("GET", "/v1/bulk/1?errors=perhaps", http.StatusBadRequest)
	f.call("GET", "/v1/bulk/1/log?format=pdf", http.StatusBadRequest)
}

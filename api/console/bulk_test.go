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

// startBulk serves a console that has bulk jobs, which nobody carries out.
func startBulk(t *testing.T) (*fixture, *manifest.Jobs) {
	t.Helper()
	store, err := disk.Open(filepath.Join(t.TempDir(), "objects"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	var jobs *manifest.Jobs
	f := start(t, func(c *console.Config) {
		db, _ := c.Catalog.(*catalog.DB)
		jobs = &manifest.Jobs{Catalog: db, Store: store}
		c.Bulk, c.Account = jobs, account
	})
	return f, jobs
}

func TestBulkJobsAreShownFollowedAndAborted(t *testing.T) {
	f, jobs := startBulk(t)
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

func TestDocumentsAreTakenIn(t *testing.T) {
	f, _ := startBulk(t)
	post := func(query, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), "POST", f.url+"/v1/bulk"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := f.client.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(answer)
	}
	rows := "*title\n" + strings.Repeat("a title\n", 2000) // more than the routes read that have no body
	if status, answer := post("?name=dir/night.CSV&dry_run=true&strict=true", rows); status != http.StatusCreated {
		t.Fatalf("%d: %s", status, answer)
	}
	job := f.call("GET", "/v1/bulk/1", http.StatusOK)["job"].(map[string]any)
	for name, want := range map[string]any{
		"file_name": "night.CSV", "dry_run": true, "strict": true, "account": float64(account), "uploaded_by": "console", "size": float64(len(rows)), "status": "waiting",
	} {
		if job[name] != want {
			t.Errorf("%s is %v, want %v", name, job[name], want)
		}
	}
	for query, body := range map[string]string{
		"?name=a.csv": "", "?name=a.pdf": rows, "?name=a.csv&dry_run=1": rows, "?name=a.csv&strict=yes": rows, "": rows,
	} {
		if status, answer := post(query, body); status != http.StatusBadRequest {
			t.Errorf("%q: %d: %s", query, status, answer)
		}
	}
	if got := f.call("GET", "/v1/bulk", http.StatusOK); got["total"] != 1.0 {
		t.Errorf("%v jobs", got["total"])
	}
}

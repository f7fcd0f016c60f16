package bulk_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// follow reads the events of a log, from after an event on, as "name id data", until the server ends it or each returns false.
func (h *house) follow(id any, last string, each func(event string) bool) int {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 2*time.Minute)
	defer cancel()
	url := fmt.Sprintf("%s/api_v3/service/bulkUpload_bulk/action/serveLog?ks=admin:root&logFormat=events&id=%v", h.url, id)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		h.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK && res.Header.Get("Content-Type") != "text/event-stream" {
		b, _ := io.ReadAll(res.Body)
		h.Fatalf("%v: %s", res.Header, b)
	}
	lines := bufio.NewScanner(res.Body)
	fields := map[string]string{}
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		if fields[name] = value; lines.Text() != "" {
			continue
		}
		if fields["event"] != "" && !each(fields["event"]+" "+fields["id"]+" "+fields["data"]) {
			return res.StatusCode
		}
		clear(fields)
	}
	if err := lines.Err(); err != nil {
		h.Fatal(err)
	}
	return res.StatusCode
}

func TestALogIsFollowedWhileItsJobRuns(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	// This test is the job's worker: an item is done when it says so.
	j, err := h.db.AddBulkJob(ctx, account, catalog.BulkJob{
		Type: "sluice.JSON", ObjectType: catalog.BulkEntries, Status: catalog.BulkProcessing, Worker: "test", Attempt: 1,
		LeaseUntil: catalog.StampOf(time.Now().Add(time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	set := func(line int64, status catalog.BulkResultStatus) {
		t.Helper()
		r := catalog.BulkResult{Job: j.ID, Line: line, FileLine: line, Status: status, Action: catalog.BulkAdd, ObjectType: catalog.BulkEntries, Title: fmt.Sprint("film\n", line)}
		r.Account = account
		if err := h.db.InTx(ctx, func(tx *catalog.Tx) error { return tx.SetBulkResult(ctx, 1, r) }); err != nil {
			t.Fatal(err)
		}
	}
	item := func(line int, status string) string {
		return fmt.Sprintf(`item %d {"line":%d,"fileLine":%d,"status":%q,"action":"add","name":"film\n%d"}`, line, line, line, status, line)
	}
	set(1, catalog.BulkItemOK)
	set(2, catalog.BulkItemInProgress)
	var got []string
	h.follow(j.ID, "", func(e string) bool {
		got = append(got, e)
		switch len(got) {
		case 1:
			set(2, catalog.BulkItemError)
		case 2:
			set(3, catalog.BulkItemOK)
		case 3:
			return false // the connection breaks
		}
		return true
	})
	if diff := cmp.Diff([]string{item(1, "ok"), item(2, "error"), item(3, "ok")}, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	h.follow(j.ID, "2", func(e string) bool {
		if got = append(got, e); len(got) == 1 {
			set(4, catalog.BulkItemOK)
			if err := h.db.FinishBulkJob(ctx, j.ID, 1, catalog.BulkFinishedPartially, 0, 0, ""); err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	if diff := cmp.Diff([]string{item(3, "ok"), item(4, "ok"), `end end {"status":12,"items":4,"errors":1}`}, got); diff != "" {
		t.Error(diff)
	}
	for last, want := range map[string]int{"end": http.StatusNoContent, "-1": http.StatusBadRequest, "x": http.StatusBadRequest} {
		if got := h.follow(j.ID, last, func(e string) bool { t.Error(e); return true }); got != want {
			t.Errorf("after %q: status %d, want %d", last, got, want)
		}
	}
	if res, _ := h.call("user:bob", "bulkUpload.serveLog", map[string]any{"id": j.ID, "logFormat": "events"}); !strings.Contains(fmt.Sprint(res.Header), "BULK_UPLOAD_NOT_FOUND") {
		t.Errorf("another user: %d %v", res.StatusCode, res.Header)
	}
}

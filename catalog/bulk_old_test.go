package catalog_test

import (
	"errors"
	"testing"
	"time"

	"sluice/catalog"
)

func TestEndedBulkJobsAreRemovedWithTheirResults(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		const account = catalog.AccountID(101)
		newAccount(t, db, account)
		var jobs []catalog.BulkJob
		for range 2 {
			if _, err := db.AddBulkJob(ctx, account, catalog.BulkJob{Type: "bulkUploadCsv.CSV", ObjectType: catalog.BulkEntries, FileName: "items.csv"}); err != nil {
				t.Fatal(err)
			}
			j, err := db.ClaimBulkJob(ctx, "worker", time.Minute, 5)
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, j)
		}
		ended, running := jobs[0], jobs[1]
		const items = 2100 // more than a transaction deletes
		err := db.InTx(ctx, func(tx *catalog.Tx) error {
			for line := range int64(items) {
				r := catalog.BulkResult{Job: ended.ID, Line: line + 1, Status: catalog.BulkItemOK, Record: catalog.Record{Account: account}}
				if err := tx.SetBulkResult(ctx, ended.Attempt, r); err != nil {
					return err
				}
			}
			return tx.SetBulkResult(ctx, running.Attempt, catalog.BulkResult{Job: running.ID, Line: 1, Status: catalog.BulkItemOK, Record: catalog.Record{Account: account}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.FinishBulkJob(ctx, ended.ID, ended.Attempt, catalog.BulkFinished, 0, 0, ""); err != nil {
			t.Fatal(err)
		}
		if got, err := db.EndedBulkJobs(ctx, time.Now().Add(-time.Hour), 10); err != nil || len(got) != 0 {
			t.Errorf("ended an hour ago: %d, %v", len(got), err)
		}
		if got, err := db.EndedBulkJobs(ctx, time.Now().Add(time.Hour), 10); err != nil || len(got) != 1 || got[0].ID != ended.ID {
			t.Fatalf("ended: %+v, %v", got, err)
		}
		if err := db.RemoveBulkJob(ctx, running.ID); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("a job that runs: %v", err)
		}
		for range 2 { // once more is no error
			if err := db.RemoveBulkJob(ctx, ended.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.BulkJobByID(ctx, ended.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("the job is still there: %v", err)
		}
		for id, want := range map[catalog.BulkJobID]int{ended.ID: 0, running.ID: 1} {
			if got, err := db.BulkResultsAfter(ctx, account, id, 0, 10, false); err != nil || len(got) != want {
				t.Errorf("job %d has %d results, not %d: %v", id, len(got), want, err)
			}
		}
	})
}

package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// bulkLock is PostgreSQL's advisory lock of those who claim bulk jobs: the bound on an account's running jobs needs a count.
const bulkLock = 0x62756c6b

// ClaimBulkJob takes a job that waits, or whose worker died, for a worker until the lease ends. Of the accounts that have fewer
// than Limits.BulkJobs, or without that perAccount, jobs running, the one with the fewest comes first. ErrNotFound says that there is nothing to do.
func (db *DB) ClaimBulkJob(ctx context.Context, worker string, lease time.Duration, perAccount int) (BulkJob, error) {
	var j BulkJob
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		if db.postgres {
			if _, err := tx.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", bulkLock); err != nil {
				return err
			}
		}
		now := micros(tx.now)
		j = BulkJob{}
		q := tx.tx.NewSelect().Model(&j).
			Where("status IN (?, ?) OR status = ? AND lease_until < ?", BulkPending, BulkRetry, BulkProcessing, now)
		running := tx.tx.NewSelect().TableExpr("bulk_jobs AS r").ColumnExpr("count(*)").Where("r.account = bulk_job.account").
			Where("r.status = ?", BulkProcessing).Where("r.lease_until >= ?", now)
		own := "json_extract(a.details, '$.bulk_jobs')"
		if db.postgres {
			own = "CAST(a.details::json->>'bulk_jobs' AS BIGINT)"
		}
		most := tx.tx.NewSelect().TableExpr("accounts AS a").ColumnExpr("COALESCE("+own+", ?)", perAccount).Where("a.id = bulk_job.account")
		err := q.Where("deleted_at = 0").Where("(?) < (?)", running, most).
			OrderExpr("(?), priority, id", running).Limit(1).Scan(ctx)
		if err != nil {
			return notFound(err, "bulk job to run")
		}
		j.Status, j.Worker, j.LeaseUntil = BulkProcessing, worker, StampOf(tx.now.Add(lease))
		j.Attempt++
		if j.StartedAt == 0 {
			j.StartedAt = StampOf(tx.now)
		}
		j.UpdatedAt = StampOf(tx.now)
		_, err = tx.tx.NewUpdate().Model(&j).Column("status", "worker", "lease_until", "attempt", "started_at", "updated_at").WherePK().Exec(ctx)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return BulkJob{}, err
	}
	if err != nil {
		return BulkJob{}, fmt.Errorf("claim bulk job: %w", err)
	}
	return j, nil
}

// RenewBulkJob extends the lease of a running job. ErrCancelled says that it was aborted, ErrFenced that another worker has it.
func (db *DB) RenewBulkJob(ctx context.Context, id BulkJobID, attempt int, lease time.Duration) error {
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		return tx.changeBulk(ctx, id, attempt, func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.Set("lease_until = ?", micros(tx.now.Add(lease)))
		})
	})
}

// ReleaseBulkJob gives a running job back: a worker that shuts down does so.
func (db *DB) ReleaseBulkJob(ctx context.Context, id BulkJobID, attempt int) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		return tx.changeBulk(ctx, id, attempt, func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.Set("status = ?", BulkRetry).Set("worker = ''").Set("lease_until = 0")
		})
	})
}

// SetBulkTotal records how many items a running job has.
func (db *DB) SetBulkTotal(ctx context.Context, id BulkJobID, attempt int, total int64) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		return tx.changeBulk(ctx, id, attempt, func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.Set("total = ?", total).Set("updated_at = ?", micros(tx.now))
		})
	})
}

// ResetBulkJob forgets the results of a running job whose items are all to be looked at again.
func (db *DB) ResetBulkJob(ctx context.Context, id BulkJobID, attempt int) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		err := tx.changeBulk(ctx, id, attempt, func(q *bun.UpdateQuery) *bun.UpdateQuery { return q.Set("done = 0").Set("failed = 0") })
		if err != nil {
			return err
		}
		_, err = tx.tx.NewDelete().Table("bulk_results").Where("job = ?", id).Exec(ctx)
		return err
	})
}

// changeBulk updates a job that the attempt holds.
func (tx *Tx) changeBulk(ctx context.Context, id BulkJobID, attempt int, set func(*bun.UpdateQuery) *bun.UpdateQuery) error {
	q := set(tx.tx.NewUpdate().Table("bulk_jobs"))
	res, err := q.Where("id = ?", id).Where("attempt = ?", attempt).Where("status = ?", BulkProcessing).Exec(ctx)
	if err != nil {
		return fmt.Errorf("bulk job %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	var j BulkJob
	err = tx.tx.NewSelect().Model(&j).Where("id = ?", id).Scan(ctx)
	switch {
	case err != nil:
		return notFound(err, "bulk job %d", id)
	case j.Attempt == attempt && j.Status == BulkAborted:
		return fmt.Errorf("bulk job %d: %w", id, ErrCancelled)
	}
	return fmt.Errorf("bulk job %d, attempt %d: %w: it has status %d and attempt %d", id, attempt, ErrFenced, j.Status, j.Attempt)
}

// FinishBulkJob ends a running job and writes bulk.finished. A failure has a type, a number and a text.
func (db *DB) FinishBulkJob(ctx context.Context, id BulkJobID, attempt int, status BulkStatus, errorType, number int, text string) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		err := tx.changeBulk(ctx, id, attempt, func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.Set("status = ?", status).Set("finished_at = ?", micros(tx.now)).Set("updated_at = ?", micros(tx.now)).
				Set("error_type = ?", errorType).Set("error_number = ?", number).Set("error_text = ?", reason(text)).
				Set("worker = ''").Set("lease_until = 0")
		})
		if err != nil {
			return err
		}
		var j BulkJob
		if err := tx.tx.NewSelect().Model(&j).Where("id = ?", id).Scan(ctx); err != nil {
			return err
		}
		return tx.emitBulk(EventBulkFinished, j)
	})
}

// BulkResult is what became of one item of a job. Job and Line identify it: it is written in the transaction of what it tells.
type BulkResult struct {
	bun.BaseModel `bun:"table:bulk_results"`
	Record

	ID  int64     `bun:"id,pk,autoincrement"`
	Job BulkJobID `bun:"job"`
	// Line is the number of the item, from 1; FileLine the line of the document that it begins in.
	Line         int64            `bun:"line"`
	FileLine     int64            `bun:"file_line"`
	Status       BulkResultStatus `bun:"status"`
	Action       BulkAction       `bun:"action"`
	ObjectType   int              `bun:"object_type"`
	ObjectID     string           `bun:"object_id"`
	ObjectStatus int              `bun:"object_status"`
	Title        string           `bun:"title"`
	ReferenceID  string           `bun:"reference_id"`
	// RowData is the item as it was given, as far as a log shows it; secrets are left out.
	RowData string `bun:"row_data"`
	// Cells are the values of a line that is not about an entry, by their columns, as JSON.
	Cells string `bun:"cells"`
	// Step is what an unfinished item has done besides, in the engine's words.
	Step        string `bun:"step"`
	ErrorType   int    `bun:"error_type"`
	ErrorNumber int    `bun:"error_number"`
	ErrorCode   string `bun:"error_code"`
	ErrorText   string `bun:"error_text"`
}

var bulkResults = table[BulkResult, *BulkResult]{noun: "bulk result", fields: fields{
	"id": {"id", kindInt}, "bulkUploadJobId": {"job", kindInt}, "lineIndex": {"line", kindInt}, "status": {"status", kindInt},
	"action": {"action", kindInt}, "objectId": {"object_id", kindText}, "createdAt": {"created_at", kindTime},
}}

// progressEvery is how many items lie between two events that tell a job's progress.
const progressEvery = 100

// SetBulkResult writes what became of an item of a running job, and counts it when that is final. ErrCancelled and ErrFenced
// mean that the transaction must come to nothing.
func (tx *Tx) SetBulkResult(ctx context.Context, attempt int, r BulkResult) error {
	r.ErrorText, r.RowData = reason(r.ErrorText), cut(r.RowData, maxTextBytes)
	r.Title, r.ReferenceID = cut(r.Title, maxNameBytes), cut(r.ReferenceID, maxTextBytes)
	final := r.Status != BulkItemInProgress
	err := tx.changeBulk(ctx, r.Job, attempt, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		q = q.Set("updated_at = ?", micros(tx.now))
		if final {
			q = q.Set("done = ?", r.Line)
		}
		if r.Status == BulkItemError {
			q = q.Set("failed = failed + 1")
		}
		return q
	})
	if err != nil {
		return err
	}
	r.Record = Record{Account: r.Account, CreatedAt: StampOf(tx.now), UpdatedAt: StampOf(tx.now)}
	q := tx.tx.NewInsert().Model(&r).On("CONFLICT (job, line) DO UPDATE")
	for _, column := range []string{
		"status", "action", "object_type", "object_id", "object_status", "title", "reference_id", "row_data", "cells", "step", "error_type",
		"error_number", "error_code", "error_text", "updated_at",
	} {
		q = q.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
	}
	if _, err := q.Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("result %d of bulk job %d: %w", r.Line, r.Job, err)
	}
	if !final || r.Line%progressEvery != 0 {
		return nil
	}
	var j BulkJob
	if err := tx.tx.NewSelect().Model(&j).Where("id = ?", r.Job).Scan(ctx); err != nil {
		return err
	}
	return tx.emitBulk(EventBulkProgress, j)
}

// cut makes a text fit its column.
func cut(s string, limit int) string {
	s = strings.ReplaceAll(s[:min(len(s), limit)], "\x00", "")
	return strings.ToValidUTF8(s, "")
}

// BulkResult returns what is known of an item; ErrNotFound before it was begun.
func (db *DB) BulkResult(ctx context.Context, job BulkJobID, line int64) (BulkResult, error) {
	var r BulkResult
	err := db.read.NewSelect().Model(&r).Where("job = ?", job).Where("line = ?", line).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("result %d of bulk job %d: %w", line, job, ErrNotFound)
	}
	return r, err
}

// BulkResultsAfter returns up to limit results of an account's job after a line, in order; with errorsOnly those that failed.
func (db *DB) BulkResultsAfter(ctx context.Context, account AccountID, job BulkJobID, after int64, limit int, errorsOnly bool) ([]BulkResult, error) {
	var rows []BulkResult
	q := db.read.NewSelect().Model(&rows).Where("account = ?", account).Where("job = ?", job).Where("line > ?", after)
	if errorsOnly {
		q = q.Where("status = ?", BulkItemError)
	}
	if err := q.Order("line").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("results of bulk job %d: %w", job, err)
	}
	return rows, nil
}

// BulkResults returns a page of the results of an account's jobs, and how many there are.
func (db *DB) BulkResults(ctx context.Context, account AccountID, q Query) ([]BulkResult, int, error) {
	return bulkResults.list(ctx, db, account, q)
}

// Kinds of extensions of entries: what a document says for features that act on it later.
const (
	ExtensionDistributions = "distributions"
	ExtensionSharing       = "sharing"
	ExtensionReplacement   = "pluginReplacementOptions"
)

type extensionRow struct {
	bun.BaseModel `bun:"table:entry_extensions"`

	Entry     EntryID   `bun:"entry,pk"`
	Kind      string    `bun:"kind,pk"`
	Account   AccountID `bun:"account"`
	Body      string    `bun:"body"`
	UpdatedAt int64     `bun:"updated_at"`
}

// SetEntryExtension keeps a block of XML of an entry for a feature that acts on it later; the one before is replaced.
func (tx *Tx) SetEntryExtension(ctx context.Context, account AccountID, entry EntryID, kind, body string) error {
	if err := checkText("extension", body, maxDetailsBytes); err != nil {
		return err
	}
	row := extensionRow{Entry: entry, Kind: kind, Account: account, Body: body, UpdatedAt: micros(tx.now)}
	_, err := tx.tx.NewInsert().Model(&row).On("CONFLICT (entry, kind) DO UPDATE").Set("body = EXCLUDED.body").
		Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	return err
}

// EntryExtension returns such a block; ErrNotFound says that there is none.
func (db *DB) EntryExtension(ctx context.Context, account AccountID, entry EntryID, kind string) (string, error) {
	var row extensionRow
	err := db.read.NewSelect().Model(&row).Where("entry = ?", entry).Where("kind = ?", kind).Where("account = ?", account).Scan(ctx)
	if err != nil {
		return "", notFound(err, "extension %s of entry %s", kind, entry)
	}
	return row.Body, nil
}

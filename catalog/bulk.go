package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// BulkJobID identifies a bulk job.
type BulkJobID int64

// EventBulkFinished says that a bulk job ended, in whatever way: its object is the job's id, its data tell status and counts.
const EventBulkFinished = "bulk.finished"

// EventBulkProgress tells how far a bulk job is, now and then.
const EventBulkProgress = "bulk.progressed"

// BulkStatus is the state of a bulk job; the values are the wire's.
type BulkStatus int

// States of a bulk job.
const (
	BulkPending           BulkStatus = 0
	BulkProcessing        BulkStatus = 2
	BulkFinished          BulkStatus = 5
	BulkFailed            BulkStatus = 6
	BulkAborted           BulkStatus = 7
	BulkRetry             BulkStatus = 9
	BulkFinishedPartially BulkStatus = 12
)

// endedBulk are the states of jobs that will not go on.
var endedBulk = []BulkStatus{BulkFinished, BulkFailed, BulkAborted, BulkFinishedPartially}

// Ended says whether the job will not go on.
func (s BulkStatus) Ended() bool { return slices.Contains(endedBulk, s) }

// Object types of bulk jobs and results; the values are the wire's.
const (
	BulkEntries         = 1
	BulkCategories      = 2
	BulkUsers           = 3
	BulkCategoryUsers   = 4
	BulkCategoryEntries = 5
)

// BulkAction is what an item of a bulk job wants; the values are the wire's.
type BulkAction int

// Actions of items.
const (
	BulkAdd     BulkAction = 1
	BulkUpdate  BulkAction = 2
	BulkDelete  BulkAction = 3
	BulkReplace BulkAction = 4

	BulkAddOrUpdate  BulkAction = 6
	BulkActivate     BulkAction = 7
	BulkReject       BulkAction = 8
	BulkUpdateStatus BulkAction = 9
)

// BulkResultStatus is how an item ended; the values are the wire's.
type BulkResultStatus int

// States of an item.
const (
	BulkItemError      BulkResultStatus = 1
	BulkItemOK         BulkResultStatus = 2
	BulkItemInProgress BulkResultStatus = 3
)

// BulkJob is a document whose items are applied one after the other. A restarted job goes on after the last item that is
// committed.
type BulkJob struct {
	bun.BaseModel `bun:"table:bulk_jobs"`
	Record

	ID         BulkJobID  `bun:"id,pk,autoincrement"`
	Type       string     `bun:"type"` // of the document, as on the wire
	ObjectType int        `bun:"object_type"`
	Status     BulkStatus `bun:"status"`
	// Key, when set, is unique in the account: the same delivery never makes two jobs.
	Key         string `bun:"idempotency_key,nullzero"`
	FileName    string `bun:"file_name"`
	Description string `bun:"description"`
	// Document is the object in storage, Size its bytes.
	Document string `bun:"document"`
	Size     int64  `bun:"size"`
	// Profile is the conversion profile of items that name none; 0 is the account's default.
	Profile int64 `bun:"profile"`
	// Folder is the drop folder whose files the items name; 0 for none.
	Folder DropFolderID `bun:"folder"`
	// Strict fails the whole job when one item is not valid; DryRun checks everything and writes nothing.
	Strict bool `bun:"strict"`
	DryRun bool `bun:"dry_run"`
	// User is who started the job. Owner, when set, is the only user whose items the job may touch.
	User  string `bun:"user_id"`
	Owner string `bun:"owner"`
	// UploadedBy is what lists show as who sent the document.
	UploadedBy string `bun:"uploaded_by"`
	// Priority orders the jobs of one account: lower runs first.
	Priority int `bun:"priority"`
	// More is the engine's own, as JSON.
	More json.RawMessage `bun:"more"`
	// Total is the number of items, 0 until it is known; Done those with a final result, of which Failed are errors.
	Total       int64  `bun:"total"`
	Done        int64  `bun:"done"`
	Failed      int64  `bun:"failed"`
	ErrorType   int    `bun:"error_type"`
	ErrorNumber int    `bun:"error_number"`
	ErrorText   string `bun:"error_text"`
	Worker      string `bun:"worker"`
	// Attempt counts claims; it is the fencing token of the one that runs.
	Attempt    int   `bun:"attempt"`
	LeaseUntil Stamp `bun:"lease_until"`
	StartedAt  Stamp `bun:"started_at"`
	FinishedAt Stamp `bun:"finished_at"`
}

var bulkJobs = table[BulkJob, *BulkJob]{noun: "bulk job", fields: fields{
	"id": {"id", kindInt}, "status": {"status", kindInt}, "bulkUploadType": {"type", kindText}, "bulkUploadObjectType": {"object_type", kindInt},
	"uploadedOn": {"created_at", kindTime}, "createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	"fileName": {"file_name", kindText}, "uploadedByUserId": {"user_id", kindText}, "dropFolderId": {"folder", kindInt},
}, check: func(j *BulkJob) error {
	return firstOf(
		checkText("file name", j.FileName, maxNameBytes), checkText("idempotency key", j.Key, maxKeyBytes),
		checkText("description", j.Description, maxTextBytes), checkText("uploaded by", j.UploadedBy, maxNameBytes),
	)
}}

// AddBulkJob stores a new job. When the account has one with the same key, that one is returned, with an error that wraps
// ErrConflict.
func (db *DB) AddBulkJob(ctx context.Context, account AccountID, j BulkJob) (BulkJob, error) {
	made, err := bulkJobs.insert(ctx, db, account, j)
	if errors.Is(err, ErrConflict) && j.Key != "" {
		var old BulkJob
		q := db.read.NewSelect().Model(&old).Where("account = ?", account).Where("idempotency_key = ?", j.Key)
		if serr := q.Scan(ctx); serr == nil {
			return old, fmt.Errorf("add bulk job: %w: job %d has the same key", ErrConflict, old.ID)
		}
	}
	return made, err
}

// BulkJob returns an account's job.
func (db *DB) BulkJob(ctx context.Context, account AccountID, id BulkJobID) (BulkJob, error) {
	return bulkJobs.get(ctx, db, account, id)
}

// BulkJobs returns a page of an account's jobs, and how many there are.
func (db *DB) BulkJobs(ctx context.Context, account AccountID, q Query) ([]BulkJob, int, error) {
	return bulkJobs.list(ctx, db, account, q)
}

// UpdateBulkJob changes a job by fn.
func (db *DB) UpdateBulkJob(ctx context.Context, account AccountID, id BulkJobID, fn func(*BulkJob) error) (BulkJob, error) {
	return bulkJobs.update(ctx, db, account, id, fn)
}

// AbortBulkJob ends a job that has not ended: what its items did stays. A job that has ended is ErrConflict.
func (db *DB) AbortBulkJob(ctx context.Context, account AccountID, id BulkJobID) (j BulkJob, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		j, err = bulkJobs.update(ctx, tx, account, id, func(j *BulkJob) error {
			if j.Status.Ended() {
				return fmt.Errorf("%w: it has ended", ErrConflict)
			}
			j.Status, j.FinishedAt, j.Worker, j.LeaseUntil = BulkAborted, StampOf(tx.now), "", 0
			return nil
		})
		if err != nil {
			return err
		}
		return tx.emitBulk(EventBulkFinished, j)
	})
	return j, err
}

// BulkFact is the data of a bulk job's events.
type BulkFact struct {
	Job     BulkJobID    `json:"job"`
	Status  BulkStatus   `json:"status"`
	Total   int64        `json:"total"`
	Done    int64        `json:"done"`
	Failed  int64        `json:"failed"`
	Folder  DropFolderID `json:"folder,omitempty"`
	Key     string       `json:"key,omitempty"`
	DryRun  bool         `json:"dry_run,omitempty"`
	Error   string       `json:"error,omitempty"`
	Attempt int          `json:"attempt"`
}

func (tx *Tx) emitBulk(name string, j BulkJob) error {
	return tx.Emit(name, j.Account, "", fmt.Sprint(j.ID), BulkFact{
		Job: j.ID, Status: j.Status, Total: j.Total, Done: j.Done, Failed: j.Failed, Folder: j.Folder, Key: j.Key, DryRun: j.DryRun,
		Error: j.ErrorText, Attempt: j.Attempt,
	})
}

// AllBulkJobs returns a page of the jobs of all accounts, the newest first, and how many there are: for operators.
func (db *DB) AllBulkJobs(ctx context.Context, limit, offset int) ([]BulkJob, int, error) {
	return listWhere[BulkJob](ctx, db, bulkJobs.fields, Query{Order: []Order{{Field: "id", Desc: true}}, Limit: limit, Offset: offset}, "id",
		func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("deleted_at = 0") })
}

// BulkJobByID returns a job of any account.
func (db *DB) BulkJobByID(ctx context.Context, id BulkJobID) (BulkJob, error) {
	var j BulkJob
	if err := db.read.NewSelect().Model(&j).Where("id = ?", id).Where("deleted_at = 0").Scan(ctx); err != nil {
		return BulkJob{}, notFound(err, "bulk job %d", id)
	}
	return j, nil
}

package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// EarlyStatus is early work, and how what it is for stands.
type EarlyStatus struct {
	EarlyWork
	Account AccountID
	// Upload's file now: its state, the generation and how many bytes are there from the start on.
	UploadStatus  UploadStatus
	NowGeneration int
	Have          int64
	EntryStatus   EntryStatus
	EntryVersion  int
}

// Whole says that the upload of the file that is worked on is complete. A token that was deleted after that has changed nothing: had
// it been given up, its entry would have failed.
func (s EarlyStatus) Whole() bool {
	if s.Generation != s.NowGeneration {
		return false
	}
	switch s.UploadStatus {
	case UploadFull, UploadClosed:
		return true
	case UploadTimeout, UploadDeleted:
		return s.EntryStatus == EntryPreconvert || s.EntryStatus == EntryReady || s.EntryStatus == EntryErrorConverting
	}
	return false
}

// Arriving says that the file that is worked on still grows.
func (s EarlyStatus) Arriving() bool {
	return s.Generation == s.NowGeneration && s.UploadStatus == UploadPartial
}

// earlyStatusRow is early work joined with what it is for.
type earlyStatusRow struct {
	earlyWorkRow `bun:",extend"`

	Account       AccountID    `bun:"account"`
	UploadStatus  UploadStatus `bun:"upload_status"`
	NowGeneration int          `bun:"now_generation"`
	Have          int64        `bun:"have"`
	EntryStatus   EntryStatus  `bun:"entry_status"`
	EntryVersion  int          `bun:"entry_version"`
}

// EarlyWorks returns the early work that something can become of, the oldest first: not what was adopted by entries that failed.
func (db *DB) EarlyWorks(ctx context.Context) ([]EarlyStatus, error) {
	return db.earlyWorks(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("NOT (w.state = ? AND e.status IN (?, ?))", EarlyAdopted, EntryErrorImporting, EntryErrorConverting).Order("w.created_at")
	})
}

// EarlyStatus returns the early work on an upload and how what it is for stands.
func (db *DB) EarlyStatus(ctx context.Context, id UploadTokenID) (EarlyStatus, error) {
	found, err := db.earlyWorks(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("w.upload = ?", id) })
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("early work on upload %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return EarlyStatus{}, err
	}
	return found[0], nil
}

func (db *DB) earlyWorks(ctx context.Context, which func(q *bun.SelectQuery) *bun.SelectQuery) ([]EarlyStatus, error) {
	var rows []earlyStatusRow
	err := which(db.read.NewSelect().TableExpr("early_works AS w").ColumnExpr("w.*").
		ColumnExpr("e.account AS account, e.status AS entry_status, e.version AS entry_version").
		ColumnExpr("t.status AS upload_status, t.generation AS now_generation, t.contiguous AS have").
		Join("JOIN upload_tokens AS t ON t.id = w.upload").Join("JOIN entries AS e ON e.id = w.entry")).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list early works: %w", err)
	}
	out := make([]EarlyStatus, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = EarlyStatus{r.work(), r.Account, r.UploadStatus, r.NowGeneration, r.Have, r.EntryStatus, r.EntryVersion}
	}
	return out, nil
}

// GrowingUploads returns up to limit unfinished uploads that are attached to entries and changed since a time, the oldest change
// first.
func (db *DB) GrowingUploads(ctx context.Context, since time.Time, limit int) ([]UploadToken, error) {
	var rows []uploadTokenRow
	err := db.read.NewSelect().Model(&rows).Where("status = ?", UploadPartial).Where("updated_at >= ?", micros(since)).
		Where("attached_type = 'entry'").Where("contiguous > 0").Order("updated_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list growing uploads: %w", err)
	}
	out := make([]UploadToken, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, nil
}

// ReleaseBytes lets the tasks go on that waited for bytes of an upload of which have are there now, and reports how many.
func (db *DB) ReleaseBytes(ctx context.Context, upload UploadTokenID, have int64) (int, error) {
	due := func(q bun.IDB) *bun.SelectQuery {
		return q.NewSelect().Table("tasks").Column("id").Where("upload <> ''").Where("upload = ?", upload).Where("needs_bytes > 0").Where("needs_bytes <= ?", have)
	}
	var ids []TaskID
	if err := due(db.read).Scan(ctx, &ids); err != nil {
		return 0, fmt.Errorf("release tasks of upload %s: %w", upload, err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	var n int64
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		open := due(tx.tx).Order("id")
		if db.postgres {
			open = open.For("UPDATE")
		}
		res, err := tx.tx.NewUpdate().Table("tasks").Set("needs_bytes = 0").Set("blockers = blockers - 1").
			Set("state = CASE WHEN state = ? AND blockers = 1 THEN ? ELSE state END", TaskWaiting, TaskRunnable).
			Where("id IN (?)", open).Exec(ctx)
		if err != nil {
			return err
		}
		tx.woken = true
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("release tasks of upload %s: %w", upload, err)
	}
	return int(n), nil
}

// AwaitBytes gives a running task back until so many bytes of its upload are there, without counting the attempt.
func (db *DB) AwaitBytes(ctx context.Context, id TaskID, attempt int, bytes int64) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		row, err := tx.lockTask(ctx, id, attempt)
		if err != nil {
			return err
		}
		if row.Upload == "" || row.NeedsBytes > 0 || bytes <= 0 {
			return fmt.Errorf("%w: task %d waits for %d bytes of upload %q", ErrInvalid, id, bytes, row.Upload)
		}
		_, err = tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskWaiting).Set("blockers = blockers + 1").Set("needs_bytes = ?", bytes).
			Set("forgiven = forgiven + 1").Set("worker = ''").Set("lease_until = 0").Set("not_before = 0").Where("id = ?", row.ID).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("await bytes: %w", err)
	}
	return nil
}

// During makes changes while a task runs, if the attempt still holds it. ErrFenced and ErrCancelled mean that nothing happened.
func (db *DB) During(ctx context.Context, id TaskID, attempt int, fn func(tx *Tx) error) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		if _, err := tx.lockTask(ctx, id, attempt); err != nil {
			return err
		}
		return fn(tx)
	})
}

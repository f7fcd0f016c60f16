package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Why the catalog itself ends an attempt.
const (
	// CodeWorkerLost is the error code of an attempt whose lease ran out.
	CodeWorkerLost = "worker_lost"
	workerLostText = "The worker stopped while it did this."
)

// Fail ends a running task that did not succeed. With retry and attempts left it becomes runnable again after delay;
// otherwise it is dead, with the event task.dead: when it is optional its successors run as if it were done, else its entry
// fails with the code and text, and the entry's other unfinished tasks are cancelled. An entry that is ready stays so. It
// returns the state that the task has now.
func (db *DB) Fail(ctx context.Context, id TaskID, attempt int, code, text string, retry bool, delay time.Duration) (TaskState, error) {
	var state TaskState
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		row, err := tx.lockTask(ctx, id, attempt)
		if err != nil {
			return err
		}
		state, err = tx.fail(ctx, row, code, text, retry, delay)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("fail: %w", err)
	}
	return state, nil
}

// fail ends the attempt of a locked running task.
func (tx *Tx) fail(ctx context.Context, row *taskRow, code, text string, retry bool, delay time.Duration) (TaskState, error) {
	q := tx.tx.NewUpdate().Table("tasks").Set("error_code = ?", reason(code)).Set("error_text = ?", reason(text)).
		Set("lease_until = 0").Set("worker = ''").Where("id = ?", row.ID)
	if retry && row.Attempt-row.Forgiven < row.MaxAttempts {
		_, err := q.Set("state = ?", TaskRunnable).Set("not_before = ?", micros(tx.now.Add(delay))).Exec(ctx)
		tx.woken = true
		return TaskRunnable, err
	}
	if _, err := q.Set("state = ?", TaskDead).Set("finished_at = ?", micros(tx.now)).Exec(ctx); err != nil {
		return "", err
	}
	fact := struct {
		Stage     Stage  `json:"stage"`
		Name      string `json:"name"`
		Optional  bool   `json:"optional"`
		ErrorCode string `json:"error_code"`
		ErrorText string `json:"error_text"`
	}{row.Stage, row.Name, row.Optional, reason(code), reason(text)}
	if err := tx.Emit(EventTaskDead, row.Account, row.Entry, fmt.Sprint(row.ID), fact); err != nil {
		return "", err
	}
	if row.Asset != "" {
		return TaskDead, tx.failAsset(ctx, row, code, text)
	}
	if row.Optional {
		return TaskDead, tx.unblock(ctx, []TaskID{row.ID})
	}
	return TaskDead, tx.failEntry(ctx, row, code, text)
}

func (tx *Tx) failEntry(ctx context.Context, task *taskRow, code, text string) error {
	err := tx.UpdateEntry(ctx, task.Entry, func(e *Entry) error {
		if e.Status == EntryReady || e.Status == EntryDeleted {
			return nil
		}
		e.Status = EntryErrorConverting
		if isArrival(task.Stage) {
			e.Status = EntryErrorImporting
		}
		e.ErrorCode, e.ErrorText = reason(code), reason(text)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = tx.cancelTasks(ctx, task.Entry)
	return err
}

// isArrival says whether a stage brings content in: without it there is nothing to convert.
func isArrival(s Stage) bool { return s == StageImport || s == StageFetch }

// failAsset fails the asset of a dead task and cancels what else is to be done for it. An entry that has neither an original nor
// anything left to do fails with it.
func (tx *Tx) failAsset(ctx context.Context, task *taskRow, code, text string) error {
	err := tx.UpdateAsset(ctx, task.Asset, func(a *Asset) error {
		if a.Status != AssetDeleted {
			a.Status, a.ErrorText = AssetError, reason(text)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := tx.cancelAsset(ctx, task.Asset); err != nil {
		return err
	}
	e, err := tx.Entry(ctx, task.Entry)
	if err != nil || e.Status != EntryImport && e.Status != EntryPreconvert || e.Version != task.Version {
		return err
	}
	left, err := tx.tx.NewSelect().Table("tasks").Where("entry = ?", task.Entry).Where("state IN (?)", bun.List(unfinished)).Count(ctx)
	if err != nil || left > 0 {
		return err
	}
	assets, err := tx.Assets(ctx, task.Entry, AssetFlavor)
	if err != nil {
		return err
	}
	for _, a := range assets {
		if a.Original && a.Version == e.Version || a.Status == AssetImporting {
			return nil
		}
	}
	return tx.failEntry(ctx, task, code, text)
}

// CancelAsset cancels the unfinished tasks that make an asset, for good: its content is to be another.
func (tx *Tx) CancelAsset(ctx context.Context, id AssetID) error {
	row, err := assetByID(ctx, tx.tx, id)
	if err != nil {
		return err
	}
	if err := tx.lockEntries(ctx, row.Entry); err != nil {
		return fmt.Errorf("cancel asset %s: %w", id, err)
	}
	if err := tx.cancelAsset(ctx, id); err != nil {
		return fmt.Errorf("cancel asset %s: %w", id, err)
	}
	// Version 0 keeps a retry of the entry from bringing them back.
	_, err = tx.tx.NewUpdate().Table("tasks").Set("version = 0").Where("asset = ?", id).Where("state IN (?, ?)", TaskCancelled, TaskDead).Exec(ctx)
	if err != nil {
		return fmt.Errorf("cancel asset %s: %w", id, err)
	}
	return nil
}

func (tx *Tx) cancelAsset(ctx context.Context, id AssetID) error {
	_, err := tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskCancelled).Set("finished_at = ?", micros(tx.now)).
		Where("asset = ?", id).Where("state IN (?)", bun.List(unfinished)).Exec(ctx)
	return err
}

// expireBatch bounds how many leases one call ends, so that no transaction grows long.
const expireBatch = 500

// ExpireLeases fails the attempts whose lease ended before now, as Fail with retry does, and reports how many they were:
// up to 500 a call.
func (db *DB) ExpireLeases(ctx context.Context, now time.Time) (int, error) {
	var late []taskRow
	err := db.read.NewSelect().Model(&late).Column("id", "attempt").Where("state = ?", TaskRunning).
		Where("lease_until < ?", micros(now)).Limit(expireBatch).Scan(ctx)
	if err != nil {
		return 0, fmt.Errorf("find ended leases: %w", err)
	}
	n := 0
	for _, l := range late {
		expired := false
		err := db.inTx(ctx, durable, func(tx *Tx) error {
			row, err := tx.lockTask(ctx, l.ID, l.Attempt)
			// A heartbeat or an end may have come between.
			if err != nil || row.LeaseUntil >= micros(now) {
				return ignoreFence(err)
			}
			expired = true
			_, err = tx.fail(ctx, row, CodeWorkerLost, workerLostText, true, 0)
			return err
		})
		if err != nil {
			return n, fmt.Errorf("end lease of task %d: %w", l.ID, err)
		}
		if expired {
			n++
		}
	}
	return n, nil
}

// TaskFilter selects tasks; zero fields select all.
type TaskFilter struct {
	Account AccountID
	Entry   EntryID
	Stage   Stage
	States  []TaskState
	Offset  int
	Limit   int // 0 means 50; at most 1000
}

// ListTasks returns a page of tasks, the newest first, and how many the filter selects.
func (db *DB) ListTasks(ctx context.Context, f TaskFilter) ([]Task, int, error) {
	limit, err := pageSize(f.Limit, f.Offset)
	if err != nil {
		return nil, 0, fmt.Errorf("list tasks: %w", err)
	}
	where := func(q *bun.SelectQuery) *bun.SelectQuery {
		if f.Account != 0 {
			q = q.Where("account = ?", f.Account)
		}
		if f.Entry != "" {
			q = q.Where("entry = ?", f.Entry)
		}
		if f.Stage != "" {
			q = q.Where("stage = ?", f.Stage)
		}
		if len(f.States) > 0 {
			q = q.Where("state IN (?)", bun.List(f.States))
		}
		return q
	}
	total, err := where(db.read.NewSelect().Table("tasks")).Count(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count tasks: %w", err)
	}
	var rows []taskRow
	err = where(db.read.NewSelect().Model(&rows)).Order("id DESC").Limit(int64(limit)).Offset(int64(f.Offset)).Scan(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list tasks: %w", err)
	}
	return tasksOf(rows), int(total), nil
}

// DeadTasks is ListTasks of the dead ones.
func (db *DB) DeadTasks(ctx context.Context, f TaskFilter) ([]Task, int, error) {
	f.States = []TaskState{TaskDead}
	return db.ListTasks(ctx, f)
}

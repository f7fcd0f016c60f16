package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Claim takes a runnable or queued task for a worker until the lease ends, and counts an attempt. A task that is not to be
// had (running elsewhere, finished, or resting until NotBefore) is ErrConflict.
func (db *DB) Claim(ctx context.Context, id TaskID, worker string, lease time.Duration) (Task, error) {
	got, err := db.ClaimMany(ctx, []TaskID{id}, worker, lease)
	if err != nil {
		return Task{}, err
	}
	if len(got) == 1 {
		return got[0], nil
	}
	row, err := taskByID(ctx, db.read, id)
	if err != nil {
		return Task{}, err
	}
	return Task{}, fmt.Errorf("claim task %d: %w: it is %s", id, ErrConflict, row.State)
}

// ClaimMany claims the tasks that are to be had, in one transaction, and returns them by id.
func (db *DB) ClaimMany(ctx context.Context, ids []TaskID, worker string, lease time.Duration) ([]Task, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []taskRow
	// A lost claim leaves the task to be claimed again, so the commit need not wait for the disk.
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		rows = nil
		now := micros(tx.now)
		open := tx.tx.NewSelect().Table("tasks").Column("id").Where("id IN (?)", bun.List(ids)).
			Where("state IN (?, ?)", TaskRunnable, TaskQueued).Where("not_before <= ?", now).Order("id")
		if db.postgres {
			open = open.For("UPDATE")
		}
		return tx.tx.NewUpdate().Model(&rows).
			Set("state = ?", TaskRunning).Set("attempt = attempt + 1").Set("worker = ?", worker).
			Set("lease_until = ?", micros(tx.now.Add(lease))).Set("started_at = ?", now).Set("finished_at = 0").
			Set("done = 0").Set("total = 0").Set("bytes = 0").
			Where("id IN (?)", open).Returning("*").Scan(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("claim %d tasks: %w", len(ids), err)
	}
	return tasksOf(rows), nil
}

// Heartbeat extends the lease of a running task and records its progress. ErrCancelled and ErrFenced tell the worker to
// stop.
func (db *DB) Heartbeat(ctx context.Context, id TaskID, attempt int, lease time.Duration, done, total, bytes int64) error {
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		res, err := tx.tx.NewUpdate().Table("tasks").Set("lease_until = ?", micros(tx.now.Add(lease))).
			Set("done = ?", done).Set("total = ?", total).Set("bytes = ?", bytes).
			Where("id = ?", id).Where("attempt = ?", attempt).Where("state = ?", TaskRunning).Exec(ctx)
		if err != nil {
			return fmt.Errorf("heartbeat of task %d: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		row, err := taskByID(ctx, tx.tx, id)
		if err != nil {
			return err
		}
		return row.checkFence(attempt)
	})
}

// checkFence says why a worker with this attempt must not go on, or nil when it holds the task.
func (r *taskRow) checkFence(attempt int) error {
	switch {
	case r.Attempt == attempt && r.State == TaskRunning:
		return nil
	case r.Attempt == attempt && r.State == TaskCancelled:
		return fmt.Errorf("task %d: %w", r.ID, ErrCancelled)
	default:
		return fmt.Errorf("task %d, attempt %d: %w: it is %s with attempt %d", r.ID, attempt, ErrFenced, r.State, r.Attempt)
	}
}

// Release gives a running task back, runnable at once, without counting the attempt: a worker that shuts down does so.
func (db *DB) Release(ctx context.Context, id TaskID, attempt int) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		row, err := tx.lockTask(ctx, id, attempt)
		if err != nil {
			return err
		}
		_, err = tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskRunnable).Set("forgiven = forgiven + 1").
			Set("worker = ''").Set("lease_until = 0").Set("not_before = 0").Where("id = ?", row.ID).Exec(ctx)
		tx.woken = true
		return err
	})
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// lockTask locks the entry of a running task and the task, and checks that the attempt holds it.
func (tx *Tx) lockTask(ctx context.Context, id TaskID, attempt int) (*taskRow, error) {
	row, err := taskByID(ctx, tx.tx, id)
	if err != nil {
		return nil, err
	}
	if tx.db.postgres {
		if err := tx.lockEntries(ctx, row.Entry); err != nil {
			return nil, err
		}
		if err := tx.tx.NewSelect().Model(row).WherePK().For("UPDATE").Scan(ctx); err != nil {
			return nil, notFound(err, "task %d", id)
		}
	}
	return row, row.checkFence(attempt)
}

package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// RetryDead makes a dead task runnable with all its attempts anew. When it had failed its entry, the entry is in work
// again and the tasks cancelled with it wait or run again. A task that is not dead, or whose entry is deleted, is
// ErrConflict.
func (db *DB) RetryDead(ctx context.Context, id TaskID) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		row, err := taskByID(ctx, tx.tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.openEntry(ctx, row.Entry); err != nil {
			return err
		}
		n, err := tx.reviveDead(ctx, row.Entry, "id = ?", id)
		if err == nil && n == 0 {
			err = fmt.Errorf("task %d: %w: it is %s", id, ErrConflict, row.State)
		}
		if err != nil || row.Optional {
			return err
		}
		return tx.resumeEntry(ctx, row.Entry, row.Stage)
	})
	if err != nil {
		return fmt.Errorf("retry: %w", err)
	}
	return nil
}

// RetryEntry retries all dead tasks of an entry's current version, the optional ones too, and the tasks that were
// cancelled; it reports how many tasks live again. With none, it does nothing.
func (db *DB) RetryEntry(ctx context.Context, id EntryID) (int, error) {
	revived := 0
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		row, err := tx.openEntry(ctx, id)
		if err != nil {
			return err
		}
		var stages []Stage
		err = tx.tx.NewSelect().Table("tasks").Column("stage").Where("entry = ?", id).Where("version = ?", row.Version).
			Where("state IN (?, ?)", TaskDead, TaskCancelled).Scan(ctx, &stages)
		if err != nil || len(stages) == 0 {
			return err
		}
		revived = len(stages)
		if _, err := tx.reviveDead(ctx, id, "version = ?", row.Version); err != nil {
			return err
		}
		return tx.resumeEntry(ctx, id, stages...)
	})
	if err != nil {
		return 0, fmt.Errorf("retry entry %s: %w", id, err)
	}
	return revived, nil
}

// reviveDead makes dead tasks of a locked entry runnable.
func (tx *Tx) reviveDead(ctx context.Context, entry EntryID, where string, arg any) (int64, error) {
	res, err := tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskRunnable).Set("forgiven = attempt").
		Set("not_before = 0").Set("finished_at = 0").Where("entry = ?", entry).Where("state = ?", TaskDead).
		Where(where, arg).Exec(ctx)
	if err != nil {
		return 0, err
	}
	tx.woken = true
	// Assets that failed with these tasks are in work again.
	_, err = tx.tx.NewUpdate().Table("assets").Set("status = ?", AssetImporting).Set("error_text = ''").Set("updated_at = ?", micros(tx.now)).
		Where("entry = ?", entry).Where("status = ?", AssetError).Where("id IN (?)",
		tx.tx.NewSelect().Table("tasks").Column("asset").Where("entry = ?", entry).Where("asset <> ''").Where("state = ?", TaskRunnable)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// resumeEntry puts the cancelled tasks of a locked entry back and takes the error off the entry; stages are those that run
// again.
func (tx *Tx) resumeEntry(ctx context.Context, id EntryID, stages ...Stage) error {
	_, err := tx.tx.NewUpdate().Table("tasks").
		Set("state = CASE WHEN blockers > 0 THEN ? ELSE ? END", TaskWaiting, TaskRunnable).
		Set("forgiven = attempt").Set("not_before = 0").Set("finished_at = 0").
		Where("entry = ?", id).Where("state = ?", TaskCancelled).
		Where("version = (?)", tx.tx.NewSelect().Table("entries").Column("version").Where("id = ?", id)).Exec(ctx)
	if err != nil {
		return err
	}
	return tx.UpdateEntry(ctx, id, func(e *Entry) error {
		if e.Status != EntryErrorImporting && e.Status != EntryErrorConverting {
			return nil
		}
		e.Status, e.ErrorCode, e.ErrorText = EntryPreconvert, "", ""
		for _, s := range stages {
			if isArrival(s) {
				e.Status = EntryImport
			}
		}
		return nil
	})
}

// ignoreFence drops the errors that say that a task went on without us.
func ignoreFence(err error) error {
	if errors.Is(err, ErrFenced) || errors.Is(err, ErrCancelled) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// MarkQueued records that runnable tasks are about to be announced, and returns those that were still runnable.
func (db *DB) MarkQueued(ctx context.Context, ids []TaskID) ([]TaskID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	marked := map[TaskID]bool{}
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		open := tx.tx.NewSelect().Table("tasks").Column("id").Where("id IN (?)", bun.List(ids)).
			Where("state = ?", TaskRunnable).Order("id")
		if db.postgres {
			open = open.For("UPDATE")
		}
		var got []TaskID
		err := tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskQueued).Set("queued_at = ?", micros(tx.now)).
			Where("id IN (?)", open).Returning("id").Scan(ctx, &got)
		clear(marked)
		for _, id := range got {
			marked[id] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("mark %d tasks queued: %w", len(ids), err)
	}
	out := make([]TaskID, 0, len(marked))
	for _, id := range ids {
		if marked[id] {
			out = append(out, id)
		}
	}
	return out, nil
}

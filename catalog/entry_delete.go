package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// DeleteEntry marks an entry deleted and its assets with it, cancels its tasks and writes entry.deleted. Its rows and objects
// stay until it is purged. The hidden entry that was to replace its content is deleted, too. Deleting it again does nothing.
func (db *DB) DeleteEntry(ctx context.Context, id EntryID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.DeleteEntry(ctx, id) })
}

// DeleteEntry is DB.DeleteEntry inside a transaction.
func (tx *Tx) DeleteEntry(ctx context.Context, id EntryID) error {
	var hidden EntryID
	err := tx.UpdateEntry(ctx, id, func(e *Entry) error {
		if e.Status != EntryDeleted {
			e.Status = EntryDeleted
			e.DeletedAt = tx.now
		}
		hidden, e.Replacing = e.Replacing, ""
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := tx.cancelTasks(ctx, id); err != nil {
		return fmt.Errorf("entry %s: %w", id, err)
	}
	_, err = tx.tx.NewUpdate().Table("assets").Set("status = ?", AssetDeleted).Set("deleted_at = ?", micros(tx.now)).
		Where("entry = ?", id).Where("deleted_at = 0").Exec(ctx)
	if err != nil {
		return fmt.Errorf("assets of entry %s: %w", id, err)
	}
	if hidden == "" {
		return nil
	}
	if err := tx.DeleteEntry(ctx, hidden); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// Purgeable returns up to limit entries deleted before the time, oldest first. The caller deletes their objects and then
// calls PurgeEntry: after a crash between the two the entry is returned again. The time should lie well before the longest
// lease, because a cancelled handler may write objects until it learns of it.
func (db *DB) Purgeable(ctx context.Context, before time.Time, limit int) ([]Entry, error) {
	var rows []entryRow
	err := db.read.NewSelect().Model(&rows).Where("deleted_at > 0").Where("deleted_at < ?", micros(before)).
		Order("deleted_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list purgeable entries: %w", err)
	}
	out := make([]Entry, len(rows))
	for i := range rows {
		out[i] = rows[i].entry()
	}
	return out, nil
}

// PurgeEntry removes a deleted entry with its assets and tasks for good. Its events stay. An entry that is not deleted is
// ErrConflict.
func (db *DB) PurgeEntry(ctx context.Context, id EntryID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		res, err := tx.tx.NewDelete().Table("entries").Where("id = ?", id).Where("status = ?", EntryDeleted).Exec(ctx)
		if err != nil {
			return fmt.Errorf("purge entry %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		if _, err := entryByID(ctx, tx.tx, id); err != nil {
			return err
		}
		return fmt.Errorf("purge entry %s: %w: it is not deleted", id, ErrConflict)
	})
}

// CancelEntry cancels the tasks of an entry that are not finished and reports how many they were. A running one learns of
// it by its next heartbeat.
func (db *DB) CancelEntry(ctx context.Context, id EntryID) (int, error) {
	var n int
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		n, err = tx.CancelEntry(ctx, id)
		return err
	})
	return n, err
}

// CancelEntry is DB.CancelEntry inside a transaction.
func (tx *Tx) CancelEntry(ctx context.Context, id EntryID) (int, error) {
	if err := tx.lockEntries(ctx, id); err != nil {
		return 0, fmt.Errorf("cancel entry %s: %w", id, err)
	}
	if _, err := entryByID(ctx, tx.tx, id); err != nil {
		return 0, err
	}
	n, err := tx.cancelTasks(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("cancel entry %s: %w", id, err)
	}
	return n, nil
}

// unfinished are the states of tasks that still want something.
var unfinished = []TaskState{TaskWaiting, TaskRunnable, TaskQueued, TaskRunning}

// cancelTasks cancels the unfinished tasks of a locked entry.
func (tx *Tx) cancelTasks(ctx context.Context, id EntryID) (int, error) {
	res, err := tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskCancelled).Set("finished_at = ?", micros(tx.now)).
		Where("entry = ?", id).Where("state IN (?)", bun.List(unfinished)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

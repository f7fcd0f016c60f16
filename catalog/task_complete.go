package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Completion is the end of a task that succeeded.
type Completion struct {
	Task    TaskID
	Attempt int
	Result  any // encoded as JSON
	// Total and Bytes are the final progress; 0 keeps what the last heartbeat said.
	Total int64
	Bytes int64
	// Then, when set, makes the changes that follow from the result in the same transaction: follow-on tasks, assets, the
	// entry. It may run several times, and only the last run counts.
	Then func(tx *Tx) error
}

// Complete ends a running task: its result, the changes of then, the release of its successors and the events are one
// transaction. ErrFenced and ErrCancelled mean that nothing happened, because the task is no longer this attempt's; so
// does an error of then.
func (db *DB) Complete(ctx context.Context, id TaskID, attempt int, result any, then func(tx *Tx) error) error {
	return db.CompleteMany(ctx, []Completion{{Task: id, Attempt: attempt, Result: result, Then: then}})[0]
}

// CompleteMany completes several tasks in one transaction and returns the outcome of each. Each is Complete by itself: one
// that fails leaves no trace and the others succeed. Only a failure of the database fails all.
func (db *DB) CompleteMany(ctx context.Context, cs []Completion) []error {
	errs := make([]error, len(cs))
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		clear(errs)
		return tx.completeMany(ctx, cs, errs)
	})
	for i, c := range cs {
		if err != nil {
			errs[i] = err
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("complete task %d: %w", c.Task, errs[i])
		}
	}
	return errs
}

func (tx *Tx) completeMany(ctx context.Context, cs []Completion, errs []error) error {
	rows, err := tx.lockTasks(ctx, cs)
	if err != nil {
		return err
	}
	var done []TaskID
	for i, c := range cs {
		row := rows[c.Task]
		if row == nil {
			errs[i] = ErrNotFound
			continue
		}
		if errs[i] = row.checkFence(c.Attempt); errs[i] != nil {
			continue
		}
		result, err := encode(c.Result)
		if err != nil {
			errs[i] = fmt.Errorf("result: %w", err)
			continue
		}
		if c.Then == nil {
			if err := tx.markDone(ctx, c, result); err != nil {
				return err
			}
		} else {
			errs[i] = tx.savepoint(ctx, func() error {
				if err := tx.markDone(ctx, c, result); err != nil {
					return err
				}
				return c.Then(tx)
			})
		}
		switch {
		case errs[i] == nil:
			row.State = TaskDone // a second completion of it in this batch is fenced
			done = append(done, c.Task)
		case lostRace(errs[i]), ctx.Err() != nil:
			return errs[i]
		}
	}
	return tx.unblock(ctx, done)
}

// lockTasks locks the tasks' entries and the tasks, and returns those there are.
func (tx *Tx) lockTasks(ctx context.Context, cs []Completion) (map[TaskID]*taskRow, error) {
	ids := make([]TaskID, len(cs))
	for i, c := range cs {
		ids[i] = c.Task
	}
	var rows []taskRow
	sel := func() *bun.SelectQuery {
		return tx.tx.NewSelect().Model(&rows).ExcludeColumn("payload", "result").Where("id IN (?)", bun.List(ids)).Order("id")
	}
	if err := sel().Scan(ctx); err != nil {
		return nil, err
	}
	if tx.db.postgres {
		entries := make([]EntryID, len(rows))
		for i := range rows {
			entries[i] = rows[i].Entry
		}
		if err := tx.lockEntries(ctx, entries...); err != nil {
			return nil, err
		}
		rows = nil
		if err := sel().For("UPDATE").Scan(ctx); err != nil {
			return nil, err
		}
	}
	byID := make(map[TaskID]*taskRow, len(rows))
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	return byID, nil
}

func (tx *Tx) markDone(ctx context.Context, c Completion, result string) error {
	q := tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskDone).Set("result = ?", result).
		Set("finished_at = ?", micros(tx.now)).Set("lease_until = 0").
		Set("error_code = ''").Set("error_text = ''").Where("id = ?", c.Task)
	if c.Total > 0 {
		q = q.Set("total = ?", c.Total).Set("done = ?", c.Total)
	} else {
		q = q.Set("done = total")
	}
	if c.Bytes > 0 {
		q = q.Set("bytes = ?", c.Bytes)
	}
	_, err := q.Exec(ctx)
	return err
}

// unblock takes finished tasks off their successors, and makes runnable those that wait for nothing else.
func (tx *Tx) unblock(ctx context.Context, finished []TaskID) error {
	if len(finished) == 0 {
		return nil
	}
	var deps []depRow
	if err := tx.tx.NewDelete().Model(&deps).Where("after IN (?)", bun.List(finished)).Returning("after, task").Scan(ctx); err != nil {
		return err
	}
	freed := map[int][]TaskID{} // by how many of their predecessors finished
	count := map[TaskID]int{}
	for _, d := range deps {
		count[d.Task]++
	}
	for id, n := range count {
		freed[n] = append(freed[n], id)
	}
	for n, ids := range freed {
		_, err := tx.tx.NewUpdate().Table("tasks").Set("blockers = blockers - ?", n).
			Set("state = CASE WHEN state = ? AND blockers = ? THEN ? ELSE state END", TaskWaiting, n, TaskRunnable).
			Where("id IN (?)", bun.List(ids)).Exec(ctx)
		if err != nil {
			return err
		}
		tx.woken = true
	}
	return nil
}

package catalog

import (
	"context"
	"fmt"
	"time"
)

// Postpone gives a running task back to be tried again after delay, without counting the attempt: what kept it, such as a
// full disk, was not the task's own. The task keeps the code and text until it is done.
func (db *DB) Postpone(ctx context.Context, id TaskID, attempt int, code, text string, delay time.Duration) error {
	err := db.inTx(ctx, durable, func(tx *Tx) error {
		row, err := tx.lockTask(ctx, id, attempt)
		if err != nil {
			return err
		}
		_, err = tx.tx.NewUpdate().Table("tasks").Set("state = ?", TaskRunnable).Set("forgiven = forgiven + 1").
			Set("error_code = ?", reason(code)).Set("error_text = ?", reason(text)).
			Set("worker = ''").Set("lease_until = 0").Set("not_before = ?", micros(tx.now.Add(delay))).Where("id = ?", row.ID).Exec(ctx)
		tx.woken = true
		return err
	})
	if err != nil {
		return fmt.Errorf("postpone: %w", err)
	}
	return nil
}

package catalog

import "context"

// EndRest lets a failed task be claimed before its time.
func (db *DB) EndRest(ctx context.Context, id TaskID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("tasks").Set("not_before = 0").Where("id = ?", id).Exec(ctx)
		return err
	})
}

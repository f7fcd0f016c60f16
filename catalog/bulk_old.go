package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// bulkResultBatch bounds the results that one transaction deletes: a job may have hundreds of thousands.
const bulkResultBatch = 2000

// EndedBulkJobs returns up to limit jobs of all accounts that ended before a time, in the order of their ids.
func (db *DB) EndedBulkJobs(ctx context.Context, before time.Time, limit int) ([]BulkJob, error) {
	var jobs []BulkJob
	err := db.read.NewSelect().Model(&jobs).Where("status IN (?)", bun.List(endedBulk)).
		Where("finished_at > 0 AND finished_at < ?", StampOf(before)).Order("id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("ended bulk jobs: %w", err)
	}
	return jobs, nil
}

// RemoveBulkJob deletes an ended job with its results, some at a time. One that did not end is ErrConflict, one that is gone is
// no error.
func (db *DB) RemoveBulkJob(ctx context.Context, id BulkJobID) error {
	for {
		var n int64
		err := db.inTx(ctx, lazy, func(tx *Tx) error {
			running, err := tx.tx.NewSelect().Table("bulk_jobs").Where("id = ?", id).Where("status NOT IN (?)", bun.List(endedBulk)).Exists(ctx)
			if err != nil {
				return err
			}
			if running {
				return fmt.Errorf("%w: it has not ended", ErrConflict)
			}
			some := tx.tx.NewSelect().Table("bulk_results").Column("id").Where("job = ?", id).Limit(bulkResultBatch)
			res, err := tx.tx.NewDelete().Table("bulk_results").Where("id IN (?)", some).Exec(ctx)
			if err != nil {
				return err
			}
			if n, err = res.RowsAffected(); err != nil || n == bulkResultBatch {
				return err
			}
			_, err = tx.tx.NewDelete().Table("bulk_jobs").Where("id = ?", id).Exec(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("remove bulk job %d: %w", id, err)
		}
		if n < bulkResultBatch {
			return nil
		}
	}
}

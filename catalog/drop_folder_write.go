package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Fence is the lease under which a watcher changes the files of its folder: once another watcher has the lease, nothing that the
// first one does counts. The zero value, of an operator, is not fenced.
type Fence struct {
	Lease string
	Token int64
}

// check fails with ErrFenced when the lease went to someone else.
func (f Fence) check(ctx context.Context, tx *Tx) error {
	if f.Lease == "" {
		return nil
	}
	var tokens []int64
	q := tx.tx.NewSelect().Table("leases").Column("token").Where("name = ?", f.Lease)
	if tx.db.postgres {
		q = q.For("SHARE") // nobody takes it over before this commits
	}
	if err := q.Scan(ctx, &tokens); err != nil {
		return err
	}
	if len(tokens) != 1 || tokens[0] != f.Token {
		return fmt.Errorf("lease %q: %w", f.Lease, ErrFenced)
	}
	return nil
}

// insertBatch bounds the rows of one statement.
const insertBatch = 256

// AddDropFolderFiles stores new live rows, whose states the caller sets. Those whose path has a live row already are not stored:
// that row comes back instead, with the flag false.
func (tx *Tx) AddDropFolderFiles(ctx context.Context, fence Fence, files []DropFolderFile) (rows []DropFolderFile, added []bool, err error) {
	if err := fence.check(ctx, tx); err != nil {
		return nil, nil, err
	}
	rows, added = make([]DropFolderFile, 0, len(files)), make([]bool, 0, len(files))
	for len(files) > 0 {
		batch := files[:min(insertBatch, len(files))]
		files = files[len(batch):]
		ids, err := tx.insertFiles(ctx, batch)
		if err != nil {
			return nil, nil, fmt.Errorf("add drop folder files: %w", err)
		}
		for _, f := range batch {
			id, made := ids[f.PathKey]
			if made {
				f.ID, f.CreatedAt, f.UpdatedAt = id, StampOf(tx.now), StampOf(tx.now)
				delete(ids, f.PathKey) // the same name twice in one batch is one row
			} else if f, err = fileByPath(ctx, tx.tx, f.Folder, f.PathKey); err != nil {
				return nil, nil, err
			}
			rows, added = append(rows, f), append(added, made)
		}
	}
	return rows, added, nil
}

func (tx *Tx) insertFiles(ctx context.Context, batch []DropFolderFile) (map[string]DropFolderFileID, error) {
	now := StampOf(tx.now)
	made := make([]DropFolderFile, len(batch))
	for i, f := range batch {
		f.ID, f.CreatedAt, f.UpdatedAt, f.DeletedAt, f.Deleted = 0, now, now, 0, 0
		if err := f.check(); err != nil {
			return nil, err
		}
		made[i] = f
	}
	var got []struct {
		ID      DropFolderFileID
		PathKey string
	}
	err := tx.tx.NewInsert().Model(&made).On("CONFLICT (folder, path_key, deleted_file) DO NOTHING").
		Returning("id, path_key").Scan(ctx, &got)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	ids := make(map[string]DropFolderFileID, len(got))
	for _, g := range got {
		ids[g.PathKey] = g.ID
	}
	return ids, nil
}

// MoveDropFolderFiles puts the files that are in one state into another, clears their errors, and returns the ids of those that
// were in it.
func (tx *Tx) MoveDropFolderFiles(ctx context.Context, fence Fence, ids []DropFolderFileID, from, to DropFolderFileStatus) ([]DropFolderFileID, error) {
	if err := fence.check(ctx, tx); err != nil {
		return nil, err
	}
	now := micros(tx.now)
	var moved []DropFolderFileID
	for len(ids) > 0 {
		batch := ids[:min(2048, len(ids))]
		ids = ids[len(batch):]
		q := tx.tx.NewUpdate().Table("drop_folder_files").Set("status = ?", to).Set("updated_at = ?", now).
			Set("error_code = ''").Set("error_text = ''").Set("why = ''").Set("next_at = 0")
		if from == FileUploading && to == FilePending {
			q = q.Set("upload_end = ?", now)
		}
		if to == FilePurged {
			q = q.Set("deleted_file = id")
		}
		var got []DropFolderFileID
		err := q.Where("id IN (?)", bun.List(batch)).Where("status = ?", from).Returning("id").Scan(ctx, &got)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("move drop folder files: %w", err)
		}
		moved = append(moved, got...)
	}
	return moved, nil
}

// UpdateDropFolderFile changes a file's row by fn if it is still in the state from, and returns it; otherwise ErrConflict. A row
// that fn makes FilePurged becomes history, and a row of history never changes.
func (tx *Tx) UpdateDropFolderFile(ctx context.Context, fence Fence, id DropFolderFileID, from DropFolderFileStatus, fn func(*DropFolderFile) error) (DropFolderFile, error) {
	if err := fence.check(ctx, tx); err != nil {
		return DropFolderFile{}, err
	}
	row, err := dropFolderFile(ctx, tx.tx, id, 0)
	if err != nil {
		return DropFolderFile{}, err
	}
	if row.Status != from || !row.Live() {
		return DropFolderFile{}, fmt.Errorf("drop folder file %d: %w: its status is %d, not %d", id, ErrConflict, row.Status, from)
	}
	old := row
	if err := fn(&row); err != nil {
		return DropFolderFile{}, err
	}
	row.ID, row.Account, row.Folder, row.CreatedAt, row.UpdatedAt, row.Deleted = old.ID, old.Account, old.Folder, old.CreatedAt, StampOf(tx.now), 0
	if row.Status == FilePurged {
		row.Deleted = row.ID
	}
	if err := row.check(); err != nil {
		return DropFolderFile{}, err
	}
	res, err := tx.tx.NewUpdate().Model(&row).ExcludeColumn("id").WherePK().Where("status = ?", from).Where("deleted_file = 0").Exec(ctx)
	if err != nil {
		return DropFolderFile{}, fmt.Errorf("drop folder file %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return DropFolderFile{}, fmt.Errorf("drop folder file %d: %w: its status changed", id, ErrConflict)
	}
	return row, nil
}

// handledColumns are what UpdateDropFolderFiles may change. Columns that stay what they are cost nothing: their indexes are left alone.
var handledColumns = []string{
	"status", "updated_at", "slug", "flavor", "owner", "lead", "deleted_file", "entry", "error_code", "error_text", "why", "warning", "sha256",
	"attempt", "next_at", "done", "idempotency_key", "upload_end", "import_start", "import_end",
}

// UpdateDropFolderFiles is UpdateDropFolderFile for many files in the state from, with a statement for all of them. Those that are in
// another state, or gone, are left out of what it returns, which is in the order of the ids. What tells a file from another one, its
// size and time, the change leaves alone, as it does the job.
func (tx *Tx) UpdateDropFolderFiles(ctx context.Context, fence Fence, ids []DropFolderFileID, from DropFolderFileStatus, fn func(*DropFolderFile) error) ([]DropFolderFile, error) {
	if err := fence.check(ctx, tx); err != nil {
		return nil, err
	}
	var out []DropFolderFile
	for batch := range slices.Chunk(ids, insertBatch) {
		rows, err := tx.changeFiles(ctx, batch, from, fn)
		if err != nil {
			return nil, fmt.Errorf("change %d drop folder files: %w", len(batch), err)
		}
		out = append(out, rows...)
	}
	return out, nil
}

func (tx *Tx) changeFiles(ctx context.Context, ids []DropFolderFileID, from DropFolderFileStatus, fn func(*DropFolderFile) error) ([]DropFolderFile, error) {
	var rows []DropFolderFile
	q := tx.tx.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Where("status = ?", from).Where("deleted_file = 0").Order("id")
	if tx.db.postgres {
		q = q.For("UPDATE")
	}
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return nil, err
	}
	purged := false
	for i := range rows {
		row, old := &rows[i], rows[i]
		if err := fn(row); err != nil {
			return nil, err
		}
		old.Status, old.Slug, old.Flavor, old.User, old.Lead, old.Entry = row.Status, row.Slug, row.Flavor, row.User, row.Lead, row.Entry
		old.ErrorCode, old.ErrorText, old.Why, old.Warning, old.SHA256 = row.ErrorCode, row.ErrorText, row.Why, row.Warning, row.SHA256
		old.Attempt, old.NextAt, old.Done, old.Key = row.Attempt, row.NextAt, row.Done, row.Key
		old.UploadEnd, old.ImportStart, old.ImportEnd, old.UpdatedAt = row.UploadEnd, row.ImportStart, row.ImportEnd, StampOf(tx.now)
		if old.Status == FilePurged {
			old.Deleted, purged = old.ID, true
		}
		if err := old.check(); err != nil {
			return nil, err
		}
		*row = old
	}
	_, err := tx.tx.NewUpdate().With("_data", tx.tx.NewValues(&rows).Column(append([]string{"id"}, handledColumns...)...)).
		Model((*DropFolderFile)(nil)).TableExpr("_data").Set(assignments(purged)).Where("drop_folder_file.id = _data.id").Exec(ctx)
	return rows, err
}

// assignments copies the columns from the values, deleted_file only if a file is purged: two indexes end in it.
func assignments(purged bool) string {
	var b strings.Builder
	for _, c := range handledColumns {
		if c != "deleted_file" || purged {
			fmt.Fprintf(&b, ", %[1]s = _data.%[1]s", c)
		}
	}
	return b.String()[2:]
}

// SetDropFolderProgress records how much of a file is downloaded.
func (db *DB) SetDropFolderProgress(ctx context.Context, id DropFolderFileID, done int64) error {
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("drop_folder_files").Set("done = ?", done).Where("id = ?", id).Where("status = ?", FileDownloading).Exec(ctx)
		return err
	})
}

// TrimDropFolderFiles deletes up to limit rows of files that are gone since before, and reports how many.
func (db *DB) TrimDropFolderFiles(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		old := tx.tx.NewSelect().Table("drop_folder_files").Column("id").Where("status = ?", FilePurged).
			Where("updated_at < ?", micros(before)).Limit(int64(limit))
		res, err := tx.tx.NewDelete().Table("drop_folder_files").Where("id IN (?)", old).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("trim drop folder files: %w", err)
	}
	return int(n), nil
}

// FoldedTwins returns, of the fold keys, those that more than one live file of the folder has.
func (tx *Tx) FoldedTwins(ctx context.Context, folder DropFolderID, keys []string) ([]string, error) {
	var twins []string
	for len(keys) > 0 {
		batch := keys[:min(2048, len(keys))]
		keys = keys[len(batch):]
		var got []string
		err := tx.tx.NewSelect().Table("drop_folder_files").Column("fold_key").Where("folder = ?", folder).Where("deleted_file = 0").
			Where("fold_key IN (?)", bun.List(batch)).Group("fold_key").Having("count(*) > 1").Scan(ctx, &got)
		if err != nil {
			return nil, err
		}
		twins = append(twins, got...)
	}
	return twins, nil
}

// WarnOfTwins tells the live files that have one of the fold keys of each other.
func (tx *Tx) WarnOfTwins(ctx context.Context, folder DropFolderID, keys []string, warning string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := tx.tx.NewUpdate().Table("drop_folder_files").Set("warning = ?", reason(warning)).Where("folder = ?", folder).
		Where("deleted_file = 0").Where("fold_key IN (?)", bun.List(keys)).Exec(ctx)
	return err
}

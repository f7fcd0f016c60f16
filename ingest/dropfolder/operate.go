package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

// ErrState says that a file is not in a state in which what is asked for makes sense.
var ErrState = errors.New("not in this state")

// Operator is what operators do with files of any account.
type Operator struct{ Catalog *catalog.DB }

// Retry is the function Retry.
func (o Operator) Retry(ctx context.Context, f catalog.DropFolderFile) (catalog.DropFolderFile, error) {
	return Retry(ctx, o.Catalog, f.Account, f.ID)
}

// Ignore is the function Ignore.
func (o Operator) Ignore(ctx context.Context, f catalog.DropFolderFile) (catalog.DropFolderFile, error) {
	return Ignore(ctx, o.Catalog, f.Account, f.ID)
}

// Delete is the function Delete.
func (o Operator) Delete(ctx context.Context, f catalog.DropFolderFile) (catalog.DropFolderFile, error) {
	return Delete(ctx, o.Catalog, f.Account, f.ID)
}

// Retry lets a file be handled again that stopped, was ignored, or waits. One that could not be removed is removed again.
func Retry(ctx context.Context, db *catalog.DB, account catalog.AccountID, id catalog.DropFolderFileID) (catalog.DropFolderFile, error) {
	return operate(ctx, db, account, id, Retried, func(f catalog.DropFolderFile) catalog.DropFolderFileStatus {
		if f.Status == errorDeleting {
			return deleted
		}
		return pending
	}, func(n *catalog.DropFolderFile) {
		n.Attempt, n.Entry, n.ImportStart, n.ImportEnd, n.Job = 0, "", 0, 0, 0
	})
}

// Ignore hides a file: nothing is made of it.
func Ignore(ctx context.Context, db *catalog.DB, account catalog.AccountID, id catalog.DropFolderFileID) (catalog.DropFolderFile, error) {
	return operate(ctx, db, account, id, OperatorSkip, to(ignored), nil)
}

// Delete has a file removed, and its row made history.
func Delete(ctx context.Context, db *catalog.DB, account catalog.AccountID, id catalog.DropFolderFileID) (catalog.DropFolderFile, error) {
	return operate(ctx, db, account, id, OperatorDel, to(deleted), nil)
}

// Change lets an operator put a file into any state that some event leads to; ErrState when none does.
func Change(ctx context.Context, db *catalog.DB, account catalog.AccountID, id catalog.DropFolderFileID, status catalog.DropFolderFileStatus) (catalog.DropFolderFile, error) {
	f, err := db.DropFolderFile(ctx, account, id)
	if err != nil || f.Status == status {
		return f, err
	}
	for _, r := range rules {
		if f.Live() && allowed(r.event, f.Status, status) && (f.Status != deleted || status == purged) {
			return operate(ctx, db, account, id, r.event, to(status), nil)
		}
	}
	return f, fmt.Errorf("drop folder file %d: %w: from %d to %d", id, ErrState, f.Status, status)
}

func to(s catalog.DropFolderFileStatus) func(catalog.DropFolderFile) catalog.DropFolderFileStatus {
	return func(catalog.DropFolderFile) catalog.DropFolderFileStatus { return s }
}

// operateTries bounds how often an operator's wish is tried while a watcher changes the file.
const operateTries = 5

func operate(ctx context.Context, db *catalog.DB, account catalog.AccountID, id catalog.DropFolderFileID, event Event,
	to func(catalog.DropFolderFile) catalog.DropFolderFileStatus, set func(*catalog.DropFolderFile)) (f catalog.DropFolderFile, err error) {
	for range operateTries {
		if f, err = db.DropFolderFile(ctx, account, id); err != nil {
			return f, err
		}
		if !f.Live() || !allowed(event, f.Status, to(f)) {
			return f, fmt.Errorf("drop folder file %d: %w: %q does not apply to status %d", id, ErrState, event, f.Status)
		}
		err = db.InTx(ctx, func(tx *catalog.Tx) (err error) {
			f, err = move(ctx, tx, catalog.Fence{}, f, event, to(f), set)
			return err
		})
		if !errors.Is(err, catalog.ErrConflict) {
			break
		}
	}
	return f, err
}

// Add tells of a file that arrives in a folder, for watchers outside. A name whose file is being handled is catalog.ErrConflict.
func Add(ctx context.Context, db *catalog.DB, folder catalog.DropFolder, rel string, size int64) (catalog.DropFolderFile, error) {
	if checkName(rel) != "" || path.Clean(rel) != rel {
		return catalog.DropFolderFile{}, trouble(CodeName, "%q is no path in a drop folder.", complete.Shown(rel))
	}
	a := Announcer{Catalog: db}
	var f catalog.DropFolderFile
	err := db.InTx(ctx, func(tx *catalog.Tx) error {
		row, err := tx.DropFolderFileByPath(ctx, folder.ID, catalog.PathKey(rel))
		had := &row
		if errors.Is(err, catalog.ErrNotFound) {
			had, err = nil, nil
		}
		if err != nil {
			return err
		}
		var ok bool
		if f, ok, err = a.arrive(ctx, tx, folder, rel, "api", had); err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("file %q of drop folder %d: %w: it is being handled", rel, folder.ID, catalog.ErrConflict)
		}
		f, err = move(ctx, tx, catalog.Fence{}, f, Changed, uploading, func(n *catalog.DropFolderFile) {
			n.Size, n.SizeSetAt = size, catalog.StampOf(time.Now())
		})
		return err
	})
	return f, err
}

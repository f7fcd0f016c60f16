package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/content"
	"sluice/ingest/hook"
	"sluice/storage"
)

const (
	// maxTries is how often a file is tried before it is left to an operator.
	maxTries = 5
	// firstRetry is the pause after a failure; it doubles up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// fullRetry is how often a file is tried for which there is no room.
	fullRetry = 15 * time.Second
	// quotaRetry is how often one is tried for which nobody has given room.
	quotaRetry = time.Minute
	// dayRetry is how often one is tried for which the day has no entry left.
	dayRetry = 10 * time.Minute
)

// errSibling is the cause of a file that is fine, but cannot become content for another's sake.
var errSibling = errors.New("another file of its group could not be taken")

// fail deals with a job whose files could not become content, for one cause or one each: its files go back to where they can be
// tried, or wait for an operator.
func (fo *folder) fail(ctx context.Context, files []taken, causes ...error) error {
	for i, t := range files {
		cause := causes[min(i, len(causes)-1)]
		if ctx.Err() != nil || errors.Is(cause, catalog.ErrFenced) {
			return cause // the next watcher resumes them
		}
		if cause == nil {
			cause = errSibling
		}
		var now catalog.DropFolderFile
		err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) (err error) {
			now, err = fo.failOne(ctx, tx, t.DropFolderFile, cause)
			return err
		})
		switch {
		case errors.Is(err, catalog.ErrConflict), errors.Is(err, catalog.ErrNotFound):
			err = fo.abandon(ctx, t)
		case err == nil && now.Status != pending: // what is tried again goes on with what is there
			err = fo.giveBack(t)
		}
		if err != nil {
			return err
		}
		fo.lookAgain(t.Path)
	}
	return nil
}

// giveBack returns what was taken of a file to its folder.
func (fo *folder) giveBack(t taken) error {
	if _, err := os.Lstat(t.path); err == nil && t.moved {
		return fo.putBack(&t)
	}
	return os.RemoveAll(fo.placeDir(t.ID))
}

// abandon gives a file back that an operator, or a look, has decided about while it was taken.
func (fo *folder) abandon(ctx context.Context, t taken) error {
	row, err := fo.cfg.Catalog.DropFolderFile(ctx, fo.f.Account, t.ID)
	if err != nil {
		return err
	}
	if row.Status == deleted || row.Status == purged {
		return os.RemoveAll(fo.placeDir(t.ID))
	}
	return fo.giveBack(t)
}

// failOne puts one file's row into the state that follows from the cause.
func (fo *folder) failOne(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, cause error) (catalog.DropFolderFile, error) {
	var bad *Trouble
	var odd *content.Error
	shown := complete.Shown(f.Path)
	switch {
	case errors.Is(cause, storage.ErrChanged):
		return move(ctx, tx, fo.fence, f, Changed, uploading, func(n *catalog.DropFolderFile) {
			n.ErrorCode, n.Why = string(CodeChanged), "It changed while it was read, so it is waited for again. Nothing of it was used."
			n.Entry = ""
		})
	case errors.As(cause, &bad):
		return fo.refuse(ctx, tx, f, bad, cause)
	case errors.As(cause, &odd) && odd.Kind == content.Restricted:
		return fo.refuse(ctx, tx, f, trouble(CodeTypeRefused, "%q is of a type that is not taken in: %v. Remove the file.", shown, odd.Err), cause)
	case isGone(cause):
		return move(ctx, tx, fo.fence, f, Gone, purged, func(n *catalog.DropFolderFile) {
			n.ErrorCode, n.ErrorText = string(CodeReading), "The file went away before it could be read."
		})
	case errors.Is(cause, errSibling):
		return fo.later(ctx, tx, f, f.Attempt, time.Second, "", "It is fine, but another file of its group could not be taken.")
	case noRoom(cause):
		return fo.later(ctx, tx, f, f.Attempt, fullRetry, CodeDiskFull, "There is no room for it on the server. It is tried again by itself: "+cause.Error())
	case errors.Is(cause, catalog.ErrEntriesADay):
		return fo.later(ctx, tx, f, f.Attempt, dayRetry, CodeQuota,
			fmt.Sprintf("%q waits for another day, or for a higher limit: %v.", shown, cause))
	case errors.Is(cause, catalog.ErrQuota):
		return fo.later(ctx, tx, f, f.Attempt, quotaRetry, CodeQuota,
			fmt.Sprintf("%q waits until there is room for it. Remove entries, or raise the limit: %v.", shown, cause))
	case errors.Is(cause, hook.ErrAway):
		return fo.later(ctx, tx, f, f.Attempt, awayRetry, "", "It waits for the server that is asked whether it may come in: "+cause.Error())
	case f.Attempt+1 < maxTries:
		return fo.later(ctx, tx, f, f.Attempt+1, min(firstRetry<<f.Attempt, lastRetry), "", "It could not be handled and is tried again: "+plain(cause))
	}
	code := CodeInContent
	if f.Status == downloading {
		code = CodeDownloading
	}
	return fo.refuse(ctx, tx, f, trouble(code, "%q could not be handled in %d tries: %s. See to the cause, then retry.", shown, maxTries, plain(cause)), cause)
}

// noRoom says that a failure is the full disk's, and none of the file's: it is tried for ever.
func noRoom(err error) bool {
	return errors.Is(err, storage.ErrFull) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// later lets a file be tried again after a pause.
func (fo *folder) later(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, tries int, pause time.Duration, code Code, why string) (catalog.DropFolderFile, error) {
	return move(ctx, tx, fo.fence, f, Interrupted, pending, func(n *catalog.DropFolderFile) {
		n.Attempt, n.NextAt, n.Why, n.ErrorCode, n.Entry = tries, catalog.StampOf(time.Now().Add(pause)), why, string(code), ""
	})
}

// refuse leaves a file to an operator.
func (fo *folder) refuse(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile, bad *Trouble, cause error) (catalog.DropFolderFile, error) {
	to := errorHandling
	if f.Status == downloading {
		to = errorDownloading
	}
	fo.log.Warn("a file of a drop folder could not be handled", "file", complete.Shown(f.Path), "code", bad.Code, "reason", cause)
	return move(ctx, tx, fo.fence, f, Failed, to, func(n *catalog.DropFolderFile) {
		n.ErrorCode, n.ErrorText, n.Entry, n.Attempt = string(bad.Code), bad.Text, "", f.Attempt+1
	})
}

package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

const (
	// keepEvery is how often it is looked for files whose time has come: to be removed, to be tried again, to be given up.
	keepEvery = time.Second
	// keepBatch bounds what is done in one go.
	keepBatch = 256
	// settleEvery is how often it is looked for entries that files wait for.
	settleEvery = 3 * time.Second
)

// purgePattern reads which names may be removed; "" is all of them.
func purgePattern(pattern string) (func(rel string) bool, error) {
	if pattern == "" {
		return func(string) bool { return true }, nil
	}
	body, flags, err := undelimit(pattern)
	if err != nil {
		return nil, err
	}
	if flags != "" {
		body = "(?" + flags + ")" + body
	}
	re, err := regexp.Compile(body)
	if err != nil {
		return nil, fmt.Errorf("delete pattern %q: %w", pattern, err)
	}
	return re.MatchString, nil
}

// CheckDeletePattern says why a pattern of names that may be removed cannot be used.
func CheckDeletePattern(pattern string) error {
	_, err := purgePattern(pattern)
	return err
}

// purgeAt is when a handled file is to be removed; 0 is never.
func (fo *folder) purgeAt(f catalog.DropFolderFile) catalog.Stamp {
	if fo.f.DeletePolicy == catalog.DeleteManually || !fo.purge(f.Path) {
		return 0
	}
	return catalog.StampOf(time.Now().Add(time.Duration(fo.f.DeleteDays) * 24 * time.Hour))
}

// keep does what time brings about, until ctx ends.
func (fo *folder) keep(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		for _, step := range []func(context.Context) error{fo.purgeDue, fo.retryDue, fo.giveUpDue, fo.settleEntries, fo.settleJobs, fo.dropOrphans, fo.emptyTrash} {
			if err := step(ctx); err != nil && ctx.Err() == nil {
				return &Error{Code: ErrCatalog, Text: "the folder's files cannot be kept up", Err: err}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// due returns files of the states whose time has come.
func (fo *folder) due(ctx context.Context, from ...catalog.DropFolderFileStatus) ([]catalog.DropFolderFile, error) {
	return fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Statuses: from, Due: time.Now(), Limit: keepBatch})
}

// each runs fn for every file in a transaction of its own; files that changed meanwhile are left out.
func (fo *folder) each(ctx context.Context, files []catalog.DropFolderFile, fn func(tx *catalog.Tx, f catalog.DropFolderFile) error) error {
	for _, f := range files {
		err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return fn(tx, f) })
		if err != nil && !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
	return nil
}

// purgeDue removes handled files whose time has come, and those that an operator wants removed.
func (fo *folder) purgeDue(ctx context.Context) error {
	files, err := fo.due(ctx, handled)
	if err != nil {
		return err
	}
	marked, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{Folder: fo.f.ID, Statuses: statuses{deleted}, Limit: keepBatch})
	if err != nil {
		return err
	}
	gone := map[catalog.DropFolderFileStatus][]catalog.DropFolderFileID{}
	for _, f := range append(files, marked...) {
		if fo.isBusy(f.ID) {
			continue // whoever has it sees to it
		}
		failed := fo.remove(ctx, f)
		fo.at("removed")
		if failed == nil {
			gone[f.Status] = append(gone[f.Status], f.ID)
			continue
		}
		if err := fo.each(ctx, []catalog.DropFolderFile{f}, func(tx *catalog.Tx, f catalog.DropFolderFile) error {
			_, err := move(ctx, tx, fo.fence, f, PurgeFailed, errorDeleting, func(n *catalog.DropFolderFile) {
				n.ErrorCode = string(CodeDeleting)
				n.ErrorText = fmt.Sprintf("%q could not be removed: %s. Remove it by hand, or see to the cause and retry.", complete.Shown(f.Path), plain(failed))
			})
			return err
		}); err != nil {
			return err
		}
	}
	// Lost to a power cut, this is what the next sweep finds.
	return fo.cfg.Catalog.InLazyTx(ctx, func(tx *catalog.Tx) error {
		for from, ids := range gone {
			if _, err := moveAll(ctx, tx, fo.fence, ids, Purged, from, purged); err != nil {
				return err
			}
		}
		return nil
	})
}

// remove removes the file of a row, if it is still the one of the row.
func (fo *folder) remove(ctx context.Context, f catalog.DropFolderFile) error {
	now, err := fo.store.Stat(ctx, f.Path)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.Status == handled && (now.Size != f.Size || now.ModTime.UnixNano() != f.ModifiedNS) {
		return nil // another file has the name: it is found as new
	}
	if fo.local != nil && fo.f.Options.TrashDays > 0 {
		return fo.local.trash(f.Path, time.Now())
	}
	if err := fo.store.Remove(ctx, f.Path); err != nil && !isGone(err) {
		return err
	}
	if fo.local != nil && fo.f.Options.PruneEmpty {
		fo.local.prune(f.Path)
	}
	return nil
}

// retryDue tries files again that have no entry yet.
func (fo *folder) retryDue(ctx context.Context) error {
	files, err := fo.due(ctx, noMatch)
	if err != nil || len(files) == 0 {
		return err
	}
	ids := make([]catalog.DropFolderFileID, len(files))
	for i, f := range files {
		ids[i] = f.ID
	}
	err = fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		_, err := moveAll(ctx, tx, fo.fence, ids, Retried, noMatch, pending)
		return err
	})
	fo.signal()
	return err
}

// giveUpDue ends the waiting of files for those that belong to them.
func (fo *folder) giveUpDue(ctx context.Context) error {
	files, err := fo.due(ctx, waiting)
	if err == nil {
		files, err = fo.waitOn(ctx, files)
	}
	if err != nil {
		return err
	}
	return fo.each(ctx, files, func(tx *catalog.Tx, f catalog.DropFolderFile) error {
		if _, document := fo.format(f.Path); fo.f.Handler != catalog.HandleContent && !document && f.Lead == 0 {
			return fo.orphan(ctx, tx, f)
		}
		code := CodeSidecar
		if f.Flavor != "" {
			code = CodeGroup
		}
		_, err := move(ctx, tx, fo.fence, f, GaveUp, errorHandling, func(n *catalog.DropFolderFile) {
			n.ErrorCode, n.ErrorText = string(code), f.Why+" They did not come in time. Send what is missing, then retry."
		})
		return err
	})
}

// orphan decides about media that no document names: it becomes an entry by its name, or waits on where an operator sees it.
func (fo *folder) orphan(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile) error {
	if fo.f.Handler == catalog.HandleAuto || fo.f.Options.OrphanPolicy == orphanContent {
		_, err := move(ctx, tx, fo.fence, f, Retried, pending, func(n *catalog.DropFolderFile) { n.Type = catalog.HandleContent })
		return err
	}
	_, err := move(ctx, tx, fo.fence, f, Incomplete, waiting, func(n *catalog.DropFolderFile) {
		n.Why = "Nobody sent a document that names it. Send one, or remove the file."
	})
	return err
}

// orphanContent makes entries of media that no document names.
const orphanContent = "ingestAsContent"

// dropOrphans makes history of files that were only named, by documents that are gone.
func (fo *folder) dropOrphans(ctx context.Context) error {
	if fo.f.Handler == catalog.HandleContent {
		return nil
	}
	files, err := fo.cfg.Catalog.OrphanedDropFolderFiles(ctx, fo.f.ID, keepBatch)
	if err != nil {
		return err
	}
	return fo.each(ctx, files, func(tx *catalog.Tx, f catalog.DropFolderFile) error {
		_, err := move(ctx, tx, fo.fence, f, Orphaned, purged, nil)
		return err
	})
}

// settleEntries moves the files on that waited for entries which are ready, or never will be.
func (fo *folder) settleEntries(ctx context.Context) error {
	if time.Since(fo.settled) < settleEvery {
		return nil
	}
	fo.settled = time.Now()
	files, err := fo.cfg.Catalog.SettledDropFolderFiles(ctx, fo.f.ID, keepBatch)
	if err != nil {
		return err
	}
	if len(files) == keepBatch {
		fo.settled = time.Time{} // there are more
	}
	return fo.each(ctx, files, func(tx *catalog.Tx, f catalog.DropFolderFile) error { return fo.settle(ctx, tx, f) })
}

func (fo *folder) settle(ctx context.Context, tx *catalog.Tx, f catalog.DropFolderFile) error {
	e, err := tx.Entry(ctx, f.Entry)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	switch {
	case err == nil && e.Status == catalog.EntryReady:
		to := handled
		if fo.f.DeleteDays == 0 && fo.purge(f.Path) {
			to = deleted
		}
		_, err := move(ctx, tx, fo.fence, f, EntryReady, to, func(n *catalog.DropFolderFile) {
			if to == handled {
				n.NextAt = fo.purgeAt(*n)
			}
		})
		return err
	case err != nil, e.Status == catalog.EntryDeleted, e.Status == catalog.EntryErrorConverting, e.Status == catalog.EntryErrorImporting:
		_, err := move(ctx, tx, fo.fence, f, EntryFailed, errorHandling, func(n *catalog.DropFolderFile) {
			n.ErrorCode = string(CodeInContent)
			n.ErrorText = fmt.Sprintf("Entry %s did not become ready: %s The file %q is kept. See to the cause, then retry.", f.Entry, reasonOf(e), complete.Shown(f.Path))
		})
		return err
	}
	return nil
}

func reasonOf(e catalog.Entry) string {
	switch {
	case e.ErrorText != "":
		return e.ErrorText
	case e.Status == catalog.EntryDeleted || e.ID == "":
		return "it was deleted."
	}
	return "processing failed."
}

// resume goes on with what a watcher before had begun: what it took is made into entries before anything else happens.
func (fo *folder) resume(ctx context.Context) error {
	stopped, n := map[catalog.DropFolderFileStatus][]catalog.DropFolderFileID{}, 0
	for after := catalog.DropFolderFileID(0); ; {
		files, err := fo.cfg.Catalog.PickDropFolderFiles(ctx, catalog.FilePick{
			Folder: fo.f.ID, Statuses: statuses{processing, downloading}, After: after, Limit: keepBatch,
		})
		if err != nil {
			return &Error{Code: ErrCatalog, Text: "the folder's files cannot be read from the catalog", Err: err}
		}
		for _, f := range files {
			if f.ImportEnd == 0 && f.Job == 0 {
				stopped[f.Status] = append(stopped[f.Status], f.ID)
				n++
			}
		}
		if len(files) < keepBatch {
			break
		}
		after = files[len(files)-1].ID
	}
	if n > 0 {
		fo.log.Info("going on with files that another watcher had begun", "files", n)
	}
	err := fo.cfg.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		for from, ids := range stopped {
			if _, err := moveAll(ctx, tx, fo.fence, ids, Interrupted, from, pending); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fo.sweepArchives(ctx)
}

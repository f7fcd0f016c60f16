package dropfolder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sluice/catalog"
)

const (
	// tidyEvery is how often what is left over is looked for.
	tidyEvery = time.Hour
	// historyFor is how long rows of files that are gone are kept.
	historyFor = 90 * 24 * time.Hour
	// trimBatch bounds the rows that go in one transaction.
	trimBatch = 1000
)

// tidy removes, now and then, what nobody needs any more, until ctx ends.
func (w *Watcher) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(w.trim(ctx, time.Now().Add(-historyFor)), w.tidyPlaces(ctx, time.Now().Add(-tidyEvery))); err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("leftovers of drop folders could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// trim deletes old history.
func (w *Watcher) trim(ctx context.Context, before time.Time) error {
	for {
		n, err := w.cfg.Catalog.TrimDropFolderFiles(ctx, before, trimBatch)
		if err != nil || n < trimBatch {
			return err
		}
	}
}

// tidyPlaces removes what was taken, before a time, for entries that are deleted. Other files wait for their import.
func (w *Watcher) tidyPlaces(ctx context.Context, before time.Time) error {
	dirs, err := filepath.Glob(filepath.Join(w.cfg.Incoming, "df-*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		id, err := strconv.ParseInt(strings.TrimPrefix(filepath.Base(dir), "df-"), 10, 64)
		st, statErr := os.Stat(dir)
		if err != nil || statErr != nil || st.ModTime().After(before) {
			continue
		}
		over, err := w.over(ctx, catalog.DropFolderFileID(id))
		if err == nil && over {
			err = os.RemoveAll(dir)
		}
		errs = append(errs, err, ctx.Err())
	}
	return errors.Join(errs...)
}

// over says that a file is handled and its entry deleted.
func (w *Watcher) over(ctx context.Context, id catalog.DropFolderFileID) (bool, error) {
	f, err := w.cfg.Catalog.AnyDropFolderFile(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil // of a catalog that is not this one, or of history that is gone
	}
	if err != nil || f.Status != handled && f.Status != purged || f.Entry == "" {
		return false, err
	}
	e, err := w.cfg.Catalog.Entry(ctx, f.Account, f.Entry)
	if errors.Is(err, catalog.ErrNotFound) {
		return true, nil
	}
	return err == nil && e.Status == catalog.EntryDeleted, err
}

// emptyTrash removes the days of a folder's trash that are over.
func (fo *folder) emptyTrash(ctx context.Context) error {
	if fo.local == nil || fo.f.Options.TrashDays == 0 || time.Since(fo.emptied) < tidyEvery {
		return nil
	}
	fo.emptied = time.Now()
	days, err := filepath.Glob(filepath.Join(fo.local.dir, trashDir, "????-??-??"))
	if err != nil {
		return err
	}
	last := time.Now().UTC().AddDate(0, 0, -fo.f.Options.TrashDays).Format("2006-01-02")
	for _, day := range days {
		if filepath.Base(day) < last {
			if err := errors.Join(os.RemoveAll(day), ctx.Err()); err != nil {
				return err
			}
		}
	}
	return nil
}

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

// Announcer is Transfers for the folders of a catalog. Transfer servers and watchers may be different processes: what is announced is
// a row, and what nobody sees is found by the next look.
type Announcer struct{ Catalog *catalog.DB }

var _ Transfers = Announcer{}

// within runs fn with the live row of a path, nil when there is none.
func (a Announcer) within(ctx context.Context, id catalog.DropFolderID, rel string, fn func(tx *catalog.Tx, f catalog.DropFolder, row *catalog.DropFolderFile) error) error {
	if err := checkRel(rel); err != nil {
		return err
	}
	f, err := a.Catalog.DropFolderByID(ctx, id)
	if err != nil {
		return err
	}
	err = a.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		row, err := tx.DropFolderFileByPath(ctx, id, catalog.PathKey(rel))
		switch {
		case err == nil:
			return fn(tx, f, &row)
		case errors.Is(err, catalog.ErrNotFound):
			return fn(tx, f, nil)
		}
		return err
	})
	if errors.Is(err, catalog.ErrConflict) {
		return nil // a watcher was faster
	}
	return err
}

func checkRel(rel string) error {
	if path.Clean(rel) != rel || path.IsAbs(rel) || rel == "." || rel == ".." || checkName(rel) != "" {
		return trouble(CodeName, "%q is no path in a drop folder.", complete.Shown(rel))
	}
	return nil
}

func announced(f catalog.DropFolder, rel, by string, status catalog.DropFolderFileStatus) catalog.DropFolderFile {
	now := catalog.StampOf(time.Now())
	return catalog.DropFolderFile{
		Record: catalog.Record{Account: f.Account}, Folder: f.ID, Path: rel, PathKey: catalog.PathKey(rel), FoldKey: foldKey(rel),
		Status: status, Type: f.Handler, DetectedBy: by, UploadStart: now, SizeSetAt: now,
	}
}

// Detected says that a transfer began.
func (a Announcer) Detected(ctx context.Context, folder catalog.DropFolderID, rel, by string) error {
	return a.within(ctx, folder, rel, func(tx *catalog.Tx, f catalog.DropFolder, row *catalog.DropFolderFile) error {
		switch {
		case row == nil:
			_, _, err := tx.AddDropFolderFiles(ctx, catalog.Fence{}, []catalog.DropFolderFile{announced(f, rel, by, detected)})
			return err
		case row.Status == parsed:
			_, err := move(ctx, tx, catalog.Fence{}, *row, Detected, detected, func(n *catalog.DropFolderFile) {
				n.DetectedBy, n.UploadStart = by, catalog.StampOf(time.Now())
			})
			return err
		}
		return nil // the file that has the name now stays until the new one replaces it
	})
}

// Uploaded says that the file is complete under its name.
func (a Announcer) Uploaded(ctx context.Context, folder catalog.DropFolderID, rel string, size int64, by string) error {
	return a.within(ctx, folder, rel, func(tx *catalog.Tx, f catalog.DropFolder, row *catalog.DropFolderFile) error {
		return a.uploaded(ctx, tx, f, row, rel, size, by)
	})
}

// Arrival is a file that is complete under its name.
type Arrival struct {
	Path string
	Size int64
}

// UploadedAll is Uploaded for many files of a folder, in one transaction, with a statement for all those whose names are new. When they
// cannot be said together, each is said alone.
func (a Announcer) UploadedAll(ctx context.Context, folder catalog.DropFolderID, by string, files []Arrival) error {
	f, err := a.Catalog.DropFolderByID(ctx, folder)
	if err != nil {
		return err
	}
	fresh, err := a.arrivals(ctx, f, by, files)
	made := 0
	if err == nil {
		err = a.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
			made = 0
			rows, added, err := tx.AddDropFolderFiles(ctx, catalog.Fence{}, fresh)
			if err != nil {
				return err
			}
			for i := range rows {
				if added[i] {
					made++
				} else {
					err = a.uploaded(ctx, tx, f, &rows[i], fresh[i].Path, fresh[i].Size, by)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		transitions.WithLabelValues(string(Completed)).Add(float64(made))
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	var errs []error
	for _, n := range files {
		errs = append(errs, a.Uploaded(ctx, folder, n.Path, n.Size, by))
	}
	return errors.Join(errs...)
}

// arrivals are the rows of files that are complete under their names, as they are when their names are new; without those that
// have gone, or that the sweep has to judge.
func (a Announcer) arrivals(ctx context.Context, f catalog.DropFolder, by string, files []Arrival) ([]catalog.DropFolderFile, error) {
	if !f.Local() {
		return nil, trouble(CodeReading, "Drop folder %d is on another machine.", f.ID)
	}
	l, err := openLocal(f.Path, false)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	rows := make([]catalog.DropFolderFile, 0, len(files))
	for _, n := range files {
		if err := checkRel(n.Path); err != nil {
			return nil, err
		}
		now, err := l.Stat(ctx, n.Path)
		if isGone(err) || err == nil && (now.Odd != "" || n.Size == 0 || inFlight(n.Path)) {
			continue
		}
		if err == nil && now.Size != n.Size {
			err = resized(f, n.Path, now.Size, n.Size)
		}
		if err != nil {
			return nil, err
		}
		row := announced(f, n.Path, by, pending)
		setFile(&row, now, time.Now())
		row.UploadEnd = catalog.StampOf(time.Now())
		rows = append(rows, row)
	}
	return rows, nil
}

func resized(f catalog.DropFolder, rel string, is, want int64) error {
	return fmt.Errorf("drop folder %d: %q has %d bytes, not the %d that were announced", f.ID, complete.Shown(rel), is, want)
}

func (a Announcer) uploaded(ctx context.Context, tx *catalog.Tx, f catalog.DropFolder, row *catalog.DropFolderFile, rel string, size int64, by string) error {
	now, err := a.stat(ctx, f, rel)
	if isGone(err) {
		return nil // somebody was faster: a vanished name has nothing to tell
	}
	if err != nil || now.Odd != "" || size == 0 || inFlight(rel) {
		return err // the sweep judges what is odd
	}
	if now.Size != size {
		return resized(f, rel, now.Size, size)
	}
	if row != nil && row.Size == now.Size && row.ModifiedNS == now.ModTime.UnixNano() && row.Identity == now.Identity && row.Status != uploading {
		return nil // said before
	}
	file, ok, err := a.arrive(ctx, tx, f, rel, by, row)
	if err != nil || !ok {
		return err
	}
	_, err = move(ctx, tx, catalog.Fence{}, file, Completed, pending, func(n *catalog.DropFolderFile) {
		setFile(n, now, time.Now())
		n.UploadEnd, n.DetectedBy, n.PausedAt = catalog.StampOf(time.Now()), by, 0
	})
	return err
}

// arrive gives a name a row in the state Uploading; false leaves it to the watcher, which knows what is being done with the file
// before.
func (a Announcer) arrive(ctx context.Context, tx *catalog.Tx, f catalog.DropFolder, rel, by string, row *catalog.DropFolderFile) (catalog.DropFolderFile, bool, error) {
	fresh := announced(f, rel, by, uploading)
	switch {
	case row == nil:
	case row.Status == uploading:
		return *row, true, nil
	case row.Status == parsed, row.Status == detected:
		moved, err := move(ctx, tx, catalog.Fence{}, *row, Seen, uploading, nil)
		return moved, err == nil, err
	case !applies(Replaced, row.Status) || applies(Interrupted, row.Status):
		return fresh, false, nil
	default:
		if _, err := move(ctx, tx, catalog.Fence{}, *row, Replaced, purged, nil); err != nil {
			return fresh, false, err
		}
		fresh.Lead = row.Lead
	}
	rows, _, err := tx.AddDropFolderFiles(ctx, catalog.Fence{}, []catalog.DropFolderFile{fresh})
	if err != nil {
		return fresh, false, err
	}
	return rows[0], true, nil
}

// stat looks at a file of a local folder.
func (a Announcer) stat(ctx context.Context, f catalog.DropFolder, rel string) (File, error) {
	if !f.Local() {
		return File{}, trouble(CodeReading, "Drop folder %d is on another machine.", f.ID)
	}
	l, err := openLocal(f.Path, false)
	if err != nil {
		return File{}, err
	}
	now, err := l.Stat(ctx, rel)
	return now, errors.Join(err, l.Close())
}

// Renamed says that a file has another name now, and is complete.
func (a Announcer) Renamed(ctx context.Context, folder catalog.DropFolderID, from, to string, size int64, by string) error {
	if err := a.Aborted(ctx, folder, from); err != nil {
		return err
	}
	return a.Uploaded(ctx, folder, to, size, by)
}

// Aborted says that a transfer is given up and nothing is left of it.
func (a Announcer) Aborted(ctx context.Context, folder catalog.DropFolderID, rel string) error {
	return a.within(ctx, folder, rel, func(tx *catalog.Tx, f catalog.DropFolder, row *catalog.DropFolderFile) error {
		if row == nil || row.Status != detected && row.Status != uploading {
			return nil
		}
		if _, err := a.stat(ctx, f, rel); !isGone(err) {
			return nil // there is something all the same
		}
		if row.Lead != 0 { // a document waits for it
			_, err := move(ctx, tx, catalog.Fence{}, *row, Aborted, parsed, nil)
			return err
		}
		_, err := move(ctx, tx, catalog.Fence{}, *row, Gone, purged, nil)
		return err
	})
}

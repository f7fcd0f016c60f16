package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/hsu"
	"sluice/internal/fault"
)

// folderOf puts files in a drop folder: their bytes gather out of its sight, and the complete file gets its name at once.
type folderOf struct {
	folder Folder
	news   *teller
	root   *os.Root // nothing is opened outside of it, whatever links there are
	parts  string
	prefix string
	log    *slog.Logger
}

// partsOf is where the unfinished files of a transfer are in their folder.
func partsOf(id catalog.TransferID) string { return ".sluice-parts/hsu-" + string(id) }

// part is where a file's bytes are; one that begins anew has another.
func (d *folderOf) part(row catalog.TransferFile) string {
	return fmt.Sprintf("%s/%d-%x", d.parts, row.Number, uint64(row.Modified)) //nolint:gosec // as a name
}

func (d *folderOf) name(row catalog.TransferFile) string { return path.Join(d.prefix, row.Path) }

func (d *folderOf) allows(hsu.File) error { return nil }

func (d *folderOf) place(ctx context.Context, row catalog.TransferFile) (catalog.TransferFile, error) {
	if d.handed(row) {
		return row, nil
	}
	if err := d.root.MkdirAll(d.parts, 0o750); err != nil {
		return row, full(err)
	}
	f, err := d.root.OpenFile(d.part(row), os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return row, full(err)
	}
	if row.Size < 0 || row.Size > hsu.BlockSize { // what comes whole or not at all is only told of when it came
		d.told(row, d.folder.Detected(ctx, d.name(row)))
	}
	return row, f.Close()
}

// told logs that a folder could not be told of a file: it finds the file itself.
func (d *folderOf) told(row catalog.TransferFile, err error) {
	if err != nil {
		d.log.Warn("high-speed upload: the drop folder could not be told of a file; its next look finds it", "path", d.name(row), "error", err)
	}
}

func (d *folderOf) begin(context.Context, catalog.TransferFile) error { return nil }

func (d *folderOf) open(row catalog.TransferFile) (*os.File, error) {
	f, err := d.root.OpenFile(d.part(row), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) && d.handed(row) {
		return nil, errHanded
	}
	return f, err
}

// handed says whether a complete file has its name already: a process died after it got it.
func (d *folderOf) handed(row catalog.TransferFile) bool {
	if row.Size < 0 || row.Extents.Contiguous() < row.Size {
		return false
	}
	if _, err := d.root.Lstat(d.part(row)); !errors.Is(err, os.ErrNotExist) {
		return false
	}
	st, err := d.root.Lstat(d.name(row))
	return err == nil && st.Mode().IsRegular() && st.Size() == row.Size
}

func (d *folderOf) sync(rows []catalog.TransferFile) error {
	dir, err := d.root.Open(d.parts)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if len(rows) > syncEach {
		return unix.Syncfs(int(dir.Fd()))
	}
	for _, row := range rows {
		f, err := d.open(row)
		if errors.Is(err, errHanded) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(unix.Fdatasync(int(f.Fd())), f.Close()); err != nil {
			return err
		}
	}
	return dir.Sync()
}

// finish gives files their names.
func (d *folderOf) finish(_ context.Context, rows []catalog.TransferFile) []error {
	out := make([]error, len(rows))
	dirs := map[string]error{}
	for i, row := range rows {
		dir := path.Dir(d.name(row))
		_, there := dirs[dir]
		switch err := d.rename(row, !there); {
		case err == nil:
			dirs[dir] = nil
		case !errors.Is(err, os.ErrNotExist) || !d.handed(row):
			out[i] = err
		}
	}
	fault.Point("hsu.named")
	for dir := range dirs {
		dirs[dir] = d.syncDir(dir)
	}
	for i, row := range rows {
		if out[i] == nil {
			out[i] = dirs[path.Dir(d.name(row))]
		}
		if out[i] == nil {
			d.news.add(Arrival{d.name(row), row.Size})
		}
	}
	return out
}

// rename gives a file its name, in a folder that it makes if it may not be there.
func (d *folderOf) rename(row catalog.TransferFile, makes bool) error {
	name := d.name(row)
	if dir := path.Dir(name); makes && dir != "." {
		if err := d.root.MkdirAll(dir, 0o750); err != nil {
			return full(err)
		}
	}
	if err := d.seal(row); err != nil {
		return err
	}
	return full(d.root.Rename(d.part(row), name))
}

// seal makes the part what was recorded and no more, with the time of the sender's file.
func (d *folderOf) seal(row catalog.TransferFile) error {
	f, err := d.root.OpenFile(d.part(row), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && st.Size() != row.Size {
		err = errors.Join(f.Truncate(row.Size), unix.Fdatasync(int(f.Fd())))
	}
	at := unix.NsecToTimespec(row.Modified)
	dated := unix.UtimesNanoAt(int(f.Fd()), "", []unix.Timespec{at, at}, unix.AT_EMPTY_PATH)
	if err := errors.Join(err, f.Close()); err != nil {
		return full(err)
	}
	if dated != nil { // kernels before 5.8 want a name
		at := time.Unix(0, row.Modified)
		return d.root.Chtimes(d.part(row), at, at)
	}
	return nil
}

func (d *folderOf) syncDir(name string) error {
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (d *folderOf) drop(ctx context.Context, row catalog.TransferFile) error {
	if err := d.root.Remove(d.part(row)); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	d.told(row, d.folder.Aborted(ctx, d.name(row)))
	return nil
}

func (d *folderOf) end() error { return d.root.RemoveAll(d.parts) }
func (d *folderOf) close()     { _ = d.root.Close() }

// full adds storage.ErrFull to what a full disk says.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return err
}

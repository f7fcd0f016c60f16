package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"

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
	parts  *parts
	prefix string
	log    *slog.Logger
}

func (d *folderOf) name(row catalog.TransferFile) string { return path.Join(d.prefix, row.Path) }

func (d *folderOf) allows(hsu.File) error { return nil }

func (d *folderOf) place(ctx context.Context, row catalog.TransferFile) (catalog.TransferFile, error) {
	if d.handed(row) {
		return row, nil
	}
	if comesWhole(row) { // the folder is told of it when it came, too
		return row, nil
	}
	f, err := d.parts.create(row)
	if err != nil {
		return row, err
	}
	if row.Size != 0 {
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
	f, err := d.parts.open(row)
	if errors.Is(err, os.ErrNotExist) && d.handed(row) {
		return nil, errHanded
	}
	return f, err
}

func (d *folderOf) openNew(row catalog.TransferFile) (*os.File, error) {
	if comesWhole(row) && len(row.Extents) == 0 {
		return d.parts.create(row)
	}
	return d.open(row)
}

// handed says whether a complete file has its name already: a process died after it got it.
func (d *folderOf) handed(row catalog.TransferFile) bool {
	if row.Size < 0 || row.Extents.Contiguous() < row.Size {
		return false
	}
	if !d.parts.gone(row) {
		return false
	}
	st, err := d.root.Lstat(d.name(row))
	return err == nil && st.Mode().IsRegular() && st.Size() == row.Size
}

func (d *folderOf) sync(rows []catalog.TransferFile) error {
	if len(rows) > syncEach {
		return d.noneIs(d.parts.sync(true))
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
	return d.noneIs(d.parts.sync(false))
}

// noneIs makes a directory that is not there no error: nothing began, or all was dropped.
func (d *folderOf) noneIs(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// finish gives files their names.
func (d *folderOf) finish(_ context.Context, rows []catalog.TransferFile) []error {
	out := make([]error, len(rows))
	dirs := map[string]*os.File{}
	for i, row := range rows {
		out[i] = d.rename(row, dirs)
		if errors.Is(out[i], os.ErrNotExist) && d.handed(row) {
			out[i] = nil
		}
	}
	fault.Point("hsu.named")
	synced := map[string]error{}
	for name, dir := range dirs {
		synced[name] = errors.Join(dir.Sync(), dir.Close())
	}
	for i, row := range rows {
		if out[i] == nil {
			out[i] = synced[path.Dir(d.name(row))]
		}
		if out[i] == nil {
			d.news.add(Arrival{d.name(row), row.Size})
		}
	}
	return out
}

// rename gives a file its name, in a directory that it makes if it is not there, and keeps open in dirs.
func (d *folderOf) rename(row catalog.TransferFile, dirs map[string]*os.File) error {
	if err := d.parts.seal(row); err != nil {
		return err
	}
	name := path.Dir(d.name(row))
	dir := dirs[name]
	if dir == nil {
		var err error
		if dir, err = d.directory(name); err != nil {
			return err
		}
		dirs[name] = dir
	}
	return d.parts.rename(row, dir, path.Base(row.Path))
}

// directory opens a directory of the folder, which it makes if it is not there.
func (d *folderOf) directory(name string) (*os.File, error) {
	if name != "." {
		if err := d.root.MkdirAll(name, 0o750); err != nil {
			return nil, full(err)
		}
	}
	return d.root.Open(name)
}

func (d *folderOf) drop(ctx context.Context, row catalog.TransferFile) error {
	if err := d.parts.remove(row); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	d.told(row, d.folder.Aborted(ctx, d.name(row)))
	return nil
}

func (d *folderOf) end() error {
	d.parts.close()
	return d.root.RemoveAll(d.parts.name)
}

func (d *folderOf) close() {
	d.parts.close()
	_ = d.root.Close()
}

// full adds storage.ErrFull to what a full disk says.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return err
}

package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/complete"
	"sluice/ingest/hook"
	"sluice/internal/durable"
	"sluice/internal/fault"
	"sluice/internal/writeprobe"
	"sluice/storage"
)

// taken is a file whose bytes are in the incoming folder.
type taken struct {
	catalog.DropFolderFile
	path   string
	sha256 string
	moved  bool // the folder has it no more
	// partial is where the bytes are until they are durable; "" when they have their place.
	partial string
	owned   []string // categories that its owner's metadata names
	answer  hook.Answer
}

// partial begins the names of files that are not whole yet.
const partial = ingest.Reserved + "partial-"

// placeDir is the folder that a row's file has in the incoming folder. Its name is the row's, so that whoever goes on after a crash finds
// what is there.
func (w *Watcher) placeDir(id catalog.DropFolderFileID) string {
	return filepath.Join(w.cfg.Incoming, fmt.Sprintf("df-%d", id))
}

// place is where the file's bytes are taken to.
func (w *Watcher) place(f catalog.DropFolderFile) string {
	return filepath.Join(w.placeDir(f.ID), path.Base(f.Path))
}

// holds says that a handler has, or had, a file's bytes: it is not in its folder because we took it.
func (fo *folder) holds(id catalog.DropFolderFileID) bool {
	if fo.isBusy(id) {
		return true
	}
	_, err := os.Lstat(fo.placeDir(id))
	return err == nil
}

// moves says that a file is to be gone from its folder as soon as it is taken.
func (fo *folder) moves(f catalog.DropFolderFile) bool {
	return fo.local != nil && fo.f.DeletePolicy == catalog.DeleteAfterImport && fo.f.DeleteDays == 0 && fo.purge(f.Path) && fo.f.Options.TrashDays == 0
}

// take brings a file's bytes to their place, or beside it; settle makes them, and their names, durable. What was taken before a crash
// is found there.
func (fo *folder) take(ctx context.Context, f catalog.DropFolderFile) (taken, error) {
	t := taken{DropFolderFile: f, path: fo.place(f)}
	st, err := os.Lstat(t.path)
	switch {
	case err == nil && st.Size() == f.Size:
		now, err := fo.store.Stat(ctx, f.Path)
		t.moved = fo.moves(f) && (isGone(err) || err == nil && now.Identity != f.Identity)
		return t, nil
	case err == nil:
		return t, trouble(CodeReading, "What was taken of %q has %d bytes, not %d.", complete.Shown(f.Path), st.Size(), f.Size)
	case !errors.Is(err, fs.ErrNotExist):
		return t, err
	}
	if fo.local == nil {
		return fo.download(ctx, t)
	}
	src, err := fo.local.openFile(f.Path)
	if err != nil {
		return t, err
	}
	defer src.Close()
	if err := unchanged(src, f); err != nil {
		return t, err
	}
	st, err = src.Stat()
	if err != nil {
		return t, err
	}
	if !single(st) {
		return t, oddity(CodeNotRegular, f.Path)
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o750); err != nil {
		return t, err
	}
	if fo.moves(f) {
		err := fo.rename(&t, src)
		if !errors.Is(err, unix.EXDEV) {
			return t, err
		}
	}
	return t, fo.copy(ctx, &t, src)
}

// unchanged fails with storage.ErrChanged when an open file is not what its row says, or is being written.
func unchanged(src *os.File, f catalog.DropFolderFile) error {
	st, err := src.Stat()
	if err != nil {
		return err
	}
	id := complete.Identify(st)
	if id.Size != f.Size || id.MTime != f.ModifiedNS || identity(id.Dev, id.Ino) != f.Identity || writeprobe.Probe(src) == writeprobe.Busy {
		return storage.ErrChanged
	}
	return nil
}

// rename moves the file, then makes sure that it moved the file that was looked at and that nobody got hold of it in between.
func (fo *folder) rename(t *taken, src *os.File) error {
	if err := fo.local.take(t.Path, t.path); err != nil {
		return err
	}
	fo.at("renamed")
	t.moved = true
	st, err := os.Lstat(t.path)
	if err == nil {
		ours, statErr := src.Stat()
		if err = statErr; err == nil && !os.SameFile(st, ours) {
			err = fmt.Errorf("%w: another file took its name", storage.ErrChanged)
		}
	}
	if err == nil {
		err = unchanged(src, t.DropFolderFile)
	}
	if err != nil {
		return errors.Join(err, fo.putBack(t))
	}
	return nil
}

// putBack returns a file that was renamed to its folder.
func (fo *folder) putBack(t *taken) error {
	err := fo.local.giveBack(t.path, t.Path)
	if errors.Is(err, fs.ErrExist) {
		// Another file has the name by now. The one that was taken is kept all the same.
		aside := path.Join(path.Dir(t.Path), fmt.Sprintf("%s.%d", path.Base(t.Path), t.ID))
		err = fo.local.giveBack(t.path, aside)
	}
	if err != nil {
		return fmt.Errorf("the file stays as %q: %w", t.path, err)
	}
	t.moved = false
	return os.RemoveAll(fo.placeDir(t.ID))
}

func (fo *folder) copy(ctx context.Context, t *taken, src *os.File) error {
	if err := fo.admit(t.Size); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(t.path), partial+"copy")
	dst, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	sum, err := ingest.Copy(ctx, dst, src, nil)
	if err == nil {
		err = unchanged(src, t.DropFolderFile)
	}
	if err := errors.Join(err, dst.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(filepath.Dir(t.path)))
	}
	fo.at("copied")
	t.sha256, t.partial = sum, tmp
	return nil
}

func (fo *folder) admit(grows int64) error {
	if fo.cfg.Admit == nil {
		return nil
	}
	return fo.cfg.Admit(grows)
}

// download fetches a file from another machine, going on where an earlier try ended.
func (fo *folder) download(ctx context.Context, t taken) (taken, error) {
	if err := fo.admit(t.Size); err != nil {
		return t, err
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o750); err != nil {
		return t, err
	}
	// The name tells the delivery, so that nothing goes on from the beginning of another file.
	tmp := filepath.Join(filepath.Dir(t.path), partial+catalog.PathKey(t.Key)[:16])
	dst, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return t, err
	}
	err = fo.fetch(ctx, t, dst)
	if err == nil {
		err = fo.whole(ctx, t, dst)
	}
	if errors.Is(err, storage.ErrChanged) {
		err = errors.Join(err, os.Remove(tmp))
	}
	if err := errors.Join(err, dst.Close()); err != nil {
		return t, err
	}
	fo.at("copied")
	t.partial = tmp
	return t, nil
}

// fetch appends what is missing of the file.
func (fo *folder) fetch(ctx context.Context, t taken, dst *os.File) error {
	offset, err := dst.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if offset > t.Size {
		return errors.Join(storage.ErrChanged, dst.Truncate(0))
	}
	if offset == t.Size {
		return nil
	}
	src, err := fo.store.Open(ctx, t.Path, offset)
	if err != nil {
		return err
	}
	defer src.Close()
	report := &progress{fo: fo, ctx: ctx, id: t.ID, done: offset}
	_, err = io.Copy(io.MultiWriter(dst, report), io.LimitReader(src, t.Size-offset+1))
	return err
}

// whole makes sure that what was fetched is the file that its row tells of, and all of it.
func (fo *folder) whole(ctx context.Context, t taken, got *os.File) error {
	now, err := fo.store.Stat(ctx, t.Path)
	if err != nil {
		return err
	}
	st, err := got.Stat()
	switch {
	case err != nil:
		return err
	case now.Size != t.Size || now.ModTime.UnixNano() != t.ModifiedNS || now.Identity != t.Identity:
		return fmt.Errorf("%w while it was fetched", storage.ErrChanged)
	case st.Size() < t.Size:
		return fmt.Errorf("it ended after %d of %d bytes", st.Size(), t.Size)
	case st.Size() > t.Size:
		return fmt.Errorf("%w: it has more than %d bytes", storage.ErrChanged, t.Size)
	}
	if why := complete.CutOff(got, t.Size); why != "" && !now.Whole && time.Since(now.ModTime) < patience {
		return fmt.Errorf("%w: it looks cut off: %s", storage.ErrChanged, why)
	}
	return nil
}

// patience is how long a remote file may look cut off before it comes in all the same, so that its owner is told.
const patience = 24 * time.Hour

// progress tells the catalog now and then how far a download is.
type progress struct {
	fo   *folder
	ctx  context.Context
	id   catalog.DropFolderFileID
	done int64
	told time.Time
}

func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if time.Since(p.told) > 2*time.Second {
		p.told = time.Now()
		if err := p.fo.cfg.Catalog.SetDropFolderProgress(p.ctx, p.id, p.done); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

const (
	// takers bounds the files of a batch that are copied at a time.
	takers = 8
	// syncers bounds those that wait for the disk at a time: a journal commits all of them together.
	syncers = 32
)

// takeAll takes files side by side, and makes them durable in their places. The errors are those of the files, in their order.
func (fo *folder) takeAll(ctx context.Context, files []catalog.DropFolderFile) ([]taken, []error) {
	out, errs := make([]taken, len(files)), make([]error, len(files))
	aside(takers, len(files), func(i int) { out[i], errs[i] = fo.take(ctx, files[i]) })
	aside(syncers, len(files), func(i int) {
		if errs[i] == nil {
			errs[i] = out[i].settle()
		}
	})
	if err := durable.SyncDir(fo.cfg.Incoming); err != nil {
		for i := range errs {
			errs[i] = errors.Join(errs[i], err)
		}
	}
	fo.at("taken")
	return out, errs
}

// aside calls fn with 0 to n-1, so many at a time.
func aside(limit, n int, fn func(i int)) {
	var g errgroup.Group
	g.SetLimit(limit)
	for i := range n {
		g.Go(func() error {
			fn(i)
			return nil
		})
	}
	_ = g.Wait() // there are no errors
}

// settle makes what was taken durable, and then gives it its name, durably.
func (t *taken) settle() error {
	at := t.path
	if t.partial != "" {
		at = t.partial
	}
	if err := durable.SyncFile(at); err != nil {
		return err
	}
	if t.partial != "" {
		if err := os.Rename(t.partial, t.path); err != nil {
			return err
		}
		t.partial = ""
	}
	return durable.SyncDir(filepath.Dir(t.path))
}

func (w *Watcher) at(point string) {
	fault.Point("dropfolder." + point)
	if w.cfg.step != nil {
		w.cfg.step(point)
	}
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// desk is one folder: where its files come in and go out. It is shared by all connections.
type desk struct {
	g      *Gateway
	folder Folder
	root   *os.Root
	limit  atomic.Int64 // the largest file in bytes, 0 for none

	mu    sync.Mutex
	parts map[string]*part // by path; guarded by mu
}

func openDesk(g *Gateway, f Folder) (*desk, error) {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return nil, fmt.Errorf("drop folder %d: %w", f.ID, err)
	}
	return &desk{g: g, folder: f, root: root, parts: map[string]*part{}}, nil
}

// hold returns the part of a path, for release later.
func (d *desk) hold(rel string) *part {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.parts[rel]
	if p == nil {
		p = &part{d: d, rel: rel, name: partName(rel)}
		d.parts[rel] = p
	}
	p.refs++
	return p
}

func (d *desk) release(p *part) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.refs--; p.refs == 0 {
		delete(d.parts, p.rel)
	}
}

// underWay returns the part of a path if a file is coming in there now.
func (d *desk) underWay(rel string) *part {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.parts[rel]; p != nil && p.shown.Load() {
		return p
	}
	return nil
}

// stat describes what a client sees at a path: a file under way before the one that it will replace.
func (d *desk) stat(rel string) (fs.FileInfo, error) {
	if rel == "." {
		return d.root.Stat(".")
	}
	if isOwn(path.Base(rel)) || isOwn(rel) {
		return nil, fs.ErrNotExist
	}
	if p := d.underWay(rel); p != nil {
		return p.info(), nil
	}
	if rec, err := readRecord(d.root, partName(rel)); err == nil && rec.Path == rel {
		if i, ok := d.restInfo(partName(rel), rec); ok {
			return i, nil
		}
	}
	return d.lstat(rel)
}

// lstat describes what lies at a path. Links and what is neither file nor folder do not exist for clients.
func (d *desk) lstat(rel string) (fs.FileInfo, error) {
	info, err := d.root.Lstat(rel)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return info, nil
}

// openFile opens a whole file for reading.
func (d *desk) openFile(rel string) (*os.File, error) {
	info, err := d.lstat(rel)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, syscall.EISDIR
	}
	f, err := d.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// What was a link in between is another file.
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
		return nil, errors.Join(fs.ErrNotExist, err, f.Close())
	}
	return f, nil
}

// openRead opens a file for a download.
func (d *desk) openRead(rel string) (*os.File, error) {
	if d.resting(rel) {
		return nil, fmt.Errorf("%q %w", path.Base(rel), ErrBusy)
	}
	return d.openFile(rel)
}

// resting says whether there is a file at a path that is not whole.
func (d *desk) resting(rel string) bool {
	if d.underWay(rel) != nil {
		return true
	}
	rec, err := readRecord(d.root, partName(rel))
	if err != nil || rec.Path != rel {
		return false
	}
	_, here := d.restInfo(partName(rel), rec)
	return here
}

func (d *desk) mkdir(rel string) error {
	if err := checkRel(rel); err != nil {
		return err
	}
	if d.resting(rel) {
		return fs.ErrExist
	}
	return d.root.Mkdir(rel, 0o770)
}

func (d *desk) rmdir(rel string) error {
	info, err := d.lstat(rel)
	if err != nil || isOwn(rel) {
		return errors.Join(err, onlyIf(isOwn(rel), fs.ErrNotExist))
	}
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	if d.busyBelow(rel) {
		return syscall.ENOTEMPTY
	}
	return d.root.Remove(rel)
}

func onlyIf(cond bool, err error) error {
	if cond {
		return err
	}
	return nil
}

// busyBelow says whether unfinished files belong below a path.
func (d *desk) busyBelow(rel string) bool {
	prefix := rel + "/"
	d.mu.Lock()
	for at, p := range d.parts {
		if strings.HasPrefix(at, prefix) && p.shown.Load() {
			d.mu.Unlock()
			return true
		}
	}
	d.mu.Unlock()
	found := false
	_ = records(d.root, "gw-", func(_ string, r record) error {
		if found = found || strings.HasPrefix(r.Path, prefix); found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// remove removes a file, and what is on its way to its name.
func (d *desk) remove(ctx context.Context, rel string) error {
	if isOwn(rel) {
		return fs.ErrNotExist
	}
	p := d.hold(rel)
	defer d.release(p)
	p.io.Lock()
	defer p.io.Unlock()
	aborted := d.resting(rel)
	if aborted {
		if err := p.drop(); err != nil {
			return err
		}
		d.tell(rel, "aborted", d.g.cfg.Transfers.Aborted(ctx, d.folder.ID, rel))
	}
	info, err := d.lstat(rel)
	if errors.Is(err, fs.ErrNotExist) && aborted {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return syscall.EISDIR
	}
	return d.root.Remove(rel)
}

// rename moves a file or a folder. Over says whether a file that has the new name is replaced.
func (d *desk) rename(ctx context.Context, s *session, from, to string, over bool) error {
	if err := checkRel(to); err != nil {
		return err
	}
	if isOwn(from) {
		return fs.ErrNotExist
	}
	if from == to {
		return nil
	}
	d.settle(from)
	for _, rel := range []string{from, to} {
		if d.resting(rel) {
			return fmt.Errorf("%q %w", path.Base(rel), ErrBusy)
		}
	}
	info, err := d.lstat(from)
	if err != nil {
		return err
	}
	target, err := d.root.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !over || target.IsDir() || info.IsDir():
		return fs.ErrExist
	}
	if info.IsDir() && (d.busyBelow(from) || strings.HasPrefix(to, from+"/")) {
		return fmt.Errorf("%q: a file in it %w", path.Base(from), ErrBusy)
	}
	if err := d.root.Rename(from, to); err != nil {
		return err
	}
	if err := errors.Join(syncDir(d.root, path.Dir(to)), syncDir(d.root, path.Dir(from))); err != nil {
		return err
	}
	if !info.IsDir() {
		d.tell(to, "renamed", d.g.cfg.Transfers.Renamed(ctx, d.folder.ID, from, to, info.Size(), s.protocol))
	}
	return nil
}

// settle ends a transfer of which only the proof of its end is outstanding: who renames a file says that it is whole.
func (d *desk) settle(rel string) {
	p := d.hold(rel)
	defer d.release(p)
	p.io.Lock()
	defer p.io.Unlock()
	if p.load() == nil && p.open == 0 && p.rec.State == closed {
		_ = p.deliver() // the rename finds out
	}
}

// truncate gives a file of the session's own that is under way a size.
func (d *desk) truncate(s *session, rel string, size int64) error {
	p := d.hold(rel)
	defer d.release(p)
	p.io.Lock()
	defer p.io.Unlock()
	if p.file != nil && p.owner == s && p.open > 0 {
		p.dirty = true
		if size < p.rec.Extents.End() {
			p.cut(size)
		}
		return nil
	}
	info, err := d.stat(rel)
	if err != nil || info.Size() == size {
		return err
	}
	return ErrUnsupported
}

// openSum opens what is here of a file, for its checksum: the bytes from its start on, if it is not whole.
func (d *desk) openSum(rel string) (*os.File, int64, error) {
	size := int64(-1)
	if p := d.underWay(rel); p != nil {
		size = p.size.Load()
	} else if rec, err := readRecord(d.root, partName(rel)); err == nil && rec.Path == rel {
		size = rec.Extents.Contiguous()
	}
	if size >= 0 {
		f, err := d.root.Open(partName(rel) + dataEnd)
		return f, size, err
	}
	f, err := d.openFile(rel)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// setTime gives a file its time: at its end, if it is under way.
func (d *desk) setTime(rel string, t time.Time) error {
	p := d.hold(rel)
	defer d.release(p)
	p.io.Lock()
	defer p.io.Unlock()
	switch err := p.load(); {
	case err == nil:
		p.rec.ModTime = t
		if p.open == 0 {
			return p.rest()
		}
		return nil
	case !errors.Is(err, errEmpty):
		return err
	}
	if _, err := d.lstat(rel); err != nil || isOwn(rel) {
		return errors.Join(err, onlyIf(isOwn(rel), fs.ErrNotExist))
	}
	return d.root.Chtimes(rel, t, t)
}

// tell logs a word to the folder that did not arrive: its sweep finds the file.
func (d *desk) tell(rel, what string, err error) {
	if err != nil {
		d.g.cfg.Log.Warn("gateway: the drop folder was not told", "folder", d.folder.ID, "path", rel, "event", what, "error", err)
	}
}

func (d *desk) close() error {
	d.mu.Lock()
	parts := slices.Collect(maps.Values(d.parts))
	d.mu.Unlock()
	var errs []error
	for _, p := range parts {
		p.io.Lock()
		if p.file != nil {
			errs = append(errs, p.rest())
		}
		p.io.Unlock()
	}
	return errors.Join(append(errs, d.root.Close())...)
}

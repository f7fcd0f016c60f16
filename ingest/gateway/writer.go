package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"

	"sluice/ingest/quota"
	"sluice/internal/fault"
)

// openMode says what a client wants of a file that it opens for writing.
type openMode struct {
	create, excl, trunc, append bool
}

// writer is a client's handle of a file that it sends. Writes may come from several goroutines; Close and Lost from one, when no
// write is under way.
type writer struct {
	s     *session
	p     *part
	epoch int // of the part, when the handle was opened
	room  *quota.Room
	ended bool // Close, Lost or Doubtful was called
	at    int64
}

// openWriter opens a path for writing. What is there of it is gone on with unless the mode says otherwise; other connections'
// handles of the same file are worth nothing from now on.
func (d *desk) openWriter(ctx context.Context, s *session, rel string, m openMode) (*writer, error) {
	if err := checkRel(rel); err != nil {
		return nil, err
	}
	if dir := path.Dir(rel); dir != "." {
		if info, err := d.lstat(dir); err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, syscall.ENOTDIR
		}
	}
	room, err := s.g.reserve(ctx, s.user.Account)
	if err != nil {
		return nil, err
	}
	p := d.hold(rel)
	w, err := p.openWriter(s, m)
	if err != nil {
		room.Release()
		d.release(p)
		return nil, err
	}
	w.room = room
	if w.at == 0 && !m.append {
		d.tell(rel, "detected", d.g.cfg.Transfers.Detected(ctx, d.folder.ID, rel, s.protocol))
	}
	return w, nil
}

func (p *part) openWriter(s *session, m openMode) (*writer, error) {
	p.io.Lock()
	defer p.io.Unlock()
	err := p.load()
	if err != nil && !errors.Is(err, errEmpty) {
		return nil, err
	}
	switch here := err == nil; {
	case here && m.excl && p.owner == s && p.open > 0:
		return nil, fs.ErrExist
	case !here:
		if err := p.fresh(s, m); err != nil {
			return nil, err
		}
	case m.trunc || m.excl: // with excl the client means a file of its own, and what rests here is none yet
		if err := p.restart(s); err != nil {
			return nil, err
		}
	}
	if p.owner != s {
		p.owner, p.open, p.lost = s, 0, false
		p.epoch++
	}
	p.rec.State, p.rec.GivenUp, p.rec.By = resting, false, s.protocol
	if p.open == 0 {
		p.refused = 0
	}
	p.open++
	w := &writer{s: s, p: p, epoch: p.epoch}
	if m.append {
		w.at = p.size.Load()
		p.cut(w.at)
	}
	return w, nil
}

// fresh starts a file at a place where none is under way.
func (p *part) fresh(s *session, m openMode) error {
	info, err := p.d.lstat(p.rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := p.d.root.Lstat(p.rel); err == nil {
			return fs.ErrExist // a link, or nothing that is a file
		}
		if !m.create {
			return fs.ErrNotExist
		}
	case err != nil:
		return err
	case info.IsDir():
		return syscall.EISDIR
	case m.excl:
		return fs.ErrExist
	case !m.trunc:
		return p.beginWith(s.user.Name)
	}
	if err := p.forget(); err != nil {
		return err
	}
	if err := p.begin(s.user.Name); err != nil {
		return err
	}
	p.dirty = true
	return nil
}

// restart empties what is there.
func (p *part) restart(s *session) error {
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	p.cut(0)
	p.rec.User, p.rec.Begun, p.rec.ModTime = s.user.Name, p.d.g.now(), time.Time{}
	p.dirty = true
	return p.save()
}

// leave ends what a handle holds.
func (w *writer) leave() {
	w.room.Release()
	w.p.d.release(w.p)
}

// stale says why a handle is worth nothing any more. io is held.
func (w *writer) stale() error {
	switch {
	case w.p.file == nil:
		return fmt.Errorf("%q: %w: it was removed", path.Base(w.p.rel), fs.ErrClosed)
	case w.p.epoch != w.epoch:
		return fmt.Errorf("%q: %w", path.Base(w.p.rel), ErrSuperseded)
	}
	return nil
}

// WriteAt writes bytes of the file.
func (w *writer) WriteAt(b []byte, off int64) (int, error) {
	if err := w.s.slow(len(b)); err != nil {
		return 0, err
	}
	w.p.io.RLock()
	defer w.p.io.RUnlock()
	if err := w.stale(); err != nil {
		return 0, err
	}
	n, err := w.write(b, off)
	if err != nil {
		w.p.refuse(off + int64(len(b)))
	}
	return n, err
}

// write is WriteAt of a handle that is good. io is held for reading.
func (w *writer) write(b []byte, off int64) (int, error) {
	limit := w.p.d.limit.Load()
	if off < 0 || limit > 0 && off+int64(len(b)) > limit {
		return 0, fmt.Errorf("%q: %w: this folder takes files of up to %d bytes", path.Base(w.p.rel), ErrTooLarge, limit)
	}
	if err := w.room.Take(w.s.g.ctx, len(b)); err != nil {
		return 0, err
	}
	n, err := w.p.file.WriteAt(b, off)
	fault.Point("gateway.written")
	if n > 0 {
		w.p.wrote(off, off+int64(n))
		w.s.received(n)
	}
	return n, full(err)
}

// Write writes at the handle's place and moves it on.
func (w *writer) Write(b []byte) (int, error) {
	n, err := w.WriteAt(b, w.at)
	w.at += int64(n)
	return n, err
}

// ReadAt reads back what was written.
func (w *writer) ReadAt(b []byte, off int64) (int, error) {
	w.p.io.RLock()
	defer w.p.io.RUnlock()
	if err := w.stale(); err != nil {
		return 0, err
	}
	return w.p.file.ReadAt(b, off)
}

// Seek moves the handle's place to an offset from the start.
func (w *writer) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart || offset < 0 {
		return 0, ErrUnsupported
	}
	w.at = offset
	return offset, nil
}

// Truncate gives the file a size, as far as that can be done before its end is known: what is behind it is forgotten.
func (w *writer) Truncate(size int64) error {
	w.p.io.Lock()
	defer w.p.io.Unlock()
	if err := w.stale(); err != nil {
		return err
	}
	if w.p.dirty = true; size < w.p.rec.Extents.End() {
		w.p.cut(size)
	}
	return nil
}

// Lost ends the handle of a client that is gone: what came waits for it.
func (w *writer) Lost() {
	if w.ended {
		return
	}
	w.ended = true
	p := w.p
	defer w.leave()
	p.io.Lock()
	defer p.io.Unlock()
	if w.stale() != nil {
		return
	}
	p.lost = true
	if p.open--; p.open > 0 {
		return
	}
	err := p.rest()
	transfers.WithLabelValues(w.s.protocol, "paused").Inc()
	w.s.log.Info("gateway: upload rests", "folder", p.d.folder.ID, "path", p.rel, "bytes", p.size.Load(), "error", err)
}

// Close ends the handle of a client that sent all that it wants to send: the file is whole.
func (w *writer) Close() error {
	if w.ended {
		return nil
	}
	w.ended = true
	p := w.p
	defer w.leave()
	p.io.Lock()
	defer p.io.Unlock()
	if w.stale() != nil {
		return nil // what it was good for goes on elsewhere
	}
	if p.open--; p.open > 0 {
		return nil
	}
	if p.lost {
		return p.rest()
	}
	return p.deliver()
}

// Doubtful ends the handle of a client that ended its stream, which may have been cut. It returns what is in doubt, nil if nothing
// is.
func (w *writer) Doubtful() (*doubt, error) {
	if w.ended {
		return nil, nil
	}
	w.ended = true
	p := w.p
	defer w.leave()
	p.io.Lock()
	defer p.io.Unlock()
	if w.stale() != nil {
		return nil, nil
	}
	if p.open--; p.open > 0 || p.lost {
		return nil, nil
	}
	p.rec.State = closed
	t := &doubt{d: p.d, rel: p.rel, begun: p.rec.Begun, bytes: p.rec.Extents.Total()}
	return t, p.rest()
}

// deliver gives a file its name and tells its folder. When that fails, the file rests. io is held for writing.
func (p *part) deliver() error {
	if !p.changedAnything() {
		return p.drop()
	}
	size, user, protocol := p.rec.Extents.End(), p.rec.User, p.rec.By
	if err := p.finish(); err != nil {
		if p.file != nil {
			p.rec.State = resting
			err = errors.Join(err, p.rest())
		}
		transfers.WithLabelValues(protocol, "refused").Inc()
		return err
	}
	fault.Point("gateway.forgotten")
	transfers.WithLabelValues(protocol, "complete").Inc()
	d := p.d
	d.g.cfg.Log.Info("gateway: upload complete", "protocol", protocol, "user", user, "folder", d.folder.ID, "path", p.rel, "bytes", size)
	ctx, cancel := context.WithTimeout(d.g.ctx, tellTimeout)
	defer cancel()
	d.tell(p.rel, "uploaded", d.g.cfg.Transfers.Uploaded(ctx, d.folder.ID, p.rel, size, protocol))
	fault.Point("gateway.told")
	return nil
}

// tellTimeout bounds telling a folder of a file.
const tellTimeout = time.Minute

// changedAnything says whether there is more than a copy of the file that it would replace.
func (p *part) changedAnything() bool { return p.dirty || p.rec.Changed.After(p.rec.Begun) }

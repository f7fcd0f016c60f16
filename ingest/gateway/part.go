package gateway

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/internal/fault"
	"sluice/storage"
)

// A part's record is written anew after so many bytes, or so much time.
const (
	journalBytes = 64 << 20
	journalEvery = 5 * time.Second
)

// part is the place of one path in a folder at which a file arrives. It outlives the file: whoever holds it may find it empty.
type part struct {
	d    *desk
	rel  string
	name string // of its files, without their ends
	refs int    // guarded by d.mu

	size    atomic.Int64 // what the client sees: the bytes from the start on
	changed atomic.Int64 // when bytes last came, in nanoseconds since 1970
	shown   atomic.Bool  // there is a file under way

	// io is held for reading while bytes are written, and for writing by whoever ends, renames or removes the file.
	io sync.RWMutex
	// What follows changes under io held for writing.
	file  *os.File // nil when nothing is under way
	owner *session // whose handles count
	open  int      // the owner's handles
	lost  bool     // one of them was lost
	dirty bool     // something was written or cut since the first one was opened
	epoch int      // counts the owners

	mu  sync.Mutex // guards what follows
	rec record
	// refused is the greatest end of a write that failed since the first handle was opened. Clients close their handle after
	// that, too: what they closed is whole only if it reaches as far.
	refused  int64
	unsaved  int64
	saved    time.Time
	savingUp bool
}

// errEmpty says that a part has no file under way.
var errEmpty = fmt.Errorf("nothing to go on with: %w", fs.ErrNotExist)

// load opens what an earlier connection left; errEmpty if it left nothing. io is held for writing.
func (p *part) load() error {
	if p.file != nil {
		return nil
	}
	rec, err := readRecord(p.d.root, p.name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && rec.Path != p.rel {
		return errEmpty
	}
	if err != nil {
		return err
	}
	f, err := p.d.root.OpenFile(p.name+dataEnd, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errEmpty
	}
	if err != nil {
		return err
	}
	if err := p.lock(f); err != nil {
		return errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	p.take(f, rec)
	p.dirty = true
	p.cut(info.Size()) // what a crash took from the file
	return nil
}

// lock keeps other processes away from the part.
func (p *part) lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%q %w through another server", p.rel, ErrBusy)
	}
	return err
}

// begin starts an empty file. io is held for writing, and nothing is under way.
func (p *part) begin(user string) error {
	if err := p.d.root.Mkdir(partsDir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := p.d.root.OpenFile(p.name+dataEnd, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	if err := p.lock(f); err != nil {
		return errors.Join(err, f.Close())
	}
	now := p.d.g.now()
	p.take(f, record{Path: p.rel, User: user, Begun: now, Changed: now})
	fault.Point("gateway.begun")
	if err := p.save(); err != nil {
		return errors.Join(err, p.drop())
	}
	return nil
}

// beginWith starts with a copy of the file that is there under the final name, for a client that changes some of it.
func (p *part) beginWith(user string) error {
	src, err := p.d.openFile(p.rel)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := p.begin(user); err != nil {
		return err
	}
	n, err := io.Copy(p.file, src)
	if err != nil {
		return errors.Join(full(err), p.drop())
	}
	p.rec.Extents = p.rec.Extents.Add(0, n)
	p.size.Store(n)
	return nil
}

func (p *part) take(f *os.File, rec record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file, p.rec, p.unsaved, p.saved = f, rec, 0, p.d.g.now()
	p.owner, p.open, p.lost, p.dirty, p.refused = nil, 0, false, false, 0
	p.size.Store(rec.Extents.Contiguous())
	p.changed.Store(rec.Changed.UnixNano())
	p.shown.Store(true)
}

// forget closes the file and leaves the part empty. io is held for writing.
func (p *part) forget() error {
	p.shown.Store(false)
	f := p.file
	p.file, p.owner, p.open = nil, nil, 0
	if f == nil {
		return nil
	}
	return f.Close()
}

// drop removes what came. io is held for writing.
func (p *part) drop() error { return errors.Join(p.forget(), removePart(p.d.root, p.name)) }

// cut forgets what came behind a size.
func (p *part) cut(size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept catalog.Extents
	for _, e := range p.rec.Extents {
		kept = kept.Add(e.From, min(e.To, size))
	}
	p.rec.Extents = kept
	p.size.Store(kept.Contiguous())
}

// wrote counts bytes that were written, and now and then has the record written. io is held for reading.
func (p *part) wrote(from, to int64) {
	now := p.d.g.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.rec.Extents) - 1; last >= 0 && p.rec.Extents[last].To == from {
		p.rec.Extents[last].To = to // the usual case
	} else {
		p.rec.Extents = p.rec.Extents.Add(from, to)
	}
	p.size.Store(p.rec.Extents.Contiguous())
	p.changed.Store(now.UnixNano())
	p.rec.Changed = now
	p.unsaved += to - from
	if !p.savingUp && (p.unsaved >= journalBytes || now.Sub(p.saved) >= journalEvery) {
		p.savingUp = true
		p.d.g.work.Go(p.saveBeside) // the writer is counted, too
	}
}

// saveBeside writes the record while bytes go on coming. A failure is left to the next write of the record: what is lost by it is
// only how far a crash throws the client back.
func (p *part) saveBeside() {
	p.io.RLock()
	defer p.io.RUnlock()
	if p.file != nil {
		if err := p.save(); err != nil {
			p.d.g.cfg.Log.Warn("gateway: record of an upload not written", "folder", p.d.folder.ID, "path", p.rel, "error", err)
		}
	}
	p.mu.Lock()
	p.savingUp = false
	p.mu.Unlock()
}

// refuse records that a write up to an end failed.
func (p *part) refuse(end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = max(p.refused, end)
}

// save makes what is here durable, and then the record that tells of it. io is held.
func (p *part) save() error {
	p.mu.Lock()
	rec := p.rec
	rec.Extents = append(catalog.Extents(nil), p.rec.Extents...)
	p.unsaved, p.saved = 0, p.d.g.now()
	p.mu.Unlock()
	if err := p.file.Sync(); err != nil {
		return full(err)
	}
	return full(writeRecord(p.d.root, p.name, rec))
}

// finish gives the file its final name. io is held for writing.
func (p *part) finish() error {
	end := p.rec.Extents.End()
	if have := p.rec.Extents.Contiguous(); have != end || have < p.refused {
		return errors.Join(p.rest(), fmt.Errorf("%q: %w from byte %d on", p.rel, ErrIncomplete, p.rec.Extents.Contiguous()))
	}
	fault.Point("gateway.closed")
	p.rec.State = whole
	if err := errors.Join(p.file.Truncate(end), p.save()); err != nil {
		return err
	}
	fault.Point("gateway.recorded")
	if t := p.rec.ModTime; !t.IsZero() {
		if err := p.d.root.Chtimes(p.name+dataEnd, t, t); err != nil {
			return err
		}
	}
	if err := p.d.place(p.name, p.rel); err != nil {
		return err
	}
	return p.forget()
}

// rest keeps what came for the client to go on with. io is held for writing.
func (p *part) rest() error { return errors.Join(p.save(), p.forget()) }

// place renames a whole part to its final name and forgets its record.
func (d *desk) place(name, rel string) error {
	if err := d.root.Rename(name+dataEnd, rel); err != nil {
		return err
	}
	fault.Point("gateway.named")
	return errors.Join(syncDir(d.root, path.Dir(rel)), absent(d.root.Remove(name+recordEnd)))
}

// full says of a full disk that it is one.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}

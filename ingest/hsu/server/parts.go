package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/hsu"
)

// parts is the directory of the unfinished files of a transfer. It is kept open: each file is then a step away.
type parts struct {
	root *os.Root
	name string // below root

	mu  sync.RWMutex
	dir *os.Root // nil while it is not open; guarded by mu
	fd  *os.File // the same directory
}

// partsOf is where the unfinished files of a transfer are in their folder.
func partsOf(id catalog.TransferID) string { return ".sluice-parts/hsu-" + string(id) }

// nameOf is the name of a file's part; one that begins anew has another.
func nameOf(row catalog.TransferFile) string {
	return fmt.Sprintf("%d-%x", row.Number, uint64(row.Modified)) //nolint:gosec // as a name
}

// comesWhole says that a file comes in one block: its part is made when that is there.
func comesWhole(row catalog.TransferFile) bool { return row.Size > 0 && row.Size <= hsu.BlockSize }

// with does something in the directory, which it makes first if it is to.
func (p *parts) with(makes bool, do func(dir *os.Root, fd *os.File) error) error {
	if err := p.need(makes); err != nil {
		return err
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.dir == nil { // it was closed meanwhile
		return fs.ErrClosed
	}
	return do(p.dir, p.fd)
}

// need opens the directory.
func (p *parts) need(makes bool) error {
	p.mu.RLock()
	there := p.dir != nil
	p.mu.RUnlock()
	if there {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir != nil {
		return nil
	}
	if makes {
		if err := p.root.MkdirAll(p.name, 0o750); err != nil {
			return full(err)
		}
	}
	dir, err := p.root.OpenRoot(p.name)
	if err != nil {
		return err
	}
	fd, err := dir.Open(".")
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	p.dir, p.fd = dir, fd
	return nil
}

// create opens a file's part, which it makes if it is not there.
func (p *parts) create(row catalog.TransferFile) (f *os.File, err error) {
	for range 2 {
		err = p.with(true, func(dir *os.Root, _ *os.File) (err error) {
			f, err = dir.OpenFile(nameOf(row), os.O_CREATE|os.O_RDWR, 0o640)
			return full(err)
		})
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		p.close() // somebody removed the directory: it is made again
	}
	return f, err
}

// open opens a file's part.
func (p *parts) open(row catalog.TransferFile) (f *os.File, err error) {
	err = p.with(false, func(dir *os.Root, _ *os.File) (err error) {
		f, err = dir.OpenFile(nameOf(row), os.O_RDWR, 0)
		return err
	})
	return f, err
}

// seal makes a part what was recorded and no more, with the time of the sender's file.
func (p *parts) seal(row catalog.TransferFile) error {
	return p.with(false, func(dir *os.Root, fd *os.File) error {
		var st unix.Stat_t
		if err := unix.Fstatat(int(fd.Fd()), nameOf(row), &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return p.failed("stat", row, err)
		}
		if st.Size != row.Size {
			if err := cut(dir, row); err != nil {
				return err
			}
		}
		at := unix.NsecToTimespec(row.Modified)
		if err := unix.UtimesNanoAt(int(fd.Fd()), nameOf(row), []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return p.failed("set the time of", row, err)
		}
		return nil
	})
}

// cut gives a part the file's size.
func cut(dir *os.Root, row catalog.TransferFile) error {
	f, err := dir.OpenFile(nameOf(row), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return full(errors.Join(f.Truncate(row.Size), unix.Fdatasync(int(f.Fd())), f.Close()))
}

// rename gives a part its name in another directory.
func (p *parts) rename(row catalog.TransferFile, to *os.File, name string) error {
	return p.with(false, func(_ *os.Root, fd *os.File) error {
		if err := unix.Renameat(int(fd.Fd()), nameOf(row), int(to.Fd()), name); err != nil {
			return p.failed("rename", row, err)
		}
		return nil
	})
}

// sync makes the whole file system durable, or the names in the directory only.
func (p *parts) sync(whole bool) error {
	return p.with(false, func(_ *os.Root, fd *os.File) error {
		if whole {
			return unix.Syncfs(int(fd.Fd()))
		}
		return fd.Sync()
	})
}

func (p *parts) failed(op string, row catalog.TransferFile, err error) error {
	return full(&fs.PathError{Op: op, Path: p.name + "/" + nameOf(row), Err: err})
}

// gone says that a file has no part.
func (p *parts) gone(row catalog.TransferFile) bool {
	_, err := p.root.Lstat(p.name + "/" + nameOf(row))
	return errors.Is(err, fs.ErrNotExist)
}

func (p *parts) remove(row catalog.TransferFile) error {
	return p.root.Remove(p.name + "/" + nameOf(row))
}

// close lets go of the directory; what uses it next opens it again.
func (p *parts) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == nil {
		return
	}
	_, _ = p.fd.Close(), p.dir.Close()
	p.dir, p.fd = nil, nil
}

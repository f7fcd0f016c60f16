package dropfolder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice/ingest/complete"
)

// maxDepth bounds the folders within folders.
const maxDepth = 32

// local is a directory of this machine. Everything in it is reached from its descriptor, without following links: a name from
// outside never leads out of it.
type local struct {
	dir  string
	flat bool
	root *os.File
}

// Root opens the directory of a local folder for who puts files there. It is made if it is not there: a folder may be given files before
// it was looked at for the first time.
func Root(dir string) (*os.Root, error) {
	_ = os.MkdirAll(dir, 0o770) // opening it says why it cannot be used
	return os.OpenRoot(dir)
}

// openLocal opens a directory, which is made if its parent is there.
func openLocal(dir string, flat bool) (*local, error) {
	if err := os.MkdirAll(dir, 0o770); err != nil {
		return nil, &Error{Code: ErrConfig, Text: "the directory " + dir + " cannot be made", Err: err}
	}
	root, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &Error{Code: ErrList, Text: "the directory " + dir + " cannot be opened", Err: err}
	}
	return &local{dir: dir, flat: flat, root: root}, nil
}

func (l *local) Close() error { return l.root.Close() }

// open opens what is below the root, not following any link.
func (l *local) open(rel string, flags int) (*os.File, error) {
	how := &unix.OpenHow{
		Flags: uint64(flags | unix.O_CLOEXEC | unix.O_NOFOLLOW), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(int(l.root.Fd()), rel, how)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "open", Path: rel, Err: err}
		}
		return os.NewFile(uintptr(fd), rel), nil
	}
}

// parent opens the directory that holds rel, for calls that name a file in it.
func (l *local) parent(rel string) (*os.File, string, error) {
	d, err := l.open(path.Dir(rel), unix.O_PATH|unix.O_DIRECTORY)
	return d, path.Base(rel), err
}

// Open reads a file from an offset on.
func (l *local) Open(_ context.Context, rel string, offset int64) (io.ReadCloser, error) {
	f, err := l.openFile(rel)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openFile opens a regular file; it does not wait at a pipe.
func (l *local) openFile(rel string) (*os.File, error) {
	f, err := l.open(rel, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = oddity(CodeNotRegular, rel)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Stat returns a file as it is now.
func (l *local) Stat(_ context.Context, rel string) (File, error) {
	d, base, err := l.parent(rel)
	if err != nil {
		return File{}, err
	}
	defer d.Close()
	var st unix.Stat_t
	if err := unix.Fstatat(int(d.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return File{}, &fs.PathError{Op: "stat", Path: rel, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return File{}, &fs.PathError{Op: "stat", Path: rel, Err: fs.ErrNotExist}
	}
	return fileOf(rel, &st), nil
}

func fileOf(rel string, st *unix.Stat_t) File {
	f := File{Path: rel, Size: st.Size, ModTime: time.Unix(st.Mtim.Unix()), Identity: identity(st.Dev, st.Ino)}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		f.Odd = CodeSymlink
	case st.Mode&unix.S_IFMT != unix.S_IFREG, st.Nlink > 1:
		f.Odd = CodeNotRegular
	}
	return f
}

func identity(dev, ino uint64) string {
	return string(strconv.AppendUint(append(strconv.AppendUint(make([]byte, 0, 24), dev, 10), ':'), ino, 10))
}

// Remove removes a file.
func (l *local) Remove(_ context.Context, rel string) error {
	d, base, err := l.parent(rel)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Unlinkat(int(d.Fd()), base, 0); err != nil {
		return &fs.PathError{Op: "remove", Path: rel, Err: err}
	}
	return nil
}

// trash moves a file below .sluice-trash instead of removing it.
func (l *local) trash(rel string, day time.Time) error {
	to := path.Join(trashDir, day.UTC().Format("2006-01-02"), path.Dir(rel))
	if err := os.MkdirAll(filepath.Join(l.dir, to), 0o770); err != nil {
		return err
	}
	from, base, err := l.parent(rel)
	if err != nil {
		return err
	}
	defer from.Close()
	d, err := l.open(to, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Renameat(int(from.Fd()), base, int(d.Fd()), strconv.FormatInt(day.UnixNano(), 36)+"-"+base)
}

// trashDir is the directory at the top of a local folder for files that were removed.
const trashDir = ".sluice-trash"

// take renames a file to an absolute path on the same file system: EXDEV elsewhere.
func (l *local) take(rel, to string) error {
	d, base, err := l.parent(rel)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Renameat(int(d.Fd()), base, unix.AT_FDCWD, to); err != nil {
		return &os.LinkError{Op: "rename", Old: rel, New: filepath.Base(to), Err: err}
	}
	return nil
}

// giveBack renames a file that was taken to its place again, unless that is taken: fs.ErrExist.
func (l *local) giveBack(from, rel string) error {
	d, base, err := l.parent(rel)
	if err != nil {
		return err
	}
	defer d.Close()
	err = unix.Renameat2(unix.AT_FDCWD, from, int(d.Fd()), base, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if err = unix.Linkat(unix.AT_FDCWD, from, int(d.Fd()), base, 0); err == nil {
			err = os.Remove(from)
		}
	}
	return err
}

// prune removes the directories above a file that are empty, up to the root.
func (l *local) prune(rel string) {
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		d, base, err := l.parent(dir)
		if err != nil {
			return
		}
		err = unix.Unlinkat(int(d.Fd()), base, unix.AT_REMOVEDIR)
		_ = d.Close()
		if err != nil {
			return
		}
	}
}

// List calls each with all files below the root.
func (l *local) List(ctx context.Context, each func([]File) error) error {
	return l.walk(ctx, ".", nil, each)
}

// walk lists a directory and those in it. Enter, when set, is called with each directory before it is read.
func (l *local) walk(ctx context.Context, dir string, enter func(dir string), each func([]File) error) error {
	w := walker{l: l, enter: enter, each: each, batch: make([]File, 0, ListBatch)}
	if err := w.walk(ctx, dir, strings.Count(dir, "/")); err != nil {
		return err
	}
	return w.flush()
}

type walker struct {
	l     *local
	enter func(string)
	each  func([]File) error
	batch []File
}

func (w *walker) flush() error {
	if len(w.batch) == 0 {
		return nil
	}
	err := w.each(w.batch)
	w.batch = w.batch[:0]
	return err
}

func (w *walker) walk(ctx context.Context, dir string, depth int) error {
	if depth > maxDepth {
		return &Error{Code: ErrList, Text: "the directory " + complete.Shown(dir) + " is too deep: directories are followed 32 levels down"}
	}
	if w.enter != nil {
		w.enter(dir)
	}
	d, err := w.l.open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) && dir != "." {
		return nil // it went meanwhile
	}
	if err != nil {
		return err
	}
	folders, err := w.read(ctx, dir, d)
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	for _, f := range folders {
		if err := w.walk(ctx, f, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// read lists the files of one directory and returns the directories in it.
func (w *walker) read(ctx context.Context, dir string, d *os.File) ([]string, error) {
	var folders []string
	for {
		entries, err := d.ReadDir(ListBatch)
		for _, e := range entries {
			rel := e.Name()
			if dir != "." {
				rel = dir + "/" + rel
			}
			switch {
			case complete.Hidden(e.Name()):
			case e.IsDir():
				if !w.l.flat {
					folders = append(folders, rel)
				}
			default:
				w.add(rel, d, e.Name())
			}
			if len(w.batch) == ListBatch {
				if err := w.flush(); err != nil {
					return nil, err
				}
			}
		}
		if err == io.EOF {
			return folders, nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
	}
}

func (w *walker) add(rel string, d *os.File, name string) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return // it went meanwhile
	}
	w.batch = append(w.batch, fileOf(rel, &st))
}

// single reports that a file has one name only.
func single(st os.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && sys.Nlink == 1
}

package packager

import (
	"fmt"
	"io"
	"math"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// LocalFile is a file of this machine, mapped read-only where possible. Its descriptor and mapping are shared by everyone
// who holds a reference: OpenFile returns it with one, Retain adds one, Close drops one, and the last Close releases both.
type LocalFile struct {
	f    *os.File
	data []byte
	size int64
	etag string
	refs atomic.Int64
}

// OpenFile opens and maps the regular file at path. An empty file, or one that the system refuses to map, has no mapping and
// is read with ReadAt.
func OpenFile(path string) (*LocalFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("open %q: not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	l := &LocalFile{f: f, size: st.Size(), etag: identity(st)}
	l.refs.Store(1)
	if l.size > 0 && l.size <= math.MaxInt {
		// Serving reads whole segments in order, but segments at random: the kernel's own readahead within a range is
		// right, so no advice is given for the file as a whole.
		if m, err := unix.Mmap(int(f.Fd()), 0, int(l.size), unix.PROT_READ, unix.MAP_SHARED); err == nil {
			l.data = m
		}
	}
	return l, nil
}

// identity hashes nothing: size, modification time and inode change whenever the store replaces a file.
func identity(st os.FileInfo) string {
	var inode uint64
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		inode = s.Ino
	}
	return fmt.Sprintf("%x-%x-%x", st.Size(), st.ModTime().UnixNano(), inode)
}

// Retain adds a reference. It reports false, and adds none, when the file was already released.
func (l *LocalFile) Retain() bool {
	for {
		n := l.refs.Load()
		if n <= 0 {
			return false
		}
		if l.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Close drops a reference.
func (l *LocalFile) Close() error {
	switch n := l.refs.Add(-1); {
	case n > 0:
		return nil
	case n < 0:
		l.refs.Add(1)
		return fmt.Errorf("close %q: %w", l.f.Name(), os.ErrClosed)
	}
	var err error
	if l.data != nil {
		err = unix.Munmap(l.data)
	}
	if cerr := l.f.Close(); err == nil {
		err = cerr
	}
	return err
}

// ReadAt implements File.
func (l *LocalFile) ReadAt(p []byte, off int64) (int, error) { return l.f.ReadAt(p, off) }

// Size implements File.
func (l *LocalFile) Size() int64 { return l.size }

// Bytes implements File.
func (l *LocalFile) Bytes() []byte { return l.data }

// FD implements File.
func (l *LocalFile) FD() int { return int(l.f.Fd()) }

// ETag implements File.
func (l *LocalFile) ETag() string { return l.etag }

// WillNeed tells the kernel that [off, off+n) will be read soon, so that a cold extent is on its way from the disk before a
// page fault waits for it.
func (l *LocalFile) WillNeed(off, n int64) {
	off, n = clampRange(off, n, int64(len(l.data)))
	page := int64(os.Getpagesize())
	from := off / page * page
	if n > 0 {
		_ = unix.Madvise(l.data[from:off+n], unix.MADV_WILLNEED) // advice only
	}
}

// Changed reports whether the file at path is no longer the one that was opened. Callers ask at most once a second, never
// per request.
func (l *LocalFile) Changed(path string) bool {
	st, err := os.Stat(path)
	return err != nil || identity(st) != l.etag
}

type readerFile struct {
	io.ReaderAt
	size int64
	etag string
}

// ReaderFile makes a File of bytes that are not a local file. r must be safe for concurrent use. Where r has a method
// Hint(off, n int64) that starts to fetch bytes, the File passes on to it what will be needed.
func ReaderFile(r io.ReaderAt, size int64, etag string) File {
	return &readerFile{r, size, etag}
}

// WillNeed tells the reader what will be read soon.
func (f *readerFile) WillNeed(off, n int64) {
	h, ok := f.ReaderAt.(interface{ Hint(off, n int64) })
	if off, n = clampRange(off, n, f.size); ok && n > 0 {
		h.Hint(off, n)
	}
}

func (f *readerFile) Size() int64   { return f.size }
func (f *readerFile) Bytes() []byte { return nil }
func (f *readerFile) FD() int       { return -1 }
func (f *readerFile) ETag() string  { return f.etag }

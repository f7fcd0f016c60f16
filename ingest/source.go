package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"sluice/internal/writeprobe"
	"sluice/storage"
)

// ErrNotRegular refuses folders, links, devices and pipes.
var ErrNotRegular = errors.New("not a regular file")

// source is the file at a door.
type source struct {
	file *os.File
	path string
	st   os.FileInfo
}

// openSource opens a regular file that nobody writes. It neither follows a link in the last part of the path nor waits
// at a pipe.
func openSource(path string) (*source, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%w: it is a symbolic link", ErrNotRegular)
	}
	if errors.Is(err, syscall.ENXIO) {
		return nil, fmt.Errorf("%w: it is a pipe, socket or device", ErrNotRegular)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case !st.Mode().IsRegular():
		err = fmt.Errorf("%w: its mode is %v", ErrNotRegular, st.Mode())
	case writeprobe.Probe(f) == writeprobe.Busy:
		err = fmt.Errorf("%w: it is open for writing", storage.ErrChanged)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &source{file: f, path: path, st: st}, nil
}

// unchanged fails if the file is not what it was when it was opened, or is being written.
func (s *source) unchanged() error {
	st, err := s.file.Stat()
	if err != nil {
		return err
	}
	if st.Size() != s.st.Size() || !st.ModTime().Equal(s.st.ModTime()) || writeprobe.Probe(s.file) == writeprobe.Busy {
		return storage.ErrChanged
	}
	return nil
}

// single reports that the file has no second name, through which it could be changed later.
func (s *source) single() bool {
	st, ok := s.st.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 1
}

// sharesVolume reports that the file is on the volume of dir, which need not be there yet.
func (s *source) sharesVolume(dir string) bool {
	st, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		st, err = os.Stat(filepath.Dir(dir))
	}
	if err != nil {
		return false
	}
	theirs, ok := st.Sys().(*syscall.Stat_t)
	ours, ok2 := s.st.Sys().(*syscall.Stat_t)
	return ok && ok2 && theirs.Dev == ours.Dev
}

// copyTo makes dst, which is empty, a synced copy of the source: by reference where the file system can, and then the
// checksum is "", else in one pass that hashes.
func (s *source) copyTo(ctx context.Context, dst *os.File, progress func(done, total int64)) (string, error) {
	sum, err := s.fill(ctx, dst, progress)
	if err != nil {
		return "", err
	}
	return sum, dst.Sync()
}

// fill is copyTo without the sync.
func (s *source) fill(ctx context.Context, dst *os.File, progress func(done, total int64)) (string, error) {
	if unix.IoctlFileClone(int(dst.Fd()), int(s.file.Fd())) == nil {
		return "", s.unchanged()
	}
	size := s.st.Size()
	if size > pumpBuffer { // one write finds out about less
		err := unix.Fallocate(int(dst.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
		if isFull(err) {
			return "", err
		}
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	_ = unix.Fadvise(int(s.file.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	report := func(int64) {}
	if progress != nil {
		report = func(done int64) { progress(done, size) }
	}
	h := sha256.New()
	var err error
	switch {
	case size > pumpBuffer && cached(s.file):
		err = hand(ctx, h, dst, s.file, report)
	case size > pumpBuffer:
		err = tee(ctx, h, dst, s.file, report)
	default:
		err = pump(ctx, io.MultiWriter(h, dst), s.file, size, report)
	}
	if err != nil {
		return "", err
	}
	// Since nobody wrote the file meanwhile, what was hashed is what was copied.
	if err := s.unchanged(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

const (
	// teeBuffers bounds what is read and written and not hashed yet: hashing costs as much as copying.
	teeBuffers = 4
	// behind is how much is written before the disk is told to begin, so that a sync at the end has little left to wait for.
	behind = 16 << 20
)

// cached says whether the file system of f keeps what it read in the page cache, so that reading it again costs no disk and no network.
func cached(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return false
	}
	switch st.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

// hand lets the kernel copy src to dst, from its cache to its cache, and hashes what it copied beside that: half of the copying that
// tee does (bench: dropfolder-copy).
func hand(ctx context.Context, h io.Writer, dst, src *os.File, report func(done int64)) error {
	var l lead
	l.changed.L = &l.mu
	failed := make(chan error, 1)
	go func() { failed <- l.follow(h, src) }()
	err := sendAll(ctx, dst, src, &l, report)
	l.end(err == nil)
	if err = errors.Join(err, <-failed); errors.Is(err, syscall.EINVAL) && l.hashed == 0 { // the file system of dst takes nothing that way
		return tee(ctx, h, dst, src, report)
	}
	return err
}

const (
	// mostAhead bounds what is copied and not hashed yet, which should still be in the page cache when it is. Who is that far ahead rests
	// until little is left: to wait for each piece would cost as much as copying it.
	mostAhead  = 512 << 20
	leastAhead = 64 << 20
	hashStride = 16 << 20
)

// lead is how far copying is ahead of hashing.
type lead struct {
	mu             sync.Mutex // guards what follows
	changed        sync.Cond
	copied, hashed int64
	ended          bool // nothing more is copied
}

// reach says how far the copy is, and waits when that is too far.
func (l *lead) reach(copied int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copied = copied
	l.changed.Broadcast()
	if copied-l.hashed < mostAhead {
		return
	}
	for l.copied-l.hashed > leastAhead && !l.ended {
		l.changed.Wait()
	}
}

// end says that nothing more is copied, and whether what was copied is still to be hashed.
func (l *lead) end(hashed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if !hashed {
		l.copied = 0
	}
	l.changed.Broadcast()
}

// next says that everything before at is hashed, and returns up to where to go on; at itself when nothing more comes.
func (l *lead) next(at int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hashed = at
	l.changed.Broadcast()
	for l.copied == at && !l.ended {
		l.changed.Wait()
	}
	return max(at, min(l.copied, at+hashStride))
}

// follow hashes what was copied of src.
func (l *lead) follow(h io.Writer, src *os.File) error {
	defer l.end(false) // whoever copies need not wait for one that failed
	buf := make([]byte, pumpBuffer/4)
	for at := int64(0); ; {
		to := l.next(at)
		if to == at {
			return nil
		}
		for at < to {
			n, err := src.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
			_, _ = h.Write(buf[:n]) // a hash never fails
			if at += int64(n); n == 0 {
				if err == io.EOF { // it was longer when it was copied
					err = storage.ErrChanged
				}
				return err
			}
		}
	}
}

// sendAll copies src to dst, and tells how far it came.
func sendAll(ctx context.Context, dst, src *os.File, l *lead, report func(done int64)) error {
	for done, begun := int64(0), int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := unix.Sendfile(int(dst.Fd()), int(src.Fd()), nil, pumpBuffer)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return &os.PathError{Op: "sendfile", Path: dst.Name(), Err: err}
		case n == 0:
			return nil
		}
		done += int64(n)
		l.reach(done)
		report(done)
		begun = writeBehind(dst, begun, done)
	}
}

// writeBehind lets the disk begin with what was written since begun, if it is much, and returns from where it has not.
func writeBehind(dst *os.File, begun, done int64) int64 {
	if done-begun < behind {
		return begun
	}
	_ = unix.SyncFileRange(int(dst.Fd()), begun, done-begun, unix.SYNC_FILE_RANGE_WRITE) // only a hint
	return done
}

// tee copies src to dst and to h, hashing beside the copying.
func tee(ctx context.Context, h io.Writer, dst, src *os.File, report func(done int64)) error {
	free, full := make(chan []byte, teeBuffers), make(chan []byte, teeBuffers)
	for range teeBuffers {
		free <- make([]byte, pumpBuffer)
	}
	var hashing sync.WaitGroup
	hashing.Go(func() {
		for buf := range full {
			_, _ = h.Write(buf) // a hash never fails
			free <- buf[:pumpBuffer]
		}
	})
	defer hashing.Wait()
	defer close(full)
	for done, begun := int64(0), int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		buf := <-free
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
			done += int64(n)
			full <- buf[:n]
			report(done)
			begun = writeBehind(dst, begun, done)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pumpBuffer is how much is copied at a time.
const pumpBuffer = 1 << 20

// pump copies about size bytes, and notices between buffers that ctx has ended.
func pump(ctx context.Context, dst io.Writer, src io.Reader, size int64, report func(done int64)) error {
	buf := make([]byte, min(max(size, 1<<12), pumpBuffer))
	for done := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
			done += int64(n)
			report(done)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func sumFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if err := pump(ctx, h, f, pumpBuffer, func(int64) {}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, storage.ErrFull)
}

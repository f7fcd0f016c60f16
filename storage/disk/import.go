package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/fault"
	"sluice/internal/writeprobe"
	"sluice/storage"
)

// Import takes over a file of the same file system by rename after one sequential read that hashes it, if nobody holds
// it open for writing and it has no second name; any other file is cloned by reference where the file system can, else
// copied and hashed in the same pass.
func (s *Store) Import(ctx context.Context, key, path string, opts storage.ImportOptions) (obj storage.Object, err error) {
	defer observe("import", time.Now(), &err)
	if err := storage.ValidateKey(key); err != nil {
		return obj, fmt.Errorf("import: %w", err)
	}
	src, err := openSource(path)
	if err != nil {
		return obj, fmt.Errorf("import %q: %w", key, err)
	}
	defer src.file.Close()
	if !opts.Keep && s.canRename(src) {
		obj, err = s.importByRename(ctx, key, src, opts)
	} else {
		obj, err = s.importByCopy(ctx, key, src, opts)
	}
	if errors.Is(err, os.ErrNotExist) {
		// failed would take it for an object that does not exist.
		return storage.Object{}, fmt.Errorf("import %q: the source is gone: %w", key, err)
	}
	if err != nil {
		return storage.Object{}, failed("import", key, err)
	}
	return obj, nil
}

// source is a local file that is imported.
type source struct {
	file *os.File
	path string
	st   os.FileInfo
}

func openSource(path string) (*source, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q is no regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &source{file: f, path: path, st: st}, nil
}

// unchanged fails if the file differs from what it was when it was opened.
func (src *source) unchanged() error {
	st, err := src.file.Stat()
	if err != nil {
		return err
	}
	if st.Size() != src.st.Size() || !st.ModTime().Equal(src.st.ModTime()) {
		return fmt.Errorf("%q: %w", src.path, storage.ErrChanged)
	}
	return nil
}

// canRename reports whether the file may become the object itself: on one file system, with one name, not a link.
func (s *Store) canRename(src *source) bool {
	named, err := os.Lstat(src.path)
	if err != nil || !os.SameFile(named, src.st) {
		return false
	}
	root, err := os.Stat(s.temp.dir)
	if err != nil {
		return false
	}
	a, ok1 := src.st.Sys().(*syscall.Stat_t)
	b, ok2 := root.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && a.Dev == b.Dev && a.Nlink == 1
}

func (s *Store) importByRename(ctx context.Context, key string, src *source, opts storage.ImportOptions) (storage.Object, error) {
	if writeprobe.Probe(src.file) == writeprobe.Busy {
		return storage.Object{}, fmt.Errorf("%q is still open for writing: %w", src.path, storage.ErrChanged)
	}
	sum, err := checksum(ctx, src, nil, opts)
	if err != nil {
		return storage.Object{}, err
	}
	if writeprobe.Probe(src.file) == writeprobe.Busy {
		return storage.Object{}, fmt.Errorf("%q was opened for writing: %w", src.path, storage.ErrChanged)
	}
	// The object's time is when it was stored, and the file belongs to the store now.
	now := unix.NsecToTimeval(time.Now().UnixNano())
	_ = unix.Futimes(int(src.file.Fd()), []unix.Timeval{now, now})
	_ = src.file.Chmod(fileMode)
	if err := keepSum(src.file, sum); err != nil {
		return storage.Object{}, err
	}
	fault.Point("disk.hashed")
	err = s.publish(src.file, src.path, key)
	fault.Point("disk.named")
	if errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
		// One device may still be two mounts, and the folder may forbid it.
		if src.st, err = src.file.Stat(); err != nil {
			return storage.Object{}, err
		}
		return s.importByCopy(ctx, key, src, opts)
	}
	if err != nil {
		return storage.Object{}, err
	}
	st, err := os.Lstat(s.path(key))
	if err != nil {
		return storage.Object{}, err
	}
	if !os.SameFile(st, src.st) {
		// Between our look and the rename the name went to another file: that one is not what was hashed.
		_ = os.Rename(s.path(key), src.path)
		return storage.Object{}, fmt.Errorf("%q was replaced: %w", src.path, storage.ErrChanged)
	}
	obj := object(key, st)
	obj.SHA256 = sum
	storage.ObserveStored("disk", obj.Size)
	return obj, nil
}

func (s *Store) importByCopy(ctx context.Context, key string, src *source, opts storage.ImportOptions) (storage.Object, error) {
	f, err := s.temp.create()
	if err != nil {
		return storage.Object{}, err
	}
	defer f.discard()
	if _, err := src.file.Seek(0, io.SeekStart); err != nil {
		return storage.Object{}, err
	}
	var dst io.Writer
	if !reflink(f.File, src.file) {
		if err := reserve(f.File, src.st.Size()); err != nil {
			return storage.Object{}, err
		}
		dst = f
	}
	sum, err := checksum(ctx, src, dst, opts)
	if err != nil {
		return storage.Object{}, err
	}
	obj, err := s.commit(f, key, sum)
	if err != nil || opts.Keep {
		return obj, err
	}
	if err := os.Remove(src.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		// Both would be kept, and the source imported again: better the state before.
		_ = os.Remove(s.path(key))
		return storage.Object{}, fmt.Errorf("the source cannot be removed: %w", err)
	}
	return obj, nil
}

// checksum reads the source once, copies it to dst if that is not nil, and returns the hex SHA-256. It fails if the file
// changed meanwhile or the sum is not the one that is expected.
func checksum(ctx context.Context, src *source, dst io.Writer, opts storage.ImportOptions) (string, error) {
	_ = unix.Fadvise(int(src.file.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	h := sha256.New()
	if err := hashInto(ctx, h, src.file, dst, opts.Progress); err != nil {
		return "", err
	}
	if err := src.unchanged(); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if opts.SHA256 != "" && !strings.EqualFold(opts.SHA256, sum) {
		return "", fmt.Errorf("%w: %q has SHA-256 %s, want %s", storage.ErrChecksum, src.path, sum, opts.SHA256)
	}
	return sum, nil
}

func hashInto(ctx context.Context, h hash.Hash, src io.Reader, dst io.Writer, progress func(int64)) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for done := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.Read(buf[:])
		_, _ = h.Write(buf[:n])
		if dst != nil && n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		if done += int64(n); n > 0 && progress != nil {
			progress(done)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

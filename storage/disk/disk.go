package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sluice/internal/durable"
	"sluice/storage"
)

const (
	fileMode = 0o640
	dirMode  = 0o750
	// bufferSize is what one read or write of a copy moves.
	bufferSize = 1 << 20
)

// Store keeps objects below a directory.
type Store struct {
	root string
	temp *tempDir
}

var _ storage.Store = (*Store)(nil)

// Open returns the store in dir, which is made if need be, and removes what crashed processes left half-written.
func Open(dir string) (*Store, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	if err := os.MkdirAll(root, dirMode); err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	temp, err := openTemp(filepath.Join(root, tempName))
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", dir, err)
	}
	return &Store{root: root, temp: temp}, nil
}

// Close gives up the store's temporary folder. Writers that are not finished fail.
func (s *Store) Close() error { return s.temp.close() }

// Dir returns the directory of the store, as an absolute path.
func (s *Store) Dir() string { return s.root }

// Check makes and removes a file.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := s.temp.create()
	if err != nil {
		return failed("check", s.root, err)
	}
	defer f.discard()
	if _, err := f.WriteString("check"); err != nil {
		return failed("check", s.root, err)
	}
	if space, err := s.Space(); err == nil && space.Size > 0 && space.Free == 0 {
		return failed("check", s.root, storage.ErrFull)
	}
	return nil
}

func (s *Store) path(key string) string { return filepath.Join(s.root, filepath.FromSlash(key)) }

// publish makes the finished temporary file f the object key. On success f is gone from the temporary folder.
func (s *Store) publish(f *os.File, from, key string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	return s.place(from, key)
}

// place renames from to the path of key and makes the new name durable.
func (s *Store) place(from, key string) error {
	to := s.path(key)
	// A folder may vanish between being made and being used, when the last object beside us is deleted.
	for try := 0; ; try++ {
		err := os.Rename(from, to)
		if err == nil {
			return durable.SyncDir(filepath.Dir(to))
		}
		if !errors.Is(err, fs.ErrNotExist) || try == 16 {
			return err
		}
		if err := s.makeDirs(filepath.Dir(to)); err != nil {
			return err
		}
	}
}

// makeDirs makes dir and what it lacks above it below the root, each durable in its parent.
func (s *Store) makeDirs(dir string) error {
	if dir == s.root {
		return nil
	}
	err := os.Mkdir(dir, dirMode)
	switch {
	case err == nil:
		return durable.SyncDir(filepath.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := s.makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nilIfGone(durable.SyncDir(filepath.Dir(dir)))
}

func nilIfGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// failed wraps what the file system said about what (a key) in the error kinds of package storage.
func failed(op, what string, err error) error {
	kind := error(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrBadKey), errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrNotExist),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		kind = storage.ErrFull
	case errors.Is(err, fs.ErrNotExist):
		kind = storage.ErrNotExist
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTEMPTY),
		errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%s %q: %w: an object and a folder of objects cannot have one name", op, what, storage.ErrBadKey)
	}
	if kind == nil {
		return fmt.Errorf("%s %q: %w", op, what, err)
	}
	return fmt.Errorf("%s %q: %w: %w", op, what, kind, err)
}

// observe is deferred with the operation's start: it records the error that the call returns.
func observe(op string, start time.Time, err *error) { storage.Observe("disk", op, start, *err) }

package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice/storage"
)

// reader reads an object through its file.
type reader struct {
	*os.File
	obj  storage.Object
	path string
}

func (r *reader) Object() storage.Object { return r.obj }
func (r *reader) Path() string           { return r.path }

// Open opens the file of the object.
func (s *Store) Open(ctx context.Context, key string) (_ storage.Reader, err error) {
	defer observe("open", time.Now(), &err)
	return s.open(ctx, "open", key)
}

// Stat returns what is known of the object.
func (s *Store) Stat(ctx context.Context, key string) (_ storage.Object, err error) {
	defer observe("stat", time.Now(), &err)
	r, err := s.open(ctx, "stat", key)
	if err != nil {
		return storage.Object{}, err
	}
	return r.obj, r.Close()
}

func (s *Store) open(ctx context.Context, op, key string) (*reader, error) {
	if err := storage.ValidateKey(key); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s %q: %w", op, key, err)
	}
	path := s.path(key)
	f, err := openRegular(path)
	if err != nil {
		return nil, failed(op, key, absent(err))
	}
	obj, err := describe(key, f)
	if err != nil {
		_ = f.Close()
		return nil, failed(op, key, err)
	}
	return &reader{File: f, obj: obj, path: path}, nil
}

// absent turns the ways in which a path can lead to no object into one.
func absent(err error) error {
	for _, e := range []error{syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENXIO} {
		if errors.Is(err, e) {
			return storage.ErrNotExist
		}
	}
	return err
}

// openRegular opens a file for reading, but neither follows a link nor waits at a FIFO; what is no regular file is
// EISDIR.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

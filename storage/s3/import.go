package s3

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/storage"
)

// Import uploads the file. Without Keep the file is removed after the service confirmed that the object has its length
// and the ETag that the upload ended with; every part was checked against its SHA-256 by the service on the way.
func (s *Store) Import(ctx context.Context, key, path string, opts storage.ImportOptions) (obj storage.Object, err error) {
	defer observe("import", time.Now(), &err)
	if err := begin(ctx, "import", key); err != nil {
		return obj, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return obj, fmt.Errorf("import %q: %w", key, err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return obj, fmt.Errorf("import %q: %w", key, err)
	}
	if !before.Mode().IsRegular() {
		return obj, fmt.Errorf("import %q: %q is no regular file", key, path)
	}
	obj, err = s.importFile(ctx, key, f, before, opts)
	if err != nil || opts.Keep {
		return obj, err
	}
	st, err := s.Stat(ctx, key)
	if err != nil {
		return storage.Object{}, fmt.Errorf("import: verify: %w", err)
	}
	if st.Size != obj.Size || st.ETag != obj.ETag {
		return storage.Object{}, fmt.Errorf("import %q: another object is there now: %w", key, storage.ErrChanged)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return storage.Object{}, fmt.Errorf("import %q: the source cannot be removed: %w", key, err)
	}
	return obj, nil
}

func (s *Store) importFile(ctx context.Context, key string, f *os.File, before os.FileInfo, opts storage.ImportOptions) (storage.Object, error) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	w, err := s.create(ctx, "import", key, before.Size())
	if err != nil {
		return storage.Object{}, err
	}
	defer w.Abort()
	if err := w.fill(f, opts.Progress); err != nil {
		return storage.Object{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return storage.Object{}, fmt.Errorf("import %q: %w", key, err)
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) || w.n != before.Size() {
		return storage.Object{}, fmt.Errorf("import %q: %q: %w", key, f.Name(), storage.ErrChanged)
	}
	return w.commit(strings.ToLower(opts.SHA256))
}

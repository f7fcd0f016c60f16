package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sluice/storage"
)

// List walks the folders below prefix. It holds one folder of each level in memory.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if err := storage.ValidatePrefix(prefix); err != nil {
			yield(storage.Object{}, fmt.Errorf("list: %w", err))
			return
		}
		dir, base := path.Split(prefix)
		if _, err := s.walk(ctx, dir, base, yield); err != nil {
			yield(storage.Object{}, failed("list", prefix, err))
		}
	}
}

// walk yields the objects in the folder dir ("" or ending in "/") whose names there start with base. It reports whether
// the caller wants more.
func (s *Store) walk(ctx context.Context, dir, base string, yield func(storage.Object, error) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	names, err := s.names(dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, base) {
			continue
		}
		key := dir + name
		if strings.HasSuffix(name, "/") {
			if more, err := s.walk(ctx, key, "", yield); !more || err != nil {
				return more, err
			}
			continue
		}
		st, err := os.Lstat(s.path(key))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if st.Mode().IsRegular() && !yield(object(key, st), nil) {
			return false, nil
		}
	}
	return true, nil
}

// names returns what dir holds in the byte order of the keys below it: a folder sorts as its name and a slash. A folder
// that is not there is empty; foreign files are left out.
func (s *Store) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil, nil
		}
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		if storage.ValidateKey(dir+name) != nil {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Delete removes the file of the object and the folders that it leaves empty. A crash of the machine right after may
// bring the object back.
func (s *Store) Delete(ctx context.Context, key string) (err error) {
	defer observe("delete", time.Now(), &err)
	if err := storage.ValidateKey(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	file := s.path(key)
	if st, err := os.Lstat(file); err == nil && st.IsDir() {
		return nil
	}
	if err := os.Remove(file); err != nil {
		if absentErr := absent(err); errors.Is(absentErr, fs.ErrNotExist) || errors.Is(absentErr, storage.ErrNotExist) {
			return nil
		}
		return failed("delete", key, err)
	}
	s.prune(filepath.Dir(file))
	return nil
}

// DeletePrefix removes every object below prefix, and the folders.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) (n int, err error) {
	defer observe("delete_prefix", time.Now(), &err)
	if err := storage.ValidatePrefix(prefix); err != nil {
		return 0, fmt.Errorf("delete prefix: %w", err)
	}
	if !strings.HasSuffix(prefix, "/") {
		return 0, fmt.Errorf("delete prefix: %w %q: it must end in \"/\"", storage.ErrBadKey, prefix)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("delete prefix %q: %w", prefix, err)
	}
	n, err = s.removeAll(ctx, prefix)
	s.prune(filepath.Dir(s.path(prefix)))
	return n, failed("delete prefix", prefix, err)
}

func (s *Store) removeAll(ctx context.Context, dir string) (int, error) {
	names, err := s.names(dir)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		if strings.HasSuffix(name, "/") {
			n, err := s.removeAll(ctx, dir+name)
			removed += n
			if err != nil {
				return removed, err
			}
			continue
		}
		err := os.Remove(s.path(dir + name))
		if err == nil {
			removed++
		} else if !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
	}
	// What came in meanwhile keeps its folder.
	_ = syscall.Rmdir(s.path(dir))
	return removed, nil
}

// prune removes dir and the folders above it that are empty.
func (s *Store) prune(dir string) {
	for dir != s.root && strings.HasPrefix(dir, s.root) && syscall.Rmdir(dir) == nil {
		dir = filepath.Dir(dir)
	}
}

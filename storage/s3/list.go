package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"sluice/storage"
)

// pageSize is what one request lists or deletes: S3's most.
const pageSize = 1000

// List asks for a page at a time.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if err := storage.ValidatePrefix(prefix); err != nil {
			yield(storage.Object{}, fmt.Errorf("list: %w", err))
			return
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, fmt.Errorf("list %q: %w", prefix, err))
			return
		}
		// The listing has a goroutine of its own, which ends with the context.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		opts := minio.ListObjectsOptions{Prefix: s.path(prefix), Recursive: true, MaxKeys: pageSize}
		for info := range s.core.ListObjectsIter(ctx, s.bucket, opts) {
			if info.Err != nil {
				yield(storage.Object{}, failed(ctx, "list", prefix, info.Err))
				return
			}
			key := strings.TrimPrefix(info.Key, s.prefix)
			if storage.ValidateKey(key) != nil {
				continue // a folder's mark, or what others put there
			}
			if !yield(object(key, info), nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Object{}, fmt.Errorf("list %q: %w", prefix, err))
		}
	}
}

// Delete removes the object.
func (s *Store) Delete(ctx context.Context, key string) (err error) {
	defer observe("delete", time.Now(), &err)
	if err := begin(ctx, "delete", key); err != nil {
		return err
	}
	err = failed(ctx, "delete", key, s.core.RemoveObject(ctx, s.bucket, s.path(key), minio.RemoveObjectOptions{}))
	if errors.Is(err, storage.ErrNotExist) || errors.Is(err, storage.ErrBadKey) {
		return nil
	}
	return err
}

// DeletePrefix removes every object below prefix, a page in a request.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) (n int, err error) {
	defer observe("delete_prefix", time.Now(), &err)
	if err := storage.ValidatePrefix(prefix); err != nil {
		return 0, fmt.Errorf("delete prefix: %w", err)
	}
	if !strings.HasSuffix(prefix, "/") {
		return 0, fmt.Errorf("delete prefix: %w %q: it must end in \"/\"", storage.ErrBadKey, prefix)
	}
	page := make([]minio.ObjectInfo, 0, pageSize)
	for obj, err := range s.List(ctx, prefix) {
		if err != nil {
			return n, fmt.Errorf("delete prefix %q: %w", prefix, err)
		}
		if page = append(page, minio.ObjectInfo{Key: s.path(obj.Key)}); len(page) == pageSize {
			done, err := s.deletePage(ctx, prefix, page)
			n += done
			if err != nil {
				return n, err
			}
			page = page[:0]
		}
	}
	done, err := s.deletePage(ctx, prefix, page)
	return n + done, err
}

func (s *Store) deletePage(ctx context.Context, prefix string, page []minio.ObjectInfo) (int, error) {
	if len(page) == 0 {
		return 0, nil
	}
	results, err := s.core.RemoveObjectsWithIter(ctx, s.bucket, slices.Values(page), minio.RemoveObjectsOptions{})
	if err != nil {
		return 0, failed(ctx, "delete prefix", prefix, err)
	}
	n := 0
	var errs []error
	for r := range results {
		if r.Err == nil {
			n++
		} else if len(errs) < 3 {
			errs = append(errs, failed(ctx, "delete", strings.TrimPrefix(r.ObjectName, s.prefix), r.Err))
		}
	}
	if len(errs) == 0 && ctx.Err() != nil {
		errs = append(errs, fmt.Errorf("delete prefix %q: %w", prefix, ctx.Err()))
	}
	return n, errors.Join(errs...)
}

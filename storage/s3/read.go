package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"sluice/storage"
	"sluice/storage/cache"
)

// Stat returns what is known of the object.
func (s *Store) Stat(ctx context.Context, key string) (obj storage.Object, err error) {
	defer observe("stat", time.Now(), &err)
	if err := begin(ctx, "stat", key); err != nil {
		return obj, err
	}
	info, err := s.core.StatObject(ctx, s.bucket, s.path(key), minio.StatObjectOptions{})
	if err != nil {
		return obj, failed(ctx, "stat", key, err)
	}
	obj = object(key, info)
	obj.SHA256 = s.sumOf(ctx, key, info)
	return obj, nil
}

func object(key string, info minio.ObjectInfo) storage.Object {
	return storage.Object{
		Key: key, Size: info.Size, ETag: trimETag(info.ETag), ModTime: info.LastModified,
		SHA256: validSum(metadata(info, sumName)),
	}
}

// reader reads an object by ranges, each held to the ETag it was opened with.
type reader struct {
	store  *Store
	obj    storage.Object
	cached *cache.Reader // nil without a cache

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	once   sync.Once
}

var _ storage.Hinter = (*reader)(nil)

// Open asks for the object's size and ETag; its bytes travel when they are read.
func (s *Store) Open(ctx context.Context, key string) (_ storage.Reader, err error) {
	defer observe("open", time.Now(), &err)
	if err := begin(ctx, "open", key); err != nil {
		return nil, err
	}
	info, err := s.core.StatObject(ctx, s.bucket, s.path(key), minio.StatObjectOptions{})
	if err != nil {
		return nil, failed(ctx, "open", key, err)
	}
	r := &reader{store: s, obj: object(key, info)}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if s.blocks != nil {
		r.cached = s.blocks.Reader(cache.Source{
			ID:    s.name + key + " " + r.obj.ETag + " " + strconv.FormatInt(r.obj.Size, 10),
			Size:  r.obj.Size,
			Fetch: r.fetch,
		})
	}
	return r, nil
}

func (r *reader) Object() storage.Object { return r.obj }
func (r *reader) Path() string           { return "" }

func (r *reader) Hint(off, n int64) {
	if r.cached != nil {
		r.cached.Hint(off, n)
	}
}

func (r *reader) Close() error {
	r.once.Do(func() {
		r.cancel()
		if r.cached != nil {
			_ = r.cached.Close()
		}
	})
	return nil
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if r.cached == nil {
		return r.readDirect(p, off)
	}
	n, err := r.cached.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read %q: %w", r.obj.Key, err)
	}
	return n, err
}

func (r *reader) readDirect(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("read %q at %d: negative offset", r.obj.Key, off)
	case len(p) == 0:
		return 0, nil
	case off >= r.obj.Size:
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.obj.Size-off)
	body, err := r.fetch(r.ctx, off, n)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	got, err := io.ReadFull(body, p[:n])
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return got, failed(r.ctx, "read", r.obj.Key, err)
	}
	if n < int64(len(p)) {
		return got, io.EOF
	}
	return got, nil
}

// fetch asks for bytes [off, off+n) of the object that was opened.
func (r *reader) fetch(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	return r.store.fetch(ctx, r.obj.Key, r.obj.ETag, off, n)
}

func (s *Store) fetch(ctx context.Context, key, etag string, off, n int64) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	if err := errors.Join(opts.SetRange(off, off+n-1), opts.SetMatchETag(etag)); err != nil {
		return nil, fmt.Errorf("read %q: %w", key, err)
	}
	body, info, _, err := s.core.GetObject(ctx, s.bucket, s.path(key), opts)
	if err != nil {
		return nil, failed(ctx, "read", key, err)
	}
	// Not every service honours If-Match.
	if trimETag(info.ETag) != etag {
		_ = body.Close()
		return nil, fmt.Errorf("read %q: %w", key, storage.ErrChanged)
	}
	return body, nil
}

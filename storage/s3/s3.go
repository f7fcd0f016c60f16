package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"sluice/storage"
	"sluice/storage/cache"
)

// Store keeps objects in a bucket, below a prefix.
type Store struct {
	core   *minio.Core
	bucket string
	prefix string
	name   string // of the store, in the cache
	blocks *cache.Cache
}

var (
	_ storage.Store   = (*Store)(nil)
	_ storage.Sweeper = (*Store)(nil)
)

// Options of a store.
type Options struct {
	// Cache holds blocks that were read; nil reads every range from the service. The store does not close it.
	Cache *cache.Cache
}

// Open returns the store at an URL of the form
//
//	s3://key:secret@host:port/bucket/prefix?insecure=1&region=…&lookup=path|dns|auto&auth=env|iam
//
// of which only host and bucket are needed. Without a key, credentials come from the environment (AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, or MINIO_ROOT_USER and MINIO_ROOT_PASSWORD), or with auth=iam from the machine's role. The
// bucket must exist.
func Open(ctx context.Context, rawURL string, opts Options) (*Store, error) {
	loc, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	core, err := minio.NewCore(loc.endpoint, &loc.opts)
	if err != nil {
		return nil, fmt.Errorf("open bucket %q at %s: %w", loc.bucket, loc.endpoint, err)
	}
	s := &Store{
		core: core, bucket: loc.bucket, prefix: loc.prefix, blocks: opts.Cache,
		name: loc.endpoint + "/" + loc.bucket + "/" + loc.prefix,
	}
	if err := s.Check(ctx); err != nil {
		return nil, fmt.Errorf("open bucket at %s: %w", loc.endpoint, err)
	}
	return s, nil
}

// Check asks whether the bucket is there.
func (s *Store) Check(ctx context.Context) error {
	ok, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil {
		return failed(ctx, "check bucket", s.bucket, err)
	}
	if !ok {
		return fmt.Errorf("check bucket %q: it does not exist", s.bucket)
	}
	return nil
}

// Sweep aborts the uploads below the prefix that were begun before and are not complete. It returns how many.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n := 0
	for up := range s.core.ListIncompleteUploads(ctx, s.bucket, s.prefix, true) {
		if up.Err != nil {
			return n, failed(ctx, "sweep bucket", s.bucket, up.Err)
		}
		if !up.Initiated.Before(before) {
			continue
		}
		if err := s.core.AbortMultipartUpload(ctx, s.bucket, up.Key, up.UploadID); err != nil && !isCode(err, minio.NoSuchUpload) {
			return n, failed(ctx, "sweep bucket", s.bucket, err)
		}
		n++
	}
	return n, ctx.Err()
}

func (s *Store) path(key string) string { return s.prefix + key }

// begin checks what every operation on a key checks.
func begin(ctx context.Context, op, key string) error {
	if err := storage.ValidateKey(key); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %q: %w", op, key, err)
	}
	return nil
}

func isCode(err error, codes ...string) bool {
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return false
	}
	for _, code := range codes {
		if resp.Code == code {
			return true
		}
	}
	return false
}

// failed wraps what the service said about what (a key) in the error kinds of package storage. A context that ended says
// more than the request that it ended.
func failed(ctx context.Context, op, what string, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%s %q: %w: %w", op, what, cause, err)
	}
	if kind := kindOf(err); kind != nil && !errors.Is(err, kind) {
		return fmt.Errorf("%s %q: %w: %w", op, what, kind, err)
	}
	return fmt.Errorf("%s %q: %w", op, what, err)
}

func kindOf(err error) error {
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return nil
	}
	switch resp.Code {
	case minio.NoSuchKey:
		return storage.ErrNotExist
	case minio.NoSuchBucket, minio.NoSuchUpload:
		return nil
	case "BadDigest", minio.XAmzContentSHA256Mismatch:
		return storage.ErrChecksum
	case "KeyTooLongError", "ObjectParentIsFile", "ExistingObjectIsDirectory", minio.XMinioInvalidObjectName:
		return storage.ErrBadKey
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded":
		return storage.ErrFull
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return storage.ErrNotExist
	case http.StatusPreconditionFailed:
		return storage.ErrChanged
	case http.StatusInsufficientStorage:
		return storage.ErrFull
	}
	return nil
}

// observe is deferred with the operation's start: it records the error that the call returns.
func observe(op string, start time.Time, err *error) { storage.Observe("s3", op, start, *err) }

// trimETag removes the quotes of the header.
func trimETag(etag string) string { return strings.Trim(etag, `"`) }

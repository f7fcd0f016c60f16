package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// Store is a folder in a bucket.
type Store struct {
	cfg    Config
	core   *minio.Core
	tr     *http.Transport
	prefix string // "" or ending in "/"
}

var _ dropfolder.Store = (*Store)(nil)

// Open looks whether the bucket is there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := lazily(cfg)
	if err != nil {
		return nil, err
	}
	if p := strings.Trim(cfg.Prefix, "/"); p != "" {
		s.prefix = p + "/"
	}
	ctx, cancel := context.WithTimeout(ctx, remote.OpTime)
	defer cancel()
	for o := range s.core.Client.ListObjects(ctx, cfg.Bucket, minio.ListObjectsOptions{Prefix: s.prefix, MaxKeys: 1}) {
		err = o.Err
		break
	}
	if err = errors.Join(ctx.Err(), err); err != nil {
		return nil, errors.Join(s.folderError(err), s.Close())
	}
	return s, nil
}

// folderError says what keeps the bucket from being listed.
func (s *Store) folderError(err error) error {
	code, text := dropfolder.ErrConnect, "The service of the bucket cannot be reached."
	var resp minio.ErrorResponse
	var e *dropfolder.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &resp) && resp.StatusCode != 0:
		switch {
		case resp.Code == minio.NoSuchBucket:
			code, text = dropfolder.ErrList, fmt.Sprintf("There is no bucket %q.", s.cfg.Bucket)
		case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden, slices.Contains(badKey, resp.Code):
			code, text = dropfolder.ErrAuthenticate, fmt.Sprintf("The service refuses the credentials, or the bucket %q to them.", s.cfg.Bucket)
		case resp.StatusCode < http.StatusInternalServerError:
			code, text = dropfolder.ErrList, fmt.Sprintf("The bucket %q cannot be listed.", s.cfg.Bucket)
		}
	}
	return &dropfolder.Error{Code: code, Text: text, Err: err}
}

// badKey are the codes for credentials that services answer with other statuses than those of HTTP for it.
var badKey = []string{"InvalidAccessKeyId", "SignatureDoesNotMatch", "XAdminUserNotFound", "XAdminNoSuchUser"}

// fileError says what an answer means for a file.
func fileError(rel string, err error) error {
	var resp minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &resp):
		return err
	case resp.Code == minio.NoSuchKey, resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%q: %w", rel, fs.ErrNotExist)
	case resp.StatusCode == http.StatusPreconditionFailed:
		return fmt.Errorf("%q: %w", rel, remote.ErrChanged)
	case resp.Code == "InvalidObjectState":
		return fmt.Errorf("%q: it lies in an archive and must be restored first: %w", rel, fs.ErrPermission)
	case resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%q: %w: %w", rel, fs.ErrPermission, err)
	}
	return fmt.Errorf("%q: %w", rel, err)
}

// List lists the objects below the prefix, page by page.
func (s *Store) List(ctx context.Context, each func([]dropfolder.File) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batch := make([]dropfolder.File, 0, dropfolder.ListBatch)
	bad, example := 0, ""
	for o := range s.core.Client.ListObjects(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: !s.cfg.Flat}) {
		if o.Err != nil {
			return s.folderError(errors.Join(ctx.Err(), o.Err))
		}
		rel := strings.TrimPrefix(o.Key, s.prefix)
		if strings.HasSuffix(o.Key, "/") || rel == "" { // what stands for a folder
			continue
		}
		if !remote.ValidPath(rel) {
			bad, example = bad+1, rel
			continue
		}
		if batch = append(batch, file(rel, o)); len(batch) == cap(batch) {
			if err := each(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if bad > 0 && s.cfg.Log != nil {
		s.cfg.Log.Warn("drop folder: the bucket has keys that no file can have", "count", bad, "example", fmt.Sprintf("%.100q", example))
	}
	if len(batch) == 0 {
		return nil
	}
	return each(batch)
}

func file(rel string, o minio.ObjectInfo) dropfolder.File {
	return dropfolder.File{Path: rel, Size: o.Size, ModTime: o.LastModified, Identity: strings.Trim(o.ETag, `"`), Whole: true}
}

// Stat returns an object as it is now.
func (s *Store) Stat(ctx context.Context, rel string) (dropfolder.File, error) {
	if !remote.ValidPath(rel) {
		return dropfolder.File{}, fs.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(ctx, remote.OpTime)
	defer cancel()
	o, err := s.core.Client.StatObject(ctx, s.cfg.Bucket, s.prefix+rel, minio.StatObjectOptions{})
	if err != nil {
		return dropfolder.File{}, fileError(rel, err)
	}
	return file(rel, o), nil
}

// Remove removes an object.
func (s *Store) Remove(ctx context.Context, rel string) error {
	if _, err := s.Stat(ctx, rel); err != nil { // the service says nothing of a key that is not there
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, remote.OpTime)
	defer cancel()
	return fileError(rel, s.core.Client.RemoveObject(ctx, s.cfg.Bucket, s.prefix+rel, minio.RemoveObjectOptions{}))
}

// Open reads an object, in several ranges at a time if it is large, as long as it is the same.
func (s *Store) Open(ctx context.Context, rel string, offset int64) (io.ReadCloser, error) {
	first, err := s.Stat(ctx, rel)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > first.Size {
		return nil, fmt.Errorf("%q: no byte %d in %d", rel, offset, first.Size)
	}
	return newRanged(ctx, offset, first.Size, func(ctx context.Context, from, to int64) (io.ReadCloser, error) {
		return s.get(ctx, rel, first, from, to)
	}), nil
}

// get asks for the bytes from from to to of an object that must be the same as first.
func (s *Store) get(ctx context.Context, rel string, first dropfolder.File, from, to int64) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	if err := opts.SetRange(from, to-1); err != nil {
		return nil, err
	}
	same := opts.SetMatchETag(first.Identity)
	if first.Identity == "" { // some services have none for files that came past them; their times tell seconds
		same = opts.SetUnmodified(first.ModTime.Add(time.Second))
	}
	if same != nil {
		return nil, same
	}
	rc, _, _, err := s.core.GetObject(ctx, s.cfg.Bucket, s.prefix+rel, opts)
	return rc, fileError(rel, err)
}

// Close ends idle connections.
func (s *Store) Close() error {
	s.tr.CloseIdleConnections()
	return nil
}

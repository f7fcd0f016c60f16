package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	mib = 1 << 20
	// minPart is S3's smallest part but for the last; copyMax its largest copied one is five times this, but copies of
	// one gibibyte run side by side.
	minPart = 5 * mib
	copyMax = 1 << 30
	// maxParts is S3's bound on the parts of an object.
	maxParts = 10_000
	// basePart is what goes up in one request; streams whose length is unknown grow it to longPart after longAfter
	// parts, which reaches 570 GiB.
	basePart  = 8 * mib
	longPart  = 64 * mib
	longAfter = 1000
	// inFlight bounds the parts of one object that travel at a time, and with that the memory it takes.
	inFlight = 3
	// abortTime is how long ending an upload may take when the caller's context is gone.
	abortTime = 30 * time.Second
)

// partSize returns the length of part n (from 1) of an object of that size, or of an unknown one if size is negative.
func partSize(n int, size int64) int {
	if size >= 0 {
		per := (size + maxParts - 100) / (maxParts - 99)
		return int(max(basePart, (per+mib-1)/mib*mib))
	}
	if n > longAfter {
		return longPart
	}
	return basePart
}

// upload is a multipart upload. Its methods but the goroutines it starts belong to one caller at a time.
type upload struct {
	store *Store
	key   string
	id    string
	nonce string

	ctx    context.Context
	cancel context.CancelCauseFunc
	slots  chan struct{}
	work   sync.WaitGroup

	next int // number of the next part
	mu   sync.Mutex
	done []minio.CompletePart
	err  error // the first part's that failed
}

func (s *Store) beginUpload(ctx context.Context, key string) (*upload, error) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:])
	u := &upload{store: s, key: key, nonce: hex.EncodeToString(nonce[:]), slots: make(chan struct{}, inFlight), next: 1}
	id, err := s.core.NewMultipartUpload(ctx, s.bucket, s.path(key), minio.PutObjectOptions{
		UserMetadata: map[string]string{uploadName: u.nonce},
	})
	if err != nil {
		return nil, failed(ctx, "begin upload of", key, err)
	}
	u.id = id
	u.ctx, u.cancel = context.WithCancelCause(ctx)
	return u, nil
}

// start runs one part's request when a slot is free. The caller hears of its failure at the next start or at complete.
func (u *upload) start(send func(ctx context.Context, n int) (minio.CompletePart, error)) error {
	if u.next > maxParts {
		return fmt.Errorf("upload %q: it takes more than %d parts", u.key, maxParts)
	}
	select {
	case u.slots <- struct{}{}:
	case <-u.ctx.Done():
		return u.failure()
	}
	n := u.next
	u.next++
	u.work.Go(func() {
		defer func() { <-u.slots }()
		part, err := send(u.ctx, n)
		u.mu.Lock()
		defer u.mu.Unlock()
		if err == nil {
			u.done = append(u.done, part)
		} else if u.err == nil {
			u.err = failed(u.ctx, "upload", u.key, err)
			u.cancel(u.err)
		}
	})
	return nil
}

// failure returns why the upload cannot go on.
func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return u.err
	}
	if err := u.ctx.Err(); err != nil {
		return fmt.Errorf("upload %q: %w", u.key, err)
	}
	return nil
}

// send uploads data, which the upload keeps.
func (u *upload) send(data []byte) error {
	return u.start(func(ctx context.Context, n int) (minio.CompletePart, error) {
		s := u.store
		part, err := s.core.PutObjectPart(ctx, s.bucket, s.path(u.key), u.id, n, bytes.NewReader(data), int64(len(data)),
			minio.PutObjectPartOptions{Sha256Hex: hexSum(data)})
		return minio.CompletePart{PartNumber: n, ETag: part.ETag}, err
	})
}

// copy makes parts of bytes [off, off+n) of another object, within the service, if it still has that ETag.
func (u *upload) copy(key, etag string, off, n int64) error {
	pieces := (n + copyMax - 1) / copyMax
	for i := range pieces {
		from, to := off+n*i/pieces, off+n*(i+1)/pieces
		err := u.start(func(ctx context.Context, part int) (minio.CompletePart, error) {
			s := u.store
			p, err := s.core.CopyObjectPart(ctx, s.bucket, s.path(key), s.bucket, s.path(u.key), u.id, part, from, to-from,
				map[string]string{"x-amz-copy-source-if-match": etag})
			p.ETag = trimETag(p.ETag)
			return p, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// complete makes the object and returns its ETag. On an error the upload is aborted.
func (u *upload) complete() (string, error) {
	u.work.Wait()
	if err := u.failure(); err != nil {
		return "", errors.Join(err, u.abort())
	}
	slices.SortFunc(u.done, func(a, b minio.CompletePart) int { return a.PartNumber - b.PartNumber })
	s := u.store
	info, err := s.core.CompleteMultipartUpload(u.ctx, s.bucket, s.path(u.key), u.id, u.done, minio.PutObjectOptions{})
	if err == nil {
		u.cancel(nil)
		return trimETag(info.ETag), nil
	}
	// The answer may have been lost, not the request: then the object is there, and bears our mark.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), abortTime)
	defer cancel()
	if st, statErr := s.core.StatObject(ctx, s.bucket, s.path(u.key), minio.StatObjectOptions{}); statErr == nil &&
		metadata(st, uploadName) == u.nonce {
		u.cancel(nil)
		return trimETag(st.ETag), nil
	}
	return "", errors.Join(failed(u.ctx, "complete upload of", u.key, err), u.abort())
}

// abort gives the upload up: its parts are removed.
func (u *upload) abort() error {
	u.cancel(context.Canceled)
	u.work.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), abortTime)
	defer cancel()
	s := u.store
	if err := s.core.AbortMultipartUpload(ctx, s.bucket, s.path(u.key), u.id); err != nil && !isCode(err, minio.NoSuchUpload) {
		return failed(ctx, "abort upload of", u.key, err)
	}
	return nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

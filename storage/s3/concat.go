package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"sluice/storage"
)

// piece is a range of an object that is joined.
type piece struct {
	key, etag string
	off, n    int64
}

// Concat copies within the service what is long enough to be a part of its own; what is shorter, and what must fill a
// short part up, passes through this process.
func (s *Store) Concat(ctx context.Context, key string, head []byte, parts []storage.Part, remove bool) (obj storage.Object, err error) {
	defer observe("concat", time.Now(), &err)
	if err := begin(ctx, "concat", key); err != nil {
		return obj, err
	}
	pieces, size, err := s.resolve(ctx, parts)
	if err != nil {
		return obj, fmt.Errorf("concat %q: %w", key, err)
	}
	j := &joiner{store: s, ctx: ctx, key: key, pending: append([]byte(nil), head...)}
	obj, err = j.join(pieces)
	if err != nil {
		return storage.Object{}, fmt.Errorf("concat: %w", err)
	}
	obj.Size, obj.ModTime = int64(len(head))+size, time.Now()
	storage.ObserveStored("s3", obj.Size)
	if !remove {
		return obj, nil
	}
	for _, p := range parts {
		if p.Key == key {
			continue
		}
		if err := s.Delete(ctx, p.Key); err != nil {
			return obj, fmt.Errorf("concat %q is complete, but a part stays: %w", key, err)
		}
	}
	return obj, nil
}

// resolve looks every part up, so that a missing one is found before anything is made.
func (s *Store) resolve(ctx context.Context, parts []storage.Part) ([]piece, int64, error) {
	pieces, total := make([]piece, 0, len(parts)), int64(0)
	known := map[string]storage.Object{}
	for _, p := range parts {
		obj, ok := known[p.Key]
		if !ok {
			if err := begin(ctx, "open part", p.Key); err != nil {
				return nil, 0, err
			}
			info, err := s.core.StatObject(ctx, s.bucket, s.path(p.Key), minio.StatObjectOptions{})
			if err != nil {
				return nil, 0, failed(ctx, "open part", p.Key, err)
			}
			obj = object(p.Key, info)
			known[p.Key] = obj
		}
		n, err := p.Length(obj.Size)
		if err != nil {
			return nil, 0, err
		}
		if n > 0 {
			pieces = append(pieces, piece{key: p.Key, etag: obj.ETag, off: p.Off, n: n})
			total += n
		}
	}
	return pieces, total, nil
}

// joiner makes one object of pieces. Pending holds bytes that wait to become a part.
type joiner struct {
	store   *Store
	ctx     context.Context
	key     string
	pending []byte
	up      *upload
}

func (j *joiner) join(pieces []piece) (obj storage.Object, err error) {
	obj.Key = j.key
	for i, p := range pieces {
		if err := j.add(p, i == len(pieces)-1); err != nil {
			if j.up != nil {
				err = errors.Join(err, j.up.abort())
			}
			return obj, err
		}
	}
	if j.up == nil {
		obj.SHA256 = hexSum(j.pending)
		obj.ETag, err = j.store.putOnce(j.ctx, j.key, j.pending, obj.SHA256)
		return obj, err
	}
	if len(j.pending) > 0 {
		if err := j.up.send(j.pending); err != nil {
			return obj, errors.Join(err, j.up.abort())
		}
	}
	obj.ETag, err = j.up.complete()
	return obj, err
}

func (j *joiner) add(p piece, last bool) error {
	// A part that is begun must reach the smallest size before another may follow it.
	if need := min(minPart-int64(len(j.pending)), p.n); len(j.pending) > 0 && need > 0 {
		if err := j.pull(p, need); err != nil {
			return err
		}
		p.off, p.n = p.off+need, p.n-need
	}
	copied := p.n >= minPart || last && p.n > 0 && j.up != nil
	if len(j.pending) >= basePart || copied && len(j.pending) > 0 {
		if err := j.flush(); err != nil {
			return err
		}
	}
	if copied {
		if err := j.begin(); err != nil {
			return err
		}
		return j.up.copy(p.key, p.etag, p.off, p.n)
	}
	if p.n == 0 {
		return nil
	}
	return j.pull(p, p.n)
}

func (j *joiner) begin() (err error) {
	if j.up == nil {
		j.up, err = j.store.beginUpload(j.ctx, j.key)
	}
	return err
}

func (j *joiner) flush() error {
	if err := j.begin(); err != nil {
		return err
	}
	data := j.pending
	j.pending = nil
	return j.up.send(data)
}

// pull appends the first n bytes of the piece to what is pending.
func (j *joiner) pull(p piece, n int64) error {
	body, err := j.store.fetch(j.ctx, p.key, p.etag, p.off, n)
	if err != nil {
		return err
	}
	defer body.Close()
	at := len(j.pending)
	j.pending = append(j.pending, make([]byte, n)...)
	if _, err := io.ReadFull(body, j.pending[at:]); err != nil {
		return failed(j.ctx, "read", p.key, err)
	}
	return nil
}

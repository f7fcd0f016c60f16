package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"sluice/storage"
)

var errEnded = errors.New("the object was committed or aborted")

// writer gathers bytes into parts. What fits in one part is one request at Commit.
type writer struct {
	store *Store
	ctx   context.Context
	key   string
	size  int64 // expected; negative when unknown
	start time.Time

	mu    sync.Mutex
	ended bool
	err   error // sticks
	buf   []byte
	up    *upload // nil until the first part is full
	n     int64
	sum   hash.Hash
}

// Create begins an object.
func (s *Store) Create(ctx context.Context, key string) (storage.Writer, error) {
	w, err := s.create(ctx, "create", key, -1)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (s *Store) create(ctx context.Context, op, key string, size int64) (*writer, error) {
	if err := begin(ctx, op, key); err != nil {
		return nil, err
	}
	return &writer{store: s, ctx: ctx, key: key, size: size, start: time.Now(), sum: sha256.New()}, nil
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable("write"); err != nil {
		return 0, err
	}
	done := 0
	for len(p) > 0 {
		room, err := w.room()
		if err != nil {
			return done, err
		}
		n := min(len(p), room)
		w.buf = append(w.buf, p[:n]...)
		_, _ = w.sum.Write(p[:n])
		w.n += int64(n)
		done += n
		p = p[n:]
	}
	return done, nil
}

func (w *writer) usable(op string) error {
	switch {
	case w.ended:
		return fmt.Errorf("%s %q: %w", op, w.key, errEnded)
	case w.err != nil:
		return w.err
	case w.ctx.Err() != nil:
		return fmt.Errorf("%s %q: %w", op, w.key, w.ctx.Err())
	}
	return nil
}

// room returns how many bytes the part at hand still takes, after sending it off if it is full.
func (w *writer) room() (int, error) {
	next := 1
	if w.up != nil {
		next = w.up.next
	}
	if room := partSize(next, w.size) - len(w.buf); room > 0 {
		return room, nil
	}
	if w.up == nil {
		if w.up, w.err = w.store.beginUpload(w.ctx, w.key); w.err != nil {
			w.up = nil
			return 0, w.err
		}
	}
	if w.err = w.up.send(w.buf); w.err != nil {
		return 0, w.err
	}
	w.buf = make([]byte, 0, partSize(w.up.next, w.size))
	return cap(w.buf), nil
}

func (w *writer) Commit() (storage.Object, error) { return w.commit("") }

// commit makes the object; if want is not "", only with that SHA-256.
func (w *writer) commit(want string) (obj storage.Object, err error) {
	defer observe("put", w.start, &err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable("commit"); err != nil {
		return obj, errors.Join(err, w.end())
	}
	sum := hex.EncodeToString(w.sum.Sum(nil))
	if want != "" && sum != want {
		err := fmt.Errorf("commit %q: %w: SHA-256 is %s, want %s", w.key, storage.ErrChecksum, sum, want)
		return obj, errors.Join(err, w.end())
	}
	obj = storage.Object{Key: w.key, Size: w.n, SHA256: sum}
	if w.up == nil {
		obj.ETag, err = w.store.putOnce(w.ctx, w.key, w.buf, sum)
		w.ended = true
	} else {
		obj.ETag, err = w.finish()
		if err == nil {
			w.store.tagSum(w.ctx, w.key, obj.ETag, sum)
		}
	}
	if err != nil {
		return storage.Object{}, err
	}
	obj.ModTime = time.Now()
	storage.ObserveStored("s3", obj.Size)
	return obj, nil
}

// finish sends the last part and completes the upload.
func (w *writer) finish() (string, error) {
	if len(w.buf) > 0 {
		if err := w.up.send(w.buf); err != nil {
			return "", errors.Join(err, w.end())
		}
	}
	w.ended = true
	return w.up.complete()
}

// putOnce stores data in one request and returns the ETag.
func (s *Store) putOnce(ctx context.Context, key string, data []byte, sum string) (string, error) {
	info, err := s.core.PutObject(ctx, s.bucket, s.path(key), bytes.NewReader(data), int64(len(data)), "", sum,
		minio.PutObjectOptions{UserMetadata: map[string]string{sumName: sum}})
	return trimETag(info.ETag), failed(ctx, "put", key, err)
}

func (w *writer) Abort() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end()
}

// end aborts what is not ended.
func (w *writer) end() error {
	if w.ended {
		return nil
	}
	w.ended, w.buf = true, nil
	if w.up == nil {
		return nil
	}
	return w.up.abort()
}

// Put stores everything r yields.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (storage.Object, error) {
	w, err := s.create(ctx, "put", key, -1)
	if err != nil {
		return storage.Object{}, err
	}
	defer w.Abort()
	if err := w.fill(r, nil); err != nil {
		return storage.Object{}, err
	}
	return w.Commit()
}

// fill writes what r yields; progress, if any, is told the bytes so far.
func (w *writer) fill(r io.Reader, progress func(int64)) error {
	buf := make([]byte, 256<<10)
	for done := int64(0); ; {
		n, err := r.Read(buf)
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if done += int64(n); n > 0 && progress != nil {
			progress(done)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("put %q: read its content: %w", w.key, err)
		}
	}
}

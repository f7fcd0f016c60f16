package disk

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"sluice/storage"
)

var errEnded = errors.New("the object was committed or aborted")

// writer builds an object in a temporary file.
type writer struct {
	store *Store
	ctx   context.Context
	key   string
	start time.Time

	mu   sync.Mutex
	file *tempFile // nil once ended
	buf  *bufio.Writer
	sum  hash.Hash
}

// Create begins an object.
func (s *Store) Create(ctx context.Context, key string) (storage.Writer, error) {
	return s.create(ctx, key)
}

func (s *Store) create(ctx context.Context, key string) (*writer, error) {
	if err := storage.ValidateKey(key); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("create %q: %w", key, err)
	}
	f, err := s.temp.create()
	if err != nil {
		return nil, failed("create", key, err)
	}
	return &writer{
		store: s, ctx: ctx, key: key, start: time.Now(),
		file: f, buf: bufio.NewWriterSize(f, 128<<10), sum: sha256.New(),
	}, nil
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return 0, fmt.Errorf("write %q: %w", w.key, errEnded)
	}
	if err := w.ctx.Err(); err != nil {
		return 0, fmt.Errorf("write %q: %w", w.key, err)
	}
	n, err := w.buf.Write(p)
	_, _ = w.sum.Write(p[:n])
	return n, failed("write", w.key, err)
}

func (w *writer) Commit() (obj storage.Object, err error) {
	defer observe("put", w.start, &err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return obj, fmt.Errorf("commit %q: %w", w.key, errEnded)
	}
	defer w.end()
	if err := w.ctx.Err(); err != nil {
		return obj, fmt.Errorf("commit %q: %w", w.key, err)
	}
	if err := w.buf.Flush(); err != nil {
		return obj, failed("commit", w.key, err)
	}
	return w.store.commit(w.file, w.key, hex.EncodeToString(w.sum.Sum(nil)))
}

func (w *writer) Abort() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		w.end()
	}
	return nil
}

func (w *writer) end() {
	w.file.discard()
	w.file = nil
}

// commit makes the temporary file an object; sum may be "".
func (s *Store) commit(f *tempFile, key, sum string) (storage.Object, error) {
	if sum != "" {
		if err := keepSum(f.File, sum); err != nil {
			return storage.Object{}, failed("commit", key, err)
		}
	}
	if err := s.publish(f.File, f.path, key); err != nil {
		return storage.Object{}, failed("commit", key, err)
	}
	st, err := f.Stat()
	if err != nil {
		return storage.Object{}, failed("commit", key, err)
	}
	obj := object(key, st)
	obj.SHA256 = sum
	storage.ObserveStored("disk", obj.Size)
	return obj, nil
}

// Put stores everything r yields.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (storage.Object, error) {
	w, err := s.create(ctx, key)
	if err != nil {
		return storage.Object{}, err
	}
	defer w.Abort()
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	// A plain loop, so that r sees neither WriteTo nor ReadFrom and cancellation is noticed at each buffer.
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return storage.Object{}, err
			}
		}
		if err == io.EOF {
			return w.Commit()
		}
		if err != nil {
			return storage.Object{}, fmt.Errorf("put %q: read its content: %w", key, err)
		}
		if n == 0 {
			if err := ctx.Err(); err != nil {
				return storage.Object{}, fmt.Errorf("put %q: %w", key, err)
			}
		}
	}
}

// buffers serve the copies that pass through user space.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

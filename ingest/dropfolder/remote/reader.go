package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Stall is how long a file may give nothing before its connection is given up.
const Stall = time.Minute

// Reader reads a file of another machine and goes on after cuts: it opens the file anew where it stopped.
type Reader struct {
	ctx  context.Context //nolint:containedctx // of the reading, as of an HTTP request's body
	open func(ctx context.Context, offset int64) (io.ReadCloser, error)
	at   int64
	size int64
	fail int // failures in a row

	mu     sync.Mutex // guards what follows
	rc     io.ReadCloser
	closed bool
}

// NewReader returns a reader of a file of size bytes, from an offset on. Open must fail with ErrChanged when the file is not the
// same any more. The file is opened before NewReader returns.
func NewReader(ctx context.Context, offset, size int64, open func(ctx context.Context, offset int64) (io.ReadCloser, error)) (*Reader, error) {
	r := &Reader{ctx: ctx, open: open, at: offset, size: size}
	return r, Again(ctx, func(context.Context) error { _, err := r.source(); return err })
}

// source returns the open file.
func (r *Reader) source() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, io.ErrClosedPipe
	}
	if r.rc != nil {
		return r.rc, nil
	}
	rc, err := r.open(r.ctx, r.at)
	if err != nil {
		return nil, err
	}
	r.rc = rc
	return rc, nil
}

// Read reads on. At the end of the file it is io.EOF; an end before the size is none.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, err := r.read(b)
		if r.at += int64(n); n > 0 {
			r.fail = 0
			return n, nil // an error comes again
		}
		switch {
		case errors.Is(err, io.EOF) && r.at >= r.size:
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = fmt.Errorf("%w: %d of %d bytes came", io.ErrUnexpectedEOF, r.at, r.size)
		case err == nil:
			continue
		}
		if r.fail++; r.fail >= tries || Final(err) || r.ctx.Err() != nil {
			return 0, errors.Join(context.Cause(r.ctx), err)
		}
		r.drop()
		if sleep(r.ctx, r.fail) != nil {
			return 0, errors.Join(context.Cause(r.ctx), err)
		}
	}
}

// read reads from what is open. Something that gives nothing is closed, which ends its Read.
func (r *Reader) read(b []byte) (int, error) {
	rc, err := r.source()
	if err != nil {
		return 0, err
	}
	t := time.AfterFunc(Stall, func() { _ = rc.Close() })
	defer t.Stop()
	defer context.AfterFunc(r.ctx, func() { _ = rc.Close() })()
	return rc.Read(b)
}

func (r *Reader) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rc != nil {
		_ = r.rc.Close() // what it gave is here
		r.rc = nil
	}
}

// Close ends the reading.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.rc == nil {
		return nil
	}
	rc := r.rc
	r.rc = nil
	return rc.Close()
}

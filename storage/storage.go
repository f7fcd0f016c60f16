package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that implementations wrap.
var (
	ErrNotExist = errors.New("object does not exist")
	ErrBadKey   = errors.New("bad object key")
	ErrChecksum = errors.New("checksum mismatch")
	ErrFull     = errors.New("storage is full")
)

// Store keeps objects by key. An object is visible whole or not at all. Implementations are safe for concurrent use.
type Store interface {
	// Put stores everything r yields and returns what was stored; the SHA-256 is computed as the bytes pass.
	Put(ctx context.Context, key string, r io.Reader) (Object, error)
	// Create begins an object that is written piece by piece; it appears on Commit.
	Create(ctx context.Context, key string) (Writer, error)
	// Import takes over a local file: by rename or reflink where possible, else by one pass that copies and hashes. With
	// ImportOptions.Keep the file stays where it is.
	Import(ctx context.Context, key, path string, opts ImportOptions) (Object, error)
	// Open returns a reader of the object at any offset.
	Open(ctx context.Context, key string) (Reader, error)
	Stat(ctx context.Context, key string) (Object, error)
	// Delete removes an object; deleting what is not there is no error.
	Delete(ctx context.Context, key string) error
	// DeletePrefix removes every object whose key starts with prefix, which ends in "/", and reports how many.
	DeletePrefix(ctx context.Context, prefix string) (int, error)
	// List yields the objects below prefix in key order.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Concat makes key from the bytes of parts in order, then removes the parts when remove is set. Head, if any, goes
	// before the parts. Disks do it without passing bytes through user space where they can.
	Concat(ctx context.Context, key string, head []byte, parts []Part, remove bool) (Object, error)
	// Check reports whether the store can be used: readiness probes call it.
	Check(ctx context.Context) error
}

// Part is a range of an object: the whole of it when N is 0.
type Part struct {
	Key    string
	Off, N int64
}

// ImportOptions steers Store.Import.
type ImportOptions struct {
	// Keep leaves the source file in place.
	Keep bool
	// SHA256, when set (hex), must match; ErrChecksum otherwise.
	SHA256 string
	// Progress, when set, is called with the bytes done so far.
	Progress func(done int64)
}

// Object is what a store knows about one object.
type Object struct {
	Key     string
	Size    int64
	ETag    string // strong validator: changes with the content
	SHA256  string // hex; "" when not known
	ModTime time.Time
}

// Reader reads an object. It is safe for concurrent ReadAt.
type Reader interface {
	io.ReaderAt
	io.Closer
	Object() Object
	// Path is a local file with the same bytes, or "" when there is none. The file is valid until Close.
	Path() string
}

// Writer builds an object. Exactly one of Commit and Abort ends it; Abort after Commit does nothing.
type Writer interface {
	io.Writer
	Commit() (Object, error)
	Abort() error
}

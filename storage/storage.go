package storage

import (
	"context"
	"errors"
	"fmt"
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
	// ErrChanged says that bytes changed while they were read: a source file that is still written, or an object that
	// was replaced under an open reader of a store that cannot hold on to the old one.
	ErrChanged = errors.New("content changed while reading")
)

// Store keeps objects by key. An object is visible whole or not at all, and is durable when the call that made it
// returns. Of concurrent writers of one key the last to finish wins; a reader never sees a mixture. Every method wraps
// the errors above and names the key; keys and prefixes that ValidateKey and ValidatePrefix refuse give ErrBadKey.
// Implementations are safe for concurrent use.
type Store interface {
	// Put stores everything r yields and returns what was stored; the SHA-256 is computed as the bytes pass.
	Put(ctx context.Context, key string, r io.Reader) (Object, error)
	// Create begins an object that is written piece by piece; it appears on Commit.
	Create(ctx context.Context, key string) (Writer, error)
	// Import takes over a local file: by rename or reflink where possible, else by one pass that copies and hashes. With
	// ImportOptions.Keep the file stays where it is; without, it is removed once the object is durable. A file that
	// changes meanwhile gives ErrChanged. After any error the file is where it was, whole.
	Import(ctx context.Context, key, path string, opts ImportOptions) (Object, error)
	// Open returns a reader of the object at any offset. ctx bounds the opening only; Close ends the reads.
	Open(ctx context.Context, key string) (Reader, error)
	Stat(ctx context.Context, key string) (Object, error)
	// Delete removes an object; deleting what is not there is no error.
	Delete(ctx context.Context, key string) error
	// DeletePrefix removes every object whose key starts with prefix, which ends in "/", and reports how many.
	DeletePrefix(ctx context.Context, prefix string) (int, error)
	// List yields the objects whose key starts with prefix in byte order of their keys; "" means all. It ends at the
	// first error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Concat makes key from the bytes of parts in order, then removes the parts when remove is set (key itself stays,
	// even as a part). Head, if any, goes before the parts. Where the store can, no byte passes through this process:
	// then Object.SHA256 is "".
	Concat(ctx context.Context, key string, head []byte, parts []Part, remove bool) (Object, error)
	// Check reports whether the store can be used: readiness probes call it.
	Check(ctx context.Context) error
}

// Part is a range of an object: N bytes from Off, or all from Off when N is 0.
type Part struct {
	Key    string
	Off, N int64
}

// Length returns how many bytes the part has of an object of that size; a part that reaches beyond it is an error.
func (p Part) Length(size int64) (int64, error) {
	n := p.N
	if n == 0 {
		n = size - p.Off
	}
	if p.Off < 0 || n < 0 || p.Off > size || n > size-p.Off {
		return 0, fmt.Errorf("part %q: %d bytes from %d: the object has %d", p.Key, p.N, p.Off, size)
	}
	return n, nil
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
	SHA256  string // hex; "" when not known, as it often is in a List
	ModTime time.Time
}

// Reader reads an object. It is safe for concurrent ReadAt. A reader may also be a Hinter.
type Reader interface {
	io.ReaderAt
	io.Closer
	Object() Object
	// Path is a local file with the same bytes, or "" when there is none. It is valid until Close, unless the object is
	// replaced or deleted meanwhile; ReadAt keeps to the bytes that were opened.
	Path() string
}

// Hinter is what a Reader of remote bytes can do besides: it starts to fetch bytes [off, off+n) and returns at once.
// A hint costs nothing when the bytes are at hand, and may be dropped when many are under way.
type Hinter interface {
	Hint(off, n int64)
}

// Sweeper is what a Store can do besides when a process that dies leaves unfinished writes where others cannot see them, but
// where they take room: it removes those that were begun before, and reports how many.
type Sweeper interface {
	Sweep(ctx context.Context, before time.Time) (int, error)
}

// Writer builds an object. Exactly one of Commit and Abort ends it; Abort after Commit does nothing.
type Writer interface {
	io.Writer
	Commit() (Object, error)
	Abort() error
}

package packager

import (
	"context"
	"io"
)

// Body is a response whose length is known before its bytes are produced. It is safe for concurrent use and owns no
// descriptor: the files it points into outlive it.
type Body interface {
	// Size is the exact number of bytes of the whole body.
	Size() int64
	// WriteRange writes bytes [off, off+n) to w. It writes nothing when the source cannot be read from the start of the
	// range; an error after that leaves w cut short, never padded.
	WriteRange(ctx context.Context, w io.Writer, off, n int64) error
}

// Gatherer is a Body that is a sequence of memory and file extents, which the HTTP server sends with writev or sendfile
// instead of copying through buffers.
type Gatherer interface {
	Body
	// Pieces appends the pieces of [off, off+n) to dst and returns it.
	Pieces(dst []Piece, off, n int64) []Piece
}

// Piece is contiguous bytes: Mem, or N bytes of File at Off.
type Piece struct {
	Mem  []byte
	File File
	Off  int64
	N    int64
}

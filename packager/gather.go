package packager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
)

// Gather returns a body of the pieces in order. It keeps the slice. Pieces of memory have N equal to len(Mem).
func Gather(pieces []Piece) Gatherer {
	g := &gather{pieces: pieces}
	if g.ends = g.few[:0]; len(pieces) > len(g.few) {
		g.ends = make([]int64, 0, len(pieces))
	}
	var end int64
	for _, p := range pieces {
		end += p.N
		g.ends = append(g.ends, end)
	}
	return g
}

// MemPiece is a piece of memory.
func MemPiece(b []byte) Piece { return Piece{Mem: b, N: int64(len(b))} }

type gather struct {
	pieces []Piece
	ends   []int64 // offset after each piece
	few    [4]int64
}

// Size implements Body.
func (g *gather) Size() int64 {
	if len(g.ends) == 0 {
		return 0
	}
	return g.ends[len(g.ends)-1]
}

// Pieces implements Gatherer.
func (g *gather) Pieces(dst []Piece, off, n int64) []Piece {
	off, n = clampRange(off, n, g.Size())
	for i := sort.Search(len(g.ends), func(i int) bool { return g.ends[i] > off }); n > 0; i++ {
		p := g.pieces[i]
		skip := off - (g.ends[i] - p.N)
		p = p.slice(skip, min(n, p.N-skip))
		if p.N > 0 {
			dst = append(dst, p)
		}
		off += p.N
		n -= p.N
	}
	return dst
}

// WriteRange implements Body.
func (g *gather) WriteRange(ctx context.Context, w io.Writer, off, n int64) error {
	return WritePieces(ctx, w, g.Pieces(nil, off, n))
}

func clampRange(off, n, size int64) (int64, int64) {
	off = min(max(off, 0), size)
	return off, min(max(n, 0), size-off)
}

func (p Piece) slice(skip, n int64) Piece {
	if p.Mem != nil {
		return Piece{Mem: p.Mem[skip : skip+n], N: n}
	}
	return Piece{File: p.File, Off: p.Off + skip, N: n}
}

// copyBuffer is what one read of an unmapped file asks for.
const copyBuffer = 256 << 10

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// WritePieces writes the pieces to w in order. The first bytes are read before anything is written, so that an unreadable
// source leaves w untouched.
func WritePieces(ctx context.Context, w io.Writer, pieces []Piece) error {
	if err := probePieces(pieces); err != nil {
		return err
	}
	var buf *[]byte
	defer func() {
		if buf != nil {
			copyBuffers.Put(buf)
		}
	}()
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := p.bytes()
		if b != nil || p.N == 0 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			continue
		}
		if buf == nil {
			buf = copyBuffers.Get().(*[]byte)
		}
		if err := copyPiece(ctx, w, p, *buf); err != nil {
			return err
		}
	}
	return nil
}

// bytes returns the piece's bytes when they are in memory or mapped, else nil.
func (p Piece) bytes() []byte {
	if p.Mem != nil || p.File == nil {
		return p.Mem
	}
	if m := p.File.Bytes(); p.Off+p.N <= int64(len(m)) {
		return m[p.Off : p.Off+p.N]
	}
	return nil
}

// probePieces reads one byte of the first file piece: a body that starts with a computed header must not be begun when
// the media behind it is gone.
func probePieces(pieces []Piece) error {
	for _, p := range pieces {
		if p.File == nil || p.N == 0 {
			continue
		}
		if p.bytes() != nil {
			return nil
		}
		var b [1]byte
		if n, err := p.File.ReadAt(b[:], p.Off); n == 0 {
			return fmt.Errorf("read media at %d: %w", p.Off, unexpected(err))
		}
		return nil
	}
	return nil
}

func copyPiece(ctx context.Context, w io.Writer, p Piece, buf []byte) error {
	for p.N > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(p.N, int64(len(buf)))]
		n, err := p.File.ReadAt(b, p.Off)
		if n > 0 {
			if _, werr := w.Write(b[:n]); werr != nil {
				return werr
			}
		}
		if n < len(b) {
			return fmt.Errorf("read media at %d: %w", p.Off+int64(n), unexpected(err))
		}
		p.Off += int64(n)
		p.N -= int64(n)
	}
	return nil
}

func unexpected(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

package origin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"sluice/packager"
)

// send writes bytes [off, off+n) of body with the status. A body that is not wholly in memory begins only when its first
// bytes have been read, so that an unreadable source is still an error response.
func (x *exchange) send(p *plan, body packager.Body, status int, off, n int64) error {
	x.out.status = status
	if p.body != nil && !p.mapped {
		err := body.WriteRange(x.r.Context(), (*bodyWriter)(x), off, n)
		if err == nil && x.status == 0 {
			x.begin()
		}
		if err == nil && x.sent != n {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	x.pieces = body.(packager.Gatherer).Pieces(x.pieces[:0], off, n)
	touch(x.pieces)
	x.begin()
	return x.push(x.pieces)
}

// touch reads a byte of the first mapped piece: where the file was cut short it faults here, while the response can still
// become an error.
func touch(pieces []packager.Piece) {
	for i := range pieces {
		if p := &pieces[i]; p.File != nil && p.N > 0 {
			touched.Store(uint32(bytesOf(p)[0]))
			return
		}
	}
}

// touched keeps the read from being optimised away.
var touched atomic.Uint32

// begin sends the header, or rather has it wait for the first bytes of the body.
func (x *exchange) begin() {
	x.status = x.out.status
	x.conn, _ = x.r.Context().Value(connKey{}).(*Conn)
	x.w.WriteHeader(x.status)
}

// bodyWriter is what a body that is made piece by piece writes to.
type bodyWriter exchange

func (b *bodyWriter) Write(p []byte) (int, error) {
	x := (*exchange)(b)
	if x.status == 0 {
		x.begin()
	}
	before := x.sent
	x.pieces = append(x.pieces[:0], packager.MemPiece(p))
	err := x.push(x.pieces)
	return int(x.sent - before), err
}

// smallBody is a length up to which net/http's own buffers do as well: a playlist leaves with its header in one write.
const smallBody = 2 << 10

// push writes pieces that are in memory or mapped.
func (x *exchange) push(pieces []packager.Piece) error {
	if len(pieces) == 1 && pieces[0].File == nil && pieces[0].N <= smallBody {
		n, err := x.w.Write(pieces[0].Mem)
		x.sent += int64(n)
		return err
	}
	x.out.ctx, x.out.pieces = x.r.Context(), pieces
	rf, ok := x.w.(io.ReaderFrom)
	if !ok || x.r.ProtoMajor != 1 {
		n, err := x.out.WriteTo(x.w)
		x.sent += n
		return err
	}
	if x.conn != nil {
		// The flush makes net/http write its header, which waits in the connection; without it, net/http would first copy
		// 512 bytes of the body.
		x.conn.hold()
		if f, ok := x.w.(http.Flusher); ok {
			f.Flush()
		}
	}
	n, err := rf.ReadFrom(&x.out)
	x.sent += n
	if x.conn != nil {
		err = errors.Join(err, x.conn.letGo())
	}
	return err
}

// stream is the pieces of a body on their way to a connection. It reads like any reader, and a Conn takes its pieces.
type stream struct {
	ctx    context.Context
	status int
	pieces []packager.Piece
}

// Read implements io.Reader; only a writer that knows neither pieces nor io.WriterTo comes to it.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 {
		piece := &s.pieces[0]
		if piece.N == 0 {
			s.pieces = s.pieces[1:]
			continue
		}
		n := copy(p, bytesOf(piece))
		advance(piece, int64(n))
		return n, nil
	}
	return 0, io.EOF
}

// WriteTo implements io.WriterTo.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	c := counting{w: w}
	err := packager.WritePieces(s.ctx, &c, s.pieces)
	return c.n, err
}

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// bytesOf returns a piece's bytes; push is only given pieces that have them.
func bytesOf(p *packager.Piece) []byte {
	if p.File == nil {
		return p.Mem
	}
	return p.File.Bytes()[p.Off : p.Off+p.N]
}

func advance(p *packager.Piece, n int64) {
	if p.File == nil {
		p.Mem = p.Mem[n:]
	}
	p.Off += n
	p.N -= n
}

// connKey finds the request's Conn in its context.
type connKey struct{}

var _ http.Handler = (*Origin)(nil)

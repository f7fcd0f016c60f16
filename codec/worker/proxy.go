package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// The source proxy lets a child read what is not a local file. A request is offset (8 bytes) and length (4 bytes); the answer
// is a status (1 byte), a length (4 bytes) and that many bytes of data, or of error text.
const (
	proxyOK  = 0
	proxyEOF = 1
	proxyErr = 2

	proxyRequest = 12
	proxyAnswer  = 5
	maxProxyRead = 1 << 20
)

var proxyBuffers = sync.Pool{New: func() any { b := make([]byte, proxyAnswer+maxProxyRead); return &b }}

// proxyServer answers a child's reads from the caller's reader. Its one goroutine ends when the connection closes; a read in
// flight then is waited for, so that the reader is not used after the run returned.
type proxyServer struct {
	conn   *net.UnixConn
	src    io.ReaderAt
	size   int64
	active atomic.Int64 // bytes served: a sign of life
	busy   atomic.Bool  // a read of the source is under way
	err    atomic.Pointer[error]
	done   chan struct{}
}

func serveProxy(conn *net.UnixConn, src io.ReaderAt, size int64) *proxyServer {
	p := &proxyServer{conn: conn, src: src, size: size, done: make(chan struct{})}
	go p.serve()
	return p
}

// close ends the service and waits for it. It returns the first error of the source.
func (p *proxyServer) close() error {
	p.conn.Close()
	<-p.done
	return p.failure()
}

func (p *proxyServer) failure() error {
	if e := p.err.Load(); e != nil {
		return *e
	}
	return nil
}

func (p *proxyServer) serve() {
	defer close(p.done)
	bp := proxyBuffers.Get().(*[]byte)
	defer proxyBuffers.Put(bp)
	buf := *bp
	var req [proxyRequest]byte
	for {
		if _, err := io.ReadFull(p.conn, req[:]); err != nil {
			return
		}
		off := int64(binary.LittleEndian.Uint64(req[:]))
		n := int(min(binary.LittleEndian.Uint32(req[8:]), maxProxyRead))
		status, got := p.read(buf[proxyAnswer:proxyAnswer+n], off)
		buf[0] = status
		binary.LittleEndian.PutUint32(buf[1:], uint32(got))
		if _, err := p.conn.Write(buf[:proxyAnswer+got]); err != nil {
			return
		}
	}
}

// read reads from the source; on failure it leaves the error's text in b for the child, which must not see more.
func (p *proxyServer) read(b []byte, off int64) (status byte, n int) {
	if off < 0 || off >= p.size {
		return proxyEOF, 0
	}
	if rest := p.size - off; int64(len(b)) > rest {
		b = b[:rest]
	}
	p.busy.Store(true)
	n, err := p.src.ReadAt(b, off)
	p.busy.Store(false)
	p.active.Add(int64(max(n, 0)) + 1)
	switch {
	case n > 0: // a short read is fine; the error comes again with the next
		return proxyOK, n
	case err == nil || errors.Is(err, io.EOF):
		return proxyEOF, 0
	}
	p.err.CompareAndSwap(nil, &err)
	return proxyErr, copy(b, "source read failed")
}

// proxyReader is the child's end: an io.ReaderAt over the socket, one read at a time.
type proxyReader struct {
	mu   sync.Mutex
	conn net.Conn
	size int64
	head [proxyRequest]byte
}

func (r *proxyReader) ReadAt(b []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done := 0
	for done < len(b) {
		n, err := r.readSome(b[done:], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (r *proxyReader) readSome(b []byte, off int64) (int, error) {
	b = b[:min(len(b), maxProxyRead)]
	binary.LittleEndian.PutUint64(r.head[:], uint64(off))
	binary.LittleEndian.PutUint32(r.head[8:], uint32(len(b)))
	if _, err := r.conn.Write(r.head[:]); err != nil {
		return 0, err
	}
	var answer [proxyAnswer]byte
	if _, err := io.ReadFull(r.conn, answer[:]); err != nil {
		return 0, err
	}
	n := int(binary.LittleEndian.Uint32(answer[1:]))
	if n > len(b) {
		return 0, fmt.Errorf("source proxy: %d bytes for a read of %d", n, len(b))
	}
	if _, err := io.ReadFull(r.conn, b[:n]); err != nil {
		return 0, err
	}
	switch answer[0] {
	case proxyOK:
		return n, nil
	case proxyEOF:
		return 0, io.EOF
	}
	return 0, errors.New(string(b[:n]))
}

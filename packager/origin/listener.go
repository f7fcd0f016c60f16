package origin

import (
	"context"
	"io"
	"net"
	"syscall"
	"time"
)

// Transport chooses how stored bytes reach the socket.
type Transport int

// Transports. Writev copies from the mapping inside the kernel; Sendfile hands long extents over without a copy, which costs
// less with files that lie in the page cache in large pieces (storage/disk writes them so).
const (
	Writev Transport = iota
	Sendfile
)

// SendfileMin is the length below which an extent goes by writev whatever the transport.
const SendfileMin = 64 << 10

// Listener wraps the TCP connections that l accepts, so that bodies of package packager are sent in one gather with their
// header. Other connections pass unchanged.
func Listener(l net.Listener, t Transport) net.Listener { return &listener{l, t, stallTime} }

type listener struct {
	net.Listener
	transport Transport
	stall     time.Duration // a client that takes nothing for so long is cut off
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return &Conn{TCPConn: tcp, raw: raw, sendfiles: l.transport == Sendfile, stall: l.stall}, nil
}

// ConnContext is for http.Server.ConnContext: it lets a request find its connection, so that the response header waits for the
// first bytes of the body and leaves with them.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if conn, ok := c.(*Conn); ok {
		if conn.short != nil {
			conn.short.ctx = ctx
		}
		return context.WithValue(ctx, connKey{}, conn)
	}
	return ctx
}

// Conn is a TCP connection that sends the origin's bodies from where they lie. Its write side belongs to one request at a
// time, like every HTTP/1 connection.
type Conn struct {
	*net.TCPConn
	raw   syscall.RawConn
	short *shortcut // nil without

	sendfiles bool
	stall     time.Duration

	holding bool
	held    []byte   // the header, while holding
	iov     [][]byte // reused
	out     transfer
}

const (
	batch     = 2 << 20 // bytes sent at a time
	stallTime = 2 * time.Minute
)

// maxHeld bounds the header that waits.
const maxHeld = 32 << 10

// hold makes the next writes wait for a body.
func (c *Conn) hold() { c.holding = true }

// letGo ends the wait and sends what was held back.
func (c *Conn) letGo() error {
	c.holding = false
	if len(c.held) == 0 {
		return nil
	}
	held := c.held
	c.held = c.held[:0]
	_, err := c.TCPConn.Write(held)
	return err
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	if c.holding && len(c.held)+len(p) <= maxHeld {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	// Somebody between the origin and net/http writes the body by itself.
	if err := c.letGo(); err != nil {
		return 0, err
	}
	return c.TCPConn.Write(p)
}

// ReadFrom implements io.ReaderFrom: the origin's streams go by gather, everything else as net.TCPConn does it.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	s, ok := r.(*stream)
	if !ok {
		if err := c.letGo(); err != nil {
			return 0, err
		}
		return c.TCPConn.ReadFrom(r)
	}
	c.holding = false
	defer func() { c.held = c.held[:0] }()
	defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
	return c.sendStream(s)
}

// sendStream sends the header held back and the stream's pieces, in batches.
func (c *Conn) sendStream(s *stream) (sent int64, err error) {
	head := len(c.held)
	c.iov = append(c.iov[:0], c.held)
	size := 0
	for i := range s.pieces {
		p := s.pieces[i]
		if c.sendfiles && p.File != nil && p.File.FD() >= 0 && p.N >= SendfileMin {
			n, err := c.flush(&head, &size, true)
			sent += n
			if err == nil {
				n, err = c.sendfile(p.File.FD(), p.Off, p.N)
				sent += n
			}
			if err != nil {
				return sent, err
			}
			continue
		}
		for b := bytesOf(&p); len(b) > 0; {
			part := b[:min(len(b), batch-size)]
			b = b[len(part):]
			c.iov = append(c.iov, part)
			if size += len(part); size == batch {
				n, err := c.flush(&head, &size, false)
				sent += n
				if err != nil {
					return sent, err
				}
			}
		}
	}
	n, err := c.flush(&head, &size, false)
	return sent + n, err
}

// flush writes the vectors gathered so far and returns how many bytes of bodies went out; head counts the header's bytes still
// in front of them. More says that a sendfile follows at once.
func (c *Conn) flush(head, size *int, more bool) (int64, error) {
	if *size+*head == 0 {
		c.iov = c.iov[:0]
		return 0, nil
	}
	n, err := c.sendmsg(c.iov, more)
	clear(c.iov)
	c.iov = c.iov[:0]
	lead := min(int64(*head), n)
	*head -= int(lead)
	*size = 0
	return n - lead, err
}

package origin

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// shortcut is the reading side of a connection. It knows where each request ends, because it hands net/http whole heads of
// requests without a body, and nothing after them; the first request of another kind ends its work, and from there on bytes
// just pass. All of it belongs to the goroutine that reads; net/http has one at a time.
type shortcut struct {
	o        *Origin
	timeouts Timeouts
	ctx      context.Context // of the connection, from ConnContext; nil turns the shortcut off
	off      bool
	rest     []byte // read and not yet handed on
	given    []byte // the beginning of the next head, which net/http has already

	armed time.Time // when the deadlines of this side were set; zero when they are net/http's
	head  requestHead
	req   http.Request // what the origin's checks look at
	out   []byte       // response under way
	body  stream       // its body, where that lies in files
	turn  turn

	// state says who may end the connection.
	state    atomic.Int32
	siblings *connections // of the front
}

// States of a shortcut.
const (
	passing int32 = iota // what was read last is net/http's, or nothing was read
	busy                 // an answer is under way: Close leaves the end to it
	idle                 // answered, and waiting for another request, of which net/http knows nothing
	closing              // somebody closes it: who answers, if an answer is under way
)

// minBuffer is the least room in which requests are looked for. Net/http asks for a single byte while a handler runs, to learn
// of a client that leaves.
const minBuffer = 1024

func newShortcut(f *Front, remote net.Addr) *shortcut {
	s := &shortcut{o: f.origin, timeouts: f.timeouts, siblings: &f.connections}
	s.req = http.Request{ // HEAD, because the origin is asked for heads only
		Method: http.MethodHead, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header), URL: new(url.URL), RemoteAddr: remote.String(),
	}
	return s
}

// Read implements net.Conn. Hot: BenchmarkLoopback/playlist.
func (c *Conn) Read(p []byte) (int, error) {
	s := c.short
	switch {
	case s == nil:
		return c.TCPConn.Read(p)
	case s.off || s.ctx == nil:
		return c.readOn(p)
	case len(s.given) > 0 || len(p) < minBuffer:
		return c.readBegun(p)
	}
	return c.readRequests(p)
}

// WriteTo implements io.WriterTo through Read: the bytes held back come first.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{c})
}

// Close implements net.Conn. An answer under way may finish, as long as its client takes of it, and closes the connection itself.
func (c *Conn) Close() error {
	if c.short != nil {
		if c.short.state.CompareAndSwap(busy, closing) {
			return nil
		}
		c.short.siblings.remove(c)
	}
	return c.TCPConn.Close()
}

// readOn passes bytes as they are, those held back first.
func (c *Conn) readOn(p []byte) (int, error) {
	s := c.short
	if len(s.rest) == 0 {
		s.rest = nil
		return c.TCPConn.Read(p)
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// readBegun passes bytes of a head that net/http has begun to read, up to its end.
func (c *Conn) readBegun(p []byte) (int, error) {
	s := c.short
	n, err := c.readOn(p)
	s.given = append(s.given, p[:n]...)
	switch s.head.read(s.given) {
	case headPartial:
		s.off = len(s.given) > maxHeld
	case headOdd:
		s.off = true
	default:
		extra := len(s.given) - s.head.size
		s.holdBack(p[n-extra : n])
		n -= extra
		s.given = s.given[:0]
	}
	if s.off {
		s.given = nil
	}
	return n, err
}

// holdBack keeps b in front of what is held back already.
func (s *shortcut) holdBack(b []byte) {
	if len(b) > 0 {
		s.rest = append(bytes.Clone(b), s.rest...)
	}
}

// readRequests answers requests until there is one for net/http, and returns its head, or as much of it as there is.
func (c *Conn) readRequests(p []byte) (int, error) {
	s := c.short
	n := 0
	for {
		if n == 0 {
			var err error
			if s.armed.IsZero() || len(s.rest) > 0 {
				n, err = c.readOn(p)
			} else {
				n, err = c.converse(p)
			}
			if n == 0 || err != nil {
				return n, err
			}
		}
		switch s.head.read(p[:n]) {
		case headPartial:
			s.given = append(s.given[:0], p[:n]...)
			return n, c.handOver()
		case headOdd:
			s.off = true
			return n, c.handOver()
		case headPlain:
			answered, err := c.answer()
			if err != nil {
				return 0, err
			}
			if answered {
				n = copy(p, p[s.head.size:n])
				continue
			}
		}
		s.holdBack(p[s.head.size:n])
		return s.head.size, c.handOver()
	}
}

// begin marks an answer under way.
func (s *shortcut) begin() bool {
	return s.state.CompareAndSwap(passing, busy) || s.state.CompareAndSwap(idle, busy)
}

// end marks it done. False says that the connection is the caller's to close: Close has left that to it, or the listener has
// ended.
func (s *shortcut) end() bool {
	return s.state.CompareAndSwap(busy, idle) && (!s.siblings.closed.Load() || !s.state.CompareAndSwap(idle, closing))
}

// handOver makes the deadlines net/http's again: it is about to set them for a request it reads.
func (c *Conn) handOver() error {
	s := c.short
	if s.armed.IsZero() {
		return nil
	}
	if !s.state.CompareAndSwap(idle, passing) {
		return net.ErrClosed
	}
	s.armed = time.Time{}
	var header time.Time
	if s.timeouts.Header > 0 {
		header = time.Now().Add(s.timeouts.Header)
	}
	if err := c.SetReadDeadline(header); err != nil {
		return err
	}
	return c.SetWriteDeadline(time.Time{})
}

// arm sets the deadlines of an answer and of the wait after it. They are coarse, so that most answers need none set.
func (c *Conn) arm(now time.Time) error {
	s := c.short
	if !s.armed.IsZero() && now.Sub(s.armed) < min(time.Second, max(s.timeouts.Idle/4, time.Millisecond)) {
		return nil
	}
	s.armed = now
	var idle time.Time
	if s.timeouts.Idle > 0 {
		idle = now.Add(s.timeouts.Idle)
	}
	if err := c.SetReadDeadline(idle); err != nil {
		return err
	}
	return c.SetWriteDeadline(now.Add(c.stall))
}

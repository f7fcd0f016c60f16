package remote

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Dial connects to a machine: the guard of package fetch has one that keeps accounts out of the inside.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Timeouts of connections.
const (
	// DialTime bounds the making of a connection with everything that goes before its use.
	DialTime = 30 * time.Second
	// IdleTime ends a connection on which nothing moves.
	IdleTime = 90 * time.Second
	// OpTime bounds an operation other than reading a file.
	OpTime = 2 * time.Minute
)

// MaxListing is the most that the listing of one directory may be, in bytes: it is held in memory. A million names fit.
const MaxListing = 512 << 20

// ErrTooMuch says that a server sends more than any honest answer has.
var ErrTooMuch = errors.New("the server sends more than a listing can have")

// Conn is a connection that ends when nothing moves for IdleTime, or when more comes than was expected of it.
type Conn struct {
	net.Conn
	budget atomic.Int64 // bytes that may still come; negative: any
}

// Guarded returns c as a Conn of which anything may come.
func Guarded(c net.Conn) *Conn {
	g := &Conn{Conn: c}
	g.budget.Store(-1)
	return g
}

// Expect bounds what comes from now on; a negative number lifts the bound.
func (c *Conn) Expect(n int64) { c.budget.Store(n) }

func (c *Conn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(IdleTime)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if left := c.budget.Load(); left >= 0 && n > 0 {
		if int64(n) > left {
			return 0, errors.Join(ErrTooMuch, c.Close())
		}
		c.budget.CompareAndSwap(left, left-int64(n))
	}
	return n, err
}

func (c *Conn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(IdleTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

package origin

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Timeouts are those of the http.Server that a shortcut stands before.
type Timeouts struct {
	Header time.Duration // ReadHeaderTimeout; 0 means none
	Idle   time.Duration // IdleTimeout; 0 means none
}

// Front is a listener whose connections answer what they can: a plain request for text, or for an object that lies in mapped
// files or one range of it, whose plan is in the response cache, is answered on the connection, without net/http, in the same
// bytes. Every other request reaches the server as if nothing stood before it, and so does every request when ConnContext is not the server's,
// over TLS, and when Config.Observe is set. What is answered here does not pass the server's handler: the origin must be mounted
// at the root.
type Front struct {
	listener
	origin   *Origin // nil answers nothing
	timeouts Timeouts
	connections
}

// Listener puts the origin's front before l.
func (o *Origin) Listener(l net.Listener, t Transport, d Timeouts) *Front {
	f := &Front{listener: listener{l, t, stallTime}, origin: o, timeouts: d}
	if o.cfg.Observe != nil {
		f.origin = nil
	}
	return f
}

// Accept implements net.Listener.
func (f *Front) Accept() (net.Conn, error) {
	c, err := f.listener.Accept()
	if conn, ok := c.(*Conn); ok && f.origin != nil {
		conn.short = newShortcut(f, conn.RemoteAddr())
		f.add(conn)
	}
	return c, err
}

// Close implements net.Listener.
func (f *Front) Close() error {
	err := f.Listener.Close()
	f.close()
	return err
}

// Drain is for the end of http.Server.Shutdown, which knows nothing of the answers here: it waits until those under way have left,
// and cuts them off when ctx is done, whose error it returns then.
func (f *Front) Drain(ctx context.Context) error {
	t := time.NewTicker(drainStep)
	defer t.Stop()
	for f.answering() > 0 {
		select {
		case <-ctx.Done():
			f.cut()
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

const drainStep = 10 * time.Millisecond

// connections are those of a front. Net/http takes a connection that was only answered by shortcut for one that is about to
// send its first request, and on a shutdown would wait for that; so the front's end ends them.
type connections struct {
	closed atomic.Bool
	mu     sync.Mutex // guards all
	all    map[*Conn]struct{}
}

func (cs *connections) add(c *Conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.all == nil {
		cs.all = make(map[*Conn]struct{})
	}
	cs.all[c] = struct{}{}
}

func (cs *connections) remove(c *Conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, c)
}

// answering counts the connections with an answer under way.
func (cs *connections) answering() (n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		if s := c.short.state.Load(); s == busy || s == closing {
			n++
		}
	}
	return n
}

// cut ends the answers under way.
func (cs *connections) cut() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		if s := c.short.state.Load(); s == busy || s == closing {
			_ = c.TCPConn.Close() // who answers learns of it
		}
	}
}

// close ends the connections that wait; those that answer end themselves.
func (cs *connections) close() {
	cs.closed.Store(true)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		if c.short.state.CompareAndSwap(idle, closing) {
			_ = c.TCPConn.Close() // its reader learns of it
		}
	}
}

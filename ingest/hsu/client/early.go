package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// early makes connections before they are asked for: over a long line that takes round trips, in which the files are found and the
// session is opened. It is safe for concurrent use.
type early struct {
	dial *tls.Dialer

	mu   sync.Mutex // guards what follows
	made []chan made
}

// made is a connection, or why there is none.
type made struct {
	conn net.Conn
	err  error
	at   time.Time
}

// earlyKeeps is how long a connection on which nothing was asked is used: servers close those soon.
const earlyKeeps = 3 * time.Second

// begin makes n connections to the server, unless a proxy does.
func (e *early) begin(ctx context.Context, server string, n int) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" {
		return
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); proxy != nil || err != nil {
		return
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "443")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for range n {
		to := make(chan made, 1)
		e.made = append(e.made, to)
		go func() {
			conn, err := e.dial.DialContext(ctx, "tcp", addr)
			to <- made{conn, err, time.Now()}
		}()
	}
}

// get is DialTLSContext of the transport: a connection that was made before, or a new one. All requests go to the one server.
func (e *early) get(ctx context.Context, network, addr string) (net.Conn, error) {
	for {
		from := e.next()
		if from == nil {
			return e.dial.DialContext(ctx, network, addr)
		}
		select {
		case m := <-from:
			if m.err == nil && time.Since(m.at) < earlyKeeps {
				return m.conn, nil
			}
			m.close()
		case <-ctx.Done():
			go func() { (<-from).close() }()
			return nil, ctx.Err()
		}
	}
}

func (e *early) next() chan made {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.made) == 0 {
		return nil
	}
	from := e.made[0]
	e.made = e.made[1:]
	return from
}

// close closes what nobody took. The context of begin must have ended, or else it waits for connections that are being made.
func (e *early) close() {
	for from := e.next(); from != nil; from = e.next() {
		(<-from).close()
	}
}

func (m made) close() {
	if m.err == nil {
		m.conn.Close()
	}
}

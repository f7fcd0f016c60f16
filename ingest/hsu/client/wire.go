package client

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"syscall"
	"time"
)

// wire is what the kernel tells of a connection since it was made.
type wire struct {
	arrived      uint32        // segments
	segment      uint64        // their size in bytes
	sent, resent uint64        // bytes
	rtt, least   time.Duration // now, and the least of the last minutes
}

// flow is what the connections of an upload did together for a while.
type flow struct {
	rate  float64       // bytes a second that arrived
	loss  float64       // the part of what was sent that was sent again
	rtt   time.Duration // the mean of the connections
	queue time.Duration // how much longer that is than what the line needs: what waits in front of it
}

// gauge adds up what the kernel tells of connections. It is safe for concurrent use.
type gauge struct {
	mu    sync.Mutex // guards what follows
	live  map[*stream]wire
	total total
}

// total is what the connections of an upload did since it began.
type total struct {
	arrived, sent, resent uint64        // bytes
	rtt, least            time.Duration // the mean of the connections there are, and the least
}

func newGauge() *gauge { return &gauge{live: map[*stream]wire{}} }

func (g *gauge) join(st *stream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if st.raw != nil {
		g.live[st] = wire{}
	}
}

func (g *gauge) leave(st *stream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.live, st)
}

// look returns what is known now; false when the kernel tells nothing, or no connection lives.
func (g *gauge) look() (total, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var sum time.Duration
	n := 0
	g.total.rtt, g.total.least = 0, 0
	for st, was := range g.live {
		is, ok := wireOf(st.raw)
		if !ok {
			continue
		}
		g.total.arrived += uint64(is.arrived-was.arrived) * is.segment
		g.total.sent += is.sent - was.sent
		g.total.resent += is.resent - was.resent
		g.live[st] = is
		if is.rtt == 0 || is.least == 0 {
			continue
		}
		sum += is.rtt
		n++
		if g.total.least == 0 || is.least < g.total.least {
			g.total.least = is.least
		}
	}
	if n == 0 {
		return g.total, false
	}
	g.total.rtt = sum / time.Duration(n)
	return g.total, true
}

// flowOf compares two looks.
func flowOf(was, is total, d time.Duration) flow {
	f := flow{rtt: is.rtt, queue: max(is.rtt-is.least, 0)}
	if d > 0 {
		f.rate = float64(is.arrived-was.arrived) / d.Seconds()
	}
	if sent := is.sent - was.sent; sent > 0 {
		f.loss = float64(is.resent-was.resent) / float64(sent)
	}
	return f
}

// rawConn sees which connection a request gets.
func rawConn(to *syscall.RawConn) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		var c net.Conn = i.Conn
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn()
		}
		if s, ok := c.(syscall.Conn); ok {
			*to, _ = s.SyscallConn() // without it nothing is known
		}
	}}
}

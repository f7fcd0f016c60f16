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
	rtt   time.Duration // the least of the connections that carry something now
	queue time.Duration // how much longer that is than what the line needs: what waits in front of it
	peak  time.Duration // the longest that it was seen
	took  time.Duration // how long it was measured
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
	rtt, least            time.Duration // the least of the connections there are: now, and of the last minutes
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
	t := &g.total
	t.rtt, t.least = 0, 0
	for st, was := range g.live {
		is, ok := wireOf(st.raw)
		if !ok {
			continue
		}
		t.arrived += uint64(is.arrived-was.arrived) * is.segment
		t.sent += is.sent - was.sent
		t.resent += is.resent - was.resent
		g.live[st] = is
		if is.arrived == was.arrived || is.rtt == 0 || is.least == 0 {
			continue // its times are old
		}
		// A receiver that waits before it answers makes a line look longer: one that does not knows better.
		t.rtt, t.least = lesser(t.rtt, is.rtt), lesser(t.least, is.least)
	}
	return *t, t.rtt > 0
}

// lesser is the lesser of two times, of which 0 is none.
func lesser(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// flowOf compares two looks.
func flowOf(was, is total, d time.Duration) flow {
	f := flow{rtt: is.rtt, queue: max(is.rtt-is.least, 0), took: d}
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

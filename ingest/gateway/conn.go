package gateway

import (
	"net"
	"sync/atomic"
	"time"
)

// lively is a connection on which something must happen: every read has until idle after it began, unless idle is 0. Writes have less,
// because a client that reads nothing holds our memory.
type lively struct {
	net.Conn
	idle atomic.Int64 // nanoseconds
}

const writeTime = time.Minute

func newLively(c net.Conn, idle time.Duration) *lively {
	l := &lively{Conn: c}
	l.idle.Store(int64(idle))
	return l
}

func (l *lively) Read(b []byte) (int, error) {
	if idle := time.Duration(l.idle.Load()); idle > 0 {
		if err := l.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return 0, err
		}
	}
	return l.Conn.Read(b)
}

func (l *lively) Write(b []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}

package origin

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// transfer is what is being written to a connection; run is made once, so that a call allocates nothing.
type transfer struct {
	run  func(fd uintptr) bool
	vecs [][]byte // memory; without any, a file's bytes
	more bool     // a file follows at once
	fd   int
	off  int64
	n    int64
	sent int64
	err  error
}

// sendfile sends n bytes of the file at off. The descriptor's own offset is neither used nor moved, so requests share it.
func (c *Conn) sendfile(fd int, off, n int64) (sent int64, err error) {
	for sent < n && err == nil {
		var took int64
		c.out.fd, c.out.off, c.out.n = fd, off+sent, min(n-sent, batch)
		took, err = c.transfer()
		sent += took
	}
	return sent, err
}

// sendmsg sends the vectors, of which it moves the beginnings. More says that a sendfile follows at once, so that the last packet
// waits for it.
func (c *Conn) sendmsg(vecs [][]byte, more bool) (int64, error) {
	t := &c.out
	t.vecs, t.more, t.n = vecs, more, 0
	defer func() { t.vecs = nil }()
	return c.transfer()
}

// transfer sends until all is gone, the connection fails, or its client took nothing for stall.
func (c *Conn) transfer() (int64, error) {
	t := &c.out
	if t.run == nil {
		t.run = t.step
	}
	t.sent, t.err = 0, nil
	var armed time.Time
	for t.err == nil && (len(t.vecs) > 0 || t.n > 0) {
		if now := time.Now(); now.Sub(armed) > c.stall/8 {
			_ = c.SetWriteDeadline(now.Add(c.stall))
			armed = now
		}
		if err := c.raw.Write(t.run); err != nil && t.err == nil {
			t.err = err
		}
	}
	return t.sent, t.err
}

// step makes one system call; false asks to be called again when the socket takes more.
func (t *transfer) step(fd uintptr) bool {
	n, err := t.call(int(fd))
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case errors.Is(err, unix.EINTR):
	case err != nil:
		t.err = err
	default:
		t.took(n)
	}
	return true
}

const maxVecs = 1024

func (t *transfer) call(fd int) (int, error) {
	if len(t.vecs) > 0 {
		flags := unix.MSG_NOSIGNAL
		if t.more {
			flags |= unix.MSG_MORE
		}
		return unix.SendmsgBuffers(fd, t.vecs[:min(len(t.vecs), maxVecs)], nil, nil, flags)
	}
	off := t.off
	n, err := unix.Sendfile(fd, t.fd, &off, int(t.n))
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF // the file was cut short
	}
	return n, err
}

// took moves on by n bytes that were sent.
func (t *transfer) took(n int) {
	t.sent += int64(n)
	if len(t.vecs) == 0 {
		t.off += int64(n)
		t.n -= int64(n)
		return
	}
	for len(t.vecs) > 0 && n >= len(t.vecs[0]) {
		n -= len(t.vecs[0])
		t.vecs = t.vecs[1:]
	}
	if n > 0 {
		t.vecs[0] = t.vecs[0][n:]
	}
}

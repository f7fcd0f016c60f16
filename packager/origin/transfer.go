package origin

import (
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// transfer is what is being written to a connection; run is made once, so that a call allocates nothing.
type transfer struct {
	run  func(fd uintptr) bool
	vecs [][]byte // memory first
	more bool     // a file follows at once
	fd   int      // then a file's bytes
	off  int64
	n    int64
	sent int64
	err  error
}

// sendfile sends n bytes of the file at off. The descriptor's own offset is neither used nor moved, so requests share it.
func (c *Conn) sendfile(fd int, off, n int64) (int64, error) {
	t := &c.out
	t.vecs, t.fd, t.off, t.n = nil, fd, off, n
	return c.transfer()
}

// sendmsg sends the vectors, of which it moves the beginnings. More says that a sendfile follows at once, so that the last packet
// waits for it.
func (c *Conn) sendmsg(vecs [][]byte, more bool) (int64, error) {
	t := &c.out
	t.vecs, t.more, t.n = vecs, more, 0
	return c.transfer()
}

func (c *Conn) transfer() (int64, error) {
	t := &c.out
	if t.run == nil {
		t.run = t.step
	}
	t.sent, t.err = 0, nil
	for t.err == nil && (len(t.vecs) > 0 || t.n > 0) {
		if t.n > 0 {
			_ = c.SetWriteDeadline(time.Now().Add(stallTime))
		}
		if err := c.raw.Write(t.run); err != nil && t.err == nil {
			t.err = err
		}
	}
	t.vecs = nil
	return t.sent, t.err
}

// step makes one system call; false asks to be called again when the socket takes more.
func (t *transfer) step(fd uintptr) bool {
	if len(t.vecs) > 0 {
		return t.stepVecs(int(fd))
	}
	off := t.off
	n, err := unix.Sendfile(int(fd), t.fd, &off, int(min(t.n, batch)))
	switch {
	case err == unix.EAGAIN:
		return false
	case err == unix.EINTR:
		return true
	case err != nil:
		t.err = err
	case n == 0:
		t.err = io.ErrUnexpectedEOF // the file ended: it was cut short
	}
	if n > 0 {
		t.off += int64(n)
		t.n -= int64(n)
		t.sent += int64(n)
	}
	return true
}

const maxVecs = 1024

func (t *transfer) stepVecs(fd int) bool {
	flags := unix.MSG_NOSIGNAL
	if t.more {
		flags |= unix.MSG_MORE
	}
	n, err := unix.SendmsgBuffers(fd, t.vecs[:min(len(t.vecs), maxVecs)], nil, nil, flags)
	switch {
	case err == unix.EAGAIN:
		return false
	case err == unix.EINTR:
		return true
	case err != nil:
		t.err = err
		return true
	}
	t.sent += int64(n)
	for len(t.vecs) > 0 && n >= len(t.vecs[0]) {
		n -= len(t.vecs[0])
		t.vecs = t.vecs[1:]
	}
	if n > 0 {
		t.vecs[0] = t.vecs[0][n:]
	}
	return true
}

package origin

import (
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// fileSend is the state of a sendfile in progress; run is made once, so that a call allocates nothing.
type fileSend struct {
	run  func(fd uintptr) bool
	vecs [][]byte
	fd   int
	off  int64
	n    int64
	sent int64
	err  error
}

// sendfile sends n bytes of the file at off. The descriptor's own offset is neither used nor moved, so requests share it.
func (c *Conn) sendfile(fd int, off, n int64) (int64, error) {
	f := &c.file
	if f.run == nil {
		f.run = f.step
	}
	f.fd, f.off, f.n, f.sent, f.err, f.vecs = fd, off, n, 0, nil, nil
	for f.n > 0 && f.err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(stallTime))
		if err := c.raw.Write(f.run); err != nil && f.err == nil {
			f.err = err
		}
	}
	return f.sent, f.err
}

// sendMore sends the gathered vectors and tells the kernel that more follows, so that the last packet is filled up.
func (c *Conn) sendMore() (int64, error) {
	f := &c.file
	if f.run == nil {
		f.run = f.step
	}
	f.vecs, f.sent, f.err, f.n = c.iov, 0, nil, 0
	for len(f.vecs) > 0 && f.err == nil {
		if err := c.raw.Write(f.run); err != nil && f.err == nil {
			f.err = err
		}
	}
	return f.sent, f.err
}

// step makes one system call; false asks to be called again when the socket takes more.
func (f *fileSend) step(fd uintptr) bool {
	if len(f.vecs) > 0 {
		return f.stepVecs(int(fd))
	}
	off := f.off
	n, err := unix.Sendfile(int(fd), f.fd, &off, int(min(f.n, batch)))
	switch {
	case err == unix.EAGAIN:
		return false
	case err == unix.EINTR:
		return true
	case err != nil:
		f.err = err
	case n == 0:
		f.err = io.ErrUnexpectedEOF // the file ended: it was cut short
	}
	if n > 0 {
		f.off += int64(n)
		f.n -= int64(n)
		f.sent += int64(n)
	}
	return true
}

const maxVecs = 1024

func (f *fileSend) stepVecs(fd int) bool {
	n, err := unix.SendmsgBuffers(fd, f.vecs[:min(len(f.vecs), maxVecs)], nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
	switch {
	case err == unix.EAGAIN:
		return false
	case err == unix.EINTR:
		return true
	case err != nil:
		f.err = err
		return true
	}
	f.sent += int64(n)
	for n > 0 && len(f.vecs) > 0 {
		if n < len(f.vecs[0]) {
			f.vecs[0] = f.vecs[0][n:]
			break
		}
		n -= len(f.vecs[0])
		f.vecs = f.vecs[1:]
	}
	for len(f.vecs) > 0 && len(f.vecs[0]) == 0 {
		f.vecs = f.vecs[1:]
	}
	return true
}

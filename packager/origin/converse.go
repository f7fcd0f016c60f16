package origin

import (
	"io"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// turn is the state of a conversation: requests that come one at a time, each whole, each answered before the next.
type turn struct {
	step   func(fd uintptr) bool // made once
	in     []byte
	n      int // bytes of in that are somebody else's to answer
	reply  answering
	unsent []byte // what the socket did not take of the answer
	under  bool   // the answer is not done
	closed bool   // the connection is to be closed
	err    error
}

// converse waits for a request and answers it, and so on, until one comes that it does not answer: that lies in p[:n].
//
// It saves a third of the system calls. A reader of a net.Conn tries, is told that there is nothing yet, waits, and reads. Here
// the wait follows the answer at once: what was read did not fill the buffer, so that the socket was empty then, and the
// poller (edge-triggered, epoll(7)) remembers what comes after. The one thing that it does not tell again is an end of the
// stream that came together with a request: such a connection stays until its idle deadline.
func (c *Conn) converse(p []byte) (n int, err error) {
	t := &c.short.turn
	if t.step == nil {
		t.step = c.step
	}
	for {
		t.in, t.n, t.under, t.closed, t.err = p, 0, false, false, nil
		if err := c.raw.Read(t.step); err != nil && t.err == nil {
			t.err = err
		}
		t.in = nil
		switch {
		case t.under && t.err == nil:
			if err := c.complete(t.reply, t.unsent); err != nil {
				return 0, err
			}
			t.reply, t.unsent = answering{}, nil
			continue
		case t.closed:
			_ = c.TCPConn.Close() // not in step, which holds the descriptor
		}
		return t.n, t.err
	}
}

// step does what the descriptor is ready for; false waits for more to read.
func (c *Conn) step(fd uintptr) bool {
	s, t := c.short, &c.short.turn
	for {
		n, errno := readNow(fd, t.in)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR:
			continue
		case errno != 0:
			t.err = os.NewSyscallError("read", errno)
			return true
		case n == 0:
			t.err = io.EOF
			return true
		}
		if n == len(t.in) || s.head.read(t.in[:n]) != headPlain || s.head.size != n {
			t.n = n
			return true
		}
		r, ok, err := c.compose()
		switch {
		case err != nil:
			t.err = err
			return true
		case !ok:
			t.n = n
			return true
		}
		return c.deliver(fd, r)
	}
}

// deliver sends the answer as far as the socket takes it at once; true ends the conversation.
func (c *Conn) deliver(fd uintptr, r answering) bool {
	s, t := c.short, &c.short.turn
	t.reply, t.unsent, t.under = r, s.out, true
	if len(r.tail) > 0 || r.stored {
		return true
	}
	if n := writeNow(fd, s.out); n < len(s.out) {
		t.unsent = s.out[n:]
		return true
	}
	t.under = false
	s.answered(r)
	if t.err = c.arm(r.start); t.err != nil {
		return true
	}
	if !s.end() {
		t.closed, t.err = true, net.ErrClosed
	}
	return t.closed
}

// readNow and writeNow are read(2) and write(2) of a socket that does not block. The scheduler is not told of them: that costs as
// much as the rest of the way there.
func readNow(fd uintptr, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(n), errno
}

// writeNow returns how much was taken; an error takes nothing, and comes again.
func writeNow(fd uintptr, p []byte) int {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// request is one HTTP request to repeat: a path, and a Range when it is set.
type request struct {
	path string
	rng  string
}

// load is a bounded load on one server of this machine.
type load struct {
	addr     string
	requests []request
	conns    int
	duration time.Duration
	timed    bool // keeps how long each request took
}

// served is what a load achieved.
type served struct {
	requests int64
	bytes    int64
	elapsed  time.Duration
	times    []time.Duration
}

func (s served) perSecond() float64 { return float64(s.requests) / s.elapsed.Seconds() }

// run repeats random requests over keep-alive connections until the duration is over. Bodies are dropped inside the kernel
// (MSG_TRUNC), so that the server, not the client, is measured.
func (l load) run(ctx context.Context) (served, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	start := time.Now()
	results := make([]served, l.conns)
	errs := make([]error, l.conns)
	var wg sync.WaitGroup
	for i := range l.conns {
		wg.Go(func() { results[i], errs[i] = l.connection(ctx) })
	}
	wg.Wait()
	total := served{elapsed: time.Since(start)}
	for _, r := range results {
		total.requests += r.requests
		total.bytes += r.bytes
		total.times = append(total.times, r.times...)
	}
	return total, errors.Join(errs...)
}

func (l load) connection(ctx context.Context) (s served, err error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", l.addr)
	if err != nil {
		if ctx.Err() != nil {
			return s, nil
		}
		return s, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(l.duration + 10*time.Second)); err != nil {
		return s, err
	}
	raw := make([][]byte, len(l.requests))
	for i, r := range l.requests {
		raw[i] = r.bytes(l.addr)
	}
	in := bufio.NewReaderSize(c, 4<<10)
	drop := newDropper(c.(*net.TCPConn))
	for ctx.Err() == nil {
		i := rand.IntN(len(raw))
		began := time.Now()
		if _, err := c.Write(raw[i]); err != nil {
			return s, err
		}
		n, err := readHead(in)
		if err != nil {
			return s, fmt.Errorf("%s: %w", l.requests[i].path, err)
		}
		left := n - int64(in.Buffered())
		if left < 0 {
			left = 0
		}
		if _, err := in.Discard(int(min(n, int64(in.Buffered())))); err != nil {
			return s, err
		}
		if err := drop.discard(left); err != nil {
			return s, fmt.Errorf("%s: body: %w", l.requests[i].path, err)
		}
		if l.timed {
			s.times = append(s.times, time.Since(began))
		}
		s.requests++
		s.bytes += n
	}
	return s, nil
}

func (r request) bytes(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", r.path, host)
	if r.rng != "" {
		fmt.Fprintf(&b, "Range: %s\r\n", r.rng)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// readHead reads a response's head and returns the body's length.
func readHead(in *bufio.Reader) (int64, error) {
	tp := textproto.NewReader(in)
	status, err := tp.ReadLine()
	if err != nil {
		return 0, err
	}
	if f := strings.Fields(status); len(f) < 2 || (f[1] != "200" && f[1] != "206") {
		return 0, fmt.Errorf("answer %q", status)
	}
	head, err := tp.ReadMIMEHeader()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(head.Get("Content-Length"), 10, 64)
	if err != nil {
		return 0, errors.New("answer without Content-Length")
	}
	return n, nil
}

// dropper discards received bytes without copying them to user space.
type dropper struct {
	conn *net.TCPConn
	buf  []byte
}

func newDropper(c *net.TCPConn) *dropper { return &dropper{conn: c, buf: make([]byte, 1<<20)} }

func (d *dropper) discard(n int64) error {
	raw, err := d.conn.SyscallConn()
	if err != nil {
		return err
	}
	for n > 0 {
		var got int
		var recvErr error
		err := raw.Read(func(fd uintptr) bool {
			got, _, recvErr = unix.Recvfrom(int(fd), d.buf[:min(n, int64(len(d.buf)))], unix.MSG_TRUNC)
			return recvErr != unix.EAGAIN
		})
		if err != nil {
			return err
		}
		if recvErr != nil {
			return recvErr
		}
		if got == 0 {
			return io.ErrUnexpectedEOF
		}
		n -= int64(got)
	}
	return nil
}

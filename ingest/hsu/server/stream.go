package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/hsu"
	"sluice/storage"
)

var errFull = storage.ErrFull

const (
	// idle is how long a stream may be silent: clients give a sign of life more often.
	idle = time.Minute
	// ackTimeout bounds writing acknowledgements to a client that does not read them.
	ackTimeout = 30 * time.Second
	upgraded   = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + hsu.Protocol + "\r\n\r\n"
	// maxAcks bounds those that wait to be written.
	maxAcks = 1 << 16
)

// stream upgrades a connection and takes blocks from it until it ends.
func (s *Server) stream(x *session, w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Upgrade") != hsu.Protocol {
		return invalid("want a connection that is upgraded to %s", hsu.Protocol)
	}
	if x.streams.Add(1) > int64(s.cfg.MaxStreams) {
		x.streams.Add(-1)
		return invalid("the session has %d streams already", s.cfg.MaxStreams)
	}
	defer x.streams.Add(-1)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(x.ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, upgraded); err != nil {
		return nil
	}
	streamsOpen.Inc()
	defer streamsOpen.Dec()
	a := newAcks()
	var writing sync.WaitGroup
	writing.Go(func() {
		a.writeTo(conn)
		conn.Close() // a stream that cannot be answered is of no use
	})
	eager := answersAtOnce(conn)
	err = x.take(x.ctx, rw.Reader, a, func() error {
		eager()
		return conn.SetReadDeadline(time.Now().Add(idle))
	}, 0)
	a.close()
	writing.Wait()
	if errors.Is(err, hsu.ErrFrame) {
		s.cfg.Log.Warn("high-speed upload: stream ended", "transfer", x.transfer.ID, "error", err)
	}
	return nil // the connection is hijacked: there is nobody to tell
}

// answersAtOnce returns what makes the kernel confirm at once what comes next: senders take a confirmation that waits for more for a
// longer line. It lasts for some segments only (tcp(7), TCP_QUICKACK).
func answersAtOnce(conn net.Conn) func() {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	s, ok := conn.(syscall.Conn)
	if !ok {
		return func() {}
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }
	return func() { _ = raw.Control(set) }
}

// run takes a few blocks from a request's body, and answers when all of them are.
func (s *Server) run(x *session, w http.ResponseWriter, r *http.Request) error {
	a := newAcks()
	err := x.take(r.Context(), bufio.NewReaderSize(r.Body, 64<<10), a, func() error { return nil }, hsu.RunBlocks)
	if errors.Is(err, hsu.ErrFrame) {
		return refusal{hsu.CodeInvalid, err}
	}
	if err != nil {
		return err
	}
	out, err := a.all(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(out)
	return nil
}

// blocks are buffers for one block each.
var blocks = sync.Pool{New: func() any { b := make([]byte, hsu.BlockSize); return &b }}

// take reads blocks until the end of in, at most most of them if it is above 0. Every block is answered.
//
// This is the hot path: it allocates nothing a block but what storing needs.
func (x *session) take(ctx context.Context, in *bufio.Reader, a *acks, alive func() error, most int) error {
	p := blocks.Get().(*[]byte)
	defer blocks.Put(p)
	head := make([]byte, hsu.HeaderSize)
	for n := 0; ; {
		if err := alive(); err != nil {
			return err
		}
		if _, err := io.ReadFull(in, head); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		h, err := hsu.ParseHeader(head)
		if err != nil {
			return err
		}
		x.touch()
		if h.Ping { // nothing follows now
			x.journal.kick()
			continue
		}
		if n++; most > 0 && n > most {
			return fmt.Errorf("%w: more than %d blocks", hsu.ErrFrame, most)
		}
		b := (*p)[:h.Length]
		if err := fill(in, b, alive); err != nil {
			return err
		}
		if err := x.share().Take(ctx, len(b)); err != nil {
			return err
		}
		x.store(h, b, a)
	}
}

// fill reads len(b) bytes; slow lines get time for each part of them.
func fill(in io.Reader, b []byte, alive func() error) error {
	for len(b) > 0 {
		n := min(len(b), 256<<10)
		if err := alive(); err != nil {
			return err
		}
		if _, err := io.ReadFull(in, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// store checks a block and writes it where it belongs. It answers it at once when it is refused or was here before; else the
// journal does.
func (x *session) store(h hsu.Header, b []byte, a *acks) {
	ack := hsu.Ack{File: h.File, Offset: h.Offset, Length: h.Length}
	a.expect()
	f, row, code, have := x.find(h)
	switch {
	case code != 0:
	case have:
		a.send(ack)
		return
	case !h.Intact(b) || hsu.LeafOf(b) != h.Leaf:
		code = hsu.Damaged
	default:
		code = x.write(row, b, h.Offset)
	}
	blocksTotal.WithLabelValues(outcomes[code]).Inc()
	if code != 0 {
		ack.Code = code
		a.send(ack)
		return
	}
	bytesTotal.Add(float64(h.Length))
	x.hold.Arrived(int64(h.Length))
	x.mu.Lock()
	f.leaf(h.Offset/hsu.BlockSize, h.Leaf)
	x.mu.Unlock()
	x.journal.wrote(f, a, ack)
}

// find looks a block's file up. The flag says that the block is there already.
func (x *session) find(h hsu.Header) (*file, catalog.TransferFile, hsu.Code, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.files[h.File]
	if f == nil {
		return nil, catalog.TransferFile{}, hsu.Unknown, false
	}
	end := h.Offset + int64(h.Length)
	switch {
	case f.row.Status == catalog.FileFailed:
		return nil, f.row, hsu.Failed, false
	case f.row.Status == catalog.FileDone:
		return f, f.row, 0, true
	case f.row.Size >= 0 && end != min(h.Offset+hsu.BlockSize, f.row.Size), f.row.Size < 0 && h.Length != hsu.BlockSize:
		return nil, f.row, hsu.Unknown, false
	case len(f.row.Extents.MissingIn(h.Offset, end)) == 0:
		return f, f.row, 0, true
	}
	return f, f.row, 0, false
}

func (x *session) write(row catalog.TransferFile, b []byte, at int64) hsu.Code {
	start := time.Now()
	defer func() { x.pressure.storing.Add(int64(time.Since(start))) }()
	f, err := x.to.openNew(row)
	if err == nil {
		_, err = f.WriteAt(b, at)
		err = errors.Join(err, f.Close())
	}
	switch err = full(err); {
	case err == nil:
		return 0
	case errors.Is(err, storage.ErrFull):
		x.pressure.fullAt.Store(time.Now().UnixNano())
		return hsu.Full
	case errors.Is(err, os.ErrNotExist), errors.Is(err, errHanded):
		return hsu.Unknown
	}
	x.server.cfg.Log.Error("high-speed upload: a block could not be written", "transfer", x.transfer.ID, "file", row.Number, "error", err)
	return hsu.Busy
}

// acks gathers the answers to the blocks of one stream, or of one request.
type acks struct {
	mu      sync.Mutex // guards what follows
	changed sync.Cond
	out     []byte
	owed    int // blocks that are not answered
	closed  bool
}

func newAcks() *acks {
	a := &acks{}
	a.changed.L = &a.mu
	return a
}

func (a *acks) expect() {
	a.mu.Lock()
	a.owed++
	a.mu.Unlock()
}

// send adds an answer. A client that never reads its answers loses the stream.
func (a *acks) send(k hsu.Ack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owed--
	a.closed = a.closed || len(a.out) >= maxAcks*hsu.AckSize
	if !a.closed {
		a.out = k.Append(a.out)
	}
	a.changed.Broadcast()
}

func (a *acks) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.changed.Broadcast()
}

// writeTo writes answers as they come, until close or an error.
func (a *acks) writeTo(conn net.Conn) {
	var buf []byte
	for {
		a.mu.Lock()
		for len(a.out) == 0 && !a.closed {
			a.changed.Wait()
		}
		buf, a.out = a.out, buf[:0]
		closed := a.closed
		a.mu.Unlock()
		if len(buf) > 0 {
			if err := conn.SetWriteDeadline(time.Now().Add(ackTimeout)); err != nil {
				return
			}
			if _, err := conn.Write(buf); err != nil {
				return
			}
		}
		if closed {
			return
		}
	}
}

// all waits until every block is answered and returns the answers.
func (a *acks) all(ctx context.Context) ([]byte, error) {
	defer context.AfterFunc(ctx, a.close)()
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.owed > 0 && !a.closed {
		a.changed.Wait()
	}
	if a.owed > 0 {
		return nil, ctx.Err()
	}
	return a.out, nil
}

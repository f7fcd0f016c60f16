package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/ingest/hsu"
)

const (
	// writePiece is what is written at a time, so that rates are even and a dead line is noticed; where little may be sent it is less,
	// down to leastPiece, so that no stream waits long for the others.
	writePiece, leastPiece = 256 << 10, 32 << 10
	pieceEvery             = 2500 * time.Microsecond
	// fillTo is how much is gathered of small blocks before it is written, and leastFill when little is left: what a slow stream took is
	// what the others wait for in the end.
	fillTo, leastFill = 512 << 10, 64 << 10
	// pingEvery is how often an idle stream gives a sign of life, stall how long one may make no progress.
	pingEvery = 15 * time.Second
	stall     = 2 * time.Minute
)

// errNoUpgrade says that something on the way does not let connections be upgraded.
var errNoUpgrade = errors.New("the connection is not upgraded")

// spent counts what streams spend their time on, in nanoseconds.
type spent struct{ reading, pacing, network atomic.Int64 }

// stream is one connection that carries blocks.
type stream struct {
	u       *upload
	conn    io.ReadWriteCloser
	raw     syscall.RawConn // of it, as far as it is known
	session int
	quit    <-chan struct{} // no more blocks are to be taken
	alive   atomic.Int64    // Unix nanoseconds of the last progress

	mu    sync.Mutex // guards onWay
	onWay map[key]block
}

type key struct {
	file   uint32
	offset int64
}

// connectStream opens a stream.
func (u *upload) connectStream(ctx context.Context, quit <-chan struct{}) (*stream, error) {
	s, session := u.current()
	var raw syscall.RawConn
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, rawConn(&raw)), http.MethodGet, u.o.Server+hsu.Path+"/"+s.ID+"/stream", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", hsu.Protocol)
	res, err := u.api.http.Transport.RoundTrip(req)
	if err != nil {
		return nil, trusted(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer res.Body.Close()
		err := failure(res)
		var r *refused
		if errors.As(err, &r); r.Code == "" && r.status < 500 {
			return nil, fmt.Errorf("%w: %w", errNoUpgrade, err)
		}
		return nil, err
	}
	conn, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		return nil, errNoUpgrade
	}
	st := &stream{u: u, conn: conn, raw: raw, session: session, quit: quit, onWay: map[key]block{}}
	st.touch()
	return st, nil
}

func (st *stream) touch() { st.alive.Store(time.Now().UnixNano()) }

// run sends blocks until quit or an error; what is not answered then goes back to the schedule.
func (st *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { st.conn.Close() })()
	st.u.wires.join(st)
	defer st.u.wires.leave(st)
	var all sync.WaitGroup
	all.Go(func() { cancel(st.readAcks()) })
	all.Go(func() { st.guard(ctx, cancel) })
	err := st.send(ctx)
	if err == nil {
		err = st.drain(ctx)
	}
	cause := context.Cause(ctx)
	cancel(nil)
	st.conn.Close()
	all.Wait()
	st.u.sched.lost(st.rest())
	if err != nil && cause != nil {
		return cause
	}
	return err
}

func (st *stream) rest() []block {
	st.mu.Lock()
	defer st.mu.Unlock()
	out := make([]block, 0, len(st.onWay))
	for _, b := range st.onWay {
		out = append(out, b)
	}
	return out
}

// readAcks takes answers until the connection ends.
func (st *stream) readAcks() error {
	b := make([]byte, hsu.AckSize)
	for {
		if _, err := io.ReadFull(st.conn, b); err != nil {
			return fmt.Errorf("stream ended: %w", err)
		}
		st.touch()
		a, err := hsu.ParseAck(b)
		if err != nil {
			return err
		}
		k := key{a.File, a.Offset}
		st.mu.Lock()
		blk, ok := st.onWay[k]
		delete(st.onWay, k)
		st.mu.Unlock()
		if ok {
			st.u.sched.answered(blk, a.Code)
		}
	}
}

// guard ends a stream that makes no progress.
func (st *stream) guard(ctx context.Context, cancel context.CancelCauseFunc) {
	for sleep(ctx, stall/8) == nil {
		if time.Since(time.Unix(0, st.alive.Load())) > stall {
			cancel(errors.New("stream ended: no answer"))
			return
		}
	}
}

// send takes blocks and writes them, several small ones together.
//
// This is the hot path: a block is read into the buffer that is written.
func (st *stream) send(ctx context.Context) error {
	buf := make([]byte, 0, fillTo+2*(hsu.BlockSize+hsu.HeaderSize))
	told := true // that nothing follows what was sent
	for {
		select {
		case <-st.quit:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if st.u.sched.sessions() != st.session {
			return errors.New("the stream's session ended")
		}
		var changed <-chan struct{}
		var wait time.Duration
		fill := st.u.sched.fair(int(st.u.running.Load()))
		for buf = buf[:0]; len(buf) < fill; {
			var b block
			if b, changed, wait = st.u.sched.take(st.session); b.it == nil {
				break
			}
			buf = st.frame(buf, b)
		}
		if len(buf) > 0 {
			if err := st.write(ctx, buf); err != nil {
				return err
			}
			told = false
			continue
		}
		if !told && st.u.sched.drained() { // the server need not wait for more before it answers
			if err := st.ping(); err != nil {
				return err
			}
			told = true
		}
		if err := st.idle(ctx, changed, min(wait, pingEvery)); err != nil {
			return err
		}
	}
}

// idle waits for something to send, and gives a sign of life when there is nothing for long.
func (st *stream) idle(ctx context.Context, changed <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-changed:
		return nil
	case <-st.quit:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	}
	if d < pingEvery {
		return nil
	}
	return st.ping()
}

// ping gives a sign of life, and says that nothing follows now.
func (st *stream) ping() error {
	ping := make([]byte, hsu.HeaderSize)
	hsu.Header{Ping: true}.Put(ping)
	if _, err := st.conn.Write(ping); err != nil {
		return err
	}
	st.touch()
	return nil
}

// frame appends a block with its header, unless it cannot be read.
func (st *stream) frame(buf []byte, b block) []byte {
	out, ok := st.u.frame(buf, b)
	if ok {
		st.mu.Lock()
		st.onWay[key{b.it.number, b.offset()}] = b
		st.mu.Unlock()
	}
	return out
}

// frame appends a block with its header. A file that cannot be read, or is not what it was, fails.
func (u *upload) frame(buf []byte, b block) ([]byte, bool) {
	start := time.Now()
	defer func() { u.spent.reading.Add(int64(time.Since(start))) }()
	at := len(buf)
	buf = buf[:at+hsu.HeaderSize+b.length]
	data := buf[at+hsu.HeaderSize:]
	if err := u.read(b, data); err != nil {
		u.sched.lost([]block{b})
		if r, ok := u.sched.fail(b.it, err.Error()); ok {
			u.ended(r)
		}
		return buf[:at], false
	}
	h := hsu.HeaderOf(b.it.number, b.offset(), data)
	h.Put(buf[at:])
	u.sched.read(b, h.Leaf)
	return buf, true
}

// read reads a block of a file that must be what it was when it was found.
func (u *upload) read(b block, data []byte) error {
	f, err := os.Open(b.it.file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.ReadAt(data, b.offset()); err != nil {
		return fmt.Errorf("read %s: %w", b.it.file, err)
	}
	if u.o.Growing {
		return nil
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != b.it.size || st.ModTime().UnixNano() != b.it.modified {
		return fmt.Errorf("%s changed while it was sent", b.it.file)
	}
	return nil
}

// write writes frames at the rate that is allowed.
func (st *stream) write(ctx context.Context, buf []byte) error {
	for len(buf) > 0 {
		n := min(len(buf), st.u.pace.piece())
		if err := st.u.pace.take(ctx, n, &st.u.spent.pacing); err != nil {
			return err
		}
		start := time.Now()
		_, err := st.conn.Write(buf[:n])
		st.u.spent.network.Add(int64(time.Since(start)))
		if err != nil {
			return err
		}
		st.touch()
		st.u.sched.wrote(n)
		buf = buf[n:]
	}
	return nil
}

// drain waits for the answers to what was sent.
func (st *stream) drain(ctx context.Context) error {
	for {
		changed := st.u.sched.watch()
		st.mu.Lock()
		left := len(st.onWay)
		st.mu.Unlock()
		if left == 0 {
			return nil
		}
		if !st.u.sched.idle(ctx, changed, time.Second) {
			return ctx.Err()
		}
	}
}

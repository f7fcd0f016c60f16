package link

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const framing = 38 // bytes of Ethernet around a packet

// pipe is one direction of the line. What becomes of a segment is decided for each; those of a frame that come through in a row
// travel together, as run, from the arena that they were read to.
//
// It allocates nothing a packet, and makes one system call a frame and end.
type pipe struct {
	link     *Link
	c        Config
	from, to int
	lossy    bool

	arena []byte
	made  int64        // bytes of the arena that were ever used; of the reader
	taken atomic.Int64 // and given back, by deliver
	runs  []run
	free  chan int // indices of runs that may be filled
	full  chan int // and of those that wait to be delivered, in order

	ends time.Time // when the line has sent what it took
}

// run is segments that come through.
type run struct {
	at      time.Time // when it is delivered
	head    []byte
	store   [maxHead]byte // of head
	payload []byte
	end     int64 // of the payload, counted as pipe.made is
}

func newPipe(l *Link, c Config, from, to int, lossy bool) *pipe {
	hold := float64(c.Rate) / 8 * (c.Delay + c.Queue).Seconds() // bytes that the line and its queue hold
	n := 64 + int(hold/(mtu/4))
	p := &pipe{
		link: l, c: c, from: from, to: to, lossy: lossy, arena: make([]byte, 2*int(hold)+16*maxFrame), runs: make([]run, n),
		free: make(chan int, n), full: make(chan int, n),
	}
	for i := range n {
		p.free <- i
	}
	return p
}

func (p *pipe) run() {
	var delivering sync.WaitGroup
	delivering.Go(p.deliver)
	p.read()
	close(p.full)
	delivering.Wait()
}

// read takes frames from the device and decides what becomes of them.
func (p *pipe) read() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		size := int64(len(p.arena))
		if rest := size - p.made%size; rest < maxFrame {
			p.made += rest
		}
		for p.made+maxFrame-p.taken.Load() > size { // cannot be, unless deliver is far behind: the device's queue waits
			time.Sleep(time.Millisecond)
		}
		at := p.made % size
		n, ok := p.next(p.arena[at : at+maxFrame])
		if !ok {
			return
		}
		if n > vnetSize {
			p.carry(p.arena[at:at+int64(n)], time.Now())
		}
	}
}

// carry decides what becomes of a frame's segments.
func (p *pipe) carry(frame []byte, now time.Time) {
	s := shapeOf(frame)
	if p.ends.Before(now) {
		p.ends = now
	}
	base := p.made
	begun := -1 // of the run; -1 for none
	for from := 0; s.head+from < len(frame); from += s.size {
		to := min(from+s.size, len(frame)-s.head)
		if p.passes(s.head-vnetSize+to-from, now) {
			if begun < 0 {
				begun = from
			}
		} else if begun >= 0 {
			p.send(s, frame, begun, from, base)
			begun = -1
		}
	}
	if begun >= 0 {
		p.send(s, frame, begun, len(frame)-s.head, base)
	}
}

// passes says whether a segment comes through.
func (p *pipe) passes(n int, now time.Time) bool {
	if p.ends.Sub(now) > p.c.Queue {
		p.count(&p.link.Dropped)
		return false
	}
	p.ends = p.ends.Add(time.Duration(int64(n+framing) * 8 * int64(time.Second) / p.c.Rate))
	if p.lossy && uint64(rand.Uint32()) < p.link.loss.Load() {
		p.count(&p.link.Lost)
		return false
	}
	return true
}

func (p *pipe) count(n *atomic.Int64) {
	if p.lossy {
		n.Add(1)
	}
}

// send sends the payload's bytes [from, to) of a frame that lies at base of the arena.
func (p *pipe) send(s shape, frame []byte, from, to int, base int64) {
	i := <-p.free
	r := &p.runs[i]
	r.at, r.head, r.payload = p.ends.Add(p.c.Delay), s.headOf(r.store[:], frame, from, to), frame[s.head+from:s.head+to]
	p.made = base + int64(s.head+to)
	r.end = p.made
	p.full <- i
}

// next reads a frame, until the line is closed.
func (p *pipe) next(buf []byte) (int, bool) {
	for {
		n, err := unix.Read(p.from, buf)
		if err == nil {
			return n, true
		}
		select {
		case <-p.link.stop:
			return 0, false
		default:
		}
		fds := []unix.PollFd{{Fd: int32(p.from), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, 100); err != nil && !errors.Is(err, unix.EINTR) {
			return 0, false
		}
	}
}

// deliver writes runs when their time has come.
func (p *pipe) deliver() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	parts := make([][]byte, 2)
	for i := range p.full {
		r := &p.runs[i]
		if wait := time.Until(r.at); wait > 0 {
			ts := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&ts, nil)
		}
		parts[0], parts[1] = r.head, r.payload
		_, _ = unix.Writev(p.to, parts) // a frame that the device does not take is lost
		p.taken.Store(r.end)
		p.free <- i
	}
}

package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Config is what a line is like.
type Config struct {
	Rate  int64         // bits a second
	Delay time.Duration // one way
	Queue time.Duration // of the drop-tail queue before the line
	Loss  float64       // of packets from A to B
	// Congestion is the TCP congestion control of those who ask for none.
	Congestion string
}

// Addresses of the two ends.
const (
	AddrA = "10.99.0.1"
	AddrB = "10.99.0.2"
)

const (
	mtu     = 1500
	framing = 38 // bytes of Ethernet around a packet
	window  = 64 << 20
)

// Link is a line. Close removes it.
type Link struct {
	A, B string // the namespaces' names
	ends [2]int // file descriptors of the TUN devices
	stop chan struct{}
	all  sync.WaitGroup
	// Dropped and Lost count packets from A to B.
	Dropped, Lost atomic.Int64
	loss          atomic.Uint64 // in 1/2^32
}

// ErrRoot says that a line cannot be made because this is not root.
var ErrRoot = errors.New("network namespaces need root")

// New makes a line.
func New(ctx context.Context, c Config) (*Link, error) {
	if os.Geteuid() != 0 {
		return nil, ErrRoot
	}
	l := &Link{A: fmt.Sprintf("sluice-a-%d", os.Getpid()), B: fmt.Sprintf("sluice-b-%d", os.Getpid()), ends: [2]int{-1, -1}, stop: make(chan struct{})}
	l.SetLoss(c.Loss)
	restore, err := allow(c.Congestion)
	if err != nil {
		return nil, err
	}
	defer restore()
	for i, end := range []struct{ ns, addr, peer string }{{l.A, AddrA, AddrB}, {l.B, AddrB, AddrA}} {
		if err := l.end(ctx, i, end.ns, end.addr, end.peer, c); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	l.all.Go(func() { newPipe(l, c, l.ends[0], l.ends[1], true).run() })
	l.all.Go(func() { newPipe(l, c, l.ends[1], l.ends[0], false).run() })
	return l, nil
}

// allowed lists the congestion controls that a namespace may have for its default.
const allowed = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"

// allow lets namespaces have a congestion control, until restore is called: what has it then keeps it.
func allow(name string) (restore func(), err error) {
	was, err := os.ReadFile(allowed)
	if err != nil {
		return nil, err
	}
	if slices.Contains(strings.Fields(string(was)), name) {
		return func() {}, nil
	}
	if err := os.WriteFile(allowed, []byte(strings.TrimSpace(string(was))+" "+name), 0); err != nil {
		return nil, fmt.Errorf("congestion control %s: %w", name, err)
	}
	return func() { _ = os.WriteFile(allowed, was, 0) }, nil
}

// SetLoss changes the loss from now on.
func (l *Link) SetLoss(share float64) { l.loss.Store(uint64(share * (1 << 32))) }

// end makes a namespace with a TUN device.
func (l *Link) end(ctx context.Context, i int, ns, addr, peer string, c Config) error {
	if err := command(ctx, "ip", "netns", "add", ns); err != nil {
		return err
	}
	name := fmt.Sprintf("slc%d%c", os.Getpid(), 'a'+i)
	fd, err := tun(name)
	if err != nil {
		return fmt.Errorf("TUN device: %w", err)
	}
	l.ends[i] = fd
	if err := command(ctx, "ip", "link", "set", name, "netns", ns); err != nil {
		return err
	}
	settings := strings.Join([]string{
		"ip link set lo up", fmt.Sprintf("ip addr add %s peer %s dev %s", addr, peer, name),
		fmt.Sprintf("ip link set %s mtu %d txqueuelen 10000 up", name, mtu),
		fmt.Sprintf("echo 4096 131072 %d > /proc/sys/net/ipv4/tcp_rmem", window),
		fmt.Sprintf("echo 4096 131072 %d > /proc/sys/net/ipv4/tcp_wmem", window),
		fmt.Sprintf("echo %s > /proc/sys/net/ipv4/tcp_congestion_control", c.Congestion),
		"echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save",
	}, " && ")
	return command(ctx, "ip", "netns", "exec", ns, "sh", "-c", settings)
}

// Close removes the namespaces and what is in them; processes there should have ended.
func (l *Link) Close() error {
	close(l.stop)
	l.all.Wait()
	var errs []error
	for _, fd := range l.ends {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	for _, ns := range []string{l.A, l.B} {
		if _, err := os.Stat("/run/netns/" + ns); err == nil {
			errs = append(errs, command(context.Background(), "ip", "netns", "del", ns))
		}
	}
	return errors.Join(errs...)
}

// Command is a command that runs in a namespace.
func Command(ctx context.Context, ns, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", ns, name}, args...)...)
}

// Listen opens a listener in a namespace.
func Listen(ctx context.Context, ns, addr string) (net.Listener, error) {
	type result struct {
		l   net.Listener
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, and with it its namespace
		f, err := os.Open("/run/netns/" + ns)
		if err == nil {
			err = errors.Join(unix.Setns(int(f.Fd()), unix.CLONE_NEWNET), f.Close())
		}
		if err != nil {
			done <- result{nil, err}
			return
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		done <- result{l, err}
	}()
	r := <-done
	return r.l, r.err
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// tun opens a TUN device that gives and takes bare IP packets.
func tun(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// pipe is one direction of the line.
type pipe struct {
	link     *Link
	c        Config
	from, to int
	lossy    bool
	ring     []packet
	free     chan int // indices of the ring that may be filled
	full     chan int // and those that wait to be delivered, in order
}

type packet struct {
	at  time.Time // when it is delivered
	n   int
	buf [mtu]byte
}

func newPipe(l *Link, c Config, from, to int, lossy bool) *pipe {
	// What the queue and the line hold, of packets of a quarter of the full size.
	n := 64 + int(float64(c.Rate)/8*(c.Delay+c.Queue).Seconds()/(mtu/4))
	p := &pipe{link: l, c: c, from: from, to: to, lossy: lossy, ring: make([]packet, n), free: make(chan int, n), full: make(chan int, n)}
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

// read takes packets from the device and decides what becomes of them.
func (p *pipe) read() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var ends time.Time // when the line has sent what it took
	waste := make([]byte, mtu)
	for {
		i, buf := -1, waste
		select {
		case i = <-p.free:
			buf = p.ring[i].buf[:]
		default:
		}
		n, ok := p.next(buf)
		if !ok {
			return
		}
		now := time.Now()
		if ends.Before(now) {
			ends = now
		}
		if i < 0 || ends.Sub(now) > p.c.Queue {
			p.drop(i, &p.link.Dropped)
			continue
		}
		ends = ends.Add(time.Duration(int64(n+framing) * 8 * int64(time.Second) / p.c.Rate))
		if p.lossy && uint64(rand.Uint32()) < p.link.loss.Load() {
			p.drop(i, &p.link.Lost)
			continue
		}
		p.ring[i].n, p.ring[i].at = n, ends.Add(p.c.Delay)
		p.full <- i
	}
}

func (p *pipe) drop(i int, count *atomic.Int64) {
	if p.lossy {
		count.Add(1)
	}
	if i >= 0 {
		p.free <- i
	}
}

// next reads a packet, until the line is closed.
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

// deliver writes packets when their time has come.
func (p *pipe) deliver() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range p.full {
		k := &p.ring[i]
		if wait := time.Until(k.at); wait > 0 {
			ts := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&ts, nil)
		}
		_, _ = unix.Write(p.to, k.buf[:k.n]) // a packet that the device does not take is lost
		p.free <- i
	}
}

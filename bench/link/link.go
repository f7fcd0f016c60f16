package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	mtu    = 1500
	window = 64 << 20
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
	return within(ns, func() (net.Listener, error) { return (&net.ListenConfig{}).Listen(ctx, "tcp", addr) })
}

// Dial connects from a namespace; with a name, by this congestion control.
func Dial(ctx context.Context, ns, addr, congestion string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		if congestion == "" {
			return nil
		}
		var err error
		cerr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
		})
		return errors.Join(err, cerr)
	}}
	return within(ns, func() (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) })
}

// within does something on a thread of a namespace: sockets that are made meanwhile belong to it. The thread goes back then, and goes
// on: processes that it started before may be bound to its life (prctl(2), PR_SET_PDEATHSIG).
func within[T any](ns string, do func() (T, error)) (T, error) {
	var out T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var back func() error
		if back, err = enter(ns); err != nil {
			runtime.UnlockOSThread()
			return
		}
		out, err = do()
		if back() == nil { // else it stays locked, and ends with the goroutine
			runtime.UnlockOSThread()
		}
	}()
	<-done
	return out, err
}

// enter moves the thread to a namespace; the function moves it back.
func enter(ns string) (back func() error, err error) {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	there, err := os.Open("/run/netns/" + ns)
	if err != nil {
		return nil, errors.Join(err, home.Close())
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, errors.Join(err, home.Close())
	}
	return func() error { return errors.Join(unix.Setns(int(home.Fd()), unix.CLONE_NEWNET), home.Close()) }, nil
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

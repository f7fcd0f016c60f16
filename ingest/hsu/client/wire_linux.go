package client

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unsent bounds what waits in the kernel for a connection that cannot send it yet: blocks stay free for faster ones.
const unsent = 1 << 20

// wireOf asks the kernel; the counters are there since Linux 4.19. Segments count when they arrived, whatever is missing before them.
func wireOf(c syscall.RawConn) (wire, bool) {
	var info *unix.TCPInfo
	var err error
	cerr := c.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if cerr != nil || err != nil {
		return wire{}, false
	}
	if info.Delivered == 0 && info.Bytes_acked > 0 {
		return wire{}, false
	}
	return wire{
		arrived: info.Delivered, segment: uint64(info.Snd_mss), sent: info.Bytes_sent, resent: info.Bytes_retrans,
		rtt: time.Duration(info.Rtt) * time.Microsecond, least: time.Duration(info.Min_rtt) * time.Microsecond,
	}, true
}

// setUnsent keeps what waits in the kernel small, where it can.
func setUnsent(c syscall.RawConn) {
	_ = c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent) })
}

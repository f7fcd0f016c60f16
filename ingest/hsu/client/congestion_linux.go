package client

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// setCongestion asks for a congestion control. Without a name it is bbr, which does not take each loss for a full line, where the
// kernel has it and lets us; else the kernel's own.
func setCongestion(c syscall.RawConn, name string) error {
	want := name
	if want == "" {
		want = "bbr"
	}
	var err error
	if cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, want) }); cerr != nil {
		return cerr
	}
	if err != nil && name != "" {
		return fmt.Errorf("congestion control %q: %w", name, err)
	}
	return nil
}

// Package writeprobe tells whether somebody still has a file open for writing.
package writeprobe

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// State is what a probe found.
type State int

// Outcomes of a probe. Unknown means that this file system or these permissions give no answer.
const (
	Unknown State = iota
	Idle
	Busy
)

// Probe asks the kernel for a read lease on f, which must be open for reading only: the kernel grants one only while
// nobody, in any process, holds the file open or mapped for writing (fcntl(2), F_SETLEASE). The lease is given back at
// once, so that a writer who comes in between is delayed by microseconds. It needs the file's owner or CAP_LEASE, and a
// local file system.
func Probe(f *os.File) State {
	conn, err := f.SyscallConn()
	if err != nil {
		return Unknown
	}
	state := Unknown
	err = conn.Control(func(fd uintptr) { state = probe(fd) })
	if err != nil {
		return Unknown
	}
	return state
}

func probe(fd uintptr) State {
	for {
		_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
		switch {
		case err == nil:
			_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
			return Idle
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return Busy
		default:
			return Unknown
		}
	}
}

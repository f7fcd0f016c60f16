package worker

import "golang.org/x/sys/unix"

const (
	auditArch   = uint32(unix.AUDIT_ARCH_X86_64)
	foreignABI  = uint32(0x40000000) // x32
	archFstatat = uintptr(unix.SYS_NEWFSTATAT)
)

var (
	archAllowed = []uintptr{unix.SYS_POLL, unix.SYS_EPOLL_WAIT, unix.SYS_TIME}
	archDenied  = []uintptr{unix.SYS_OPEN, unix.SYS_READLINK, unix.SYS_ACCESS, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_MKDIR}
	archFatal   = []uintptr{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_UNLINK, unix.SYS_RENAME, unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_CREAT}
)

package worker

import "golang.org/x/sys/unix"

const (
	auditArch   = uint32(unix.AUDIT_ARCH_AARCH64)
	foreignABI  = uint32(0)
	archFstatat = uintptr(unix.SYS_FSTATAT)
)

var archAllowed, archDenied, archFatal []uintptr

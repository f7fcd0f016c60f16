//go:build !amd64 && !arm64

package worker

import "golang.org/x/sys/unix"

// Without an architecture there is no filter: applySeccomp says so, and the rest of the cage stands.
const (
	auditArch   = uint32(0)
	foreignABI  = uint32(0)
	archFstatat = uintptr(unix.SYS_FSTAT)
)

var archAllowed, archDenied, archFatal []uintptr

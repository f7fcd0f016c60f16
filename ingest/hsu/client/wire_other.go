//go:build !linux

package client

import "syscall"

// wireOf knows nothing here.
func wireOf(syscall.RawConn) (wire, bool) { return wire{}, false }

func setUnsent(syscall.RawConn) {}

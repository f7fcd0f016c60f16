//go:build !linux

package client

import (
	"fmt"
	"syscall"
)

// setCongestion keeps the system's congestion control: it offers no choice for a connection.
func setCongestion(_ syscall.RawConn, name string) error {
	if name != "" {
		return fmt.Errorf("congestion control %q: this system offers no choice", name)
	}
	return nil
}

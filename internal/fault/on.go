//go:build fault

package fault

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// Env names the point at which the process dies.
const Env = "SLUICE_FAULT"

var named = os.Getenv(Env)

// Point kills the process, as nothing can be done about, if it is the step that the environment names.
func Point(name string) {
	if name != named {
		return
	}
	fmt.Fprintln(os.Stderr, "fault: killed at", name)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// Short is a tenth of the time.
func Short(d time.Duration) time.Duration { return d / 10 }

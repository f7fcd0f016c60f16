//go:build !fault

package fault

import "time"

// Point is a step at which the process may die; its name is the package's and the step's: "upload.recorded".
func Point(string) {}

// Short is a time after which others take over what a dead process had; tests of deaths need not wait as long.
func Short(d time.Duration) time.Duration { return d }

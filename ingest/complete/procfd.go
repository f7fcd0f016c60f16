package complete

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// scanLife is how long one look through /proc counts.
const scanLife = time.Second

// openFiles knows the files that processes of this machine have open for writing, as far as /proc lets us see.
type openFiles struct {
	at    time.Time
	files map[[2]uint64]bool // by device and inode
}

// has reports whether the file is open for writing, by a look that is at most scanLife old.
func (o *openFiles) has(id Identity, now time.Time) bool {
	if o.files == nil || now.Sub(o.at) > scanLife {
		o.at, o.files = now, scanOpen()
	}
	return o.files[[2]uint64{id.Dev, id.Ino}]
}

// scanOpen goes through the descriptors of every process that we may look at (proc(5)).
func scanOpen() map[[2]uint64]bool {
	found := map[[2]uint64]bool{}
	procs, err := filepath.Glob("/proc/[0-9]*/fd")
	if err != nil {
		return found
	}
	for _, dir := range procs {
		d, err := os.Open(dir)
		if err != nil {
			continue // ended, or not ours to see
		}
		names, _ := d.Readdirnames(-1)
		_ = d.Close()
		for _, fd := range names {
			st, err := os.Stat(filepath.Join(dir, fd))
			if err != nil || !st.Mode().IsRegular() {
				continue
			}
			sys, ok := st.Sys().(*syscall.Stat_t)
			if ok && writable(fmt.Sprintf("%sinfo/%s", dir, fd)) {
				found[[2]uint64{sys.Dev, sys.Ino}] = true
			}
		}
	}
	return found
}

// writable reads the open mode from a /proc/<pid>/fdinfo/<fd>.
func writable(info string) bool {
	f, err := os.Open(info)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(value), 8, 64)
			return err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
		}
	}
	return false
}

package sched

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// MachineTokens is the number of cores that this process may keep busy: GOMAXPROCS, or the cgroup's quota if that is less.
func MachineTokens() int {
	n := runtime.GOMAXPROCS(0)
	if q := quota("/proc/self/cgroup", "/sys/fs/cgroup"); q > 0 {
		n = min(n, q)
	}
	return max(1, n)
}

// quota reads the cpu.max of this process's cgroup v2 ("max 100000" or microseconds of quota and period), in whole cores,
// at least 1; 0 when there is none.
func quota(self, mount string) int {
	f := bytes.Fields(cgroupFile(self, mount, "cpu.max"))
	if len(f) != 2 {
		return 0
	}
	q, err1 := strconv.ParseInt(string(f[0]), 10, 64)
	period, err2 := strconv.ParseInt(string(f[1]), 10, 64)
	if err1 != nil || err2 != nil || q <= 0 || period <= 0 {
		return 0
	}
	return int(max(1, q/period))
}

// MachineMemory is three quarters of what this process may use: of the machine, or of its cgroup if that is less.
func MachineMemory() int64 {
	total := int64(4 << 30) // when nothing tells
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, rest, ok := bytes.Cut(b, []byte("MemTotal:")); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				if kb, err := strconv.ParseInt(string(f[0]), 10, 64); err == nil && kb > 0 {
					total = kb << 10
				}
			}
		}
	}
	limit := bytes.TrimSpace(cgroupFile("/proc/self/cgroup", "/sys/fs/cgroup", "memory.max"))
	if n, err := strconv.ParseInt(string(limit), 10, 64); err == nil && n > 0 {
		total = min(total, n)
	}
	return total / 4 * 3
}

// cgroupFile reads a file of this process's group in the unified hierarchy; nil when there is none.
func cgroupFile(self, mount, name string) []byte {
	b, err := os.ReadFile(self)
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(b) {
		if dir, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("0::")); ok {
			content, err := os.ReadFile(filepath.Join(mount, string(dir), name))
			if err != nil {
				return nil
			}
			return content
		}
	}
	return nil
}

package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// dataSlack is what RLIMIT_DATA allows beyond the memory limit: thread stacks and reserved heaps count as data although
	// nothing is in them. The watcher, or the cgroup, holds the real limit.
	dataSlack = 2 << 30
	maxFiles  = 64
	maxTasks  = 4096
	oomScore  = "500"
	cpuMargin = 5 // seconds after the soft limit, which the child reports, until the watcher kills
)

// baseLimits are set once when a process was started; it has not seen any untrusted byte then.
func baseLimits(pid int) error {
	// Best effort: with a parent that is not privileged the file may belong to someone else.
	_ = os.WriteFile(procPath(pid, "oom_score_adj"), []byte(oomScore), 0)
	for _, l := range []struct {
		name     string
		resource int
		max      uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"files", unix.RLIMIT_NOFILE, maxFiles},
		{"processes", unix.RLIMIT_NPROC, maxTasks},
		{"file size", unix.RLIMIT_FSIZE, 0}, // it has no file to write: all output goes through the pipe
		{"locked memory", unix.RLIMIT_MEMLOCK, 64 << 10},
		{"queues", unix.RLIMIT_MSGQUEUE, 0},
	} {
		var old unix.Rlimit
		err := unix.Prlimit(pid, l.resource, nil, &old)
		if err == nil {
			top := min(l.max, old.Max)
			err = unix.Prlimit(pid, l.resource, &unix.Rlimit{Cur: top, Max: top}, nil)
		}
		if err != nil {
			return fmt.Errorf("limit of %s: %w", l.name, err)
		}
	}
	return nil
}

// jobLimits are set before each request: memory in bytes, and processor seconds beyond those already used. Only the soft
// limits move, because a probe process gets a new allowance each time and a hard limit never rises again; the child cannot
// raise them, its filter forbids setting limits.
func jobLimits(pid int, memory, cpuSeconds int64) error {
	if err := softLimit(pid, unix.RLIMIT_DATA, uint64(memory)*2+dataSlack); err != nil {
		return fmt.Errorf("limit of data: %w", err)
	}
	if err := softLimit(pid, unix.RLIMIT_CPU, uint64(cpuUsed(pid)+cpuSeconds)); err != nil {
		return fmt.Errorf("limit of processor time: %w", err)
	}
	return nil
}

func softLimit(pid, resource int, soft uint64) error {
	var old unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &old); err != nil {
		return err
	}
	return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: min(soft, old.Max), Max: old.Max}, nil)
}

func procPath(pid int, file string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + file
}

// cpuUsed is the user and system time of a live process, seconds rounded up; 0 when it cannot be read.
func cpuUsed(pid int) int64 {
	b, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return 0
	}
	// The command's name may hold anything; the fields follow its closing parenthesis.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(string(f[11]), 10, 64)
	sys, _ := strconv.ParseInt(string(f[12]), 10, 64)
	const ticks = 100 // USER_HZ
	return (user + sys + ticks - 1) / ticks
}

// resident is the resident memory of a live process and its peak, bytes; 0 when they cannot be read.
func resident(pid int) (now, peak int64) {
	b, err := os.ReadFile(procPath(pid, "status"))
	if err != nil {
		return 0, 0
	}
	return statusKB(b, "VmRSS:") << 10, statusKB(b, "VmHWM:") << 10
}

func statusKB(status []byte, key string) int64 {
	_, rest, ok := bytes.Cut(status, []byte(key))
	if !ok {
		return 0
	}
	f := bytes.Fields(rest)
	if len(f) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(f[0]), 10, 64)
	return n
}

// cgroups makes a cgroup v2 for each process below a delegated directory. The zero value makes none.
type cgroups struct{ dir string }

// findCgroup returns the directory to make groups in: configured, or this process's own, if the memory controller is passed
// down there and it may be written.
func findCgroup(configured string) (cgroups, error) {
	dir := configured
	if dir == "" {
		own, err := ownCgroup("/proc/self/cgroup", "/sys/fs/cgroup")
		if err != nil {
			return cgroups{}, err
		}
		dir = own
	}
	control, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return cgroups{}, fmt.Errorf("cgroup: %w", err)
	}
	if !bytes.Contains(append([]byte{' '}, control...), []byte(" memory")) {
		return cgroups{}, fmt.Errorf("cgroup %s: the memory controller is not delegated", dir)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return cgroups{}, fmt.Errorf("cgroup %s: %w", dir, err)
	}
	return cgroups{dir: dir}, nil
}

// ownCgroup finds this process's directory in the unified hierarchy.
func ownCgroup(self, mount string) (string, error) {
	b, err := os.ReadFile(self)
	if err != nil {
		return "", fmt.Errorf("cgroup: %w", err)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("0::")); ok {
			return filepath.Join(mount, string(rest)), nil
		}
	}
	return "", fmt.Errorf("cgroup: no unified hierarchy")
}

// add puts a process into a group of its own with a bound on memory. The result removes the group when the process is gone.
func (c cgroups) add(pid int, memory int64) (remove func(), err error) {
	if c.dir == "" {
		return func() {}, nil
	}
	dir := filepath.Join(c.dir, fmt.Sprintf("sluice-worker-%d", pid))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return func() {}, err
	}
	remove = func() { _ = os.Remove(dir) }
	for _, f := range []struct{ name, value string }{
		{"memory.max", strconv.FormatInt(memory, 10)}, {"memory.swap.max", "0"}, {"cgroup.procs", strconv.Itoa(pid)},
	} {
		err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.value), 0)
		if err != nil && f.name != "memory.swap.max" { // absent where swap is not accounted
			remove()
			return func() {}, fmt.Errorf("cgroup: %w", err)
		}
	}
	return remove, nil
}

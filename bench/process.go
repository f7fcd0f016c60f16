package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tool returns the path of a peer's program.
func tool(name string) (string, error) {
	p, err := exec.LookPath(name)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
			if c := filepath.Join(dir, name); isExecutable(c) {
				return c, nil
			}
		}
		return "", fmt.Errorf("%s: %w", name, ErrNoPeer)
	}
	return p, nil
}

func isExecutable(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// usage is what a finished process cost.
type usage struct {
	wall, cpu time.Duration
	private   int64 // bytes that no other process shares, all processes, at their sampled peak
}

// timed runs a command to its end and returns its cost; the command's own error names its last words.
func timed(ctx context.Context, env []string, name string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	err := cmd.Start()
	var u usage
	if err == nil {
		peak := watchMemory(cmd.Process.Pid)
		err = cmd.Wait()
		u.wall = time.Since(start)
		u.private = peak()
	}
	if s := cmd.ProcessState; s != nil {
		u.cpu = s.UserTime() + s.SystemTime()
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w: %s", filepath.Base(name), err, tail(stderr.String(), 500))
	}
	return u, nil
}

func tail(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// daemon is a server process that a benchmark started; stop ends it and everything it started.
type daemon struct {
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	done   chan error
}

func startDaemon(env []string, name string, args ...string) (*daemon, error) {
	cmd := exec.Command(name, args...) //nolint:noctx // stop ends it, and lets it clean up
	d := &daemon{cmd: cmd, stderr: new(bytes.Buffer), done: make(chan error, 1)}
	d.cmd.Env = append(os.Environ(), env...)
	d.cmd.Stderr = d.stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.done <- d.cmd.Wait() }()
	return d, nil
}

func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
		<-d.done
	}
}

// family returns the process and its descendants, whichever of its threads started them.
func family(pid int) []int {
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", out[i]))
		if err != nil {
			continue
		}
		for _, list := range lists {
			b, err := os.ReadFile(list)
			if err != nil {
				continue // the thread has ended
			}
			for f := range strings.FieldsSeq(string(b)) {
				if p, err := strconv.Atoi(f); err == nil {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// cpuTime is the processor time that a process and its descendants have used so far.
func cpuTime(pid int) time.Duration {
	var ticks int64
	for _, p := range family(pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(b), ") ")
		f := strings.Fields(rest)
		if !ok || len(f) < 13 {
			continue
		}
		for _, s := range f[11:13] { // utime, stime
			n, _ := strconv.ParseInt(s, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100
}

// watchMemory samples the resident memory of a process and its descendants; the result ends that and returns the peak in bytes.
// The longer they run, the less often it looks: a look costs milliseconds of the processors that are being measured.
func watchMemory(pid int) func() int64 {
	quit, done := make(chan struct{}), make(chan int64)
	go func() {
		peak, start := int64(0), time.Now()
		for {
			peak = max(peak, residentBytes(pid))
			select {
			case <-quit:
				done <- peak
				return
			case <-time.After(min(max(time.Since(start)/20, 10*time.Millisecond), time.Second/2)):
			}
		}
	}()
	return func() int64 { close(quit); return <-done }
}

// residentBytes is the resident memory of a process and its descendants, without what is shared or mapped from files.
func residentBytes(pid int) int64 {
	var total int64
	for _, p := range family(pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p))
		if err != nil {
			continue
		}
		f := strings.Fields(string(b))
		if len(f) > 2 {
			res, _ := strconv.ParseInt(f[1], 10, 64)
			shared, _ := strconv.ParseInt(f[2], 10, 64)
			total += (res - shared) * int64(os.Getpagesize())
		}
	}
	return total
}

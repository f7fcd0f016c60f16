package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// class is the kind of work a process is for.
type class string

const (
	classJob   class = "job"
	classProbe class = "probe"
)

const (
	startTimeout = 30 * time.Second
	pipeSize     = 1 << 20
)

// childEnv is all that a child knows of its environment. Few malloc arenas keep a lane's memory from growing with threads. A job
// gives back what it frees: every chunk opens encoders as large as those that the chunk before closed, but the holes that pictures
// leave in a heap do not fit them. Buffers of pictures are pooled, so that this costs hardly any page faults. The numbers are bytes.
func childEnv(c class) []string {
	malloc := "MALLOC_ARENA_MAX=2"
	if c == classJob {
		malloc = "GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=262144:glibc.malloc.trim_threshold=16777216"
	}
	return []string{malloc, "GOTRACEBACK=single", "LC_ALL=C"}
}

// process is one child. It has a single user at a time: the pool while idle, else the call that took it. Only kill and the
// exited channel may be used by others.
type process struct {
	class   class
	cmd     *exec.Cmd
	pid     int
	control *net.UnixConn
	data    *os.File
	frames  *frameReader
	stderr  *tail
	hello   hello
	limits  error // why the base limits are not set, or nil
	uses    int   // requests served
	baseRSS int64 // when it was ready

	exited chan struct{} // closed when the process was reaped; cmd.ProcessState is then valid
	mu     sync.Mutex
	reaped bool
	reason killReason // why we killed it, "" if we did not
}

// start starts a child and waits until it is caged and ready.
func (p *Pool) start(c class) (*process, error) {
	program, err := p.cfg.Program()
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	control, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	data, w, err := os.Pipe()
	if err != nil {
		control.Close()
		return nil, fmt.Errorf("pipe: %w", err)
	}
	defer w.Close()
	// A larger pipe saves switches between the processes; where the system allows less, less will do.
	if raw, err := data.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
	proc := &process{class: c, control: control, data: data, frames: newFrameReader(data, p.cfg), stderr: &tail{}, exited: make(chan struct{})}
	proc.cmd, err = p.spawner.start(func() *exec.Cmd {
		return &exec.Cmd{
			Path: program, Args: []string{os.Args[0], ChildArg}, Env: childEnv(c), Dir: "/",
			Stdin: theirs, Stdout: proc.stderr, Stderr: proc.stderr, ExtraFiles: []*os.File{w}, WaitDelay: 2 * time.Second,
		}
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start worker: %w", err), control.Close(), data.Close())
	}
	proc.pid = proc.cmd.Process.Pid
	metricStarts.WithLabelValues(string(c)).Inc()
	metricProcesses.WithLabelValues(string(c)).Inc()
	go proc.wait()
	proc.limits = baseLimits(proc.pid)
	w.Close() // else the pipe would not end with the child
	if err := proc.greet(); err != nil {
		proc.destroy()
		return nil, err
	}
	proc.baseRSS, _ = resident(proc.pid)
	return proc, nil
}

// greet waits for the child's hello.
func (pr *process) greet() error {
	if err := pr.data.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return err
	}
	kind, payload, err := pr.frames.next()
	if err == nil && kind != frameHello {
		err = fmt.Errorf("%w: kind %d instead of hello", errFrame, kind)
	}
	if err == nil {
		err = json.Unmarshal(payload, &pr.hello)
	}
	if err != nil {
		pr.kill(killProtocol)
		<-pr.exited
		return fmt.Errorf("start worker: %w: %s: does main call worker.IsChild first? %s", err, pr.cmd.ProcessState, pr.stderr.text())
	}
	return pr.data.SetReadDeadline(time.Time{})
}

// wait reaps the child.
func (pr *process) wait() {
	_ = pr.cmd.Wait() // the state tells more than the error
	pr.mu.Lock()
	pr.reaped = true
	pr.mu.Unlock()
	metricProcesses.WithLabelValues(string(pr.class)).Dec()
	st := pr.cmd.ProcessState
	metricCPU.WithLabelValues(string(pr.class)).Add((st.UserTime() + st.SystemTime()).Seconds())
	close(pr.exited)
}

// kill ends the child's process group at once. The first reason stays; nothing happens once the child is reaped.
func (pr *process) kill(why killReason) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if pr.reaped {
		return
	}
	if pr.reason == "" {
		pr.reason = why
		metricKills.WithLabelValues(string(why)).Inc()
	}
	_ = pr.cmd.Process.Kill()
	_ = syscall.Kill(-pr.pid, syscall.SIGKILL)
}

// killed returns why we killed the child, or "".
func (pr *process) killed() killReason {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	return pr.reason
}

func (pr *process) alive() bool {
	select {
	case <-pr.exited:
		return false
	default:
		return true
	}
}

// dismiss lets a child that has nothing to do exit: it hangs up, and kills only if that is not enough. It joins the child.
func (pr *process) dismiss(grace time.Duration) {
	pr.control.Close()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-pr.exited:
	case <-t.C:
		pr.kill(killExit)
		<-pr.exited
	}
	pr.data.Close()
}

// destroy kills and joins the child.
func (pr *process) destroy() {
	pr.kill(killExit)
	<-pr.exited
	pr.control.Close()
	pr.data.Close()
}

// tail keeps the beginning and the end of what a child prints.
type tail struct {
	mu   sync.Mutex
	head []byte
	last []byte
}

const (
	tailHead = 1 << 10
	tailLast = 3 << 10
)

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := p
	if room := tailHead - len(t.head); room > 0 {
		n := min(room, len(rest))
		t.head = append(t.head, rest[:n]...)
		rest = rest[n:]
	}
	t.last = append(t.last, rest...)
	if over := len(t.last) - tailLast; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == 0 {
		return string(t.head)
	}
	return string(t.head) + "…" + string(t.last)
}

package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

var errClosed = errors.New("the worker pool is closed")

// spawner starts processes from one OS thread of its own. The thread is what makes it work: children inherit its niceness,
// no_new_privs and Landlock domain, so that these hold before the child's first instruction and the rest of the server is
// untouched; and PDEATHSIG means the death of the starting thread, which therefore lives as long as the pool.
type spawner struct {
	requests chan spawnRequest
	quit     chan struct{}
	done     chan struct{}
	once     sync.Once

	attr func(namespaces bool) *syscall.SysProcAttr

	mu  sync.Mutex
	iso Isolation // what was achieved before exec
}

// spawnRequest asks for a process. An exec.Cmd that failed to start cannot be used again, hence the function.
type spawnRequest struct {
	make  func() *exec.Cmd
	reply chan spawned
}

type spawned struct {
	cmd *exec.Cmd
	err error
}

func newSpawner(nice int) *spawner {
	s := &spawner{requests: make(chan spawnRequest), quit: make(chan struct{}), done: make(chan struct{}), attr: procAttr}
	ready := make(chan struct{})
	go s.loop(nice, ready)
	<-ready
	return s
}

// loop owns the thread. It never unlocks it, so that the thread ends with the goroutine and taints nothing.
func (s *spawner) loop(nice int, ready chan<- struct{}) {
	defer close(s.done)
	runtime.LockOSThread()
	s.taint(nice)
	close(ready)
	for {
		select {
		case <-s.quit:
			return
		case r := <-s.requests:
			cmd, err := s.startOne(r.make)
			r.reply <- spawned{cmd, err}
		}
	}
}

// taint restricts the thread and so every child.
func (s *spawner) taint(nice int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lowerPriority(nice)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		s.iso.miss("no_new_privs", err)
	} else {
		s.iso.NoNewPrivs = true
	}
	abi, err := landlockThread()
	if err != nil {
		s.iso.miss("landlock_abi", err)
	}
	s.iso.Landlock = abi
	s.iso.UserNS, s.iso.NetNS, s.iso.ParentDeath = true, true, true
}

// lowerPriority makes the thread, and so every child, a batch process of the given niceness; where even that is refused the
// children run as the parent does.
func lowerPriority(nice int) {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_BATCH, Nice: int32(nice)}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice)
	}
}

// startOne starts a process in namespaces of its own, or without them where the kernel or the container forbids it.
func (s *spawner) startOne(newCmd func() *exec.Cmd) (*exec.Cmd, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := newCmd()
	cmd.SysProcAttr = s.attr(s.iso.UserNS)
	err := cmd.Start()
	if err == nil || !s.iso.UserNS {
		return cmd, err
	}
	reason := fmt.Errorf("start in namespaces: %w", err)
	cmd = newCmd()
	cmd.SysProcAttr = s.attr(false)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.iso.UserNS, s.iso.NetNS = false, false
	s.iso.miss("user_namespace", reason)
	s.iso.miss("network_namespace", reason)
	return cmd, nil
}

func procAttr(namespaces bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if namespaces {
		a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	return a
}

// start starts a process from the spawner's thread.
func (s *spawner) start(newCmd func() *exec.Cmd) (*exec.Cmd, error) {
	r := spawnRequest{make: newCmd, reply: make(chan spawned, 1)}
	select {
	case s.requests <- r:
		got := <-r.reply
		return got.cmd, got.err
	case <-s.quit:
		return nil, errClosed
	}
}

func (s *spawner) isolation() Isolation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.iso.clone()
}

// close ends the thread; every child still alive dies with it.
func (s *spawner) close() {
	s.once.Do(func() { close(s.quit) })
	<-s.done
}

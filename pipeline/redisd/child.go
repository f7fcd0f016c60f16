package redisd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// runOnce runs one server until it ends or ctx does. It owns lock. The server inherits the lock, so that nobody starts a
// second one on the same files while the first still lives, even when this process dies first.
func (s *Server) runOnce(ctx context.Context, lock *os.File) error {
	// The kernel ties "signal the child when the parent dies" to the thread that made the child: it must not go away.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	log := &tail{}
	cmd := s.command(lock, log)
	// A socket left by a dead server would be refused a connection, and one by a live server cannot be: we hold the lock.
	_ = os.Remove(filepath.Join(s.cfg.Dir, socketName))
	err := cmd.Start()
	_ = lock.Close() // ours only: the child's copy holds the lock
	if err != nil {
		return fmt.Errorf("start %s: %w", s.cfg.Binary, err)
	}
	s.cfg.Logger.Info("embedded redis started", "dir", s.cfg.Dir, "pid", cmd.Process.Pid)
	ended := make(chan struct{})
	var stopper sync.WaitGroup
	stopper.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(stopTimeout):
			_ = cmd.Process.Kill()
		}
	})
	err = cmd.Wait()
	close(ended)
	stopper.Wait()
	if err == nil {
		err = errors.New("it ended by itself")
	}
	if text := log.String(); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

func (s *Server) command(lock *os.File, log *tail) *exec.Cmd {
	cmd := exec.Command(s.cfg.Binary, //nolint:noctx // it is asked to save and stop, not killed, when the context ends
		"--port", "0",
		"--unixsocket", socketName, // relative to the directory it runs in
		"--unixsocketperm", "700",
		"--daemonize", "no",
		"--databases", "1",
		"--loglevel", "warning",
		"--save", "",
		"--appendonly", "yes",
		"--appendfsync", "everysec",
		"--auto-aof-rewrite-min-size", "16mb",
		"--maxmemory-policy", "noeviction",
	)
	cmd.Dir = s.cfg.Dir
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	// Its own group, so that Ctrl-C in a terminal reaches us first and we stop it in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	return cmd
}

// tailBytes is how much of the server's last words an error quotes.
const tailBytes = 2 << 10

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - tailBytes; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(p), nil
}

// greetings are what every server says when it starts.
var greetings = []string{"oO0OoO0OoO0Oo", "Redis version=", "Configuration loaded", "Server initialized", "overcommit_memory"}

// String returns what was said beyond the greetings, on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var said []string
	for line := range strings.Lines(string(t.buf)) {
		// "5399:M 21 Nov 2026 00:18:07.249 # text": process, role, time and level come first.
		if _, text, ok := strings.Cut(line, " # "); ok {
			line = text
		}
		greeting := slices.ContainsFunc(greetings, func(g string) bool { return strings.Contains(line, g) })
		if line = strings.TrimSpace(line); line != "" && !greeting {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}

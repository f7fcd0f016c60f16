package redisd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	socketName = "redis.sock"
	lockName   = "redis.lock"
	// stopTimeout is how long the server may take to write out its file when told to stop.
	stopTimeout = 15 * time.Second
	// watchInterval is how often a process that uses another's server looks whether it must run its own.
	watchInterval = 200 * time.Millisecond
	// A server that keeps dying is started again after ever longer waits.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
	// steadyAfter is how long a server must live to be trusted again.
	steadyAfter = 30 * time.Second
)

// ErrNoBinary says that no redis-server is installed.
var ErrNoBinary = errors.New("redis-server is not installed (Debian, Ubuntu: apt install redis-server; Fedora: dnf install redis), or set SLUICE_REDIS_URL to use a running one")

// Config says where the server lives.
type Config struct {
	// Dir holds the socket, the append-only file and the lock; it is made when missing, for this user only.
	Dir string
	// Binary is the redis-server to run; "" finds it in PATH. Versions 6.2 and later serve.
	Binary string
	// Logger is told of starts and deaths; nil means slog.Default.
	Logger *slog.Logger
}

// Server is a redis-server that is kept running, by this process or by another one with the same directory.
type Server struct {
	cfg    Config
	dir    *os.File
	cancel context.CancelFunc
	done   chan struct{}
	// closed is what the first Close returned.
	closed func() error
}

// Start makes sure that a server runs in cfg.Dir and returns when it answers. It is kept running until Close. The context
// bounds only the start.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s, err := start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	binary, err := findBinary(cfg.Binary)
	if err != nil {
		return nil, err
	}
	cfg.Binary = binary
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.Open(cfg.Dir)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.Background())
	s := &Server{cfg: cfg, dir: dir, cancel: cancel, done: make(chan struct{})}
	died := make(chan error, 1)
	s.closed = sync.OnceValue(s.close)
	go s.keep(life, died)
	if err := s.await(ctx, died); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func findBinary(name string) (string, error) {
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		if name == "redis-server" {
			return "", ErrNoBinary
		}
		return "", fmt.Errorf("%w: %w", ErrNoBinary, err)
	}
	return filepath.Abs(path)
}

// await returns when the server answers, or with the reason why our first one died.
func (s *Server) await(ctx context.Context, died <-chan error) error {
	opts := s.Options()
	opts.MaxRetries, opts.DialerRetries = -1, 1 // this loop is the retry
	client := redis.NewClient(opts)
	defer func() { _ = client.Close() }()
	for {
		_, err := os.Stat(filepath.Join(s.cfg.Dir, socketName))
		if err == nil {
			err = client.Ping(ctx).Err()
		}
		if err == nil {
			return nil
		}
		select {
		case cause := <-died:
			return cause
		case <-ctx.Done():
			return fmt.Errorf("%w: it does not answer: %w", ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Options returns how to connect to the server. A client made with them outlives restarts of the server, but not Close.
func (s *Server) Options() *redis.Options {
	return &redis.Options{
		Network: "unix",
		Addr:    filepath.Join(s.cfg.Dir, socketName),
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			// Through the open directory, because a socket's path may have at most 107 bytes (unix(7)) and ours may have more.
			var d net.Dialer
			return d.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", s.dir.Fd(), socketName))
		},
		// A hosted service announces its upkeep this way; ours has none.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// Close stops keeping the server; if this process runs it, it is stopped when its data is written, and another process
// that uses it runs it again. Closing it again does nothing.
func (s *Server) Close() error { return s.closed() }

func (s *Server) close() error {
	s.cancel()
	<-s.done
	return s.dir.Close()
}

// keep runs the server whenever nobody else does, until ctx ends. The first death goes to died.
func (s *Server) keep(ctx context.Context, died chan<- error) {
	defer close(s.done)
	backoff := minBackoff
	for ctx.Err() == nil {
		lock, err := s.tryLock()
		if err != nil {
			s.cfg.Logger.Error("embedded redis: cannot lock its directory", "dir", s.cfg.Dir, "error", err)
		}
		if lock == nil {
			sleep(ctx, watchInterval)
			continue
		}
		began := time.Now()
		err = s.runOnce(ctx, lock)
		if ctx.Err() != nil {
			return
		}
		select {
		case died <- err:
		default:
		}
		if time.Since(began) > steadyAfter {
			backoff = minBackoff
		}
		s.cfg.Logger.Warn("embedded redis ended; starting it again", "after", backoff, "error", err)
		sleep(ctx, backoff)
		backoff = min(2*backoff, maxBackoff)
	}
}

// tryLock takes the lock of the directory, or returns nil when another process, or a server of it, holds it.
func (s *Server) tryLock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.cfg.Dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, err
	}
	return f, nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

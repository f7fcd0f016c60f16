package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// Store is a folder on another machine. It keeps one connection, which it makes anew when it is lost.
type Store struct {
	cfg Config

	mu     sync.Mutex // guards what follows, and is held while a connection is made
	link   *link
	closed bool
}

var _ dropfolder.Store = (*Store)(nil)

// link is a connection.
type link struct {
	raw  *remote.Conn
	ssh  *ssh.Client
	sftp *sftp.Client
	stop chan struct{} // ends keepAlive
	once sync.Once
	done sync.WaitGroup
	list sync.Mutex // one listing at a time counts what comes
}

// keepAlive is how often a server is asked for a sign of life, whose answer keeps the connection from ending.
const keepAlive = remote.IdleTime / 3

// Open connects to the machine and looks whether the folder is there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{cfg: cfg}
	err := s.do(ctx, func(l *link) error {
		info, err := l.sftp.Stat(cfg.top())
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%q is no folder", cfg.Path)
		}
		return err
	})
	if err != nil && !lost(err) {
		err = remote.Listing(err)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes a connection.
func (s *Store) connect(ctx context.Context) (*link, error) {
	var hostKey string
	cc, err := s.cfg.client(&hostKey)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, remote.DialTime)
	defer cancel()
	unreachable := func(err error) error {
		return &dropfolder.Error{Code: dropfolder.ErrConnect, Text: fmt.Sprintf("The server %s cannot be reached.", s.cfg.addr()), Err: err}
	}
	nc, err := s.cfg.Dial(ctx, "tcp", s.cfg.addr())
	if err != nil {
		return nil, unreachable(err)
	}
	raw := remote.Guarded(nc)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	conn, chans, reqs, err := ssh.NewClientConn(raw, s.cfg.addr(), cc)
	if err != nil {
		_ = raw.Close()
		var e *dropfolder.Error
		switch {
		case errors.As(err, &e):
			return nil, e
		case strings.Contains(err.Error(), "unable to authenticate"):
			return nil, &dropfolder.Error{Code: dropfolder.ErrAuthenticate, Text: fmt.Sprintf("The server %s refuses the user %q.", s.cfg.addr(), s.cfg.User), Err: err}
		}
		return nil, unreachable(err)
	}
	l := &link{raw: raw, ssh: ssh.NewClient(conn, chans, reqs), stop: make(chan struct{})}
	if l.sftp, err = sftp.NewClient(l.ssh, sftp.MaxConcurrentRequestsPerFile(128)); err != nil {
		return nil, errors.Join(unreachable(fmt.Errorf("it has no SFTP: %w", err)), l.ssh.Close())
	}
	if s.cfg.HostKey == "" && s.cfg.Learn != nil {
		if err := s.cfg.Learn(ctx, hostKey); err != nil {
			return nil, errors.Join(fmt.Errorf("keep the host key: %w", err), l.ssh.Close())
		}
		s.cfg.HostKey = hostKey
	}
	l.done.Go(l.keepAlive)
	return l, nil
}

func (l *link) keepAlive() {
	t := time.NewTicker(keepAlive)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
			if _, _, err := l.ssh.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				return
			}
		}
	}
}

// close ends the connection; who uses it gets errors.
func (l *link) close() {
	l.once.Do(func() {
		close(l.stop)
		_ = l.raw.Close() // without a farewell, which could hang
		_ = l.ssh.Close()
	})
}

// use returns the connection, made if there is none.
func (s *Store) use(ctx context.Context) (*link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fs.ErrClosed
	}
	if s.link != nil {
		return s.link, nil
	}
	l, err := s.connect(ctx)
	s.link = l
	return l, err
}

// drop gives a connection up.
func (s *Store) drop(l *link) {
	s.mu.Lock()
	if s.link == l {
		s.link = nil
	}
	s.mu.Unlock()
	l.close()
}

// do does something over the connection, again if the connection is lost. A context that ends, and an operation that takes too
// long, end the connection: the protocol cannot take a request back.
func (s *Store) do(ctx context.Context, op func(l *link) error) error {
	return remote.Again(ctx, func(ctx context.Context) error {
		l, err := s.use(ctx)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, remote.OpTime)
		defer cancel()
		stop := context.AfterFunc(ctx, func() { s.drop(l) })
		err = op(l)
		stop()
		if cause := ctx.Err(); cause != nil && err != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
		if lost(err) {
			s.drop(l)
			return remote.Lost(err)
		}
		return err
	})
}

// lost says whether an error is one of the connection.
func lost(err error) bool {
	var status *sftp.StatusError
	if err == nil || errors.As(err, &status) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false
	}
	return errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(err.Error(), "closed")
}

func (s *Store) path(rel string) string { return path.Join(s.cfg.top(), rel) }

// List lists the tree. Links are not followed.
func (s *Store) List(ctx context.Context, each func([]dropfolder.File) error) error {
	return remote.Walk(ctx, s.cfg.Flat, s.cfg.Log, func(ctx context.Context, dir string) ([]remote.Entry, error) {
		list, err := s.readDir(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) && dir != "" {
			return nil, err // it is gone meanwhile
		}
		return list, remote.Listing(err)
	}, each)
}

func (s *Store) readDir(ctx context.Context, dir string) (out []remote.Entry, err error) {
	err = s.do(ctx, func(l *link) error {
		l.list.Lock()
		defer l.list.Unlock()
		l.raw.Expect(remote.MaxListing)
		defer l.raw.Expect(-1)
		list, err := l.sftp.ReadDirContext(ctx, s.path(dir))
		if err != nil {
			return err
		}
		out = make([]remote.Entry, len(list))
		for i, e := range list {
			out[i] = remote.Entry{Name: e.Name(), File: e.Mode().IsRegular(), Dir: e.IsDir(), Size: e.Size(), ModTime: e.ModTime()}
		}
		return nil
	})
	return out, err
}

// Stat returns a file as it is now.
func (s *Store) Stat(ctx context.Context, rel string) (dropfolder.File, error) {
	if !remote.ValidPath(rel) {
		return dropfolder.File{}, fs.ErrNotExist
	}
	var info fs.FileInfo
	err := s.do(ctx, func(l *link) (err error) {
		info, err = l.sftp.Lstat(s.path(rel))
		return err
	})
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is no file: %w", rel, fs.ErrNotExist)
	}
	if err != nil {
		return dropfolder.File{}, err
	}
	return dropfolder.File{Path: rel, Size: info.Size(), ModTime: info.ModTime()}, nil
}

// Remove removes a file.
func (s *Store) Remove(ctx context.Context, rel string) error {
	if !remote.ValidPath(rel) {
		return fs.ErrNotExist
	}
	return s.do(ctx, func(l *link) error { return l.sftp.Remove(s.path(rel)) })
}

// Close ends the connection, and with it what is still read.
func (s *Store) Close() error {
	s.mu.Lock()
	l := s.link
	s.link, s.closed = nil, true
	s.mu.Unlock()
	if l != nil {
		l.close()
		l.done.Wait()
	}
	return nil
}

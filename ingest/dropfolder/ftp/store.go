package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"path"
	"sync"

	"github.com/jlaffaye/ftp"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// maxLinks is the most logins at a time: servers allow few.
const maxLinks = 4

// Store is a folder on an FTP server. It keeps logins for their next use.
type Store struct {
	cfg   Config
	slots chan struct{}

	mu     sync.Mutex // guards what follows
	idle   []*link
	busy   map[*link]struct{}
	closed bool
}

var _ dropfolder.Store = (*Store)(nil)

// Open logs in and looks whether the folder is there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, slots: make(chan struct{}, maxLinks), busy: map[*link]struct{}{}}
	err := s.do(ctx, func(l *link) error {
		if cfg.Path == "" {
			return nil
		}
		home, err := l.conn.CurrentDir()
		if err == nil {
			err = l.conn.ChangeDir(cfg.Path)
		}
		if err == nil {
			err = l.conn.ChangeDir(home)
		}
		return remote.Listing(refusal(err))
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// take returns a login for one use, for give later.
func (s *Store) take(ctx context.Context) (*link, error) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			<-s.slots
			return nil, fs.ErrClosed
		}
		var l *link
		if n := len(s.idle); n > 0 {
			l = s.idle[n-1]
			s.idle = s.idle[:n-1]
			s.busy[l] = struct{}{}
		}
		s.mu.Unlock()
		if l == nil {
			return s.fresh(ctx)
		}
		stop := l.during(ctx)
		err := l.conn.NoOp()
		stop()
		if err == nil {
			return l, nil
		}
		s.forget(l)
	}
}

// fresh logs in anew.
func (s *Store) fresh(ctx context.Context) (*link, error) {
	l, err := s.login(ctx)
	if err != nil {
		<-s.slots
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.close()
		<-s.slots
		return nil, fs.ErrClosed
	}
	s.busy[l] = struct{}{}
	return l, nil
}

func (s *Store) forget(l *link) {
	l.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, l)
}

// give takes a login back; one that is not sound is ended.
func (s *Store) give(l *link, sound bool) {
	defer func() { <-s.slots }()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, l)
	if !sound || s.closed {
		l.close()
		return
	}
	s.idle = append(s.idle, l)
}

// do does something with a login, again with another one if the connection is lost.
func (s *Store) do(ctx context.Context, op func(l *link) error) error {
	return remote.Again(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, remote.OpTime)
		defer cancel()
		l, err := s.take(ctx)
		if err != nil {
			return err
		}
		stop := l.during(ctx)
		err = op(l)
		stop()
		sound := err == nil || answered(err)
		s.give(l, sound)
		if cause := ctx.Err(); cause != nil && err != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
		if !sound && !remote.Final(err) {
			return remote.Lost(err)
		}
		return err
	})
}

// answered says whether an error is an answer of the server, after which the connection is as good as before.
func answered(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code != ftp.StatusNotAvailable && reply.Code != ftp.StatusTransfertAborted && reply.Code != ftp.StatusCanNotOpenDataConnection
}

// refusal says of an answer what it means for a path.
func refusal(err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code == ftp.StatusFileUnavailable {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

func (s *Store) path(rel string) string {
	if s.cfg.Path == "" {
		return rel
	}
	return path.Join(s.cfg.Path, rel)
}

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
		l.bound(remote.MaxListing)
		defer l.bound(-1)
		list, err := l.conn.List(s.path(dir))
		if err != nil {
			return refusal(err)
		}
		out = make([]remote.Entry, 0, len(list))
		for _, e := range list {
			out = append(out, remote.Entry{
				Name: e.Name, File: e.Type == ftp.EntryTypeFile, Dir: e.Type == ftp.EntryTypeFolder, Size: int64(e.Size), ModTime: e.Time,
			})
		}
		return nil
	})
	return out, err
}

// Stat returns a file as it is now, as exactly as the listing does: what LIST tells of a time is no exact one, and must not look
// like another.
func (s *Store) Stat(ctx context.Context, rel string) (f dropfolder.File, err error) {
	if !remote.ValidPath(rel) {
		return f, fs.ErrNotExist
	}
	err = s.do(ctx, func(l *link) error {
		f, err = s.stat(l, rel)
		return err
	})
	return f, err
}

func (s *Store) stat(l *link, rel string) (dropfolder.File, error) {
	if l.conn.IsTimePreciseInList() {
		e, err := l.conn.GetEntry(s.path(rel))
		if err == nil && e.Type == ftp.EntryTypeFile {
			return dropfolder.File{Path: rel, Size: int64(e.Size), ModTime: e.Time}, nil
		}
		return dropfolder.File{}, errors.Join(refusal(err), onlyIf(err == nil, fs.ErrNotExist))
	}
	l.bound(remote.MaxListing)
	defer l.bound(-1)
	list, err := l.conn.List(s.path(rel))
	if err != nil {
		return dropfolder.File{}, refusal(err)
	}
	for _, e := range list {
		if path.Base(e.Name) == path.Base(rel) && e.Type == ftp.EntryTypeFile && len(list) == 1 {
			return dropfolder.File{Path: rel, Size: int64(e.Size), ModTime: e.Time}, nil
		}
	}
	return dropfolder.File{}, fmt.Errorf("%q: %w", rel, fs.ErrNotExist)
}

func onlyIf(cond bool, err error) error {
	if cond {
		return err
	}
	return nil
}

// Remove removes a file.
func (s *Store) Remove(ctx context.Context, rel string) error {
	if !remote.ValidPath(rel) {
		return fs.ErrNotExist
	}
	return s.do(ctx, func(l *link) error { return refusal(l.conn.Delete(s.path(rel))) })
}

// Open reads a file, and goes on after cuts as long as the file is the same.
func (s *Store) Open(ctx context.Context, rel string, offset int64) (io.ReadCloser, error) {
	first, err := s.Stat(ctx, rel)
	if err != nil {
		return nil, err
	}
	r, err := remote.NewReader(ctx, offset, first.Size, func(ctx context.Context, at int64) (io.ReadCloser, error) {
		return s.retrieve(ctx, rel, first, at)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// retrieve begins a transfer. The login is its own until it is closed.
func (s *Store) retrieve(ctx context.Context, rel string, first dropfolder.File, at int64) (io.ReadCloser, error) {
	l, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	stop := l.during(ctx)
	fail := func(err error) (io.ReadCloser, error) {
		stop()
		s.give(l, answered(err))
		if !answered(err) && !remote.Final(err) {
			err = remote.Lost(err)
		}
		return nil, err
	}
	now, err := s.stat(l, rel)
	if err == nil && (now.Size != first.Size || !now.ModTime.Equal(first.ModTime)) {
		err = fmt.Errorf("%q: %w", rel, remote.ErrChanged)
	}
	if err != nil {
		return fail(err)
	}
	resp, err := l.conn.RetrFrom(s.path(rel), uint64(at))
	if err != nil {
		return fail(refusal(err))
	}
	return &transfer{s: s, l: l, resp: resp, stop: stop}, nil
}

// transfer is a file that comes.
type transfer struct {
	s    *Store
	l    *link
	resp *ftp.Response
	stop func()
	once sync.Once
	err  error // of the end
}

// Read reads on. The end of the stream is the file's only if the server says so.
func (t *transfer) Read(b []byte) (int, error) {
	n, err := t.resp.Read(b)
	if errors.Is(err, io.EOF) {
		if end := t.finish(true); end != nil {
			err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, end)
		}
	}
	return n, err
}

// finish ends the transfer. A login whose transfer was broken off is given up: what the server still says belongs to that.
func (t *transfer) finish(ended bool) error {
	t.once.Do(func() {
		if !ended {
			t.l.close()
		}
		t.err = t.resp.Close()
		t.stop()
		t.s.give(t.l, ended && t.err == nil)
	})
	return t.err
}

// Close ends the transfer.
func (t *transfer) Close() error {
	_ = t.finish(false) // broken off, which is no failure
	return nil
}

// Close ends all logins, and with them what is still read.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.idle {
		l.close()
	}
	for l := range s.busy {
		l.close()
	}
	s.idle = nil
	return nil
}

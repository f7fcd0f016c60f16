package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"sync"

	"github.com/jlaffaye/ftp"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// link is a login: it does one thing at a time.
type link struct {
	conn *ftp.ServerConn

	mu     sync.Mutex // guards what follows
	ctx    context.Context
	socks  []net.Conn // the one for commands first, then the last one for data
	expect int64
	closed bool
}

// login connects and logs in.
func (s *Store) login(ctx context.Context) (*link, error) {
	l := &link{ctx: ctx, expect: -1}
	secure := s.cfg.tls()
	unreachable := func(err error) error {
		return &dropfolder.Error{Code: dropfolder.ErrConnect, Text: fmt.Sprintf("The server %s cannot be reached.", s.cfg.addr()), Err: err}
	}
	options := []ftp.DialOption{ftp.DialWithShutTimeout(remote.DialTime), ftp.DialWithDialFunc(func(network, addr string) (net.Conn, error) {
		return l.dial(s.cfg, secure, network, addr)
	})}
	switch s.cfg.TLS {
	case Explicit:
		options = append(options, ftp.DialWithExplicitTLS(secure))
	case Implicit:
		options = append(options, ftp.DialWithTLS(secure)) // says that data is protected, too
	}
	ctx, cancel := context.WithTimeout(ctx, remote.DialTime)
	defer cancel()
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	var err error
	if l.conn, err = ftp.Dial(s.cfg.addr(), options...); err != nil {
		l.close()
		return nil, unreachable(err)
	}
	user, password := s.cfg.User, s.cfg.Password
	if user == "" {
		user, password = "anonymous", "anonymous"
	}
	err = l.conn.Login(user, password)
	if err == nil {
		return l, nil
	}
	if broken(err) {
		err = unreachable(err)
	} else {
		err = &dropfolder.Error{Code: dropfolder.ErrAuthenticate, Text: fmt.Sprintf("The server %s does not let the user %q in.", s.cfg.addr(), user), Err: err}
	}
	l.close()
	return nil, err
}

// broken says whether an error is of the connection, and not what the server answers.
func broken(err error) bool {
	var ne net.Error
	var alert tls.AlertError
	var cert *tls.CertificateVerificationError
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code == ftp.StatusNotAvailable
	}
	return errors.As(err, &ne) || errors.As(err, &alert) || errors.As(err, &cert) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// dial connects: the first time for commands, then for data, to the same machine.
func (l *link) dial(cfg Config, secure *tls.Config, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	ctx, data := l.ctx, len(l.socks) > 0
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, remote.DialTime)
	defer cancel()
	var nc net.Conn
	var err error
	if data {
		nc, err = l.dialData(ctx, cfg, network, addr)
	} else {
		nc, err = cfg.Dial(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	guarded := remote.Guarded(nc)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(net.ErrClosed, nc.Close())
	}
	if data {
		guarded.Expect(l.expect)
	}
	l.socks = append(l.socks[:min(len(l.socks), 1)], guarded)
	if data && cfg.TLS != Clear || cfg.TLS == Implicit {
		return tls.Client(guarded, secure), nil
	}
	return guarded, nil
}

// dialData connects to a port of the machine that the commands go to, which was allowed already.
func (l *link) dialData(ctx context.Context, cfg Config, network, addr string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	host, _, err := net.SplitHostPort(l.socks[0].RemoteAddr().String())
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	dial := cfg.DialData
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return dial(ctx, network, net.JoinHostPort(host, port))
}

// during has the connection end when ctx does, until the returned function is called.
func (l *link) during(ctx context.Context) (stop func()) {
	l.mu.Lock()
	l.ctx = ctx
	l.mu.Unlock()
	end := context.AfterFunc(ctx, l.close)
	return func() { end() }
}

// bound says how much the next data connection may give; a negative number is no bound.
func (l *link) bound(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expect = n
}

// close ends both connections without a farewell; who uses them gets errors.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.socks {
		_ = c.Close()
	}
}

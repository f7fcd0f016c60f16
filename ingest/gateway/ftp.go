package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	ftpserver "github.com/fclairamb/ftpserverlib"
)

// janitorEvery is how often FTP connections are looked at.
const janitorEvery = 5 * time.Second

// ftp is one FTP server: what the library asks.
type ftp struct {
	g        *Gateway
	l        net.Listener
	tls      *tls.Config
	implicit bool

	mu      sync.Mutex // guards what follows
	clients map[uint32]*ftpConn
	came    map[string]net.Conn // control connections that are not clients yet, by their remote addresses
}

// ftpConn is a control connection.
type ftpConn struct {
	// conn ends a client from outside: the library sees to the rest in the client's own goroutine. To close its context would do
	// so without a lock.
	conn  net.Conn
	since time.Time
	leave func()
	once  sync.Once // ends the counting as an unknown connection
	fs    *ftpFiles // set at login; guarded by the server's mu
	out   func()    // ends the session
}

var (
	_ ftpserver.MainDriver                        = (*ftp)(nil)
	_ ftpserver.MainDriverExtensionPassiveWrapper = (*ftp)(nil)
)

// listenFTP starts an FTP server.
func (g *Gateway) listenFTP(ctx context.Context, implicit bool) (server, error) {
	name, addr := "FTPS", g.cfg.FTPS
	if implicit {
		name, addr = "implicit FTPS", g.cfg.Implicit
	}
	cfg, err := g.tlsConfig()
	if err != nil {
		return server{}, fmt.Errorf("%s: %w", name, err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return server{}, fmt.Errorf("%s: %w", name, err)
	}
	if g.ftpAddr == nil {
		g.ftpAddr = l.Addr()
	}
	f := &ftp{g: g, tls: cfg, implicit: implicit, clients: map[uint32]*ftpConn{}, came: map[string]net.Conn{}}
	f.l = &ftpListener{l, f}
	if implicit {
		f.l = tls.NewListener(f.l, cfg)
	}
	srv := ftpserver.NewFtpServer(f)
	if err := srv.Listen(); err != nil {
		return server{}, errors.Join(fmt.Errorf("%s: %w", name, err), l.Close())
	}
	g.cfg.Log.Info("gateway: "+name+" listens", "address", l.Addr().String())
	done := make(chan struct{})
	return server{
		serve: func() error {
			g.work.Go(func() { f.janitor(done) })
			err := srv.Serve()
			close(done)
			return err
		},
		close: l.Close,
	}, nil
}

// ftpListener bounds what a client that reads nothing holds.
type ftpListener struct {
	net.Listener
	f *ftp
}

func (l *ftpListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	lc := newLively(c, 0) // the janitor ends idle ones: a control connection says nothing while files move
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.f.came[c.RemoteAddr().String()] = lc
	return lc, nil
}

// GetSettings is asked once.
func (f *ftp) GetSettings() (*ftpserver.Settings, error) {
	s := &ftpserver.Settings{
		Listener: f.l, PublicHost: f.g.cfg.PublicIP, IdleTimeout: -1, ConnectionTimeout: 30, Banner: "sluice",
		DisableActiveMode: true, DisableSite: true, DisableSYST: true, DisableSTAT: true, EnableHASH: true, DisableLISTArgs: false,
		DefaultTransferType: ftpserver.TransferTypeBinary, TLSRequired: ftpserver.MandatoryEncryption,
	}
	switch {
	case f.implicit:
		s.TLSRequired = ftpserver.ImplicitEncryption
	case f.g.cfg.PlainFTP:
		s.TLSRequired = ftpserver.ClearOrEncrypted
	}
	if f.g.cfg.PassiveFrom > 0 {
		s.PassiveTransferPortRange = ftpserver.PortRange{Start: f.g.cfg.PassiveFrom, End: f.g.cfg.PassiveTo}
	}
	return s, nil
}

// GetTLSConfig is asked for each connection.
func (f *ftp) GetTLSConfig() (*tls.Config, error) { return f.tls, nil }

// ClientConnected refuses a client, or greets it.
func (f *ftp) ClientConnected(cc ftpserver.ClientContext) (string, error) {
	from := cc.RemoteAddr().String()
	f.mu.Lock()
	conn := f.came[from]
	delete(f.came, from)
	f.mu.Unlock()
	leave, ok := f.g.enter(conn, "ftp")
	if !ok {
		return "too many connections", ErrTooMany
	}
	c := &ftpConn{conn: conn, since: f.g.now(), leave: leave}
	f.mu.Lock()
	f.clients[cc.ID()] = c
	f.mu.Unlock()
	if err := f.g.braked(attempt{protocol: "ftp", addr: cc.RemoteAddr()}); err != nil {
		return err.Error(), err
	}
	return "sluice", nil
}

// ClientDisconnected ends what belongs to a control connection.
func (f *ftp) ClientDisconnected(cc ftpserver.ClientContext) {
	f.mu.Lock()
	c := f.clients[cc.ID()]
	delete(f.clients, cc.ID())
	f.mu.Unlock()
	if c == nil {
		return
	}
	c.once.Do(f.g.known)
	if c.fs != nil {
		c.fs.disconnected()
		c.out()
	}
	c.leave()
}

// AuthUser lets a user in.
func (f *ftp) AuthUser(cc ftpserver.ClientContext, user, pass string) (ftpserver.ClientDriver, error) {
	a := attempt{protocol: "ftp", name: user, addr: cc.RemoteAddr()}
	u, err := f.g.password(f.g.ctx, a, pass)
	if err != nil {
		return nil, err
	}
	a.name = u.Name
	ctx, cancel := context.WithCancel(f.g.ctx)
	s, logout, err := f.g.login(ctx, u, a)
	if err != nil {
		cancel()
		return nil, err
	}
	out := func() { cancel(); logout() }
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.clients[cc.ID()]
	if c == nil || c.fs != nil { // gone already, or a second login on the same connection
		out()
		return nil, fmt.Errorf("%w: log in once a connection", ErrUnsupported)
	}
	c.once.Do(f.g.known)
	c.out, c.fs = out, &ftpFiles{s: s, cc: cc}
	return c.fs, nil
}

// janitor ends connections that do not log in, that do nothing, or whose user may not come in any more.
func (f *ftp) janitor(done <-chan struct{}) {
	t := time.NewTicker(janitorEvery)
	defer t.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-t.C:
		}
		f.mu.Lock()
		list := make([]*ftpConn, 0, len(f.clients))
		for _, c := range f.clients {
			list = append(list, c)
		}
		f.mu.Unlock()
		ask := n%int(keepAlive/janitorEvery) == 0
		for _, c := range list {
			if f.over(c, ask) {
				_ = c.conn.Close()
			}
		}
	}
}

// over says whether a connection has to go; ask says whether to look the user up, too.
func (f *ftp) over(c *ftpConn, ask bool) bool {
	f.mu.Lock()
	fs := c.fs
	f.mu.Unlock()
	if fs == nil {
		return f.g.now().Sub(c.since) > loginTime
	}
	return fs.idle() || ask && fs.s.gone()
}

// WrapPassiveListener has data connections come in where the server listens only, and end when nothing moves.
func (f *ftp) WrapPassiveListener(l net.Listener) (net.Listener, error) { return &passive{l, f}, nil }

type passive struct {
	net.Listener
	f *ftp
}

// dataIdle is how long a data connection may move nothing.
const dataIdle = 2 * time.Minute

func (p *passive) Accept() (net.Conn, error) {
	own, _ := p.f.l.Addr().(*net.TCPAddr)
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at, ok := c.LocalAddr().(*net.TCPAddr)
		if own != nil && ok && !own.IP.IsUnspecified() && !own.IP.Equal(at.IP) {
			_ = c.Close()
			continue
		}
		return newLively(c, dataIdle), nil
	}
}

// sends are the commands that send files.
var sends = []string{"STOR", "APPE"}

// saidMore says whether a client sent a command after the one that sent a file.
func saidMore(cc ftpserver.ClientContext) bool { return !slices.Contains(sends, cc.GetLastCommand()) }

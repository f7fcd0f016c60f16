package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"sluice/catalog"
)

// Limits of SSH connections.
const (
	maxAuthTries = 6
	maxChannels  = 8
	// keepAlive is how often a client is asked for a sign of life; three that do not come end the connection.
	keepAlive = 30 * time.Second
)

// listenSFTP starts the SFTP server.
func (g *Gateway) listenSFTP(ctx context.Context) (server, error) {
	keys, err := hostKeys(g.cfg.Keys)
	if err != nil {
		return server{}, fmt.Errorf("SFTP: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", g.cfg.SFTP)
	if err != nil {
		return server{}, fmt.Errorf("SFTP: %w", err)
	}
	g.sftpAddr = l.Addr()
	for _, k := range keys {
		g.cfg.Log.Info("gateway: SFTP host key", "kind", k.PublicKey().Type(), "fingerprint", ssh.FingerprintSHA256(k.PublicKey()))
	}
	g.cfg.Log.Info("gateway: SFTP listens", "address", l.Addr().String())
	return server{close: l.Close, serve: func() error { return g.accept(l, func(c net.Conn) { g.serveSSH(c, keys) }) }}, nil
}

// accept hands connections over, each to a goroutine of its own, until the listener is closed.
func (g *Gateway) accept(l net.Listener, serve func(net.Conn)) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // such as too many open files: it passes, or the listener is closed
			g.cfg.Log.Error("gateway: accept", "error", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-g.ctx.Done():
				return nil
			}
			continue
		}
		g.work.Go(func() { serve(c) })
	}
}

// serveSSH is one connection.
func (g *Gateway) serveSSH(raw net.Conn, keys []ssh.Signer) {
	defer raw.Close()
	leave, ok := g.enter(raw, "sftp")
	if !ok {
		return
	}
	defer leave()
	conn := newLively(raw, loginTime)
	a := attempt{protocol: "sftp", addr: raw.RemoteAddr()}
	if g.braked(a) != nil {
		g.known()
		return
	}
	ctx, cancel := context.WithCancel(g.ctx)
	defer cancel()
	// A slow handshake ends by this, one that stalls by the deadline of a read.
	limit := time.AfterFunc(loginTime, func() { _ = raw.Close() })
	user, sc, chans, reqs, err := g.handshake(ctx, conn, a, keys)
	limit.Stop()
	g.known()
	if err != nil {
		g.cfg.Log.Debug("gateway: SSH handshake", "remote", a.addr.String(), "error", err)
		return
	}
	a.name = user.Name
	s, out, err := g.login(ctx, user, a)
	if err != nil {
		_ = sc.Close()
		return
	}
	defer out()
	conn.idle.Store(int64(3 * keepAlive))
	c := &sshConn{s: s, conn: sc, ctx: ctx}
	c.serve(chans, reqs)
}

// handshake does key exchange and login.
func (g *Gateway) handshake(ctx context.Context, conn net.Conn, a attempt, keys []ssh.Signer) (catalog.GatewayUser, *ssh.ServerConn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	var user catalog.GatewayUser
	keysTried := false
	cfg := &ssh.ServerConfig{
		Config:        ssh.Config{Ciphers: ciphers()},
		ServerVersion: "SSH-2.0-sluice", MaxAuthTries: maxAuthTries,
		PasswordCallback: func(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			a.name = m.User()
			u, err := g.password(ctx, a, string(password))
			user = u
			return nil, err
		},
		// The library asks for a key before the client proves that it has it, too, so this alone lets nobody in: see below.
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			a.name, keysTried = m.User(), true
			u, err := g.key(ctx, a, key)
			if err != nil {
				return nil, err
			}
			user = u
			p := &ssh.Permissions{Extensions: map[string]string{"user": u.Name}}
			if cert, ok := key.(*ssh.Certificate); ok {
				p.CriticalOptions = cert.CriticalOptions // the library holds the client to its source-address
			}
			return p, nil
		},
	}
	for _, k := range keys {
		cfg.AddHostKey(k)
	}
	sc, chans, reqs, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		if keysTried {
			_ = g.failed(a, "key") // once a connection, however many keys were offered
		}
		return user, nil, nil, nil, err
	}
	// Who passed by a key may have asked for another user's key before: the one that proved it counts.
	if sc.Permissions != nil && sc.Permissions.Extensions["user"] != "" && sc.Permissions.Extensions["user"] != user.Name {
		return user, nil, nil, nil, errors.Join(ErrLogin, sc.Close())
	}
	return user, sc, chans, reqs, nil
}

// sshConn is a connection whose user is known.
type sshConn struct {
	s    *session
	conn *ssh.ServerConn
	ctx  context.Context //nolint:containedctx // the connection's own
}

// serve answers requests until the client is gone.
func (c *sshConn) serve(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	defer c.conn.Close()
	c.s.active.Go(func() { ssh.DiscardRequests(reqs) })
	done := make(chan struct{})
	c.s.active.Go(func() { c.keepAlive(done) })
	slots := make(chan struct{}, maxChannels)
	for nc := range chans {
		if nc.ChannelType() != "session" {
			_ = nc.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = nc.Reject(ssh.ResourceShortage, "too many channels")
			continue
		}
		ch, requests, err := nc.Accept()
		if err != nil {
			<-slots
			continue
		}
		c.s.active.Go(func() {
			defer func() { <-slots }()
			c.session(ch, requests)
		})
	}
	close(done)
	_ = c.conn.Close()
	c.s.active.Wait()
}

// keepAlive asks for a sign of life: the answer is what keeps the connection's deadline away. A user who was blocked or deleted in
// the meantime has to leave, and so has one who does nothing for too long.
func (c *sshConn) keepAlive(done <-chan struct{}) {
	t := time.NewTicker(keepAlive)
	defer t.Stop()
	for {
		select {
		case <-done:
			return
		case <-t.C:
		}
		if c.s.idle() || c.s.gone() {
			_ = c.conn.Close()
			return
		}
		if _, _, err := c.conn.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return
		}
	}
}

// session serves one channel: SFTP, or a command.
func (c *sshConn) session(ch ssh.Channel, requests <-chan *ssh.Request) {
	defer ch.Close()
	started := false
	for req := range requests {
		var msg struct{ Text string }
		known := !started && (req.Type == "subsystem" || req.Type == "exec") && ssh.Unmarshal(req.Payload, &msg) == nil
		switch {
		case known && req.Type == "subsystem" && msg.Text == "sftp":
			_ = req.Reply(true, nil)
			started = true
			c.s.active.Go(func() { c.sftp(ch) })
		case known && req.Type == "exec":
			_ = req.Reply(true, nil)
			started = true
			c.s.active.Go(func() { c.exec(ch, msg.Text) })
		case req.WantReply:
			_ = req.Reply(false, nil)
		}
	}
}

// sftp serves the protocol until the client closes the channel. Its buffers are new for each packet: those that the library
// keeps are 256 KiB each, dozens for each client.
func (c *sshConn) sftp(ch ssh.Channel) {
	f := &files{s: c.s}
	srv := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f}, sftp.WithRSMaxTxPacket(maxPacket))
	err := srv.Serve()
	status := uint32(0)
	if err != nil && !errors.Is(err, io.EOF) {
		status = 1
		c.s.log.Debug("gateway: SFTP ended", "error", err)
	}
	c.exit(ch, status)
}

// maxPacket is the most that one answer carries: the client decides how much it asks for.
const maxPacket = 255 << 10

func (c *sshConn) exit(ch ssh.Channel, status uint32) {
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	_ = ch.Close()
}

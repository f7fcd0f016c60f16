package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"sluice/catalog"
	"sluice/ingest/gateway"
)

// runGateway uploads by OpenSSH's sftp over loopback, to the SFTP server of sluice and to OpenSSH's own: one large file, and several
// clients at a time.
func runGateway(ctx context.Context, e *Env, emit func(Result)) error {
	client, err := tool("sftp")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(e.Dir, "gateway")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &gatewayBench{Env: e, dir: dir, client: client}
	if err := b.prepare(); err != nil {
		return err
	}
	peer, err := b.startSSHD(ctx)
	if err != nil {
		return err
	}
	defer peer.stop()
	stop, err := b.startOurs(ctx)
	if err != nil {
		return err
	}
	err = b.measure(ctx, emit)
	return errors.Join(err, stop())
}

// gatewayBench is both servers, and files to send.
type gatewayBench struct {
	*Env
	dir, client, key, user string
	public                 ssh.PublicKey
	ours, theirs           string // ports
	home                   string // of the peer; ours is the folder "in"
}

func (b *gatewayBench) prepare() error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	b.user, b.key, b.home = me.Username, filepath.Join(b.dir, "id"), filepath.Join(b.dir, "peer")
	if b.public, err = newKey(b.key); err != nil {
		return err
	}
	for _, d := range []string{"peer", "in"} {
		if err := os.Mkdir(filepath.Join(b.dir, d), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func newKey(path string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}

func (b *gatewayBench) startSSHD(ctx context.Context) (*daemon, error) {
	sshd, err := tool("/usr/sbin/sshd")
	if err != nil {
		return nil, err
	}
	if _, err := newKey(filepath.Join(b.dir, "host")); err != nil {
		return nil, err
	}
	authorized := filepath.Join(b.dir, "authorized")
	if err := os.WriteFile(authorized, ssh.MarshalAuthorizedKey(b.public), 0o600); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // it wants its folder then
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, b.theirs, _ = net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		return nil, err
	}
	conf := filepath.Join(b.dir, "sshd_config")
	text := fmt.Sprintf("ListenAddress 127.0.0.1:%s\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nMaxStartups 100\n"+
		"PasswordAuthentication no\nSubsystem sftp internal-sftp\n", b.theirs, filepath.Join(b.dir, "host"), authorized)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	d, err := startDaemon(nil, sshd, "-D", "-e", "-f", conf)
	if err != nil {
		return nil, err
	}
	err = waitFor(ctx, time.Minute, "sshd", func() bool {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+b.theirs)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if err != nil {
		d.stop()
	}
	return d, err
}

// Users and transfers of a gateway whose files nobody takes.
type (
	benchUser    struct{ key string }
	benchFolders struct{}
)

func (u benchUser) GatewayLogin(_ context.Context, name string) (catalog.GatewayUser, error) {
	return catalog.GatewayUser{ID: 1, Name: name, Keys: []string{u.key}, Rights: []catalog.GatewayRight{catalog.GatewayRead, catalog.GatewayWrite, catalog.GatewayDelete}}, nil
}

func (benchUser) SeenGatewayUser(context.Context, int64, time.Time) error { return nil }

func (benchFolders) Detected(context.Context, catalog.DropFolderID, string, string) error { return nil }
func (benchFolders) Uploaded(context.Context, catalog.DropFolderID, string, int64, string) error {
	return nil
}
func (benchFolders) Renamed(context.Context, catalog.DropFolderID, string, string, int64, string) error {
	return nil
}
func (benchFolders) Aborted(context.Context, catalog.DropFolderID, string) error { return nil }

func (b *gatewayBench) startOurs(ctx context.Context) (stop func() error, err error) {
	all := func(context.Context) ([]gateway.Folder, error) {
		return []gateway.Folder{{ID: 1, Name: "in", Dir: filepath.Join(b.dir, "in")}}, nil
	}
	g, err := gateway.New(gateway.Config{
		Users: benchUser{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(b.public)))}, Transfers: benchFolders{}, All: all,
		Folders: func(ctx context.Context, _ catalog.GatewayUser) ([]gateway.Folder, error) { return all(ctx) },
		Keys:    filepath.Join(b.dir, "keys"), SFTP: "127.0.0.1:0", MaxConnections: 1000,
	})
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- g.Run(run) }()
	stop = func() error { cancel(); return <-done }
	addr, _, err := g.Addresses(ctx)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	_, b.ours, err = net.SplitHostPort(addr.String())
	return stop, err
}

func (b *gatewayBench) measure(ctx context.Context, emit func(Result)) error {
	for _, c := range []struct {
		name           string
		clients, bytes int
	}{{"sftp-upload", 1, b.rounds(1<<30, 256<<20)}, {"sftp-upload-16", 16, b.rounds(64<<20, 16<<20)}} {
		src := filepath.Join(b.dir, c.name)
		if err := randomFile(src, c.bytes); err != nil {
			return err
		}
		put := func(port, home string) func(context.Context) (float64, error) {
			return func(ctx context.Context) (float64, error) {
				start := time.Now()
				g, gctx := errgroup.WithContext(ctx)
				for i := range c.clients {
					g.Go(func() error { return b.put(gctx, port, src, fmt.Sprintf("%s%s-%d", home, c.name, i)) })
				}
				err := g.Wait()
				return float64(c.clients*c.bytes) / 1e6 / time.Since(start).Seconds(), err
			}
		}
		res, err := b.compare(ctx, pair{c.name, "OpenSSH", "MB/s", false, put(b.ours, "/"), put(b.theirs, b.home+"/")}, b.rounds(5, 2))
		if err != nil {
			return err
		}
		emit(res)
		_ = os.Remove(src)
	}
	return nil
}

func randomFile(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for ; n > 0 && err == nil; n -= len(buf) {
		_, _ = rand.Read(buf) // never fails
		_, err = f.Write(buf[:min(n, len(buf))])
	}
	return errors.Join(err, f.Close())
}

// put uploads a file by OpenSSH's client.
func (b *gatewayBench) put(ctx context.Context, port, src, dst string) error {
	batch, err := os.CreateTemp(b.dir, "batch")
	if err != nil {
		return err
	}
	defer os.Remove(batch.Name())
	_, err = fmt.Fprintf(batch, "put %s %s\n", src, dst)
	if err := errors.Join(err, batch.Close()); err != nil {
		return err
	}
	_, err = timed(ctx, nil, b.client, "-q", "-b", batch.Name(), "-P", port, "-i", b.key, "-F", "none", "-oStrictHostKeyChecking=no",
		"-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", "-oIdentityAgent=none", b.user+"@127.0.0.1")
	return err
}

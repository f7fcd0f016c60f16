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
	ours, err := b.startOurs(ctx)
	if err != nil {
		return err
	}
	defer ours.stop()
	return b.measure(ctx, emit)
}

// gatewayBench is both servers, and files to send.
type gatewayBench struct {
	*Env
	dir, client, key, user string
	public                 ssh.PublicKey
	ours, theirs           string // ports
	home                   string // of the peer
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
	return os.Mkdir(b.home, 0o755)
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
	if err := listens(ctx, "sshd", b.theirs); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

// startOurs starts a server whose only folder is the home of a user with the client's key.
func (b *gatewayBench) startOurs(ctx context.Context) (*station, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(b.dir, "data")
	s, err := b.startServer(ctx, data, "SLUICE_GATEWAY_SFTP_LISTEN="+addr, "SLUICE_GATEWAY_MAX_CONNECTIONS=1000")
	if err != nil {
		return nil, err
	}
	_, b.ours, _ = net.SplitHostPort(addr)
	err = b.addUser(ctx, data)
	if err == nil {
		err = listens(ctx, "the SFTP server", b.ours) // it makes its keys first
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// listens waits until a port of this machine answers.
func listens(ctx context.Context, what, port string) error {
	return waitFor(ctx, time.Minute, what, func() bool {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

func (b *gatewayBench) addUser(ctx context.Context, data string) error {
	db, err := openCatalog(ctx, data)
	if err != nil {
		return err
	}
	defer db.Close()
	folder, err := quietFolder(ctx, db, data, "in")
	if err != nil {
		return err
	}
	_, err = db.AddGatewayUser(ctx, folderAccount, catalog.GatewayUser{
		Name: b.user, Keys: []string{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(b.public)))},
		Rights: []catalog.GatewayRight{catalog.GatewayRead, catalog.GatewayWrite}, Folders: []catalog.DropFolderID{folder.ID},
	})
	return err
}

func (b *gatewayBench) measure(ctx context.Context, emit func(Result)) error {
	for _, c := range []struct {
		name           string
		clients, bytes int
		cipher         string // none for what client and server agree on
		gate           string
	}{
		{"sftp-upload", 1, b.rounds(1<<30, 256<<20), "", ""},
		{"sftp-upload-16", 16, b.rounds(64<<20, 16<<20), "", ""},
		{"sftp-upload-gcm", 1, b.rounds(1<<30, 256<<20), gcm, "≥ 250 MB/s"},
		{"sftp-upload-gcm-64", 64, b.rounds(32<<20, 4<<20), gcm, "≥ 600 MB/s"},
	} {
		src := filepath.Join(b.dir, c.name)
		if err := randomFile(src, c.bytes); err != nil {
			return err
		}
		put := func(port, home string) func(context.Context) (float64, error) {
			return func(ctx context.Context) (float64, error) {
				start := time.Now()
				g, gctx := errgroup.WithContext(ctx)
				for i := range c.clients {
					g.Go(func() error { return b.put(gctx, port, c.cipher, src, fmt.Sprintf("%s%s-%d", home, c.name, i)) })
				}
				err := g.Wait()
				return float64(c.clients*c.bytes) / 1e6 / time.Since(start).Seconds(), err
			}
		}
		res, err := b.compare(ctx, pair{c.name, "OpenSSH", "MB/s", false, put(b.ours, "/"), put(b.theirs, b.home+"/")}, b.rounds(5, 2))
		if err != nil {
			return err
		}
		res.Gate = c.gate
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
// gcm is what OpenSSH prefers to the other AES ciphers from version 10 on.
const gcm = "aes128-gcm@openssh.com"

func (b *gatewayBench) put(ctx context.Context, port, cipher, src, dst string) error {
	batch, err := os.CreateTemp(b.dir, "batch")
	if err != nil {
		return err
	}
	defer os.Remove(batch.Name())
	_, err = fmt.Fprintf(batch, "put %s %s\n", src, dst)
	if err := errors.Join(err, batch.Close()); err != nil {
		return err
	}
	args := []string{"-q", "-b", batch.Name(), "-P", port, "-i", b.key, "-F", "none", "-oStrictHostKeyChecking=no",
		"-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", "-oIdentityAgent=none"}
	if cipher != "" {
		args = append(args, "-c", cipher)
	}
	_, err = timed(ctx, nil, b.client, append(args, b.user+"@127.0.0.1")...)
	return err
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/catalog"
	"sluice/ingest/quota"
)

// Folder is a local drop folder.
type Folder struct {
	ID catalog.DropFolderID
	// Name is that of its directory in homes that have several.
	Name string
	// Dir is where it is.
	Dir string
	// MaxFile is the largest file that it takes, in bytes; 0 is no limit.
	MaxFile int64
}

// Users knows who may come in: *catalog.DB does.
type Users interface {
	// GatewayLogin returns the user of a name; catalog.ErrNotFound if there is none that may come in.
	GatewayLogin(ctx context.Context, name string) (catalog.GatewayUser, error)
	SeenGatewayUser(ctx context.Context, id int64, at time.Time) error
}

// Transfers is told what happens to files of local folders. by is "sftp" or "ftp".
type Transfers interface {
	Detected(ctx context.Context, folder catalog.DropFolderID, rel, by string) error
	Uploaded(ctx context.Context, folder catalog.DropFolderID, rel string, size int64, by string) error
	Renamed(ctx context.Context, folder catalog.DropFolderID, from, to string, size int64, by string) error
	Aborted(ctx context.Context, folder catalog.DropFolderID, rel string) error
}

// Defaults of a Config.
const (
	DefaultMaxConnections = 64
	DefaultIdle           = 15 * time.Minute
	DefaultQuiet          = 10 * time.Second
	DefaultLifetime       = 7 * 24 * time.Hour
	// keepGivenUp is how long bytes are kept after their folder was told that the rest will not come.
	keepGivenUp = 24 * time.Hour
	// maxUnknown bounds connections that are not logged in.
	maxUnknown = 128
	loginTime  = time.Minute
)

// Config of a Gateway.
type Config struct {
	Users     Users
	Transfers Transfers
	// Folders returns the local folders that a user sees.
	Folders func(ctx context.Context, u catalog.GatewayUser) ([]Folder, error)
	// All returns every local folder, for what is left in them of transfers.
	All func(ctx context.Context) ([]Folder, error)
	// Keys is the directory of host keys and of the certificate that is made when none is configured.
	Keys string

	// SFTP, FTPS and Implicit are the addresses of the servers; "" for none. FTPS begins in the clear and wants TLS before a
	// login, Implicit speaks TLS from its first byte.
	SFTP, FTPS, Implicit string
	// UserCA is a file of public keys, as in authorized_keys, that vouch for the keys of users by certificates; "" for none. It is read
	// at each login that needs it.
	UserCA string
	// PlainFTP lets clients of FTPS do without TLS: passwords and files can then be read on the way.
	PlainFTP bool
	// Certificate and CertificateKey are PEM files; "" makes a certificate that nobody vouches for.
	Certificate, CertificateKey string
	// PassiveFrom and PassiveTo are the ports of FTP's data connections; 0 leaves them to the system.
	PassiveFrom, PassiveTo int
	// PublicIP is the IPv4 address that FTP clients are told to connect to; "" is the one that they reached.
	PublicIP string

	// MaxConnections is the most connections of an account, for each protocol; 0 means the default.
	MaxConnections int
	// Idle ends connections on which nothing happens, Lifetime gives up transfers that nobody goes on with, and Quiet is how long
	// the end of an FTP transfer is doubted; 0 means the default.
	Idle, Lifetime, Quiet time.Duration

	// Reserve, when set, reserves room for a file of an account (below 0 bytes: of unknown length), or refuses it by its error.
	Reserve func(ctx context.Context, account catalog.AccountID, bytes int64) (*quota.Room, error)
	// Throttle, when set, returns a reader that gives what r gives as fast as the account may send.
	Throttle func(ctx context.Context, account catalog.AccountID, r io.Reader) io.Reader
	// Incomplete says what tells that a file is only the beginning of one, "" if nothing does.
	Incomplete func(r io.ReaderAt, size int64) string

	Log *slog.Logger
	Now func() time.Time
}

// Gateway is the SFTP and FTP servers.
type Gateway struct {
	cfg   Config
	brake *brake
	hash  chan struct{} // bounds passwords that are checked at a time: each takes memory

	ctx  context.Context //nolint:containedctx // of what outlives a connection, until Close
	stop context.CancelFunc
	work sync.WaitGroup // goroutines of connections and of their transfers

	mu         sync.Mutex // guards what follows
	desks      map[string]*desk
	accounts   map[string]int // connections, by protocol and account
	allowances map[int64]*allowance
	unknown    int
	open       map[io.Closer]struct{}
	doubts     map[*doubt]struct{}
	ended      bool

	sftpAddr, ftpAddr net.Addr // set before Run's listeners are served
	ready             chan struct{}
}

// New makes a gateway; Run starts its servers.
func New(cfg Config) (*Gateway, error) {
	if cfg.Users == nil || cfg.Transfers == nil || cfg.Folders == nil || cfg.All == nil || cfg.Keys == "" {
		return nil, errors.New("gateway: users, transfers, folders and a directory for keys are needed")
	}
	if (cfg.Certificate == "") != (cfg.CertificateKey == "") {
		return nil, errors.New("gateway: a certificate and its key go together")
	}
	if cfg.UserCA != "" {
		if _, err := readAuthorities(cfg.UserCA); err != nil {
			return nil, fmt.Errorf("gateway: keys that vouch for users: %w", err)
		}
	}
	if cfg.PassiveFrom > cfg.PassiveTo {
		return nil, fmt.Errorf("gateway: passive ports %d to %d are none", cfg.PassiveFrom, cfg.PassiveTo)
	}
	cfg.MaxConnections = orDefault(cfg.MaxConnections, DefaultMaxConnections)
	cfg.Idle = orDefault(cfg.Idle, DefaultIdle)
	cfg.Quiet = orDefault(cfg.Quiet, DefaultQuiet)
	cfg.Lifetime = orDefault(cfg.Lifetime, DefaultLifetime)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Gateway{
		cfg: cfg, brake: newBrake(cfg.Now), hash: make(chan struct{}, 2), ctx: ctx, stop: stop, desks: map[string]*desk{},
		accounts: map[string]int{}, allowances: map[int64]*allowance{}, open: map[io.Closer]struct{}{},
		doubts: map[*doubt]struct{}{}, ready: make(chan struct{}),
	}, nil
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func (g *Gateway) now() time.Time { return g.cfg.Now() }

// Run listens and serves until ctx ends; connections that are open then are closed, and what they were sending waits for them.
func (g *Gateway) Run(ctx context.Context) (err error) {
	servers, err := g.listen(ctx)
	if err != nil {
		g.stop()
		return err
	}
	g.recover(ctx)
	close(g.ready)
	eg, ctx := errgroup.WithContext(ctx)
	for _, s := range servers {
		eg.Go(s.serve)
	}
	eg.Go(func() error { return g.sweep(ctx) })
	eg.Go(func() error {
		<-ctx.Done()
		var errs []error
		for _, s := range servers {
			errs = append(errs, s.close())
		}
		g.closeAll()
		return errors.Join(errs...)
	})
	err = eg.Wait()
	g.work.Wait()
	g.stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.desks {
		err = errors.Join(err, d.close())
	}
	g.desks = map[string]*desk{}
	return err
}

// Addresses waits until the servers listen, and returns where: nil for one that is off.
func (g *Gateway) Addresses(ctx context.Context) (sftp, ftps net.Addr, err error) {
	select {
	case <-g.ready:
		return g.sftpAddr, g.ftpAddr, nil
	case <-g.ctx.Done():
		return nil, nil, errors.New("gateway: it does not listen")
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// server is one listener with what it serves.
type server struct {
	serve func() error // returns nil after close
	close func() error
}

func (g *Gateway) listen(ctx context.Context) ([]server, error) {
	var servers []server
	fail := func(err error) ([]server, error) {
		for _, s := range servers {
			err = errors.Join(err, s.close())
		}
		return nil, err
	}
	if g.cfg.SFTP != "" {
		s, err := g.listenSFTP(ctx)
		if err != nil {
			return fail(err)
		}
		servers = append(servers, s)
	}
	for _, implicit := range []bool{false, true} {
		if implicit && g.cfg.Implicit == "" || !implicit && g.cfg.FTPS == "" {
			continue
		}
		s, err := g.listenFTP(ctx, implicit)
		if err != nil {
			return fail(err)
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// enter counts a connection of whom nothing is known yet. The function that it returns must be called when the connection ends.
func (g *Gateway) enter(c io.Closer, protocol string) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended || g.unknown >= maxUnknown {
		return nil, false
	}
	g.unknown++
	g.open[c] = struct{}{}
	g.work.Add(1)
	connections.WithLabelValues(protocol).Inc()
	return func() {
		defer g.work.Done()
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.open, c)
		connections.WithLabelValues(protocol).Dec()
	}, true
}

// begin counts work that outlives its connection; work.Done must follow. It is false when the gateway stops.
func (g *Gateway) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.work.Add(1)
	}
	return !g.ended
}

// known ends the counting of an unknown connection.
func (g *Gateway) known() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unknown--
}

func (g *Gateway) closeAll() {
	g.mu.Lock()
	g.ended = true
	list := make([]io.Closer, 0, len(g.open))
	for c := range g.open {
		list = append(list, c)
	}
	doubts := slices.Collect(maps.Keys(g.doubts))
	g.mu.Unlock()
	for _, c := range list {
		_ = c.Close() // its own goroutines see to the rest
	}
	for _, t := range doubts {
		if t.timer.Stop() {
			g.decided(t) // the next start decides
		}
	}
}

// desk returns the desk of a folder, opened once.
func (g *Gateway) desk(f Folder) (*desk, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := fmt.Sprintf("%d %s", f.ID, f.Dir)
	d := g.desks[key]
	if d == nil {
		var err error
		if d, err = openDesk(g, f); err != nil {
			return nil, err
		}
		g.desks[key] = d
	}
	d.limit.Store(f.MaxFile)
	return d, nil
}

// reserve reserves room for a file of which no size is known.
func (g *Gateway) reserve(ctx context.Context, a catalog.AccountID) (*quota.Room, error) {
	if g.cfg.Reserve == nil {
		return nil, nil
	}
	return g.cfg.Reserve(ctx, a, -1)
}

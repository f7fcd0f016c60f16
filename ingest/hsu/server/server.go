package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/hsu"
	"sluice/ingest/quota"
	"sluice/ingest/upload"
)

// Errors of Config's functions. ErrSession says that a session of the API is not valid, ErrForbidden that it may not do this.
var (
	ErrSession   = errors.New("the session is not valid")
	ErrForbidden = errors.New("the session may not do this")
)

// Identity is who uploads.
type Identity struct {
	Account catalog.AccountID
	User    string
	Admin   bool
}

// Folder is a drop folder of this machine's file system. Paths are relative to it.
type Folder interface {
	Dir() string
	Detected(ctx context.Context, rel string) error
	// Uploaded says that files are complete under their names.
	Uploaded(ctx context.Context, files []Arrival) error
	Aborted(ctx context.Context, rel string) error
}

// Arrival is a file that is complete in a drop folder.
type Arrival struct {
	Path string // relative to the folder
	Size int64
}

// Config is what a Server needs; Catalog, Uploads, Content and Authorize are required.
type Config struct {
	Catalog *catalog.DB
	Uploads *upload.Engine
	Content *content.Service
	// Limits are those of accounts; nil for none.
	Limits *quota.Limits
	// Authorize says whose session of the API a request shows; ErrSession for none.
	Authorize func(r *http.Request, session string) (Identity, error)
	// Folder returns a drop folder of an account; catalog.ErrNotFound when it has no such folder, or none that lies here. Nil when
	// there are none.
	Folder func(ctx context.Context, account catalog.AccountID, id int64) (Folder, error)
	// MaxStreams bounds the streams of a session, MaxOpen the open sessions of an account; 0 is the default.
	MaxStreams, MaxOpen int
	// Lifetime is how long a session may rest; 0 is the default.
	Lifetime time.Duration
	Log      *slog.Logger
}

// Defaults of a Config.
const (
	DefaultMaxStreams = 64
	DefaultMaxOpen    = 256
	DefaultLifetime   = 7 * 24 * time.Hour
)

// restAfter is how long a session without requests stays in memory.
const restAfter = 5 * time.Minute

// Server takes high-speed uploads in. It is safe for concurrent use.
type Server struct {
	cfg  Config
	node string          // this machine
	ctx  context.Context //nolint:containedctx // ends with Close: the server outlives every request
	end  context.CancelFunc
	// tellers tell folders of files.
	tellers sync.WaitGroup

	mu   sync.Mutex // guards live
	live map[catalog.TransferID]*session
}

// New returns a server; Close ends it.
func New(cfg Config) *Server {
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = DefaultMaxStreams
	}
	if cfg.MaxOpen == 0 {
		cfg.MaxOpen = DefaultMaxOpen
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = DefaultLifetime
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	node, err := os.Hostname()
	if err != nil {
		node = "unknown"
	}
	s := &Server{cfg: cfg, node: node, live: map[catalog.TransferID]*session{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends all streams, journals what was written, and waits for that.
func (s *Server) Close() error {
	s.end()
	s.mu.Lock()
	all := make([]*session, 0, len(s.live))
	for _, x := range s.live {
		all = append(all, x)
	}
	clear(s.live)
	s.mu.Unlock()
	for _, x := range all {
		x.close()
	}
	s.tellers.Wait()
	return nil
}

// Handler serves the protocol below hsu.Path.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+hsu.Path, s.open)
	mux.HandleFunc("DELETE "+hsu.Path+"/{id}", s.in(s.abort))
	mux.Handle("POST "+hsu.Path+"/{id}/files", gzhttp.GzipHandler(s.in(s.declare)))
	mux.HandleFunc("GET "+hsu.Path+"/{id}/stream", s.in(s.stream))
	mux.HandleFunc("POST "+hsu.Path+"/{id}/blocks", s.in(s.run))
	mux.Handle("GET "+hsu.Path+"/{id}/report", gzhttp.GzipHandler(s.in(s.report)))
	mux.HandleFunc("POST "+hsu.Path+"/{id}/close", s.in(s.finish))
	return mux
}

// session returns a transfer's live session, which the caller releases.
func (s *Server) session(ctx context.Context, t catalog.Transfer) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, s.ctx.Err()
	}
	x := s.live[t.ID]
	if x == nil {
		var err error
		if x, err = s.load(ctx, t); err != nil {
			return nil, err
		}
		s.live[t.ID] = x
		sessionsOpen.Inc()
	}
	x.users.Add(1)
	return x, nil
}

// forget takes a session out of memory; the next request of it loads it anew.
func (s *Server) forget(x *session) {
	s.mu.Lock()
	if s.live[x.transfer.ID] == x {
		delete(s.live, x.transfer.ID)
		sessionsOpen.Dec()
	}
	s.mu.Unlock()
	x.close()
}

// eject ends what still runs of a session that another process ended.
func (s *Server) eject(id catalog.TransferID) {
	s.mu.Lock()
	x := s.live[id]
	s.mu.Unlock()
	if x != nil {
		s.forget(x)
	}
}

// rest forgets sessions that nobody used for a while.
func (s *Server) rest(now time.Time) {
	s.mu.Lock()
	var idle []*session
	for _, x := range s.live {
		if x.users.Load() == 0 && now.Sub(time.Unix(0, x.used.Load())) > restAfter {
			delete(s.live, x.transfer.ID)
			sessionsOpen.Dec()
			idle = append(idle, x)
		}
	}
	s.mu.Unlock()
	for _, x := range idle {
		x.close()
	}
}

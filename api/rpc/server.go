package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/catalog"
)

// Accounts finds accounts by id; catalog.ErrNotFound when there is none.
type Accounts interface {
	Account(ctx context.Context, id catalog.AccountID) (catalog.Account, error)
}

// Config is what a server works with. Registry, Sessions and Accounts are required.
type Config struct {
	Registry *Registry
	Sessions Sessions
	Accounts Accounts
	// Profiles finds stored response profiles; nil when there are none.
	Profiles Profiles
	Logger   *slog.Logger
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// PublicURL is scheme and host that answers name; empty for those of the request.
	PublicURL string
	// TrustedProxies may say who the client is (X-Forwarded-For, -Proto, -Host).
	TrustedProxies []netip.Prefix
	// TempDir is where files of requests wait; empty for the system's.
	TempDir string
	// MaxBody bounds texts and MaxUpload files of a request, in bytes; MaxCalls the calls of a multirequest.
	MaxBody, MaxUpload int64
	MaxCalls           int
	// Timeout bounds one call, without the time its body takes to arrive.
	Timeout time.Duration
	// Now is the clock; nil for the system's.
	Now func() time.Time
}

// Defaults of a Config.
const (
	DefaultMaxBody   = 8 << 20
	DefaultMaxUpload = 64 << 30
	DefaultMaxCalls  = 200
	DefaultTimeout   = 2 * time.Minute
)

// Server answers the API's requests: everything under /api_v3/ and /api/.
type Server struct {
	cfg     Config
	reg     *Registry
	reader  reader
	host    string
	metrics *metrics
	// described is the description of the registry for clients' generators and the reference.
	described func() (*described, error)
	buffers   sync.Pool // *[]byte
}

// NewServer makes a server of what is registered. It fails where a registration makes no sense.
func NewServer(cfg Config) (*Server, error) {
	if cfg.Registry == nil || cfg.Sessions == nil || cfg.Accounts == nil {
		return nil, errors.New("rpc: registry, sessions and accounts are required")
	}
	if err := cfg.Registry.compile(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	for _, d := range []struct {
		value *int64
		or    int64
	}{{&cfg.MaxBody, DefaultMaxBody}, {&cfg.MaxUpload, DefaultMaxUpload}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = DefaultMaxCalls
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	host, err := os.Hostname()
	if err != nil {
		host = "sluice"
	}
	s := &Server{
		cfg: cfg, reg: cfg.Registry, host: host, metrics: newMetrics(cfg.Registerer),
		reader: reader{maxBody: cfg.MaxBody, maxUpload: cfg.MaxUpload, tempDir: cfg.TempDir},
	}
	s.described = sync.OnceValues(s.describe)
	s.buffers.New = func() any { b := make([]byte, 0, 8<<10); return &b }
	return s, nil
}

// Before returns a handler that answers the API's requests and gives all others to next. It stands before any ServeMux:
// a mux redirects paths with two slashes in a row or empty pairs, which the API's clients send.
func (s *Server) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := script(r.URL.EscapedPath()); ok {
			s.serve(w, r, rest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP implements http.Handler for the API's paths; others are not found.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Before(http.NotFoundHandler()).ServeHTTP(w, r)
}

// script cuts the name of the script off a path; ok says whether the path is the API's.
func script(path string) (rest string, ok bool) {
	path = strings.TrimLeft(path, "/")
	first, rest, _ := strings.Cut(path, "/")
	if first != "api_v3" && first != "api" {
		return "", false
	}
	rest = strings.TrimLeft(rest, "/")
	if name, more, _ := strings.Cut(rest, "/"); name == "index.php" {
		rest = more
	}
	return rest, true
}

// bufferKept is the largest buffer that is used again.
const bufferKept = 1 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request, rest string) {
	started := time.Now()
	id := strconv.FormatUint(rand.Uint64()&(1<<48-1), 36)
	s.headers(w.Header(), id)
	if r.Method == http.MethodOptions {
		preflight(w)
		return
	}
	if s.page(w, r, rest) {
		return
	}
	e, err := s.reader.read(w, r, rest)
	defer e.close()
	if err != nil {
		s.refuse(w, r, id, err)
		return
	}
	q := &request{s: s, http: r, w: w, env: e, id: id, started: started, now: s.cfg.Now()}
	q.answer()
}

// refuse answers a request that is no call.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, id string, err error) {
	status := http.StatusInternalServerError
	var bad badRequest
	if errors.As(err, &bad) {
		status = bad.status
		w.Header().Set("X-Kaltura-App", headerText(err.Error()))
	}
	if r.Context().Err() == nil {
		s.cfg.Logger.Warn("api request refused", "request", id, "status", status, "client", s.clientIP(r), "error", err)
	}
	s.metrics.refused.WithLabelValues(strconv.Itoa(status)).Inc()
	// What is left of the body is not read: the connection ends.
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(status), status)
}

// headerText makes a text fit for a header.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}

func (s *Server) headers(h http.Header, id string) {
	h["X-Me"] = []string{s.host}
	h["X-Kaltura-Session"] = []string{id + ", " + strconv.FormatInt(time.Now().Unix(), 10)}
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
	h["Cache-Control"] = noStore
	h["Expires"] = longPast
	h["Pragma"] = noCache
	h["X-Content-Type-Options"] = noSniff
}

// Values of headers that all answers share.
var (
	anyOrigin = []string{"*"}
	exposed   = []string{"Server, Content-Length, Content-Range, Date, X-Kaltura, X-Kaltura-Session, X-Me"}
	noStore   = []string{"no-store, no-cache, must-revalidate, post-check=0, pre-check=0"}
	longPast  = []string{"Sun, 19 Nov 2000 08:52:00 GMT"}
	noCache   = []string{"no-cache"}
	noSniff   = []string{"nosniff"}
)

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Headers", "Origin, X-Requested-With, Content-Type, Accept, Range, Cache-Control, X-Kaltura-Session-Id, X-Kaltura-Ks")
	h.Set("Access-Control-Allow-Methods", "POST, GET, HEAD, OPTIONS")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusOK)
}

// compile makes the plans of everything registered.
func (r *Registry) compile() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.classes {
		if _, err := r.codec(c.typ, false); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.services)) {
		for _, a := range r.services[name].actions {
			if err := r.compileAction(a); err != nil {
				return fmt.Errorf("%s.%s: %w", r.services[name].Name, a.name, err)
			}
			if f := a.params.byName["filter"]; a.name == "list" && f != nil && f.codec.plan != nil {
				if key := lower(f.codec.plan.name); r.lists[key] == nil {
					r.lists[key] = a
				}
			}
		}
	}
	return nil
}

func (r *Registry) compileAction(a *action) (err error) {
	if a.in.Kind() != reflect.Struct {
		return fmt.Errorf("parameters are %s, not a struct", a.in)
	}
	if a.params, err = r.plan(a.in); err != nil {
		return err
	}
	if a.out == fileType {
		return nil
	}
	a.result, err = r.codec(a.out, false)
	return err
}

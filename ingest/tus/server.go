package tus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tus/tusd/v2/pkg/handler"
	tusdlog "golang.org/x/exp/slog"

	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/ingest/dropfolder"
	"sluice/ingest/quota"
	"sluice/ingest/upload"
)

// Sender is who uploads.
type Sender struct {
	Account catalog.AccountID
	User    string
	// All lets it go on with the uploads of others of its account, and fill their entries.
	All bool
}

// Refusal is an answer to a sender whose request is not taken.
type Refusal struct {
	Status int
	// Code is stable, Text is for people.
	Code, Text string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Text }

// Contents gives entries their content; content.Service does.
type Contents interface {
	SetEntry(ctx context.Context, account catalog.AccountID, entry catalog.EntryID, parts []content.Part, opts content.Options) error
}

// Config is what a Server works with. All but the functions, Origins and Logger is required.
type Config struct {
	Catalog *catalog.DB
	Engine  *upload.Engine
	Content Contents
	// Redis holds the locks of uploads, so that any process may take a request.
	Redis redis.UniversalClient
	// Path is where uploads have their URLs, from "/" to "/".
	Path string
	// Auth says who sends a request, from its session: a *Refusal otherwise. session is "" or what the metadata has as "ks".
	Auth func(r *http.Request, session string) (Sender, error)
	// Base is scheme and host of URLs in answers, as the client sees them; nil for URLs without.
	Base func(r *http.Request) string
	// Origins are those whose pages may upload besides the server's own, or "*". Nil leaves the matter to what is in front.
	Origins []string
	// Transfers, when set, is told of files that are put into drop folders.
	Transfers dropfolder.Transfers
	// Rate, when set, slows a body down to what its account may send.
	Rate func(ctx context.Context, account catalog.AccountID, r io.Reader) io.Reader
	// Reserve, when set, refuses files that an account has no room for; below 0 nobody knows how long one is.
	Reserve func(ctx context.Context, account catalog.AccountID, bytes int64) (*quota.Room, error)
	Logger  *slog.Logger
}

// Times of the protocol.
const (
	networkTimeout = time.Minute      // a sender may be silent
	graceful       = 10 * time.Second // what came is still stored when the sender is gone
	lockTimeout    = 20 * time.Second // a request waits for another of the same upload
)

// Server answers the requests of tus under its path, which Path names and which is stripped before.
type Server struct {
	cfg     Config
	tusd    *handler.UnroutedHandler
	handler http.Handler

	// joins are the uploads that are being put together, guarded by mu; Close waits for them.
	mu      sync.Mutex
	joins   map[catalog.UploadTokenID]chan struct{}
	running sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc
}

// New makes a server; Close ends what it does on its own.
func New(cfg Config) (*Server, error) {
	if cfg.Catalog == nil || cfg.Engine == nil || cfg.Content == nil || cfg.Redis == nil || cfg.Auth == nil {
		return nil, errors.New("tus: catalog, engine, content, redis and auth are required")
	}
	if !strings.HasPrefix(cfg.Path, "/") || !strings.HasSuffix(cfg.Path, "/") {
		return nil, fmt.Errorf("tus: path %q does not begin and end with a slash", cfg.Path)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, joins: map[catalog.UploadTokenID]chan struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	composer := handler.NewStoreComposer()
	composer.UseCore(store{s})
	composer.UseTerminater(store{s})
	composer.UseConcater(store{s})
	composer.UseLengthDeferrer(store{s})
	composer.UseLocker(locker{cfg.Redis})
	var err error
	s.tusd, err = handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer, BasePath: cfg.Path, MaxSize: cfg.Engine.Limit(), DisableDownload: true, Cors: s.cors(),
		NetworkTimeout: networkTimeout, GracefulRequestCompletionTimeout: graceful, AcquireLockTimeout: lockTimeout,
		// What it says of its errors is in ours; the rest is a line a request.
		Logger: tusdlog.New(tusdlog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, fmt.Errorf("tus: %w", err)
	}
	s.handler = s.tusd.Middleware(http.HandlerFunc(s.route))
	return s, nil
}

// Close stops putting uploads together; what is not finished goes on at the next start.
func (s *Server) Close() error {
	s.cancel()
	s.running.Wait()
	return nil
}

// Headers of our own.
const (
	headerEntry = "Sluice-Entry-Id"
	headerToken = "Sluice-Upload-Token"
)

func (s *Server) cors() *handler.CorsConfig {
	c := handler.DefaultCorsConfig
	c.Disable = s.cfg.Origins == nil
	var names []string
	for _, o := range s.cfg.Origins {
		names = append(names, regexp.QuoteMeta(o))
	}
	c.AllowOrigin = regexp.MustCompile("^(?:" + strings.Join(names, "|") + ")$")
	if slices.Contains(s.cfg.Origins, "*") {
		c.AllowOrigin = regexp.MustCompile("")
	}
	c.AllowHeaders += ", Upload-Checksum, X-Kaltura-Ks"
	c.ExposeHeaders += ", Upload-Expires, Tus-Checksum-Algorithm, " + headerEntry + ", " + headerToken
	return &c
}

// request is what a request of tus is about; the store writes to it what the answer tells.
type request struct {
	server   *Server
	http     *http.Request
	sender   Sender
	checksum *upload.Checksum // of the body, nil for none
	carry    string           // the session that the upload's URL carries
	expires  time.Time
	entry    catalog.EntryID
	token    catalog.UploadTokenID
	joining  bool

	mu      sync.Mutex
	reading bool   // its body is being read, guarded by mu
	wanted  func() // ends that, as soon as it begins, guarded by mu
}

// interrupt lets a request give its upload to another one that waits for it. tusd can be told so only once it reads the body; a
// request that reads none ends by itself.
func (q *request) interrupt(end func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.reading {
		q.wanted = end
		return
	}
	end()
}

// reads says that the body is being read from now on.
func (q *request) reads() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reading = true
	if q.wanted != nil {
		q.wanted()
	}
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if u, err := url.Parse(r.Header.Get("Origin")); err == nil && u.Host == r.Host {
		r.Header.Del("Origin") // the server's own pages
	}
	q := &request{server: s, http: r}
	a := &answer{ResponseWriter: w, request: q, method: r.Method}
	// The deadlines of an upload end with it: the connection may serve something that lasts longer next.
	defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) }()
	s.handler.ServeHTTP(a, r.WithContext(context.WithValue(r.Context(), requestKey{}, q)))
	requests.WithLabelValues(method(r.Method), class(a.status)).Inc()
}

// route answers a request whose protocol version is ours.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	q := requestOf(r.Context())
	if err := s.admit(q, r); err != nil {
		s.refuse(w, r, err)
		return
	}
	switch id := strings.Trim(r.URL.Path, "/"); {
	case id == "" && r.Method == http.MethodPost:
		s.tusd.PostFile(w, r)
	case id != "" && r.Method == http.MethodHead:
		s.tusd.HeadFile(w, r)
	case id != "" && r.Method == http.MethodPatch:
		s.tusd.PatchFile(w, r)
	case id != "" && r.Method == http.MethodDelete:
		s.tusd.DelFile(w, r)
	default:
		w.Header().Set("Allow", map[bool]string{true: "POST, OPTIONS", false: "HEAD, PATCH, DELETE, OPTIONS"}[id == ""])
		s.refuse(w, r, &Refusal{http.StatusMethodNotAllowed, "ERR_METHOD", r.Method + " is not possible here"})
	}
}

// admit says who sends a request, and why it is refused before its body is read.
func (s *Server) admit(q *request, r *http.Request) error {
	session := ""
	if r.Method == http.MethodPost {
		session = handler.ParseMetadataHeader(r.Header.Get("Upload-Metadata"))["ks"]
	}
	var err error
	if q.sender, err = s.cfg.Auth(r, session); err != nil {
		return err
	}
	if q.carry = r.URL.Query().Get("ks"); q.carry == "" && r.Header.Get("Authorization") == "" && r.Header.Get("X-Kaltura-Ks") == "" {
		q.carry = session
	}
	if r.Method == http.MethodPatch && r.Header.Get("Content-Type") != "application/offset+octet-stream" {
		return &Refusal{http.StatusUnsupportedMediaType, "ERR_INVALID_CONTENT_TYPE", "the content type of a chunk is application/offset+octet-stream"}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &Refusal{http.StatusUnsupportedMediaType, "ERR_CONTENT_ENCODING", "files are taken as they are, without an encoding"}
	}
	if h := r.Header.Get("Upload-Checksum"); h != "" {
		if q.checksum, err = upload.ParseChecksum(h); err != nil {
			return &Refusal{http.StatusBadRequest, "ERR_CHECKSUM", err.Error()}
		}
	}
	return nil
}

// refuse answers with an error, as tusd does.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		s.cfg.Logger.Error("upload request failed", "method", r.Method, "error", err)
		refusal = &Refusal{http.StatusInternalServerError, "ERR_INTERNAL_SERVER_ERROR", "the server failed; its log has the reason"}
	}
	if refusal.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "KS")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(refusal.Status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "%s: %s\n", refusal.Code, refusal.Text)
	}
}

// answer adds to the headers of tusd's answers what tusd does not know.
type answer struct {
	http.ResponseWriter
	request *request
	method  string
	status  int
}

// Unwrap lets deadlines reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	h, q := a.Header(), a.request
	if a.method == http.MethodOptions && status == http.StatusOK {
		status = http.StatusNoContent
		h.Set("Tus-Extension", h.Get("Tus-Extension")+",expiration,checksum")
		h.Set("Tus-Checksum-Algorithm", upload.Algorithms)
	}
	if !q.expires.IsZero() && status < 300 {
		h.Set("Upload-Expires", q.expires.UTC().Format(http.TimeFormat))
	}
	if q.entry != "" {
		h.Set(headerEntry, string(q.entry))
	}
	if q.token != "" {
		h.Set(headerToken, string(q.token))
	}
	if q.joining {
		h.Del("Upload-Offset") // §concatenation: there is none until the parts are together
	}
	if l := h.Get("Location"); l != "" {
		h.Set("Location", a.location(l))
	}
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// location is the URL of an upload as its sender can use it.
func (a *answer) location(made string) string {
	u, err := url.Parse(made)
	if err != nil {
		return made
	}
	out := u.EscapedPath()
	if base := a.request.server.cfg.Base; base != nil {
		out = base(a.request.http) + out
	}
	if a.request.carry != "" {
		out += "?ks=" + url.QueryEscape(a.request.carry)
	}
	return out
}

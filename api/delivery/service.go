package delivery

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/sources"
	"sluice/catalog"
	"sluice/storage"
)

// Config of a Service. Everything is required but Upload, Signer and ClientIP.
type Config struct {
	// Entry returns an entry with its assets, from memory where it can: every request asks. Entries that don't exist or
	// are deleted are catalog.ErrNotFound.
	Entry func(ctx context.Context, id catalog.EntryID) (catalog.Entry, []catalog.Asset, error)
	Guard *access.Guard
	// Sessions opens the ks of requests.
	Sessions rpc.Sessions
	// Store holds the pictures that thumbnails are made from.
	Store storage.Store
	// Upload is the file of an account's upload token that is complete and not used; others are catalog.ErrNotFound. Without it
	// there are no pictures of uploads.
	Upload func(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID) (path string, err error)
	// Media is the origin: it serves what URLs of package sources name. Requests are handed on to it with rewritten paths.
	Media http.Handler
	// Signer signs the URLs of entries that are not for everybody.
	Signer sources.Signer
	// Base is scheme and host as the client of a request sees them.
	Base func(*http.Request) string
	// ClientIP is the address that rules see; nil takes the connection's.
	ClientIP func(*http.Request) netip.Addr
}

// Service serves the delivery URLs.
type Service struct {
	cfg Config

	// pictures bounds the thumbnails that are made at once; further requests wait, and are refused when too many do.
	pictures chan struct{}
	waiting  atomic.Int64
	made     made
}

// New returns a Service, or says what its Config lacks.
func New(cfg Config) (*Service, error) {
	if cfg.Entry == nil || cfg.Guard == nil || cfg.Sessions == nil || cfg.Store == nil || cfg.Media == nil || cfg.Base == nil {
		return nil, errors.New("delivery: entries, guard, sessions, store, media and base are required")
	}
	if cfg.ClientIP == nil {
		cfg.ClientIP = func(r *http.Request) netip.Addr {
			a, _ := netip.ParseAddrPort(r.RemoteAddr)
			return a.Addr().Unmap()
		}
	}
	return &Service{cfg: cfg, pictures: make(chan struct{}, maxPictures)}, nil
}

// Mount adds the service's paths to a mux.
func (s *Service) Mount(mux *http.ServeMux) {
	mux.Handle("/s/p/", s)
	// The last ones are locations of other packagers, which say nothing that the name of the file does not.
	for _, location := range []string{"", "/pd", "/mss", "/hds", "/edash"} {
		mux.Handle(location+"/p/", s)
		mux.Handle("/t/{token}"+location+"/p/", s)
	}
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w}
	name := s.serve(rec, r)
	requests.WithLabelValues(name, rec.outcome()).Inc()
	seconds.WithLabelValues(name).Observe(time.Since(start).Seconds())
}

// serve answers and returns the kind of request it was.
func (s *Service) serve(w http.ResponseWriter, r *http.Request) string {
	kind, partner, rest := split(r.URL.EscapedPath())
	handlers := map[string]func(http.ResponseWriter, *ask) error{
		"playManifest": s.playManifest, "thumbnail": s.thumbnail, "raw": s.raw, "download": s.download, "serveFlavor": s.serveFlavor,
	}
	h := handlers[kind]
	if h == nil {
		refuse(w, fail(badQuery, "nothing is served at this path"))
		return "other"
	}
	cors(w.Header())
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		preflight(w)
		return kind
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return kind
	}
	if err := h(w, s.ask(r, partner, rest)); err != nil {
		refuse(w, err)
	}
	return kind
}

// cors lets any page read the answer.
func cors(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Server,range,Content-Length,Content-Range,X-Kaltura,X-Kaltura-App")
	h.Set("Timing-Allow-Origin", "*")
}

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Origin, X-Requested-With, Content-Type, Accept, Range, Cache-Control, X-Kaltura-Ks")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

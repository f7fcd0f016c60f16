package origin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager"
	"sluice/packager/uri"
)

// Errors that a Resolver wraps to choose the response; any other error is a 502, and a deadline a 504. The error's text is
// not shown to clients.
var (
	ErrNotFound  = errors.New("no such presentation")
	ErrForbidden = errors.New("not allowed")
	ErrGone      = errors.New("the presentation was removed")
)

// Resolver finds what a path's file part names.
type Resolver interface {
	// Resolve returns the set that src names: all renditions of one file URI, or a choice of them for a multi-file URI, in
	// the order of its parts. It is called for every request and should answer from memory: the same *packager.Set as long as
	// nothing changed, because what the origin derives from a set is kept by that pointer. When it must read something it
	// bounds its own time, and returns an error that wraps context.DeadlineExceeded.
	Resolve(ctx context.Context, src *uri.Source) (Presentation, error)
}

// Originals is implemented by a Resolver that also serves files as they are stored, under /raw/<file-uri>.
type Originals interface {
	Original(ctx context.Context, fileURI string) (Original, error)
}

// Thumbnailer makes a JPEG of the picture at a time. Width or Height 0 follows the aspect ratio; both 0 means full size. It is
// asked once for each distinct picture while the answer stays in the response cache.
type Thumbnailer interface {
	Thumb(ctx context.Context, set *packager.Set, timeMS int64, width, height int) ([]byte, error)
}

// Presentation is what a Resolver found.
type Presentation struct {
	Set *packager.Set
	// Modified is the Last-Modified date; zero leaves it out.
	Modified time.Time
	// Poster is the presentation's still picture (JPEG), or nil.
	Poster packager.File
	// Restricted says that only requests with a token may have it, whatever Config.Open says.
	Restricted bool
	// Release, when set, is called once when the response is complete: the set's files must stay open until then.
	Release func()
}

// Original is a stored file.
type Original struct {
	File        packager.File
	Name        string // suggested to the client; "" none
	ContentType string // "" means application/octet-stream
	Modified    time.Time
	Restricted  bool // as of a Presentation
	Release     func()
}

// Config of an Origin. Only Resolver is required.
type Config struct {
	Resolver Resolver
	// Thumbs makes pictures at a time that are larger than the storyboard's tiles, or of no given size; nil serves tiles only.
	Thumbs Thumbnailer
	// Tokens, when set, must vouch for every request, or, when Open is set, for those to what is Restricted. A token that is
	// given is verified in either case.
	Tokens *Tokens
	Open   bool
	// ClientIP is the address that tokens are bound to; nil takes the connection's.
	ClientIP func(*http.Request) netip.Addr
	// Container is the segment format of HLS where the path does not choose one.
	Container uri.Container
	// CacheBytes bounds the response cache; 0 means 64 MiB.
	CacheBytes int64
	// KeepBytes bounds what is kept of segments that are made for every response (TS), once they were asked for twice: in files
	// without a name in KeepDir ("" means that of the system for temporary files), from where they leave as fast as stored ones.
	// 0 keeps none.
	KeepBytes int64
	KeepDir   string
	// Shows bounds the sets whose segment tables are kept; 0 means 256.
	Shows int
	// CORSOrigins are the origins that may read responses; empty means any.
	CORSOrigins []string
	// ManifestTTL is the lifetime of playlists and manifests (0 means 5 minutes), GrowingTTL of those of a set that still
	// grows (3 s), MediaTTL of everything else when its URL carries no version (1 h).
	ManifestTTL, GrowingTTL, MediaTTL time.Duration
	// Timeout bounds the making of one response, a thumbnail above all; 0 means 10 s.
	Timeout time.Duration
	// Registerer takes the metrics; nil keeps them unregistered.
	Registerer prometheus.Registerer
	// Observe, when set, is told of every finished request, on the request's goroutine: it must not block.
	Observe func(Access)
	// Refused, when set, may change the header of an error response; the body is left out when it returns true.
	Refused func(h http.Header, r *http.Request, status int, err error) (silent bool)
}

// Access describes a finished request.
type Access struct {
	Request  *http.Request
	Kind     uri.Kind // 0 when the path could not be read
	SetID    string
	Status   int
	Bytes    int64 // of the body
	Duration time.Duration
	CacheHit bool
	CMCD     string // CTA-5004 data as received, unescaped; "" none
	Reason   string // why Status is an error
}

func (c *Config) setDefaults() error {
	if c.Resolver == nil {
		return errors.New("origin: no resolver configured")
	}
	if c.Open && c.Tokens == nil {
		return errors.New("origin: what is restricted needs tokens")
	}
	orElse(&c.CacheBytes, 64<<20)
	orElse(&c.Shows, 256)
	orElse(&c.ManifestTTL, 5*time.Minute)
	orElse(&c.GrowingTTL, 3*time.Second)
	orElse(&c.MediaTTL, time.Hour)
	orElse(&c.Timeout, 10*time.Second)
	if c.ClientIP == nil {
		c.ClientIP = remoteIP
	}
	return nil
}

func orElse[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

func remoteIP(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

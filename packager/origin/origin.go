package origin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"sluice/packager/uri"
)

// Origin is the HTTP handler. It is safe for concurrent use and starts no goroutine.
type Origin struct {
	cfg     Config
	metrics *metrics
	shows   shows
	cache   *cache
	keeper  keeper
	dates   dates
	// marker stands for the query token in cached playlists; nobody outside can know it.
	marker string
}

// New returns an origin; a nil error means that cfg is usable.
func New(cfg Config) (*Origin, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("origin: register metrics: %w", err)
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	o := &Origin{cfg: cfg, metrics: m, cache: newCache(cfg.CacheBytes, m), marker: hex.EncodeToString(random[:])}
	o.keeper = keeper{dir: cfg.KeepDir, limit: cfg.KeepBytes, metrics: m}
	o.shows = shows{limit: cfg.Shows, all: make(map[showKey]*showSlot)}
	return o, nil
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// ServeHTTP implements http.Handler. Hot: benchmarks BenchmarkSegment and BenchmarkPlaylist.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := exchanges.Get().(*exchange)
	x.reset(o, w, r)
	x.run()
	took := time.Since(start)
	o.metrics.finished(x.req.Kind, x.status, x.sent, took)
	if o.cfg.Observe != nil {
		o.cfg.Observe(x.access(took))
	}
	cut := x.cut
	x.reset(nil, nil, nil)
	exchanges.Put(x)
	if cut {
		panic(http.ErrAbortHandler) // closes the connection: the body must not look complete
	}
}

// run answers the request. A page fault on a mapping whose file was cut short or whose disk fails becomes an error here.
func (x *exchange) run() {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch e := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // the run-time's memory error
			x.o.metrics.faults.Inc()
			x.refuse(fmt.Errorf("mapped media at %#x: %v", e.Addr(), e))
		default:
			panic(e)
		}
	}()
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
	x.release()
}

// serve does everything up to a response or an error.
func (x *exchange) serve() error {
	o, r := x.o, x.r
	o.cors(x.w.Header(), r)
	if x.cmcd = cmcd(r); x.cmcd != "" {
		o.metrics.cmcd.Inc()
		if starved(x.cmcd) {
			o.metrics.starved.Inc()
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		o.preflight(x.w.Header(), r)
		x.status = http.StatusNoContent
		x.w.WriteHeader(x.status)
		return nil
	default:
		x.w.Header()["Allow"] = allowMethods
		return fail(http.StatusMethodNotAllowed, "only GET, HEAD and OPTIONS are served")
	}
	path, err := x.authorize(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	loc, rest, raw := location(path)
	switch {
	case raw:
		return x.serveOriginal(rest)
	case loc == 0:
		return fail(http.StatusNotFound, "no such location")
	}
	if err := x.req.Parse(loc, rest); err != nil {
		return err
	}
	return x.serveObject(path)
}

// location splits a path into its location and the rest.
func location(path string) (loc uri.Location, rest string, raw bool) {
	first, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !ok {
		return 0, "", false
	}
	switch first {
	case "hls":
		return uri.HLS, rest, false
	case "dash":
		return uri.DASH, rest, false
	case "mp4":
		return uri.Progressive, rest, false
	case "thumb":
		return uri.Images, rest, false
	case "raw":
		return 0, rest, true
	}
	return 0, "", false
}

// authorize takes the token off the path, or from the query, and verifies it before anything else happens.
func (x *exchange) authorize(path string) (string, error) {
	token := ""
	if rest, ok := strings.CutPrefix(path, "/t/"); ok {
		var found bool
		if token, _, found = strings.Cut(rest, "/"); !found {
			return "", fail(http.StatusNotFound, "no such location")
		}
		path = rest[len(token):]
	} else if x.o.cfg.Tokens != nil {
		if token = queryValue(x.r.URL.RawQuery, "t"); token != "" {
			x.queryToken = token
		}
	}
	if x.o.cfg.Tokens == nil {
		return path, nil
	}
	session := x.r.Header.Get("X-Playback-Session-Id")
	if session == "" {
		session = queryValue(x.r.URL.RawQuery, "sid")
	}
	if token == "" {
		if x.o.cfg.Open {
			return path, nil
		}
		return "", x.o.unvouched()
	}
	if _, err := x.o.cfg.Tokens.Verify(token, path, x.o.cfg.ClientIP(x.r), session); err != nil {
		x.o.metrics.refused.Inc()
		return "", fail(http.StatusForbidden, "%v", err)
	}
	x.vouched = true
	return path, nil
}

// unvouched refuses a request without a token.
func (o *Origin) unvouched() error {
	o.metrics.refused.Inc()
	return fail(http.StatusForbidden, "a token is required")
}

// queryValue finds a plain value in a raw query; tokens and session ids need no unescaping.
func queryValue(query, key string) string {
	for query != "" {
		var item string
		item, query, _ = strings.Cut(query, "&")
		if k, v, ok := strings.Cut(item, "="); ok && k == key {
			return v
		}
	}
	return ""
}

// serveObject answers for an object of a set.
func (x *exchange) serveObject(path string) error {
	o := x.o
	var err error
	if x.pres, err = o.cfg.Resolver.Resolve(x.r.Context(), &x.req.Source); err != nil {
		return err
	}
	if x.pres.Restricted && !x.vouched {
		return o.unvouched()
	}
	s := o.shows.get(x.pres.Set, &x.req)
	key := path
	if x.queryToken != "" {
		key += "?t"
	}
	p := o.cache.lookup(key, s)
	x.w.Header()["Server-Timing"] = fromCache
	if x.hit = p != nil; !x.hit {
		x.w.Header()["Server-Timing"] = madeNow
		if p, err = x.make(key, path, s); err != nil {
			return err
		}
	} else if p.made() {
		p = x.keep(p)
	}
	return x.respond(p, x.pres.Modified)
}

// keep returns the plan that answers from a file instead of p, which was asked for before, or p.
func (x *exchange) keep(p *plan) *plan {
	k, file := p.held()
	if k == nil && x.r.Method == http.MethodGet && x.pres.Set.Complete && x.o.keeper.takes(p) { // while it grows, everything is soon made anew
		ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), x.o.cfg.Timeout) // others want it, too
		defer cancel()
		x.o.keeper.again(ctx, p)
		k, file = p.held()
	}
	if k == nil {
		return p
	}
	x.file = file
	return k
}

// make builds the plan for key, or waits for another request that does. Whoever builds goes on when its client leaves, since
// others may be waiting.
func (x *exchange) make(key, path string, s *show) (*plan, error) {
	b := builder{o: x.o, show: s, req: &x.req, pres: &x.pres, tag: s.tag + "-" + shape(path)}
	if x.queryToken != "" {
		b.query = "?t=" + x.o.marker
	}
	return x.o.cache.get(x.r.Context(), key, s, func() (*plan, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), x.o.cfg.Timeout)
		defer cancel()
		return b.build(ctx)
	})
}

// serveOriginal answers for a stored file.
func (x *exchange) serveOriginal(file string) error {
	originals, ok := x.o.cfg.Resolver.(Originals)
	if !ok {
		return fail(http.StatusNotFound, "no such location")
	}
	name, err := uri.File(file)
	if err != nil {
		return err
	}
	f, err := originals.Original(x.r.Context(), name)
	if err != nil {
		return err
	}
	x.pres.Release = f.Release
	x.pres.Restricted = f.Restricted
	if f.Restricted && !x.vouched {
		return x.o.unvouched()
	}
	ctype := f.ContentType
	if ctype == "" {
		ctype = "application/octet-stream"
	}
	h := x.w.Header()
	if f.Name != "" {
		h.Set("Content-Disposition", disposition(f.Name))
	}
	h["X-Content-Type-Options"] = nosniff
	p := bodyPlan(ctype, release+"."+f.File.ETag(), whole(f.File))
	p.cache = lifetime(x.o.cfg.MediaTTL, false)
	return x.respond(p, f.Modified)
}

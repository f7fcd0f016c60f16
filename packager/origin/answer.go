package origin

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"time"

	"sluice/packager/uri"
)

// maxFast is the longest body that is answered on the connection itself: a socket takes it at once, so that nothing is under
// way for long.
const maxFast = 64 << 10

// maxJoined is the longest response that is copied together; a longer body goes by gather.
const maxJoined = 16 << 10

// prepared is the head of a 200 as net/http would write it, up to its Date.
type prepared struct {
	modified time.Time
	head     []byte
}

// answering is an answer under way.
type answering struct {
	kind  uri.Kind
	start time.Time
	size  int    // of the body
	tail  []byte // of the response, where it is too long to be copied together in shortcut.out
}

// answer answers the request in short.head where the response is at hand; false leaves it to net/http, with no trace. An error
// ends the connection.
func (c *Conn) answer() (bool, error) {
	r, ok, err := c.compose()
	if !ok {
		return false, err
	}
	return true, c.complete(r, c.short.out)
}

// compose begins an answer: the response is in short.out, its end in the answering.
func (c *Conn) compose() (r answering, ok bool, err error) {
	s := c.short
	r.start = time.Now()
	p, pres := s.atHand()
	if pres.Release != nil {
		defer pres.Release() // cached text is nobody's
	}
	if p == nil {
		return r, false, nil
	}
	coding := p.codingFor(s.req.Header)
	ready := s.o.prepare(p, coding, pres.Modified, &s.req)
	if ready == nil {
		return r, false, nil
	}
	s.o.metrics.hits.Inc()
	var body []byte
	if !s.head.head {
		body = p.text[coding].b
	}
	if !s.begin() {
		return r, false, net.ErrClosed
	}
	r.kind, r.size = p.asked.kind, len(body)
	s.out = append(append(s.out[:0], ready.head...), s.o.dates.line(r.start)...)
	if len(s.out)+len(body) <= maxJoined {
		s.out = append(s.out, body...)
	} else {
		r.tail = body
	}
	return r, true, nil
}

// complete sends what is unsent of short.out, with the reply's tail, in one system call if the socket takes it. It closes the
// connection where nobody else may.
func (c *Conn) complete(r answering, unsent []byte) error {
	err := c.arm(r.start)
	switch {
	case err != nil:
	case len(r.tail) == 0:
		_, err = c.TCPConn.Write(unsent)
	default:
		c.iov = append(c.iov[:0], unsent, r.tail)
		c.bufs = c.iov
		_, err = c.bufs.WriteTo(c.TCPConn)
		clear(c.iov)
	}
	if err == nil {
		c.short.answered(r)
	}
	if !c.short.end() {
		err = errors.Join(err, c.TCPConn.Close(), net.ErrClosed)
	}
	return err
}

// answered counts an answer that has left.
func (s *shortcut) answered(r answering) {
	s.o.metrics.finished(r.kind, http.StatusOK, int64(r.size), time.Since(r.start))
}

// atHand is the plan that answers the request, nil when there is none or it is not short text. It goes the way of serve, without
// its refusals: what it does not like is for net/http to refuse. A plan is found by its path alone; that it is still the right
// one the resolver tells.
func (s *shortcut) atHand() (p *plan, pres Presentation) {
	o := s.o
	if s.head.origin && len(o.cfg.CORSOrigins) > 0 {
		return nil, pres
	}
	if v := s.req.Header["Accept-Encoding"]; len(v) == 0 || v[0] != string(s.head.accept) {
		s.req.Header["Accept-Encoding"] = []string{string(s.head.accept)}
	}
	path, ok := o.admit(s.head.target, &s.req)
	if !ok {
		return nil, pres
	}
	p, show := o.cache.find(path)
	if p == nil || p.asked == nil {
		return nil, pres
	}
	pres, err := o.cfg.Resolver.Resolve(s.ctx, &p.asked.source)
	if err != nil || pres.Set != show.origin {
		return nil, pres
	}
	if pres.Restricted && o.cfg.Open { // its head is another one, and it is rare
		return nil, pres
	}
	return p, pres
}

// admit takes the token off the path and verifies it; ok is false where a token is missing or wrong.
func (o *Origin) admit(path []byte, r *http.Request) (rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(path, []byte("/t/"))
	if !ok {
		return path, o.cfg.Tokens == nil || o.cfg.Open
	}
	i := bytes.IndexByte(rest, '/')
	if i < 0 {
		return nil, false
	}
	if o.cfg.Tokens == nil {
		return rest[i:], true
	}
	_, err := o.cfg.Tokens.Verify(string(rest[:i]), string(rest[i:]), o.cfg.ClientIP(r), "")
	return rest[i:], err == nil
}

// isText reports whether objects of kind k are text, or small.
func isText(k uri.Kind) bool {
	switch k {
	case uri.Master, uri.MediaPlaylist, uri.IFramePlaylist, uri.ImagePlaylist, uri.Manifest, uri.ManifestOnDemand,
		uri.Init, uri.SegmentVTT, uri.Subtitles, uri.Storyboard:
		return true
	}
	return false
}

// prepare returns the head of the response that p gives for r in a coding. It is written once, by what answers every request.
func (o *Origin) prepare(p *plan, coding int, modified time.Time, r *http.Request) *prepared {
	if ready := p.ready[coding].Load(); ready != nil && ready.modified.Equal(modified) {
		return ready
	}
	w := recorder{h: make(http.Header)}
	x := exchange{o: o, w: &w, r: r}
	o.cors(w.h, r)
	w.h["Server-Timing"] = fromCache
	if err := x.respond(p, modified); err != nil || w.status != http.StatusOK {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	if err := w.h.Write(&b); err != nil {
		return nil
	}
	ready := &prepared{modified: modified, head: b.Bytes()}
	p.ready[coding].Store(ready)
	return ready
}

// recorder is a response of which the header is wanted.
type recorder struct {
	h      http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.h }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }

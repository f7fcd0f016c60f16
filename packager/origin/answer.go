package origin

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"sluice/packager"
	"sluice/packager/uri"
)

// maxFast is the longest text that is answered on the connection itself: a socket takes it at once, as a rule.
const maxFast = 64 << 10

// maxJoined is the longest response that is copied together; a longer body goes by gather.
const maxJoined = 16 << 10

// prepared is the head of a 200 as net/http would write it, up to its Date.
type prepared struct {
	modified time.Time
	head     []byte
	length   [2]int // the line in it that says Content-Length
}

const (
	statusOK      = "HTTP/1.1 200 OK\r\n"
	statusPartial = "HTTP/1.1 206 Partial Content\r\n"
	lengthField   = "Content-Length: "
)

// partial appends the head of a 206 with n bytes from off of a body of size.
func (p *prepared) partial(dst []byte, off, n, size int64) []byte {
	dst = append(append(dst, statusPartial...), p.head[len(statusOK):p.length[0]]...)
	dst = strconv.AppendInt(append(dst, lengthField...), n, 10)
	dst = append(dst, "\r\nContent-Range: "...)
	dst = append(appendContentRange(dst, off, n, size), "\r\n"...)
	return append(dst, p.head[p.length[1]:]...)
}

// answering is an answer under way.
type answering struct {
	kind    uri.Kind
	status  int
	start   time.Time
	size    int64               // of the body
	tail    []byte              // of the response, where it is too long to be copied together in shortcut.out
	stored  bool                // the body is shortcut.body
	release func()              // of what the body lies in; may be nil
	file    *packager.LocalFile // that of a kept body
}

// done is called when nothing of the answer is needed any more.
func (r *answering) done() {
	if r.release != nil {
		r.release()
	}
	if r.file != nil {
		_ = r.file.Close() // it was only read
	}
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
	r.release = pres.Release
	defer func() {
		if !ok || !r.stored { // cached text is nobody's
			r.done()
			r.release, r.file = nil, nil
		}
	}()
	if p != nil && p.made() {
		p, r.file = p.held()
	}
	if p == nil {
		return r, false, nil
	}
	coding := p.codingFor(s.req.Header)
	ready := s.o.prepare(p, coding, pres.Modified, &s.req)
	if ready == nil {
		return r, false, nil
	}
	var off, n int64
	if p.body != nil && !s.head.head {
		if off, n, r.status = s.part(p.body.Size()); r.status == 0 || !s.gather(p, off, n) {
			return r, false, nil
		}
	}
	if !s.begin() {
		return r, false, net.ErrClosed
	}
	s.o.metrics.hits.Inc()
	r.kind = p.asked.kind
	if r.status == http.StatusPartialContent {
		s.out = ready.partial(s.out[:0], off, n, p.body.Size())
	} else {
		r.status = http.StatusOK
		s.out = append(s.out[:0], ready.head...)
	}
	s.out = append(s.out, s.o.dates.line(r.start)...)
	switch text := p.text[coding].b; {
	case s.head.head:
	case p.body != nil:
		r.stored, r.size = true, n
	case len(s.out)+len(text) <= maxJoined:
		s.out, r.size = append(s.out, text...), int64(len(text))
	default:
		r.tail, r.size = text, int64(len(text))
	}
	return r, true, nil
}

// part is what the request wants of a body of size bytes; status 0 leaves it to net/http.
func (s *shortcut) part(size int64) (off, n int64, status int) {
	if len(s.head.bytes) == 0 {
		return 0, size, http.StatusOK
	}
	off, n, result := parseRange(string(s.head.bytes), size)
	switch result {
	case rangeOne:
		return off, n, http.StatusPartialContent
	case rangeWhole:
		return 0, size, http.StatusOK
	}
	return 0, 0, 0
}

// gather puts the pieces of a part of a plan's body into shortcut.body. False says that they cannot be read, which is for
// net/http's way to find, too.
func (s *shortcut) gather(p *plan, off, n int64) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch e := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			ok = false
		default:
			panic(e)
		}
	}()
	s.body.pieces = p.body.(packager.Gatherer).Pieces(s.body.pieces[:0], off, n)
	touch(s.body.pieces)
	return true
}

// complete sends what is unsent of short.out, with the reply's tail, in one system call if the socket takes it. It closes the
// connection where nobody else may.
func (c *Conn) complete(r answering, unsent []byte) error {
	defer r.done()
	err := c.arm(r.start)
	switch {
	case err != nil:
	case r.stored:
		c.held = append(c.held[:0], unsent...)
		r.size, err = c.sendStream(&c.short.body)
		c.held = c.held[:0]
		clear(c.short.body.pieces)
		if err == nil {
			err = c.arm(time.Now())
		}
	default:
		c.iov = append(c.iov[:0], unsent, r.tail)
		_, err = c.sendmsg(c.iov, false)
		clear(c.iov)
	}
	if err == nil || r.stored {
		c.short.answered(r)
	}
	if !c.short.end() {
		err = errors.Join(err, c.TCPConn.Close(), net.ErrClosed)
	}
	return err
}

// answered counts an answer that has left.
func (s *shortcut) answered(r answering) {
	s.o.metrics.finished(r.kind, r.status, r.size, time.Since(r.start))
}

// atHand is the plan that answers the request, nil when there is none that may. It goes the way of serve, without
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
	if p == nil || p.asked == nil || p.body == nil && len(s.head.bytes) > 0 || p.made() && p.keeping.kept.Load() == nil {
		return nil, pres
	}
	pres, err := o.cfg.Resolver.Resolve(s.ctx, &p.asked.source)
	if err != nil || pres.Set != show.origin {
		return nil, pres
	}
	if pres.Restricted && (o.cfg.Open || o.cfg.Tokens == nil) { // its head is another one, or nobody may have it; and it is rare
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
	b.WriteString(statusOK)
	if err := w.h.Write(&b); err != nil {
		return nil
	}
	ready := &prepared{modified: modified, head: b.Bytes()}
	from := bytes.Index(ready.head, []byte("\n"+lengthField)) + 1
	ready.length = [2]int{from, from + bytes.IndexByte(ready.head[from:], '\n') + 1}
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

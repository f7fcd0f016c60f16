package origin

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/packager"
)

// respond sends p with the conditions and range of the request. Nothing here touches media before the conditions are settled.
func (x *exchange) respond(p *plan, modified time.Time) error {
	h := x.w.Header()
	h["Content-Type"] = p.ctype
	h["Cache-Control"] = p.cache
	if x.pres.Restricted && x.o.cfg.Open {
		h.Set("Cache-Control", strings.Replace(p.cache[0], "public", "private", 1))
	}
	h["Accept-Ranges"] = acceptRanges
	if !modified.IsZero() {
		h.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
	if p.body != nil {
		return x.respondBody(p, p.body, p.etag, p.length, modified)
	}
	coding := p.codingFor(x.r.Header)
	c := p.text[coding]
	if p.marked {
		c = x.withToken(c)
	} else if !p.binary {
		h["Vary"] = append(varyEncoding, h["Vary"]...)
		if coding != identityCoding {
			h["Content-Encoding"] = codingNames[coding]
		}
	}
	return x.respondBody(p, c.body, c.etag, c.length, modified)
}

// withToken puts the request's token where the cached text holds its place.
func (x *exchange) withToken(c coded) coded {
	b := bytes.ReplaceAll(c.b, []byte(x.o.marker), []byte(x.queryToken))
	tag := strings.TrimSuffix(c.etag[0], `"`) + "-" + shape(x.queryToken) + `"`
	return newCoded(b, tag)
}

func (x *exchange) respondBody(p *plan, body packager.Body, etag, length []string, modified time.Time) error {
	h := x.w.Header()
	h["Etag"] = etag
	if !x.matches(etag[0]) {
		return fail(http.StatusPreconditionFailed, "the object is another one by now")
	}
	if x.unchanged(etag[0], modified) {
		delete(h, "Content-Type")
		delete(h, "Content-Encoding")
		x.status = http.StatusNotModified
		x.w.WriteHeader(x.status)
		return nil
	}
	size := body.Size()
	if x.r.Method == http.MethodHead {
		h["Content-Length"] = length
		x.status = http.StatusOK
		x.w.WriteHeader(x.status)
		return nil
	}
	off, n, status := int64(0), size, http.StatusOK
	if spec := x.rangeHeader(etag[0], modified); spec != "" {
		var ok rangeResult
		off, n, ok = parseRange(spec, size)
		switch ok {
		case rangeWhole:
			off, n = 0, size
		case rangeBad:
			h.Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
			return fail(http.StatusRequestedRangeNotSatisfiable, "the object has %d bytes", size)
		default:
			status = http.StatusPartialContent
			h.Set("Content-Range", contentRange(off, n, size))
			length = []string{strconv.FormatInt(n, 10)}
		}
	}
	h["Content-Length"] = length
	return x.send(p, body, status, off, n)
}

func contentRange(off, n, size int64) string {
	return string(appendContentRange(make([]byte, 0, 48), off, n, size))
}

func appendContentRange(b []byte, off, n, size int64) []byte {
	b = strconv.AppendInt(append(b, "bytes "...), off, 10)
	b = strconv.AppendInt(append(b, '-'), off+n-1, 10)
	return strconv.AppendInt(append(b, '/'), size, 10)
}

// matches evaluates If-Match (RFC 9110 §13.1.1).
func (x *exchange) matches(etag string) bool {
	v := x.r.Header["If-Match"]
	return len(v) == 0 || listed(v, etag, false)
}

// unchanged evaluates If-None-Match and If-Modified-Since (RFC 9110 §13.1.2–3).
func (x *exchange) unchanged(etag string, modified time.Time) bool {
	if v := x.r.Header["If-None-Match"]; len(v) > 0 {
		return listed(v, etag, true)
	}
	v := x.r.Header["If-Modified-Since"]
	if len(v) == 0 || modified.IsZero() {
		return false
	}
	t, err := http.ParseTime(v[0])
	return err == nil && !modified.Truncate(time.Second).After(t)
}

// rangeHeader is the range asked for, "" when there is none or If-Range (RFC 9110 §13.1.5) voids it.
func (x *exchange) rangeHeader(etag string, modified time.Time) string {
	v := x.r.Header["Range"]
	if len(v) == 0 {
		return ""
	}
	cond := x.r.Header["If-Range"]
	if len(cond) == 0 || cond[0] == etag {
		return v[0]
	}
	if t, err := http.ParseTime(cond[0]); err == nil && !modified.IsZero() && modified.Truncate(time.Second).Equal(t) {
		return v[0]
	}
	return ""
}

// listed reports whether etag is among the tags of a condition.
func listed(values []string, etag string, weak bool) bool {
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			item = strings.TrimSpace(item)
			if item == "*" || item == etag || weak && strings.TrimPrefix(item, "W/") == etag {
				return true
			}
		}
	}
	return false
}

type rangeResult int

const (
	rangeOne rangeResult = iota
	rangeWhole
	rangeBad
)

// parseRange reads a Range header. A unit other than bytes, several ranges and nonsense give the whole object, as RFC 9110
// §14.2 allows; a range past the end is refused.
func parseRange(spec string, size int64) (off, n int64, result rangeResult) {
	spec, ok := strings.CutPrefix(spec, "bytes=")
	if !ok || strings.IndexByte(spec, ',') >= 0 {
		return 0, 0, rangeWhole
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return 0, 0, rangeWhole
	}
	if first == "" {
		tail, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return 0, 0, rangeWhole
		}
		if tail == 0 || size == 0 {
			return 0, 0, rangeBad
		}
		n = min(int64(tail), size)
		return size - n, n, rangeOne
	}
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return 0, 0, rangeWhole
	}
	to := uint64(size - 1)
	if last != "" {
		if to, err = strconv.ParseUint(last, 10, 63); err != nil || to < from {
			return 0, 0, rangeWhole
		}
	}
	if int64(from) >= size {
		return 0, 0, rangeBad
	}
	off = int64(from)
	return off, min(int64(to), size-1) - off + 1, rangeOne
}

// codingFor chooses the encoding of the plan's text: the best that the client takes, none for a range.
func (p *plan) codingFor(h http.Header) int {
	if p.marked || p.binary {
		return identityCoding
	}
	accept := h["Accept-Encoding"]
	if len(accept) == 0 || accept[0] == "" || len(h["Range"]) > 0 {
		return identityCoding
	}
	for coding := encodings - 1; coding > identityCoding; coding-- {
		if p.text[coding].b != nil && accepts(accept[0], codingNames[coding][0]) {
			return coding
		}
	}
	return identityCoding
}

// accepts reports whether an Accept-Encoding header lists name with a quality above 0.
func accepts(header, name string) bool {
	for item := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), name) {
			continue
		}
		q, has := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		return !has || strings.Trim(q, "0.") != ""
	}
	return false
}

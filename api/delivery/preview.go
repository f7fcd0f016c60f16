package delivery

import (
	"net/http"
	"strconv"
)

// previewed makes a range that was asked for in place of the client's look like the whole file.
type previewed struct {
	http.ResponseWriter
	left int64
	told bool
}

// preview is how many bytes of a file the session may have; ok is false for all of them.
func (a *ask) preview() (bytes int64, ok bool) {
	if a.session == nil {
		return 0, false
	}
	values, ok := a.session.Value("preview")
	for i, v := range values {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			n = 0
		}
		if i == 0 || n < bytes {
			bytes = n
		}
	}
	return bytes, ok
}

// first answers with the first bytes only of what next serves, whichever range the client wants: nothing behind them can be
// had.
func first(bytes int64, w http.ResponseWriter, r *http.Request, next func(http.ResponseWriter, *http.Request) error) error {
	p := &previewed{ResponseWriter: w, left: bytes}
	if bytes == 0 {
		p.Header().Set("Content-Length", "0")
		p.WriteHeader(http.StatusOK)
		return nil
	}
	r = r.Clone(r.Context())
	for _, name := range []string{"If-Range", "If-None-Match", "If-Modified-Since"} {
		r.Header.Del(name)
	}
	r.Header.Set("Range", "bytes=0-"+strconv.FormatInt(bytes-1, 10))
	return next(p, r)
}

func (p *previewed) WriteHeader(status int) {
	p.told = true
	h := p.Header()
	if status == http.StatusPartialContent {
		status = http.StatusOK
	}
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil { // HEAD has no ranges
		h.Set("Content-Length", strconv.FormatInt(min(n, p.left), 10))
	}
	h.Set("Cache-Control", "no-store")
	for _, name := range []string{"Accept-Ranges", "Content-Range", "ETag"} { // those of the whole
		h.Del(name)
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write drops what a handler without ranges has behind the end.
func (p *previewed) Write(b []byte) (int, error) {
	if !p.told {
		p.WriteHeader(http.StatusOK)
	}
	n, err := p.ResponseWriter.Write(b[:min(int64(len(b)), p.left)])
	if p.left -= int64(n); err != nil {
		return n, err
	}
	return len(b), nil
}

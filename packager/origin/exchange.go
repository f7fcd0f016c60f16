package origin

import (
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/packager"
	"sluice/packager/uri"
)

// exchange is one request and its response. It is pooled; its buffers keep their capacity.
type exchange struct {
	o    *Origin
	w    http.ResponseWriter
	r    *http.Request
	req  uri.Request
	pres Presentation

	queryToken string
	cmcd       string
	reason     string
	status     int // 0 until the response begins
	sent       int64
	hit        bool
	vouched    bool                // by a token
	cut        bool                // the body ended early: the connection must be closed
	file       *packager.LocalFile // what a kept body lies in

	conn   *Conn
	pieces []packager.Piece
	out    stream
}

func (x *exchange) reset(o *Origin, w http.ResponseWriter, r *http.Request) {
	clear(x.pieces[:cap(x.pieces)])
	*x = exchange{o: o, w: w, r: r, pieces: x.pieces[:0]}
}

func (x *exchange) release() {
	if x.pres.Release != nil {
		x.pres.Release()
		x.pres.Release = nil
	}
	if x.file != nil {
		_ = x.file.Close() // it was only read
		x.file = nil
	}
}

func (x *exchange) access(took time.Duration) Access {
	a := Access{Request: x.r, Kind: x.req.Kind, Status: x.status, Bytes: x.sent, Duration: took, CacheHit: x.hit, CMCD: x.cmcd, Reason: x.reason}
	if x.pres.Set != nil {
		a.SetID = x.pres.Set.ID
	}
	return a
}

// refuse answers with an error, or cuts the connection when a body has begun.
func (x *exchange) refuse(err error) {
	defer x.release()
	f := failureOf(err)
	x.reason = f.Error()
	if x.status != 0 {
		x.cut = true
		return
	}
	x.status = f.status
	h := x.w.Header()
	for _, k := range [...]string{"Etag", "Last-Modified", "Content-Length", "Content-Encoding", "Content-Range", "Accept-Ranges", "Content-Disposition", "Server-Timing"} {
		if k == "Content-Range" && f.status == http.StatusRequestedRangeNotSatisfiable {
			continue
		}
		delete(h, k)
	}
	h["Cache-Control"] = noStore
	h["Content-Type"] = textPlain
	h["X-Content-Type-Options"] = nosniff
	body := f.reason + "\n"
	if x.o.cfg.Refused != nil && x.o.cfg.Refused(h, x.r, f.status, err) {
		body = ""
		delete(h, "Content-Type")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(f.status)
	if x.r.Method != http.MethodHead {
		n, _ := io.WriteString(x.w, body)
		x.sent = int64(n)
	}
}

// shape is a short hash of what was asked for: together with the content's identity it makes a strong validator.
func shape(path string) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, path)
	return strconv.FormatUint(h.Sum64(), 36)
}

// disposition suggests a file name (RFC 6266), in ASCII and in full.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '/' || r == '%' {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

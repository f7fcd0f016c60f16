package rpc

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc/ks"
)

// request is one HTTP request on its way through the calls that it makes.
type request struct {
	s       *Server
	http    *http.Request
	w       http.ResponseWriter
	env     *envelope
	id      string
	started time.Time
	now     time.Time
	opened  opened
}

// opened is the session that the call before opened. The calls of a multirequest mostly carry the same token, and what made
// it valid a moment ago still does, unless a call of the session service came between.
type opened struct {
	token   string
	session *ks.Session
}

// format is the encoding of the answer.
type format int

const (
	formatJSON  format = 1
	formatXML   format = 2
	formatJSONP format = 9
)

// answer makes the calls and writes what they return.
func (q *request) answer() {
	root := q.env.root
	f := formatXML
	if n := root.get("format"); n != nil && n.scalar() && n.text != "" {
		f = format(integer(n))
	}
	h := q.w.Header()
	if q.env.note != "" {
		h.Set("X-Kaltura-App", headerText(q.env.note))
	}
	if f != formatJSON && f != formatXML && f != formatJSONP {
		h.Set("X-Kaltura-App", "UNKNOWN_RESPONSE_FORMAT: formats are 1, 2 and 9")
		q.w.WriteHeader(http.StatusOK)
		return
	}
	buf := q.s.buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= bufferKept {
			q.s.buffers.Put(buf)
		}
	}()
	out := &writer{b: (*buf)[:0], reg: q.s.reg, xml: f == formatXML, ignoreNull: truthOf(root, "ignoreNull")}
	callback := q.callback()
	switch {
	case f == formatXML:
		out.b = append(out.b, `<?xml version="1.0" encoding="utf-8"?><xml><result>`...)
	case f == formatJSONP:
		out.b = append(append(out.b, callback...), '(')
	}
	var served bool
	if strings.EqualFold(root.str("service"), "multirequest") {
		served = q.multi(out)
	} else {
		served = q.single(out)
	}
	*buf = out.b
	if served {
		return
	}
	switch {
	case f == formatXML:
		out.b = append(out.b, "</result><executionTime>"...)
		out.b = strconv.AppendFloat(out.b, time.Since(q.started).Seconds(), 'f', 6, 64)
		out.b = append(out.b, "</executionTime></xml>"...)
	case f == formatJSONP && callback == "":
		out.b = out.b[:0]
		h.Set("X-Kaltura-App", "callback missing or invalid")
	case f == formatJSONP:
		out.b = append(out.b, ");"...)
	}
	*buf = out.b
	q.write(f, out.b)
}

func truthOf(n *node, key string) bool {
	v := n.get(key)
	return v != nil && truth(v)
}

// callback is the function of a JSONP answer; it has to be in the query.
func (q *request) callback() string {
	name := q.env.query.Get("callback")
	for _, c := range name {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '.') {
			return ""
		}
	}
	return name
}

var contentTypes = map[format][]string{
	formatJSON: {"application/json"}, formatXML: {"text/xml"}, formatJSONP: {"application/javascript"},
}

func (q *request) write(f format, body []byte) {
	h := q.w.Header()
	h["Content-Type"] = contentTypes[f]
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	q.w.WriteHeader(http.StatusOK)
	_, _ = q.w.Write(body) // a client that went away misses its answer
}

// single makes the request's one call. served says that it answered with a file.
func (q *request) single(out *writer) (served bool) {
	res := q.call(q.env.root)
	if res.file != nil {
		q.serveFile(res.file)
		return true
	}
	if res.err != nil {
		q.w.Header().Set("X-Kaltura", "error-"+res.err.Code)
		if res.action != nil && res.action.out == fileType {
			q.fileError(res.err)
			return true
		}
	}
	out.result(res)
	return false
}

// result writes what a call returned.
func (w *writer) result(res result) {
	if res.err != nil {
		w.exception(res.err)
		return
	}
	start := len(w.b)
	w.mask = res.mask
	switch {
	case !res.value.IsValid():
		w.null()
	case res.action.result != nil && res.value.Type() == res.action.out:
		w.with(res.action.result, res.value)
	default:
		w.value(res.value)
	}
	w.mask = nil
	if w.err != nil {
		w.b = w.b[:start]
		w.exception(E("INTERNAL_SERVERL_ERROR").Because(w.err))
		w.err = nil
	}
}

// serveFile answers with a file.
func (q *request) serveFile(f *File) {
	if h := q.w.Header(); f.Cache != "" {
		h.Set("Cache-Control", f.Cache)
		h.Del("Expires")
		h.Del("Pragma")
	}
	f.ServeHTTP(q.w, q.http)
}

// fileError answers an action that should have returned a file: no body, the reason in headers.
func (q *request) fileError(e *Error) {
	h := q.w.Header()
	h.Set("X-Kaltura", "error- "+e.Code)
	h.Set("X-Kaltura-App", headerText("exiting on error "+e.Code+" - "+e.Message()))
	h.Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusNotFound)
}

// result is what a call came to.
type result struct {
	action *action
	value  reflect.Value
	file   *File
	mask   *mask
	err    *Error
}

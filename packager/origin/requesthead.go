package origin

import (
	"bytes"
	"strings"
)

// verdict is what can be said of the bytes that begin a request.
type verdict int

const (
	// headPartial: the head is well formed so far and has not ended.
	headPartial verdict = iota
	// headOdd: anything else than the subset of HTTP/1.1 read here; where the request ends is not known.
	headOdd
	// headCommon: a whole request without a body, that net/http must answer.
	headCommon
	// headPlain: a whole request of which nothing but method, path, Origin, Accept-Encoding and Range matters.
	headPlain
)

// requestHead is the head of a GET, HEAD or OPTIONS request. Its strings and slices point into the bytes read.
type requestHead struct {
	size   int // bytes, with the empty line
	head   bool
	target []byte
	accept []byte // Accept-Encoding
	origin bool   // the Origin header is there
	bytes  []byte // Range

	plain     bool
	hosts     int
	encodings int
	ranges    int
}

// read scans b from its start. It accepts a strict subset of RFC 9112 §2–5: lines that end in CRLF and hold printable ASCII,
// names that are tokens directly followed by a colon, and no field from which a body, an upgrade or the end of the connection
// would follow. What it calls a whole request is one for every other reader, too, and of the same length.
func (h *requestHead) read(b []byte) verdict {
	*h = requestHead{plain: true}
	for first := true; ; first = false {
		rest := b[h.size:]
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if first && !mayBegin(rest) || !printable(bytes.TrimSuffix(rest, cr)) {
				return headOdd
			}
			return headPartial
		}
		line, ok := bytes.CutSuffix(rest[:end], cr)
		if !ok || !printable(line) {
			return headOdd
		}
		h.size += end + 1
		switch {
		case first:
			ok = h.requestLine(line)
		case len(line) == 0:
			return h.verdict()
		default:
			ok = h.field(line)
		}
		if !ok {
			return headOdd
		}
	}
}

var cr = []byte("\r")

var methods = [...]string{"GET ", "HEAD ", "OPTIONS "}

// mayBegin reports whether b is the beginning of a request line with a known method.
func mayBegin(b []byte) bool {
	for _, m := range methods {
		if n := min(len(b), len(m)); string(b[:n]) == m[:n] {
			return true
		}
	}
	return false
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c > '~' {
			return false
		}
	}
	return true
}

func (h *requestHead) requestLine(line []byte) bool {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !mayBegin(line) {
		return false
	}
	h.head = len(method) == len("HEAD")
	h.plain = len(method) != len("OPTIONS")
	target, ok := bytes.CutSuffix(rest, []byte(" HTTP/1.1"))
	if !ok || len(target) == 0 || bytes.IndexByte(target, ' ') >= 0 {
		return false
	}
	h.target = target
	h.plain = h.plain && plainPath(target)
	return true
}

// plainPath reports whether the target is a path that means itself: nothing escaped, no query, and nothing that a router
// would rewrite.
func plainPath(target []byte) bool {
	if target[0] != '/' {
		return false
	}
	for i, c := range target {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~', c == ',', c == '=':
		case c == '/', c == '.':
			if i > 0 && target[i-1] == '/' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// maxName is the longest field name that is told apart from others.
const maxName = 32

// field reads a header line; false says that the message's length or the connection's fate may depend on it.
func (h *requestHead) field(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return false
	}
	var lower [maxName]byte
	for i, c := range line[:colon] {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if !tokenChar(c) {
			return false
		}
		if i < maxName {
			lower[i] = c
		}
	}
	if colon > maxName {
		h.plain = false
		return true
	}
	value := bytes.Trim(line[colon+1:], " \t")
	switch name := lower[:colon]; string(name) {
	case "content-length", "transfer-encoding", "expect", "upgrade", "trailer", "te", "http2-settings", "proxy-connection":
		return false
	case "connection":
		return bytes.EqualFold(value, []byte("keep-alive"))
	case "host":
		h.hosts++
		h.plain = h.plain && plainHost(value)
	case "accept-encoding":
		h.encodings++
		h.accept = value
	case "range":
		h.ranges++
		h.bytes = value
	case "origin":
		h.origin = true
	case "user-agent", "accept", "accept-language", "referer", "cache-control", "pragma", "dnt", "priority", "cookie":
	default:
		h.plain = h.plain && strings.HasPrefix(string(name), "sec-") // Sec-Fetch-* and Sec-CH-*
	}
	return true
}

// tokenChar reports whether c, in lower case, may stand in a field name (RFC 9110 §5.6.2).
func tokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func plainHost(value []byte) bool {
	for _, c := range value {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(".-:[]", c) < 0 {
			return false
		}
	}
	return len(value) > 0
}

func (h *requestHead) verdict() verdict {
	if h.plain && h.hosts == 1 && h.encodings <= 1 && h.ranges <= 1 {
		return headPlain
	}
	return headCommon
}

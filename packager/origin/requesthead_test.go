package origin

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

const plainHead = "GET /hls/0_stored/master.m3u8 HTTP/1.1\r\nHost: example.com:80\r\n\r\n"

func TestRequestHeads(t *testing.T) {
	with := func(fields string) string { return strings.TrimSuffix(plainHead, "\r\n") + fields + "\r\n" }
	for _, c := range []struct {
		name, in string
		want     verdict
	}{
		{"plain", plainHead, headPlain},
		{"HEAD", "HEAD" + plainHead[3:], headPlain},
		{"what browsers say", with("User-Agent: x (y; z)\r\nAccept: */*\r\nACCEPT-ENCODING:gzip, br\r\nConnection: Keep-Alive\r\n" +
			"Sec-Fetch-Mode: cors\r\nsec-ch-ua: \"C\"\r\nOrigin: https://a.example\r\nReferer: https://a.example/\r\nCookie: a=b\r\n"), headPlain},
		{"more after it", plainHead + "POST / HTTP/1.1\r\n", headPlain},
		{"nothing", "", headPartial},
		{"a letter", "G", headPartial},
		{"half a head", plainHead[:50], headPartial},
		{"before the last byte", plainHead[:len(plainHead)-1], headPartial},

		{"OPTIONS", "OPTIONS" + plainHead[3:], headCommon},
		{"a query", strings.Replace(plainHead, "m3u8", "m3u8?t=1", 1), headCommon},
		{"an escape", strings.Replace(plainHead, "master", "m%61ster", 1), headCommon},
		{"two slashes", strings.Replace(plainHead, "/0", "//0", 1), headCommon},
		{"dots", strings.Replace(plainHead, "/0", "/../0", 1), headCommon},
		{"absolute", strings.Replace(plainHead, "/hls", "http://a/hls", 1), headCommon},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", headCommon},
		{"no host", "GET /hls/a HTTP/1.1\r\n\r\n", headCommon},
		{"two hosts", with("Host: b\r\n"), headCommon},
		{"a strange host", strings.Replace(plainHead, "example", "exa/mple", 1), headCommon},
		{"a range", with("Range: bytes=0-1\r\n"), headPlain},
		{"two ranges", with("Range: bytes=0-1\r\nRange: bytes=0-1\r\n"), headCommon},
		{"a range if", with("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n"), headCommon},
		{"a condition", with("If-None-Match: \"a\"\r\n"), headCommon},
		{"a proxy's word", with("X-Forwarded-For: 1.2.3.4\r\n"), headCommon},
		{"CMCD", with("CMCD-Request: bl=1\r\n"), headCommon},
		{"a long name", with(strings.Repeat("a", 100) + ": b\r\n"), headCommon},
		{"encodings twice", with("Accept-Encoding: a\r\nAccept-Encoding: b\r\n"), headCommon},

		{"POST", "POST" + plainHead[3:], headOdd},
		{"an unknown method", "GETS" + plainHead[3:], headOdd},
		{"lower case", "get" + plainHead[3:], headOdd},
		{"HTTP/1.0", strings.Replace(plainHead, "1.1", "1.0", 1), headOdd},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", headOdd},
		{"TLS", "\x16\x03\x01\x02\x00", headOdd},
		{"an empty line first", "\r\n" + plainHead, headOdd},
		{"two spaces", strings.Replace(plainHead, " /", "  /", 1), headOdd},
		{"a space in the path", strings.Replace(plainHead, "master", "mas ter", 1), headOdd},
		{"a bare LF", strings.Replace(plainHead, "\r\n", "\n", 1), headOdd},
		{"a bare CR", strings.Replace(plainHead, "example", "exa\rmple", 1), headOdd},
		{"a bare CR at the end", plainHead[:30] + "\r\r", headOdd},
		{"a NUL", strings.Replace(plainHead, "example", "exa\x00mple", 1), headOdd},
		{"beyond ASCII", strings.Replace(plainHead, "example", "ex\u00e4mple", 1), headOdd},
		{"a length", with("Content-Length: 5\r\n"), headOdd},
		{"length 0", with("content-length: 0\r\n"), headOdd},
		{"a space before the colon", with("Content-Length : 5\r\n"), headOdd},
		{"a folded line", with("A: b\r\n c\r\n"), headOdd},
		{"no colon", with("abc\r\n"), headOdd},
		{"no name", with(": b\r\n"), headOdd},
		{"chunks", with("Transfer-Encoding: chunked\r\n"), headOdd},
		{"expectation", with("Expect: 100-continue\r\n"), headOdd},
		{"close", with("Connection: close\r\n"), headOdd},
		{"upgrade", with("Connection: Upgrade\r\nUpgrade: websocket\r\n"), headOdd},
	} {
		var h requestHead
		if got := h.read([]byte(c.in)); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, got, c.want)
		}
	}
}

// FuzzRequestHead: what is called a whole request is one for net/http, of the same length and meaning, and nothing that comes
// before its last byte is judged otherwise than as a part of it.
func FuzzRequestHead(f *testing.F) {
	for _, s := range []string{
		plainHead, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", plainHead + plainHead, "HEAD /a HTTP/1.1\r\nhost:b\r\nAccept-Encoding: gzip\r\n\r\nx",
		"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "GET /a?b HTTP/1.1\r\nX: y\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h requestHead
		v := h.read(b)
		if v != headCommon && v != headPlain {
			return
		}
		whole := b[:h.size]
		var part requestHead
		for i := range whole {
			if got := part.read(whole[:i]); got != headPartial {
				t.Fatalf("the first %d bytes of %q: verdict %d", i, whole, got)
			}
		}
		in := bufio.NewReader(bytes.NewReader(whole))
		r, err := http.ReadRequest(in)
		if err != nil {
			if v == headPlain {
				t.Fatalf("net/http refuses %q: %v", whole, err)
			}
			return // it answers 400 and closes
		}
		if in.Buffered() != 0 || r.ContentLength != 0 || len(r.TransferEncoding) != 0 || r.Close || r.Body != http.NoBody {
			t.Fatalf("net/http finds %d bytes after %q, a length of %d, %v, close %v", in.Buffered(), whole, r.ContentLength, r.TransferEncoding, r.Close)
		}
		if v != headPlain {
			return
		}
		if r.URL.EscapedPath() != string(h.target) || r.URL.RawQuery != "" || (r.Method == "HEAD") != h.head || r.Header.Get("Accept-Encoding") != string(h.accept) ||
			(r.Header["Origin"] != nil) != h.origin || r.Host == "" {
			t.Fatalf("net/http reads %q otherwise: %v", whole, r)
		}
	})
}

package origin

import (
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"sluice/packager"
)

// conversations are requests that leave the connection open; fast says how many of them the shortcut answers.
func conversations() []struct {
	name, in string
	fast     int64
} {
	master, index, film, sound := "/hls/0_stored/master.m3u8", "/hls/0_stored/index-f1-v1.m3u8", "/mp4/0_stored/film.mp4", "/mp4/0_stored/sound-f4-a1.m4a"
	type row = struct {
		name, in string
		fast     int64
	}
	rows := []row{
		{"plain", get(master, ""), 1},
		{"HEAD", "HEAD" + get(master, "")[3:], 1},
		{"gzip", get(index, "Accept-Encoding: gzip, deflate, br\r\n"), 1},
		{"zstd", get(index, "accept-encoding:\tzstd ;q=0.5\r\n"), 1},
		{"no coding wanted", get(index, "Accept-Encoding: gzip;q=0\r\n"), 1},
		{"from a page", get(master, "Origin: https://a.example\r\nReferer: https://a.example/\r\nSec-Fetch-Mode: cors\r\nConnection: keep-alive\r\n"), 1},
		{"a token nobody asked for", get("/t/abc.def/hls/0_stored/master.m3u8", ""), 1},
		{"a manifest", get("/dash/0_stored/manifest.mpd", ""), 1},
		{"six in one write", get(master, "") + get(index, "") + get(master, "Range: bytes=0-9\r\n") + get(index, "Accept-Encoding: gzip\r\n") + get("/x", "") + get(master, ""), 4},
		{"a segment between", get(master, "") + get("/hls/0_stored/seg-2-f1-v1.m4s", "") + get(master, ""), 3},
		{"made on the way between", get(master, "") + get("/hls/0_stored/seg-1-f1-v1-f3-a1.ts", "") + get(master, ""), 2},
		{"HEAD of a body", "HEAD" + get(film, "Range: bytes=5-20\r\n")[3:], 1},
		{"range of a body", get(film, "Range: bytes=5-2000\r\n"), 1},
		{"range across pieces", get(film, "Range: bytes=1000-150000\r\n"), 1},
		{"range to the end", get(sound, "Range: bytes=7000-\r\n"), 1},
		{"range from the end", get(film, "Range: bytes=-500\r\n"), 1},
		{"range beyond the end", get(sound, "Range: bytes=0-99999999\r\n"), 1},
		{"one byte", get(film, "Range: bytes=0-0\r\nOrigin: https://a.example\r\n"), 1},
		{"range of a unit unknown", get(sound, "Range: pages=1-2\r\n"), 1},
		{"two ranges", get(sound, "Range: bytes=1-2,5-6\r\n"), 1},
		{"nonsense for a range", get(sound, "Range: bytes=2-1\r\n"), 1},
		{"range of a body past its end", get(film, "Range: bytes=500000000-\r\n"), 0},
		{"two fields of range", get(film, "Range: bytes=1-2\r\nRange: bytes=5-6\r\n"), 0},
		{"range if", get(film, "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n"), 0},
		{"ranges in one write", get(film, "Range: bytes=0-99\r\n") + get(film, "Range: bytes=100-70099\r\n") + get(master, "") + get(film, "Range: bytes=-1\r\n"), 4},
		{"range", get(master, "Range: bytes=5-20\r\n"), 0},
		{"range past the end", get(master, "Range: bytes=5000000-\r\n"), 0},
		{"If-None-Match", get(master, "If-None-Match: *\r\n"), 0},
		{"If-Match", get(master, "If-Match: \"x\"\r\n"), 0},
		{"OPTIONS", "OPTIONS" + get(master, "Origin: https://a.example\r\n")[3:], 0},
		{"a query", get(master+"?CMCD=bs", ""), 0},
		{"escaped", get("/hls/0_stored/m%61ster.m3u8", ""), 0},
		{"unknown object", get("/hls/0_stored/index-f99-v1.m3u8", ""), 0},
		{"unknown set", get("/hls/0_none/master.m3u8", ""), 0},
		{"unknown location", get("/other/0_stored/master.m3u8", ""), 0},
		{"no name", get("/hls/0_stored", ""), 0},
		{"POST", "POST" + get(master, "Content-Length: 5\r\n")[3:] + "hello", 0},
		{"a request in a body", "POST" + get(master, "Content-Length: 60\r\n")[3:] + (get(master, "") + strings.Repeat("x", 60))[:60], 0},
		{"a request in chunks", "POST" + get(master, "Transfer-Encoding: chunked\r\n")[3:] + "a\r\n0123456789\r\n0\r\n\r\n" + get(master, ""), 0},
		{"a GET with a body", get(master, "Content-Length: 5\r\n") + "hello" + get(master, ""), 0},
		{"a long head", get(master, "X-Long: "+strings.Repeat("y", 9000)+"\r\n") + get(master, ""), 1},
		{"an early end", get(master, "") + get(master, "Content-Length: 3\r\n") + "abc" + get(master, ""), 1},
	}
	for _, o := range objects {
		fast := int64(1)
		if strings.HasSuffix(o.path, ".ts") || strings.HasSuffix(o.path, ".jpg") || strings.HasSuffix(o.path, ".aac") || strings.HasPrefix(o.path, "/raw/") || strings.Contains(o.path, "0_plain") {
			fast = 0 // made on the way, an original, or not there
		}
		rows = append(rows, row{o.path, get(o.path, ""), fast})
	}
	return rows
}

// TestShortcutSaysTheSame: whatever is asked, in whatever pieces it arrives, the bytes are those of net/http, and what follows
// on the connection is understood alike.
func TestShortcutSaysTheSame(t *testing.T) {
	for _, tr := range []Transport{Writev, Sendfile} {
		saysTheSame(t, serveBoth(t, Config{}, tr, Timeouts{}), tr == Writev) // the transport is nothing to the reading side
	}
}

func saysTheSame(t *testing.T, p *pairOfServers, inPieces bool) {
	p.warm(t)
	for _, c := range conversations() {
		want := talk(t, p.plain, c.in+lastRequest)
		before := p.passed.Load()
		total := int64(strings.Count(want, "HTTP/1.1 "))
		got := talk(t, p.short, c.in+lastRequest)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: differs:\n%.2000s", c.name, d)
		}
		// What follows a request of net/http's in the same write may have lost its first byte to it, and is net/http's, too.
		fast := total - (p.passed.Load() - before)
		if strings.Count(c.in, "HTTP/1.1") == 1 && fast != c.fast || fast > c.fast || c.fast > 0 && fast == 0 && !strings.HasPrefix(c.name, "a long") {
			t.Errorf("%s: the shortcut answered %d of %d requests, want %d", c.name, fast, total, c.fast)
		}
		if !inPieces || len(c.in) > 2000 {
			continue
		}
		for _, size := range []int{1, 7, 61} {
			var chunks []string
			for in := c.in + lastRequest; in != ""; in = in[min(size, len(in)):] {
				chunks = append(chunks, in[:min(size, len(in))])
			}
			if d := cmp.Diff(want, talk(t, p.short, chunks...)); d != "" {
				t.Errorf("%s in pieces of %d: differs:\n%.2000s", c.name, size, d)
			}
		}
	}
}

// TestShortcutRefusesTheSame: what net/http refuses, it refuses here, and closes.
func TestShortcutRefusesTheSame(t *testing.T) {
	p := servePair(t, Config{}, Timeouts{})
	p.warm(t)
	ok := get("/hls/0_stored/master.m3u8", "")
	for _, in := range []string{
		"GET /hls/0_stored/master.m3u8 HTTP/1.1\r\n\r\n",
		get("/a", "Host: y\r\n"), get("/a", "Content-Length : 1\r\n"), get("/a", "Transfer-Encoding: gzip\r\n"), get("/a", "A: b\r\n c\r\n") + lastRequest,
		"\x16\x03\x01\x02\x00\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", "GET /hls/0_stored/master.m3u8 HTTP/1.0\r\n\r\n", "nonsense\r\n\r\n",
		"GET /hls/0_stored/master.m3u8 HTTP/1.1\nHost: x\nConnection: close\n\n", "X" + lastRequest, get("/a", "Expect: wonders\r\nConnection: close\r\n"),
	} {
		for _, lead := range []string{"", ok} {
			if d := cmp.Diff(talk(t, p.plain, lead+in), talk(t, p.short, lead+in)); d != "" {
				t.Errorf("%q: differs:\n%.2000s", lead+in, d)
			}
		}
	}
}

// TestShortcutKeepsItsPlaceBesideASlowHandler: bytes that arrive while a handler runs, which net/http takes one of, belong to
// the request after it.
func TestShortcutKeepsItsPlaceBesideASlowHandler(t *testing.T) {
	set := stored(t)
	o, err := New(Config{Resolver: &library{sets: map[string]*packager.Set{set.ID: set}}})
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	srv := &http.Server{ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-leave
			_, _ = io.WriteString(w, "slow")
			return
		}
		o.ServeHTTP(w, r)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(o.Listener(l, Writev, Timeouts{})) // ends with Close
	}()
	defer func() {
		_ = srv.Close()
		<-done
	}()
	master := get("/hls/0_stored/master.m3u8", "")
	talk(t, l.Addr().String(), lastRequest) // into the cache
	for _, c := range []struct {
		next string
		want []string
	}{
		{master + master, []string{"200 OK", "200 OK", "200 OK", "200 OK"}},
		{"X" + master, []string{"200 OK", "405 Method Not Allowed", "200 OK"}},
	} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, get("/slow", "")); err != nil {
			t.Fatal(err)
		}
		<-entered
		if _, err := io.WriteString(conn, c.next+lastRequest); err != nil {
			t.Fatal(err)
		}
		leave <- struct{}{}
		all, err := io.ReadAll(conn)
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range regexp.MustCompile(`HTTP/1\.1 (.*)\r\n`).FindAllStringSubmatch(string(all), -1) {
			got = append(got, m[1])
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.next, d)
		}
	}
}

// TestShortcutCountsLikeTheRest: requests, bytes and cache hits are counted wherever they are answered.
func TestShortcutCountsLikeTheRest(t *testing.T) {
	p := servePair(t, Config{}, Timeouts{})
	p.warm(t)
	count := func() (requests, hits, bytes float64) {
		value := func(m interface{ Write(*dto.Metric) error }) float64 {
			var d dto.Metric
			if err := m.Write(&d); err != nil {
				t.Fatal(err)
			}
			return d.GetCounter().GetValue()
		}
		m := p.origin.metrics
		for k := range m.ok {
			requests += value(m.ok[k])
			bytes += value(m.bytes[k])
		}
		return requests, value(m.hits), bytes
	}
	measure := func(addr string) [3]float64 {
		r0, h0, b0 := count()
		talk(t, addr, get("/hls/0_stored/master.m3u8", ""), get("/hls/0_stored/index-f1-v1.m3u8", "Accept-Encoding: gzip\r\n"), get("/hls/0_stored/index-f99-v1.m3u8", ""), lastRequest)
		r1, h1, b1 := count()
		return [3]float64{r1 - r0, h1 - h0, b1 - b0}
	}
	if d := cmp.Diff(measure(p.plain), measure(p.short)); d != "" {
		t.Errorf("requests, hits, bytes: %s", d)
	}
}

func TestShortcutAsksForTokens(t *testing.T) {
	k := tokens(t, keyA)
	p := servePair(t, Config{Tokens: k}, Timeouts{})
	good := issue(t, k, Grant{Prefix: "/hls/0_stored", Expires: time.Now().Add(time.Hour)})
	elsewhere := issue(t, k, Grant{Prefix: "/hls/0_other", Expires: time.Now().Add(time.Hour)})
	old := issue(t, k, Grant{Prefix: "/hls/0_stored", Expires: time.Now().Add(-time.Hour)})
	master := "/hls/0_stored/master.m3u8"
	talk(t, p.plain, get("/t/"+good+master, "Connection: close\r\n"))
	for _, c := range []struct {
		name, path, status string
		fast               bool
	}{
		{"none", master, "403 Forbidden", false}, {"good", "/t/" + good + master, "200 OK", true}, {"of another", "/t/" + elsewhere + master, "403 Forbidden", false},
		{"expired", "/t/" + old + master, "403 Forbidden", false}, {"empty", "/t/" + master, "403 Forbidden", false}, {"nothing behind it", "/t/" + good, "404 Not Found", false},
		{"in the query", master + "?t=" + good, "200 OK", false},
	} {
		before := p.passed.Load()
		got := talk(t, p.short, get(c.path, "")+lastRequest)
		if first, _, _ := strings.Cut(got, "\r\n"); first != "HTTP/1.1 "+c.status {
			t.Errorf("%s: %s, want %s", c.name, first, c.status)
		}
		if fast := p.passed.Load()-before == 1; fast != c.fast {
			t.Errorf("%s: answered by shortcut %v", c.name, fast)
		}
	}
}

// TestShortcutEndsIdleConnections: both the wait for another request and for the rest of one end, after an answer as before it.
func TestShortcutEndsIdleConnections(t *testing.T) {
	p := servePair(t, Config{}, Timeouts{Header: 50 * time.Millisecond, Idle: 50 * time.Millisecond})
	p.warm(t)
	master := get("/hls/0_stored/master.m3u8", "")
	for _, in := range []string{master, master + master[:20], master[:20], master + get("/x", ""), ""} {
		if d := cmp.Diff(talk(t, p.plain, in), talk(t, p.short, in)); d != "" {
			t.Errorf("%q: differs:\n%s", in, d)
		}
	}
}

// TestVanishedMediaIsLeftToNetHTTP: what cannot be read is refused as ever, and nothing of a response has left before.
func TestVanishedMediaIsLeftToNetHTTP(t *testing.T) {
	path, _, tr := copyOf(t, "hi-v")
	set := &packager.Set{ID: "0_cut", Version: "1", Complete: true, Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}}
	p := servePair(t, Config{Resolver: &library{sets: map[string]*packager.Set{"0_cut": set}}}, Timeouts{})
	segment := get("/hls/0_cut/seg-2-v1.m4s", "")
	talk(t, p.plain, segment+lastRequest)
	before := p.passed.Load()
	if got := talk(t, p.short, segment+lastRequest); !strings.HasPrefix(got, "HTTP/1.1 200") || p.passed.Load() != before+1 {
		t.Fatalf("%.200s", got)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{segment, "HEAD" + segment[3:]} {
		if d := cmp.Diff(talk(t, p.plain, in+lastRequest), talk(t, p.short, in+lastRequest)); d != "" {
			t.Errorf("%.9q: differs:\n%.1000s", in, d)
		}
	}
}

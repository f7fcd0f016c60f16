package origin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/packager"
	"sluice/packager/cmaf"
)

// transports are the ways to the client that must all carry the same bytes.
func transports(t *testing.T, o *Origin) map[string]*httptest.Server {
	start := func(h http.Handler, how func(*httptest.Server)) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ConnContext = ConnContext
		how(s)
		t.Cleanup(s.Close)
		return s
	}
	wrap := func(tr Transport) func(*httptest.Server) {
		return func(s *httptest.Server) { s.Listener = Listener(s.Listener, tr); s.Start() }
	}
	return map[string]*httptest.Server{
		"writev":   start(o, wrap(Writev)),
		"sendfile": start(o, wrap(Sendfile)),
		"plain":    start(o, func(s *httptest.Server) { s.Start() }),
		"tls":      start(o, func(s *httptest.Server) { s.Listener = Listener(s.Listener, Writev); s.StartTLS() }),
		"http2":    start(o, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }),
		"wrapped": start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		}), wrap(Writev)),
	}
}

func TestEveryTransportCarriesTheSameBytes(t *testing.T) {
	lib := &library{sets: map[string]*packager.Set{"0_stored": stored(t), "0_plain": progressiveSet(t)}, files: map[string]packager.File{"original": media.plain["hi"]}}
	o, err := New(Config{Resolver: lib})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]byte)
	for name, srv := range transports(t, o) {
		c := srv.Client()
		c.Transport.(*http.Transport).DisableCompression = true
		for _, obj := range objects {
			for _, spec := range []string{"", "bytes=100-200", "bytes=70000-"} {
				req, _ := http.NewRequest("GET", srv.URL+obj.path, nil)
				if spec != "" {
					req.Header.Set("Range", spec)
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Fatalf("%s %s: %v", name, obj.path, err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					t.Fatalf("%s %s %s: %v", name, obj.path, spec, err)
				}
				key := obj.path + spec
				if want[key] == nil {
					want[key] = append([]byte{}, body...)
				}
				if !bytes.Equal(want[key], body) {
					t.Errorf("%s %s %s: %d bytes, elsewhere %d", name, obj.path, spec, len(body), len(want[key]))
				}
				if proto := "HTTP/1.1"; name == "http2" && resp.Proto == proto {
					t.Errorf("%s was not used", name)
				}
			}
		}
	}
}

func TestPipelinedResponsesKeepTheirOrderAndFrames(t *testing.T) {
	for _, tr := range []Transport{Writev, Sendfile} {
		s := serveOn(t, Config{}, func(l net.Listener) net.Listener { return Listener(l, tr) }, stored(t))
		c, err := net.Dial("tcp", s.url[len("http://"):])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		requests := []struct{ method, path, extra string }{
			{"GET", "/hls/0_stored/seg-1-f1-v1.m4s", ""}, {"HEAD", "/hls/0_stored/seg-1-f1-v1.m4s", ""},
			{"GET", "/hls/0_stored/seg-2-f1-v1-f3-a1.ts", ""}, {"GET", "/hls/0_stored/seg-9-f1-v1.m4s", ""},
			{"GET", "/hls/0_stored/seg-2-f1-v1.m4s", "Range: bytes=5-9\r\n"}, {"GET", "/hls/0_stored/master.m3u8", ""},
			{"GET", "/hls/0_stored/seg-1-f1-v1.m4s", "If-None-Match: *\r\n"}, {"OPTIONS", "/hls/0_stored/master.m3u8", ""},
			{"GET", "/hls/0_stored/seg-3-f1-v1.m4s", ""},
		}
		go func() {
			for _, r := range requests {
				fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", r.method, r.path, r.extra)
			}
		}()
		in := bufio.NewReader(c)
		for i, status := range []int{200, 200, 200, 404, 206, 200, 304, 204, 200} {
			req, _ := http.NewRequest(requests[i].method, "/", nil)
			resp, err := http.ReadResponse(in, req)
			if err != nil {
				t.Fatalf("response %d: %v", i, err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			if err != nil || resp.StatusCode != status {
				t.Fatalf("response %d to %+v: %d, %v", i, requests[i], resp.StatusCode, err)
			}
			if requests[i].method == "GET" && status < 300 && n != resp.ContentLength {
				t.Errorf("response %d: %d bytes of %d", i, n, resp.ContentLength)
			}
		}
	}
}

// copyOf opens a private copy of a stored track, to be damaged.
func copyOf(t *testing.T, name string) (path string, f *packager.LocalFile, tr *packager.Track) {
	t.Helper()
	makeMedia(t)
	path = filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(path, media.files[name].Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := packager.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	tr, err = cmaf.ParseIndex(cmaf.MarshalIndex(media.track[name]), f)
	if err != nil {
		t.Fatal(err)
	}
	return path, f, tr
}

func TestMediaThatVanishesBeforeTheBodyIsAnErrorResponse(t *testing.T) {
	path, _, tr := copyOf(t, "hi-v")
	set := &packager.Set{ID: "0_cut", Version: "1", Complete: true, Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}}
	s := serve(t, Config{}, set)
	objects := []string{"/hls/0_cut/seg-2-v1.ts", "/hls/0_cut/seg-2-v1.m4s", "/mp4/0_cut/film.mp4", "/hls/0_cut/track-v1.mp4"}
	for _, o := range objects {
		s.get(o)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if r := s.do("GET", o); r.status != 502 || r.header.Get("ETag") != "" {
			t.Errorf("%s: %d %v", o, r.status, r.header)
		}
	}
	if n := count(t, s.origin.metrics.faults); n < 4 {
		t.Errorf("%v faults counted", n)
	}
	if r := s.do("HEAD", objects[0]); r.status != 200 {
		t.Errorf("HEAD touches media: %d", r.status)
	}
}

func TestMediaThatVanishesInTheBodyCutsTheConnection(t *testing.T) {
	path, f, tr := copyOf(t, "hi-v")
	set := &packager.Set{ID: "0_cut", Version: "1", Complete: true, Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}}
	s := serve(t, Config{}, set)
	if err := os.Truncate(path, f.Size()/2); err != nil {
		t.Fatal(err)
	}
	for _, o := range []string{"/hls/0_cut/track-v1.mp4", "/mp4/0_cut/film.mp4"} {
		resp, err := client.Get(s.url + o)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err == nil || n >= resp.ContentLength {
			t.Errorf("%s: %d of %d bytes and %v: the cut goes unnoticed", o, n, resp.ContentLength, err)
		}
	}
}

// flaky is a remote file that fails from an offset on.
type flaky struct {
	packager.File
	good int64
	err  error
}

func (f flaky) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.good {
		return 0, f.err
	}
	return f.File.ReadAt(p, off)
}

func (flaky) Bytes() []byte { return nil }
func (flaky) FD() int       { return -1 }

func TestRemoteMediaIsReadBeforeTheResponseBegins(t *testing.T) {
	makeMedia(t)
	index := cmaf.MarshalIndex(media.track["hi-v"])
	for _, c := range []struct {
		name   string
		file   flaky
		status int
		whole  bool
	}{
		{"sound", flaky{media.files["hi-v"], 1 << 40, nil}, 200, true},
		{"unreadable", flaky{media.files["hi-v"], 0, errors.New("connection refused")}, 502, true},
		{"timed out", flaky{media.files["hi-v"], 0, fmt.Errorf("get: %w", context.DeadlineExceeded)}, 504, true},
		{"failing half way", flaky{media.files["hi-v"], media.files["hi-v"].Size() / 2, errors.New("reset")}, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, err := cmaf.ParseIndex(index, c.file)
			if err != nil {
				t.Fatal(err)
			}
			set := &packager.Set{ID: "0_far", Version: "1", Complete: true, Files: []packager.SetFile{{Tracks: []*packager.Track{tr}}}}
			s := serve(t, Config{}, set)
			resp, err := client.Get(s.url + "/hls/0_far/track-v1.mp4")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != c.status || (err == nil) != c.whole {
				t.Errorf("%d, %v", resp.StatusCode, err)
			}
			if !c.whole {
				return
			}
			for _, o := range []string{"/hls/0_far/seg-1-v1.ts", "/hls/0_far/seg-1-v1.m4s"} {
				if r := s.do("GET", o); r.status != c.status {
					t.Errorf("%s: %d", o, r.status)
				}
			}
		})
	}
}

func TestLeavingClientsLeaveNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := serve(t, Config{}, stored(t))
	for _, o := range []string{"/hls/0_stored/track-f1-v1.mp4", "/hls/0_stored/seg-1-f1-v1.ts", "/mp4/0_stored/film.mp4"} {
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "GET", s.url+o, nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			cancel()
			resp.Body.Close()
		}
	}
	s.get("/hls/0_stored/seg-1-f1-v1.ts")
	s.stop()
	if n := s.lib.given(); n != 0 {
		t.Errorf("%d presentations were not given back", n)
	}
}

func TestStreamReadsAndWritesThePieces(t *testing.T) {
	makeMedia(t)
	f := media.files["lo-v"]
	pieces := func() []packager.Piece {
		return []packager.Piece{packager.MemPiece([]byte("head")), {File: f, Off: 10, N: 5000}, packager.MemPiece(nil), {File: f, Off: 100, N: 7}}
	}
	want := append(append([]byte("head"), f.Bytes()[10:5010]...), f.Bytes()[100:107]...)
	r := &stream{ctx: t.Context(), pieces: pieces()}
	got, err := io.ReadAll(struct{ io.Reader }{r})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	var b bytes.Buffer
	w := &stream{ctx: t.Context(), pieces: pieces()}
	if n, err := w.WriteTo(&b); err != nil || n != int64(len(want)) || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
}

func TestHeldHeaderLeavesWhenNoBodyComes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			close(got)
			return
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		b, _ := io.ReadAll(c)
		got <- b
	}()
	c, err := Listener(l, Writev).Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := c.(*Conn)
	conn.hold()
	for _, s := range []string{"one ", "two "} {
		if n, err := conn.Write([]byte(s)); n != 4 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := conn.letGo(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ReadFrom(bytes.NewReader([]byte("three"))); err != nil {
		t.Fatal(err)
	}
	conn.hold()
	long := bytes.Repeat([]byte("x"), maxHeld)
	for _, b := range [][]byte{[]byte("four "), long} {
		if _, err := conn.Write(b); err != nil || len(conn.held) > maxHeld {
			t.Fatal(err, len(conn.held))
		}
	}
	conn.Close()
	if b := <-got; string(b) != "one two threefour "+string(long) {
		t.Errorf("received %d bytes: %.30q", len(b), b)
	}
}

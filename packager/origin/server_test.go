package origin

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sluice/packager"
)

// site is an origin on a real listener.
type site struct {
	*testing.T
	url    string
	lib    *library
	origin *Origin
	stop   func() // waits for every request
}

// serve starts an origin over sets as production does, with the shortcut.
func serve(t *testing.T, cfg Config, sets ...*packager.Set) *site {
	return serveOn(t, cfg, nil, sets...)
}

// serveOn is serve on a listener of the caller's.
func serveOn(t *testing.T, cfg Config, wrap func(net.Listener) net.Listener, sets ...*packager.Set) *site {
	t.Helper()
	lib := &library{sets: make(map[string]*packager.Set)}
	for _, s := range sets {
		lib.sets[s.ID] = s
	}
	if cfg.Resolver == nil {
		cfg.Resolver = lib
	}
	o, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if wrap == nil {
		wrap = func(l net.Listener) net.Listener { return o.Listener(l, Writev, Timeouts{}) }
	}
	srv := &http.Server{Handler: o, ConnContext: ConnContext}
	l = wrap(l)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	stop := sync.OnceFunc(func() {
		client.CloseIdleConnections()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if f, ok := l.(*Front); ok {
			if err := f.Drain(context.Background()); err != nil {
				t.Error(err)
			}
		}
		<-done
	})
	t.Cleanup(stop)
	return &site{T: t, url: "http://" + l.Addr().String(), lib: lib, origin: o, stop: stop}
}

// client neither asks for compression by itself nor follows redirects.
var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// reply is a response read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request; headers come in pairs of name and value.
func (s *site) do(method, path string, headers ...string) reply {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{resp.StatusCode, resp.Header, body}
}

// get expects a 200.
func (s *site) get(path string, headers ...string) reply {
	s.Helper()
	r := s.do("GET", path, headers...)
	if r.status != http.StatusOK {
		s.Fatalf("GET %s: %d %s", path, r.status, r.body)
	}
	return r
}

// uris returns the lines of a playlist that are URLs, and the values of its URI attributes.
func uris(playlist []byte) (lines, attrs []string) {
	for line := range strings.SplitSeq(string(playlist), "\n") {
		if line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
		if _, v, ok := strings.Cut(line, `URI="`); ok {
			v, _, _ = strings.Cut(v, `"`)
			attrs = append(attrs, v)
		}
	}
	return lines, attrs
}

package origin

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/packager"
)

// pairOfServers are one origin behind net/http alone and behind the shortcut; passed counts what reached the latter's handler.
type pairOfServers struct {
	plain, short string // addresses
	passed       atomic.Int64
	origin       *Origin
	servers      []*http.Server
	front        *Front       // of the latter
	idle         atomic.Int64 // how often a connection was idle to net/http
}

func servePair(t *testing.T, cfg Config, d Timeouts) *pairOfServers {
	t.Helper()
	return serveBoth(t, cfg, Writev, d)
}

// serveBoth is servePair with a transport, and whatever else the front is to have.
func serveBoth(t *testing.T, cfg Config, tr Transport, d Timeouts, set ...func(*Front)) *pairOfServers {
	t.Helper()
	if cfg.Resolver == nil {
		set := stored(t)
		lib := &library{sets: make(map[string]*packager.Set)}
		lib.sets[set.ID] = set
		cfg.Resolver = lib
	}
	o, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := &pairOfServers{origin: o}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.passed.Add(1)
		o.ServeHTTP(w, r)
	})
	start := func(h http.Handler, wrap func(net.Listener) net.Listener) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: h, ConnContext: ConnContext, ReadHeaderTimeout: d.Header, IdleTimeout: d.Idle}
		srv.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateIdle {
				p.idle.Add(1)
			}
		}
		p.servers = append(p.servers, srv)
		wrapped := wrap(l)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = srv.Serve(wrapped) // ends with Close
		}()
		t.Cleanup(func() {
			_ = srv.Close()
			<-done
		})
		return l.Addr().String()
	}
	p.plain = start(o, func(l net.Listener) net.Listener { return Listener(l, tr) })
	p.short = start(counted, func(l net.Listener) net.Listener {
		p.front = o.Listener(l, tr, d)
		for _, f := range set {
			f(p.front)
		}
		return p.front
	})
	return p
}

var dateLines = regexp.MustCompile(`(?m)^Date: .*\r$`)

// talk writes the chunks one after the other and returns all that comes back until the server closes, dates taken out.
func talk(t *testing.T, addr string, chunks ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // beside the reading, so that neither side fills up
		for _, s := range chunks {
			if _, err := io.WriteString(c, s); err != nil {
				return // the server had enough, and what it said is what counts
			}
		}
	})
	all, err := io.ReadAll(c)
	wg.Wait()
	if err != nil {
		t.Fatalf("%q: %v after %d bytes", chunks, err, len(all))
	}
	return dateLines.ReplaceAllString(string(all), "Date: D\r")
}

func get(path, fields string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"
}

const lastRequest = "GET /hls/0_stored/master.m3u8 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// warm puts every object into the cache, so that both servers say hit.
func (p *pairOfServers) warm(t *testing.T) {
	t.Helper()
	for _, o := range objects {
		talk(t, p.plain, get(o.path, "Connection: close\r\n"))
	}
}

// accepted is both ends of a connection with a shortcut that no server reads.
func accepted(t *testing.T) (c *Conn, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o, err := New(Config{Resolver: &library{}})
	if err != nil {
		t.Fatal(err)
	}
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	conn, err := o.Listener(l, Writev, Timeouts{}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*Conn), client
}

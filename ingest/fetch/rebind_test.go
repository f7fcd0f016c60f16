package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// changing is a name server that gives other addresses each time it is asked for a name's, and the last ones from then on.
type changing struct {
	mu      sync.Mutex
	answers [][]string
}

func (c *changing) next() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.answers[0]
	if len(c.answers) > 1 {
		c.answers = c.answers[1:]
	}
	return out
}

// resolver starts the server and returns what asks it.
func (c *changing) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if out, err := c.answer(b[:n]); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (c *changing) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		for _, a := range c.next() {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, // no time to live: whoever asks again is told something else
				Body:   &dnsmessage.AResource{A: [4]byte(net.ParseIP(a).To4())},
			})
		}
	}
	return m.Pack()
}

func TestANameIsCheckedEachTimeItIsAsked(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	g, err := NewGuard([]string{"127.0.0.2"})
	if err != nil {
		t.Fatal(err)
	}
	g.resolver = (&changing{answers: [][]string{{"127.0.0.2"}, {"127.0.0.1"}, {"127.0.0.1", "127.0.0.2"}, {"169.254.169.254"}}}).resolver(t)
	for i, want := range []string{"127.0.0.2", "", "127.0.0.2", "", ""} {
		conn, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort("rebound.example", port))
		var refused *RefusedError
		switch {
		case want == "" && !errors.As(err, &refused):
			t.Errorf("time %d: %v, want a refusal", i+1, err)
		case want != "" && err != nil:
			t.Errorf("time %d: %v", i+1, err)
		case want != "":
			if ip := conn.RemoteAddr().(*net.TCPAddr).IP.String(); ip != want {
				t.Errorf("time %d: connected to %s, want %s", i+1, ip, want)
			}
		}
		if conn != nil {
			conn.Close()
		}
	}
}

// samePort listens on one port of two addresses.
func samePort(t *testing.T) (inner, outer net.Listener, port string) {
	t.Helper()
	var err error
	for range 50 {
		if inner, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			break
		}
		_, port, _ = net.SplitHostPort(inner.Addr().String())
		if outer, err = net.Listen("tcp", net.JoinHostPort("127.0.0.2", port)); err == nil {
			return inner, outer, port
		}
		inner.Close()
	}
	t.Fatal(err)
	return nil, nil, ""
}

// TestARedirectDoesNotReachWhatANameBecame downloads from a name that is harmless when it is asked for first, and then is not.
func TestARedirectDoesNotReachWhatANameBecame(t *testing.T) {
	inner, outer, port := samePort(t)
	var asked atomic.Int64
	secret := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, "secret")
	}), ReadHeaderTimeout: time.Second}
	go func() { _ = secret.Serve(inner) }()
	defer secret.Close()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // so that the name is asked for again
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	srv.Listener.Close()
	srv.Listener = outer
	srv.Start()
	defer srv.Close()
	g, err := NewGuard([]string{"127.0.0.2"})
	if err != nil {
		t.Fatal(err)
	}
	g.resolver = (&changing{answers: [][]string{{"127.0.0.2"}, {"127.0.0.1"}}}).resolver(t)
	f := &Fetcher{Dir: t.TempDir(), Guard: g, Tries: 3, FirstWait: time.Millisecond, Stall: 5 * time.Second}
	path := filepath.Join(t.TempDir(), "file")
	err = f.Get(t.Context(), Request{URL: "http://" + net.JoinHostPort("rebound.example", port) + "/a.mp4"}, path)
	var e *Error
	if !errors.As(err, &e) || e.Code != Refused {
		t.Errorf("%v, want %s", err, Refused)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the inner server was asked %d times", n)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left")
	}
}

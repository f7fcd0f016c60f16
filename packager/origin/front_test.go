package origin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/packager"
	"sluice/packager/uri"
)

// TestShortcutObeysShutdown: connections that wait end with the server, whether net/http has ever seen a request of theirs or
// not.
func TestShortcutObeysShutdown(t *testing.T) {
	p := servePair(t, Config{}, Timeouts{})
	p.warm(t)
	master := get("/hls/0_stored/master.m3u8", "")
	var open []net.Conn
	for _, in := range []string{master, get("/x", "") + master, master + get("/x", ""), ""} {
		c, err := net.Dial("tcp", p.short)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, in); err != nil {
			t.Fatal(err)
		}
		from := bufio.NewReader(c)
		for range strings.Count(in, "GET ") {
			r, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Fatal(err)
			}
		}
		if in != "" { // net/http itself waits for the first request of a new connection
			open = append(open, c)
		} else if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.servers[1].Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, c := range open {
		if n, err := io.Copy(io.Discard, c); n != 0 || err != nil {
			t.Errorf("connection %d after the shutdown: %d bytes, %v", i, n, err)
		}
	}
}

// TestCloseLeavesAnAnswerUnderWay: the server's close does not cut an answer short, which then closes.
func TestCloseLeavesAnAnswerUnderWay(t *testing.T) {
	c, client := accepted(t)
	c.short.state.Store(busy)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.complete(answering{kind: uri.Master, start: time.Now()}, []byte("all of it")); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("the answer does not learn that it has to close: %v", err)
	}
	if all, err := io.ReadAll(client); err != nil || string(all) != "all of it" {
		t.Errorf("%q, %v", all, err)
	}
}

// soon waits for something to become true.
func soon(is func() bool) bool {
	for range 1000 {
		if is() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// begun asks for a body that its client does not take, and waits until it is under way.
func begun(t *testing.T, p *pairOfServers, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.short)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	if !soon(func() bool {
		p.front.mu.Lock()
		defer p.front.mu.Unlock()
		for conn := range p.front.all {
			if err := conn.SetWriteBuffer(128 << 10); err != nil {
				t.Error(err)
			}
		}
		return len(p.front.all) > 0
	}) {
		t.Fatal("the connection is not accepted")
	}
	// After a request of net/http's own, its shutdown ends the connection at once and not after five seconds.
	before := p.idle.Load()
	if _, err := io.WriteString(c, get("/x", "")); err != nil {
		t.Fatal(err)
	}
	if !soon(func() bool { return p.idle.Load() > before }) {
		t.Fatal("the first request is not done")
	}
	if _, err := io.WriteString(c, get(path, "")); err != nil {
		t.Fatal(err)
	}
	if !soon(func() bool { return p.front.answering() > 0 }) {
		t.Fatal("no answer is under way")
	}
	return c
}

// TestDrainWaitsForBodies: one that is under way leaves whole after a shutdown; one that its client does not take is cut off when
// the time is over. Either way what it lies in is given back.
func TestDrainWaitsForBodies(t *testing.T) {
	const path = "/hls/0_big/track-v1.mp4"
	for _, tr := range []Transport{Writev, Sendfile} {
		for _, patient := range []bool{true, false} {
			lib := &library{sets: map[string]*packager.Set{"0_big": bigSet(t)}}
			p := serveBoth(t, Config{Resolver: lib}, tr, Timeouts{})
			want := talk(t, p.plain, get(path, "Connection: close\r\n"))
			c := begun(t, p, path)
			if err := p.servers[1].Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			drained := make(chan error, 1)
			go func() { drained <- p.front.Drain(ctx) }()
			var all []byte
			if patient {
				select {
				case err := <-drained:
					t.Fatalf("drained beside an answer under way: %v", err)
				case <-time.After(5 * drainStep):
				}
				var err error
				if all, err = io.ReadAll(c); err != nil {
					t.Fatal(err)
				}
				if err := <-drained; err != nil {
					t.Error(err)
				}
				_, body, _ := strings.Cut(string(all), "HTTP/1.1 200")
				_, body, _ = strings.Cut(body, "\r\n\r\n")
				if _, whole, _ := strings.Cut(want, "\r\n\r\n"); body != whole {
					t.Errorf("%d bytes of %d", len(body), len(whole))
				}
			} else {
				cancel()
				if err := <-drained; !errors.Is(err, context.Canceled) {
					t.Errorf("drained: %v", err)
				}
				if all, _ = io.ReadAll(c); len(all) >= len(want) {
					t.Error("all of it came")
				}
			}
			cancel()
			if !soon(func() bool { return lib.given() == 0 }) { // who answers learns of the end by itself
				t.Error("a presentation was not given back")
			}
		}
	}
}

// TestASlowClientIsNotCutOff: who takes a little again and again gets all, however long that takes; who takes nothing is cut off.
func TestASlowClientIsNotCutOff(t *testing.T) {
	const path, stall = "/hls/0_big/track-v1.mp4", 3 * time.Second
	big := bigSet(t)
	for _, tr := range []Transport{Writev, Sendfile} {
		for _, slow := range []bool{true, false} {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				lib := &library{sets: map[string]*packager.Set{"0_big": big}}
				p := serveBoth(t, Config{Resolver: lib}, tr, Timeouts{}, func(f *Front) { f.stall = stall })
				_, body, _ := strings.Cut(talk(t, p.plain, get(path, "Connection: close\r\n")), "\r\n\r\n")
				c := begun(t, p, path)
				if !slow {
					if !soon(func() bool { return p.front.answering() == 0 }) {
						t.Error("a client that takes nothing is not cut off")
					}
					return
				}
				for left := len(body); left > 0; time.Sleep(70 * time.Millisecond) {
					n, err := io.CopyN(io.Discard, c, int64(min(left, 32<<10)))
					if left -= int(n); err != nil {
						t.Fatalf("%v with %d bytes of %d to come", err, left, len(body))
					}
				}
			})
		}
	}
}

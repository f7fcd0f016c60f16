package client

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestConnectionsThatWereMadeBeforeAreUsed(t *testing.T) {
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.StartTLS()
	defer srv.Close()
	for _, tc := range []struct {
		name  string
		rests time.Duration // what has passed since they were made
		want  int32         // connections that the server saw
	}{
		{"at once", 0, 2},
		{"after so long that the server may have closed them", 2 * earlyKeeps, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conns.Store(0)
			e := &early{dial: &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}}
			e.begin(t.Context(), srv.URL, 2)
			for i, from := range e.made { // as if they had been made before
				m := <-from
				m.at = m.at.Add(-tc.rests)
				to := make(chan made, 1)
				to <- m
				e.made[i] = to
			}
			c := &http.Client{Transport: &http.Transport{DialTLSContext: e.get}}
			res, err := c.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			e.close()
			c.CloseIdleConnections()
			if got := conns.Load(); got != tc.want {
				t.Fatalf("%d connections, want %d", got, tc.want)
			}
		})
	}
}

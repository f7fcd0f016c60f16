package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAStopLeavesDownloadsTheirTime: a download that is under way when the server is asked to stop comes whole; one that its client
// does not take does not hold the server up longer than it was told.
func TestAStopLeavesDownloadsTheirTime(t *testing.T) {
	source := clip(t, "long.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25,noise=alls=60:allf=t", "-t", "80", "-c:v", "libx264", "-preset", "ultrafast",
		"-b:v", "700k", "-maxrate", "780k", "-bufsize", "1000k", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-flags", "+cgop", "-pix_fmt", "yuv420p")
	for _, c := range []struct {
		name, grace string
		takes       bool
	}{{"taken", "1m", true}, {"not taken", "1s", false}} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, "--http-shutdown-grace="+c.grace)
			id := s.ingest(true, source)[0].Entry
			path := fmt.Sprintf("/mp4/%s/film.mp4", id)
			size := len(s.get(path))
			s.checkKeeps(string(id))
			if size < 6<<20 {
				t.Fatalf("a film of %d bytes may lie in the buffers of a connection", size)
			}
			var d net.Dialer
			d.Control = func(_, _ string, raw syscall.RawConn) error {
				return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10) })
			}
			client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext}}
			defer client.CloseIdleConnections()
			res, err := client.Get("http://" + s.addr + path)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			n, err := io.CopyN(io.Discard, res.Body, 100<<10)
			if err != nil {
				t.Fatal(err)
			}
			s.signal("all", syscall.SIGTERM)
			s.eventually(30*time.Second, "the server to take no more requests", func() bool {
				_, _, err := s.tryGet("/readyz")
				return err != nil && strings.Contains(err.Error(), "refused")
			})
			if c.takes {
				rest, err := io.Copy(io.Discard, res.Body)
				if err != nil || n+rest != int64(size) {
					t.Errorf("%d bytes of %d, %v", n+rest, size, err)
				}
			}
			<-s.procs["all"].done
			s.procs["all"].checkStopped(t, "all")
			if !c.takes {
				if _, err := io.Copy(io.Discard, res.Body); err == nil {
					t.Error("the download came whole to who did not take it")
				}
			}
		})
	}
}

// checkKeeps asks for a TS segment again and again: the second time the server keeps it, and it stays the same.
func (s *server) checkKeeps(id string) {
	s.t.Helper()
	path := "/hls/" + id + "/container/ts/seg-1-v1.ts"
	made := s.get(path)
	for range 2 {
		if !bytes.Equal(s.get(path), made) {
			s.t.Error("a kept segment has other bytes")
		}
	}
	if want := fmt.Sprintf("\nsluice_origin_kept_bytes %v\n", float64(len(made))); !strings.Contains(string(s.get("/metrics")), want) {
		s.t.Errorf("the metrics do not say %q", want)
	}
}

package origin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/uri"
)

// fixed resolves everything to one set without allocating.
type fixed struct{ p Presentation }

func (f *fixed) Resolve(context.Context, *uri.Source) (Presentation, error) { return f.p, nil }

// discard is a response that goes nowhere, as an HTTP/1 server's would.
type discard struct {
	h http.Header
	n int64
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.n += int64(len(p)); return len(p), nil }
func (d *discard) ReadFrom(r io.Reader) (int64, error) {
	if s, ok := r.(*stream); ok {
		var n int64
		for i := range s.pieces {
			n += s.pieces[i].N
		}
		return n, nil
	}
	return io.Copy(struct{ io.Writer }{d}, r)
}

var benchPaths = []struct{ name, path string }{
	{"fmp4-stored", "/hls/0_stored/seg-2-f1-v1-x3.m4s"},
	{"fmp4-progressive", "/hls/0_plain/seg-2-f1-v1-a1-x1.m4s"},
	{"ts", "/hls/0_stored/seg-2-f1-v1-f3-a1-x3.ts"},
	{"playlist", "/hls/0_stored/index-f1-v1-x3.m3u8"},
	{"master", "/hls/0_stored/master.m3u8"},
}

// BenchmarkHandler measures the origin alone: the work and allocation of a request once its plan is in the cache.
func BenchmarkHandler(b *testing.B) {
	sets := map[string]*packager.Set{"0_stored": stored(b), "0_plain": progressiveSet(b)}
	for _, p := range benchPaths {
		b.Run(p.name, func(b *testing.B) {
			id := strings.Split(p.path, "/")[2]
			o, err := New(Config{Resolver: &fixed{Presentation{Set: sets[id]}}})
			if err != nil {
				b.Fatal(err)
			}
			r := httptest.NewRequest("GET", p.path, nil)
			w := &discard{h: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				o.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkLoopback measures whole requests over keep-alive connections: 8 clients that throw the body away.
//
//	go test ./packager/origin -run xxx -bench Loopback -benchtime 3s
func BenchmarkLoopback(b *testing.B) {
	sets := map[string]*packager.Set{"0_stored": stored(b), "0_plain": progressiveSet(b)}
	big := bigSet(b)
	for _, tr := range []struct {
		name string
		wrap func(net.Listener) net.Listener
	}{
		{"writev", func(l net.Listener) net.Listener { return Listener(l, Writev) }},
		{"shortcut", nil},
		{"shortcut-sendfile", nil},
		{"sendfile", func(l net.Listener) net.Listener { return Listener(l, Sendfile) }},
		{"plain", func(l net.Listener) net.Listener { return l }},
	} {
		for _, p := range append(benchPaths, struct{ name, path string }{"fmp4-2MB", "/hls/0_big/seg-1-v1-x1.m4s"}) {
			fmp4 := strings.HasPrefix(p.name, "fmp4")
			cfg := Config{}
			if p.name == "ts" && tr.name == "shortcut-sendfile" {
				cfg.KeepBytes, cfg.KeepDir = 64<<20, b.TempDir()
			} else if !fmp4 && tr.name != "writev" && tr.name != "shortcut" || p.name == "ts" && tr.name == "shortcut" {
				continue
			}
			b.Run(p.name+"/"+tr.name, func(b *testing.B) {
				set := sets[strings.Split(p.path, "/")[2]]
				if set == nil {
					set = big
				}
				cfg.Resolver = &fixed{Presentation{Set: set}}
				o, err := New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				wrap := tr.wrap
				if wrap == nil {
					how := Writev
					if tr.name == "shortcut-sendfile" {
						how = Sendfile
					}
					wrap = func(l net.Listener) net.Listener { return o.Listener(l, how, Timeouts{Idle: time.Minute}) }
				}
				load(b, o, wrap, p.path)
			})
		}
	}
}

// BenchmarkLoopbackFile is the yardstick: net/http serving a file of the same size.
func BenchmarkLoopbackFile(b *testing.B) {
	set := bigSet(b)
	tr := set.Files[0].Tracks[0]
	body, err := cmaf.Segment([]*packager.Track{tr}, tr.Segments(packager.Cut(set))[:1], 1)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	writeBody(b, dir+"/seg", body)
	load(b, http.FileServer(http.Dir(dir)), func(l net.Listener) net.Listener { return l }, "/seg")
}

func load(b *testing.B, h http.Handler, wrap func(net.Listener) net.Listener, path string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h, ConnContext: ConnContext}
	go func() { _ = srv.Serve(wrap(l)) }()
	defer srv.Close()
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
	b.SetParallelism(4)
	var size int64
	if resp, err := client.Get("http://" + l.Addr().String() + path); err == nil {
		size, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	b.SetBytes(size)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		in := bufio.NewReaderSize(c, 256<<10)
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if err := skipResponse(in, size); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// skipResponse reads a header and throws size bytes away.
func skipResponse(in *bufio.Reader, size int64) error {
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && string(line[9:12]) != "200" {
			return fmt.Errorf("status %s", line)
		}
		if len(line) == 2 {
			break
		}
	}
	_, err := in.Discard(int(size))
	return err
}

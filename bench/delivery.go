package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// serverConnections is how many keep-alive connections load a server.
const serverConnections = 8

func runSegmentsFMP4(ctx context.Context, e *Env, emit func(Result)) error {
	return e.delivery(ctx, "segments-fmp4", "fmp4", emit, func(ctx context.Context, s *station) ([]string, error) {
		return s.allSegments(ctx, "/hls/"+s.entry+"/container/fmp4/master.m3u8")
	})
}

func runSegmentsTS(ctx context.Context, e *Env, emit func(Result)) error {
	return e.delivery(ctx, "segments-ts", "mpegts", emit, segmentsTS)
}

// runSegmentsMuxed is runSegmentsTS by a server that keeps no segment.
func runSegmentsMuxed(ctx context.Context, e *Env, emit func(Result)) error {
	return e.delivery(ctx, "segments-muxed", "mpegts", emit, segmentsTS, "SLUICE_PLAY_KEEP_BYTES=0")
}

func segmentsTS(ctx context.Context, s *station) ([]string, error) {
	return s.allSegments(ctx, "/hls/"+s.entry+"/master.m3u8")
}

func runPlaylists(ctx context.Context, e *Env, emit func(Result)) error {
	return e.delivery(ctx, "playlists", "fmp4", emit, func(ctx context.Context, s *station) ([]string, error) {
		return s.playlists(ctx, "/hls/"+s.entry+"/container/fmp4/master.m3u8")
	})
}

func (s *station) allSegments(ctx context.Context, master string) ([]string, error) {
	playlists, err := s.playlists(ctx, master)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range playlists {
		segs, err := s.segments(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, segs...)
	}
	return out, nil
}

// delivery loads sluice and nginx in turn with the same objects, and where nginx's VOD module is installed, sluice and the module
// with the same renditions as MP4 files. Container is the module's name for the kind of segment;
// the server finds env in its environment.
func (e *Env) delivery(ctx context.Context, name, container string, emit func(Result), paths func(context.Context, *station) ([]string, error), env ...string) error {
	return e.withStation(ctx, env, func(s *station) error {
		list, err := paths(ctx, s)
		if err != nil {
			return err
		}
		root := filepath.Join(e.Dir, name)
		theirs, err := s.mirror(ctx, list, root)
		if err != nil {
			return err
		}
		ours := make([]request, len(list))
		for i, p := range list {
			ours[i] = request{path: p}
		}
		n, err := startNginx(ctx, filepath.Join(e.Dir, name+"-nginx"), root)
		if err != nil {
			return err
		}
		defer n.stop()
		if err := e.race(ctx, name, "nginx", s, ours, n, theirs, emit); err != nil {
			return err
		}
		return e.deliveryVOD(ctx, name, container, s, ours, emit)
	})
}

// deliveryVOD is delivery against nginx's VOD module.
func (e *Env) deliveryVOD(ctx context.Context, name, container string, s *station, ours []request, emit func(Result)) error {
	if vodModule() == "" {
		e.Log("nginx's VOD module is not installed: only pre-made files are compared")
		return nil
	}
	master := "/hls/" + s.entry + "/container/fmp4/master.m3u8"
	if container == "mpegts" {
		master = "/hls/" + s.entry + "/master.m3u8"
	}
	playlists, err := s.playlists(ctx, master)
	if err != nil {
		return err
	}
	mp4s := make([]string, len(playlists))
	for i, p := range playlists {
		tracks := strings.TrimSuffix(strings.TrimPrefix(path.Base(p), "index"), ".m3u8")
		mp4s[i] = "/mp4/" + s.entry + "/video" + tracks + ".mp4"
	}
	root := filepath.Join(e.Dir, name+"-mp4")
	files, err := s.mirror(ctx, mp4s, root)
	if err != nil {
		return err
	}
	n, err := startVOD(ctx, filepath.Join(e.Dir, name+"-vod"), root, container)
	if err != nil {
		return err
	}
	defer n.stop()
	module := &station{addr: n.addr} // for its playlists alone
	var theirs []request
	for _, f := range files {
		index := f.path + "/index.m3u8"
		if name == "playlists" {
			theirs = append(theirs, request{path: index})
			continue
		}
		segments, err := module.segments(ctx, index)
		if err != nil {
			return fmt.Errorf("nginx VOD: %w", err)
		}
		for _, p := range segments {
			theirs = append(theirs, request{path: p})
		}
	}
	if len(theirs) != len(ours) {
		return fmt.Errorf("nginx VOD has %d objects where sluice has %d", len(theirs), len(ours))
	}
	return e.race(ctx, name+"-vod", "nginx VOD", s, ours, n, theirs, emit)
}

// withStation gives f a server with one finished entry.
func (e *Env) withStation(ctx context.Context, env []string, f func(*station) error) error {
	seconds := 120
	if e.Quick {
		seconds = 18
	}
	if _, err := tool("nginx"); err != nil {
		return err
	}
	src, err := e.reel(ctx, seconds)
	if err != nil {
		return err
	}
	s, err := e.startStation(ctx, src, env...)
	if err != nil {
		return err
	}
	defer s.stop()
	return f(s)
}

// race loads two servers in turn.
func (e *Env) race(ctx context.Context, name, peer string, s *station, ours []request, n *nginx, theirs []request, emit func(Result)) error {
	d := 5 * time.Second
	if e.Quick {
		d = 2 * time.Second
	}
	var oursCPU, theirsCPU, oursMem, theirsMem []float64
	side := func(addr string, pid int, reqs []request, cpu, mem *[]float64) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			before := cpuTime(pid)
			got, err := load{addr: addr, requests: reqs, conns: serverConnections, duration: d}.run(ctx)
			if err != nil {
				return 0, err
			}
			if got.bytes == 0 {
				return 0, fmt.Errorf("nothing was served by %s", addr)
			}
			*cpu = append(*cpu, (cpuTime(pid)-before).Seconds()/float64(got.requests)*1e6)
			*mem = append(*mem, float64(residentBytes(pid))/(1<<20))
			return got.perSecond(), nil
		}
	}
	res, err := e.compare(ctx, pair{name, peer, "requests/s", false,
		side(s.addr, s.cmd.Process.Pid, ours, &oursCPU, &oursMem), side(n.addr, n.cmd.Process.Pid, theirs, &theirsCPU, &theirsMem)}, e.rounds(5, 3))
	if err != nil {
		return err
	}
	emit(res)
	emit(beside(res, "-cpu", "CPU µs/request", oursCPU, theirsCPU))
	emit(beside(res, "-memory", "MiB", oursMem, theirsMem))
	return nil
}

// runProgressive asks for 1 MiB ranges anywhere in a progressive MP4 of the top rung.
func runProgressive(ctx context.Context, e *Env, emit func(Result)) error {
	return e.withStation(ctx, nil, func(s *station) error {
		path := "/mp4/" + s.entry + "/video.mp4"
		root := filepath.Join(e.Dir, "progressive")
		theirs, err := s.mirror(ctx, []string{path}, root)
		if err != nil {
			return err
		}
		a, err := s.get(ctx, path, "bytes=0-0")
		if err != nil || a.status != http.StatusPartialContent {
			return fmt.Errorf("%s: no range (status %d): %w", path, a.status, err)
		}
		whole, err := s.get(ctx, path, "")
		if err != nil {
			return err
		}
		size, chunk := int64(len(whole.body)), int64(1<<20)
		var ours, ranged []request
		for range 256 {
			off := rand.Int64N(max(1, size-chunk))
			r := fmt.Sprintf("bytes=%d-%d", off, min(size, off+chunk)-1)
			ours = append(ours, request{path: path, rng: r})
			ranged = append(ranged, request{path: theirs[0].path, rng: r})
		}
		n, err := startNginx(ctx, filepath.Join(e.Dir, "progressive-nginx"), root)
		if err != nil {
			return err
		}
		defer n.stop()
		return e.race(ctx, "progressive", "nginx", s, ours, n, ranged, emit)
	})
}

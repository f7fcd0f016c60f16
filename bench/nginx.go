package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// nginx serves a directory as fast as it can: sendfile, cached descriptors, one worker a core, no log.
type nginx struct {
	*daemon
	addr string
}

// vodModules is where packages put nginx's VOD module.
var vodModules = []string{"/usr/lib/nginx/modules/ngx_http_vod_module.so", "/usr/share/nginx/modules/ngx_http_vod_module.so"}

// vodModule returns the path of nginx's just-in-time packager, or "" where it is not installed.
func vodModule() string {
	for _, path := range vodModules {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// vodLines make every MP4 below root an HLS presentation with segments of the same kind and length as sluice's, and everything
// that the module can cache is cached.
func vodLines(container string) string {
	return fmt.Sprintf(`vod_mode local; vod_segment_duration 6000; vod_align_segments_to_key_frames on; vod_manifest_segment_durations_mode accurate;
  vod_metadata_cache meta 256m; vod_response_cache answers 64m; vod_performance_counters perf;
  vod_cache_buffer_size 256k; vod_output_buffer_pool 64k 64;
  server { listen %%[2]s; root %%[3]s; location / { vod hls; vod_hls_container_format %s; } }
`, container)
}

func startNginx(ctx context.Context, dir, root string) (*nginx, error) {
	return startNginxWith(ctx, dir, root, "", "server { listen %[2]s; root %[3]s; }\n")
}

// startVOD starts nginx with its VOD module over the MP4 files in root; container is "fmp4" or "mpegts".
func startVOD(ctx context.Context, dir, root, container string) (*nginx, error) {
	return startNginxWith(ctx, dir, root, "load_module "+vodModule()+";\n", vodLines(container))
}

func startNginxWith(ctx context.Context, dir, root, first, lines string) (*nginx, error) {
	bin, err := tool("nginx")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(first+`daemon off;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log stderr crit;
%[4]sevents { worker_connections 1024; }
http {
  access_log off;
  sendfile on; tcp_nopush on; keepalive_requests 1000000; keepalive_timeout 60s;
  open_file_cache max=4096 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path %[1]s/tmp; proxy_temp_path %[1]s/tmp; fastcgi_temp_path %[1]s/tmp; uwsgi_temp_path %[1]s/tmp; scgi_temp_path %[1]s/tmp;
  default_type application/octet-stream;
  `+lines+`}
`, dir, addr, root, userLine())
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	d, err := startDaemon(nil, bin, "-c", conf, "-e", "stderr")
	if err != nil {
		return nil, err
	}
	n := &nginx{daemon: d, addr: addr}
	if err := waitFor(ctx, 10*time.Second, "nginx", func() bool { return answers(ctx, "http://"+addr+"/") }); err != nil {
		d.stop()
		return nil, fmt.Errorf("%w: %s", err, tail(d.stderr.String(), 300))
	}
	return n, nil
}

// userLine keeps nginx's workers under our own user, so that they can read the scratch directory.
func userLine() string {
	if os.Getuid() == 0 {
		return "user root;\n"
	}
	return ""
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return true
}

package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Option is one configuration key.
type Option struct {
	Key     string // room.snake_case
	Default any    // its type is the option's kind: string, int64, bool, time.Duration or []string
	Help    string // one sentence
	Unit    string // of a number: bytes, entries …
	Secret  bool   // never printed
	check   func(v any) error
}

// Env is the environment variable of the option.
func (o Option) Env() string {
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(o.Key, ".", "_"))
}

// Flag is the command-line flag of the option, without dashes in front.
func (o Option) Flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(o.Key)
}

// Kind names the option's type for people.
func (o Option) Kind() string {
	switch o.Default.(type) {
	case int64:
		return "number"
	case bool:
		return "true or false"
	case time.Duration:
		return "duration"
	case []string:
		return "list"
	}
	return "text"
}

// Options is every key, in the order of the documentation.
var Options = []Option{
	{Key: "data.dir", Default: "data", Help: "Directory for everything that sluice keeps on this machine: catalog, objects, inbox, Redis, caches.", check: notEmpty},
	{Key: "database.url", Default: "", Secret: true, Help: "Catalog: `postgres://user:password@host/name` or `sqlite:///path`. Empty means SQLite in the data directory.", check: scheme("postgres", "postgresql", "sqlite")},
	{Key: "catalog.keep_events", Default: 7 * 24 * time.Hour, Help: "How long events are kept that every consumer has handled.", check: duration(time.Minute, 10*365*24*time.Hour)},
	{Key: "bulk.keep", Default: 90 * 24 * time.Hour, Help: "How long ended bulk jobs are kept, with their documents and logs. 0 keeps them for ever.", check: duration(0, 100*365*24*time.Hour)},
	{Key: "redis.url", Default: "", Secret: true, Help: "Redis: `redis://host:6379/0`, `rediss://…` or `unix:///path`. Empty starts a private redis-server in the data directory.", check: scheme("redis", "rediss", "unix")},
	{Key: "redis.binary", Default: "redis-server", Help: "Program that is started when `redis.url` is empty.", check: notEmpty},
	{Key: "storage.url", Default: "", Secret: true, Help: "Objects: `file:///dir` or `s3://key:secret@host:port/bucket/prefix?region=…&insecure=1`. Empty means `objects` in the data directory.", check: scheme("file", "s3")},
	{Key: "storage.cache_bytes", Default: int64(10 << 30), Unit: "bytes", Help: "Size of the local block cache of remote objects.", check: between(64<<20, 1<<50)},
	{Key: "storage.reserve_bytes", Default: int64(0), Unit: "bytes", Help: "Room that the volumes of data and objects keep for work under way: with less, new files wait outside. 0 means a twentieth of the volume, at most 20 GiB.", check: between(0, 1<<50)},
	{Key: "http.listen", Default: "127.0.0.1:8080", Help: "Address of the HTTP server.", check: hostPort},
	{Key: "http.public_url", Default: "", Help: "URL under which players reach the server, when it differs from `http.listen`.", check: scheme("http", "https")},
	{Key: "http.hosts", Default: []string{}, Help: "Host names that the console answers to besides the listening address and loopback names; `*` for any.", check: nil},
	{Key: "http.trusted_proxies", Default: []string{"127.0.0.0/8", "::1/128"}, Help: "Networks of the proxies that may say who the client is (`X-Forwarded-For`, `-Proto`, `-Host`).", check: prefixes},
	{Key: "http.shutdown_grace", Default: 10 * time.Second, Help: "How long running requests may take to finish when the server stops.", check: duration(0, time.Hour)},
	{Key: "api.max_body_bytes", Default: int64(8 << 20), Unit: "bytes", Help: "Largest body of an API request, files not counted.", check: between(1<<10, 1<<30)},
	{Key: "api.max_upload_bytes", Default: int64(64 << 30), Unit: "bytes", Help: "Largest sum of the files in one API request. Larger files are uploaded in chunks.", check: between(1<<10, 1<<50)},
	{Key: "api.max_calls", Default: int64(200), Help: "Most calls in one multirequest.", check: between(1, 10000)},
	{Key: "api.timeout", Default: 2 * time.Minute, Help: "How long one API call may take, without the time its body takes to arrive.", check: duration(time.Second, time.Hour)},
	{Key: "account.id", Default: int64(101), Help: "Account that the inbox and `sluice ingest` work for; made on first start.", check: between(1, 1<<31-1)},
	{Key: "account.name", Default: "default", Help: "Name given to that account when it is made.", check: notEmpty},
	{Key: "account.key", Default: []string{}, Secret: true, Help: "Keys that seal the secrets of accounts in the catalog, 64 hex digits each and the newest first. Empty means those of `keys/account.key` in the data directory, which is made on first start. Machines that share a catalog need the same.", check: keys},
	{Key: "inbox.enabled", Default: true, Help: "Watch the inbox directory for files to take in."},
	{Key: "inbox.dir", Default: "", Help: "The inbox. Empty means `inbox` in the data directory. Sub-directories named after an account's id take files for that account."},
	{Key: "inbox.settle", Default: 5 * time.Second, Help: "Last resort: a file whose size and time have not changed for this long counts as complete when nothing better tells.", check: duration(0, 24*time.Hour)},
	{Key: "inbox.marker", Default: "", Help: "Ending of marker files: with `.done`, `a.mp4` is taken when `a.mp4.done` is there. Empty means files need none.", check: ending},
	{Key: "inbox.sweep", Default: 10 * time.Second, Help: "Time between full looks at the inbox; notifications only make it faster.", check: duration(100*time.Millisecond, time.Hour)},
	{Key: "dropfolder.enabled", Default: true, Help: "Watch the drop folders of the catalog, in processes with the role `inbox`."},
	{Key: "dropfolder.roots", Default: []string{}, Help: "Directories that local drop folders may be in: `PATH`, where every account has the directory named by its id, or `ACCOUNT=PATH`, which is one account's. Empty means `folders` in the data directory.", check: roots},
	{Key: "dropfolder.sweep", Default: time.Minute, Help: "Time between full looks at a local drop folder; notifications only make it faster.", check: duration(100*time.Millisecond, time.Hour)},
	{Key: "dropfolder.hook", Default: "", Secret: true, Help: "URL that is asked by POST, within 5 seconds, about each file of a drop folder before it becomes content: it allows, denies, renames or routes it. Empty asks nobody.", check: optional(httpURL)},
	{Key: "dropfolder.workers", Default: int64(8), Help: "Files of drop folders, or batches of small ones, that are taken at a time.", check: between(1, 1000)},
	{Key: "upload.max_bytes", Default: int64(5 << 40), Unit: "bytes", Help: "Largest file that comes in with an upload token.", check: between(1<<10, 1<<50)},
	{Key: "upload.max_open", Default: int64(10_000), Help: "Most unfinished uploads of an account.", check: between(1, 1<<30)},
	{Key: "upload.wait", Default: 45 * time.Second, Help: "How long the last chunk of an upload waits for chunks that are missing.", check: duration(time.Millisecond, time.Hour)},
	{Key: "upload.lifetime", Default: 7 * 24 * time.Hour, Help: "How long an upload may rest before it is given up.", check: duration(time.Minute, 365*24*time.Hour)},
	{Key: "growing.enabled", Default: true, Help: "Work on uploads that entries wait for before they are complete, where their container allows it."},
	{Key: "upload.cors_origins", Default: []string{"*"}, Help: "Origins whose pages may upload with a session of their own."},
	{Key: "scan.clamd", Default: "", Help: "Where clamd listens that looks for viruses in new files: `unix:/path` or `host:port`. Empty means that nothing does."},
	{Key: "scan.policy", Default: "auto", Help: "What becomes of files without a verdict: `closed` keeps them back, `open` lets them pass, `auto` is open for files above 4 GiB only.", check: oneOf("auto", "closed", "open")},
	{Key: "scan.timeout", Default: 10 * time.Minute, Help: "How long a scan may take.", check: duration(time.Second, 24*time.Hour)},
	{Key: "hsu.listen", Default: "127.0.0.1:8443", Help: "Address of the high-speed upload's own listener, which speaks TLS and answers the API too. Empty means none: uploads come through `http.listen`, behind a proxy that speaks TLS.", check: optional(hostPort)},
	{Key: "hsu.cert", Default: "", Help: "PEM file of its certificate. Empty means one that is made once in `keys` of the data directory; clients are told its fingerprint."},
	{Key: "hsu.key", Default: "", Help: "PEM file of the key of `hsu.cert`."},
	{Key: "quota.upload_rate", Default: int64(0), Unit: "bits a second", Help: "What all transfers into an account may have together, for accounts without a rate of their own. 0 means any.", check: between(0, 1<<50)},
	{Key: "quota.storage_bytes", Default: int64(0), Unit: "bytes", Help: "What an account may keep, for accounts without a quota of their own. 0 means any.", check: between(0, 1<<62)},
	{Key: "quota.in_flight_bytes", Default: int64(4 << 40), Unit: "bytes", Help: "What an account may have on its way at once, to all servers together. 0 means any.", check: between(0, 1<<62)},
	{Key: "quota.entries_a_day", Default: int64(0), Help: "Entries that an account may make from midnight to midnight UTC. 0 means any.", check: between(0, 1<<40)},
	{Key: "quota.folder_files", Default: int64(1_000_000), Help: "Files that a drop folder may have at once; more wait. 0 means any.", check: between(0, 1<<40)},
	{Key: "quota.sessions", Default: int64(256), Help: "High-speed uploads that an account may have open, and other files that may come in at once, to all servers together.", check: between(1, 1<<20)},
	{Key: "quota.pulls", Default: int64(16), Help: "Files of an account that are fetched from URLs at once. 0 means any.", check: between(0, 1<<20)},
	{Key: "gateway.sftp_listen", Default: "", Help: "Address of the SFTP server, such as `127.0.0.1:2022`. Empty means none.", check: optional(hostPort)},
	{Key: "gateway.ftps_listen", Default: "", Help: "Address of the FTP server with explicit TLS, such as `127.0.0.1:2121`. Empty means none.", check: optional(hostPort)},
	{Key: "gateway.ftps_implicit_listen", Default: "", Help: "Address of the FTP server with TLS from the first byte. Empty means none.", check: optional(hostPort)},
	{Key: "gateway.plain_ftp", Default: false, Help: "Let clients of `gateway.ftps_listen` do without TLS: passwords and files can then be read on the way."},
	{Key: "gateway.certificate", Default: "", Help: "PEM file with the certificate of the FTP servers, read again when it changes. Empty makes one that clients cannot check."},
	{Key: "gateway.certificate_key", Default: "", Help: "PEM file with the key of that certificate."},
	{Key: "gateway.user_ca", Default: "", Help: "File of SSH public keys, as in authorized_keys, whose certificates let users in over SFTP. Empty means none."},
	{Key: "gateway.passive_ports", Default: "", Help: "Ports of FTP's data connections, such as `50000-50999`. Empty leaves them to the system.", check: ports},
	{Key: "gateway.public_ip", Default: "", Help: "IPv4 address that FTP clients are told to make data connections to. Empty means the one that they reached.", check: ipv4},
	{Key: "gateway.max_connections", Default: int64(64), Help: "Most connections of an account to a server, for SFTP and FTP each.", check: between(1, 10_000)},
	{Key: "gateway.idle", Default: 15 * time.Minute, Help: "How long a connection may do nothing.", check: duration(10*time.Second, 24*time.Hour)},
	{Key: "bulk.per_account", Default: int64(4), Help: "Most bulk jobs of an account that are carried out at once.", check: between(1, 1000)},
	{Key: "bulk.server_roots", Default: []string{}, Help: "Directories of the server whose files bulk documents may name. Empty means none."},
	{Key: "fetch.allow", Default: []string{}, Help: "Host names, `host:port`, addresses and networks that URLs may be fetched from, and notifications sent to, besides the public Internet. Loopback, private and other special networks are refused without.", check: nil},
	{Key: "fetch.max_bytes", Default: int64(5 << 40), Unit: "bytes", Help: "Largest file that is fetched by its URL.", check: between(1<<10, 1<<50)},
	{Key: "worker.roles", Default: []string{"all"}, Help: "What this process does: `api` (HTTP), `feeder`, `worker`, `inbox`, `gateway` (SFTP and FTPS) or `all`.", check: oneOfList("all", "api", "feeder", "worker", "inbox", "gateway")},
	{Key: "worker.stages", Default: []string{"all"}, Help: "Stages that this process's workers take: names of stages, or `all`.", check: oneOfList("all", "fetch", "early", "follow", "import", "scan", "clip", "adopt", "probe", "plan", "transcode", "assemble", "thumbs", "captions", "finish")},
	{Key: "worker.tokens", Default: int64(0), Unit: "cores", Help: "Cores that media work may use. 0 means as many as the process is allowed.", check: between(0, 4096)},
	{Key: "worker.memory_bytes", Default: int64(0), Unit: "bytes", Help: "Memory that media work may use. 0 means three quarters of what the machine or its control group allows.", check: between(0, 1<<50)},
	{Key: "worker.lease", Default: 30 * time.Second, Help: "How long a worker owns a task without a sign of life before another takes it over.", check: duration(time.Second, time.Hour)},
	{Key: "worker.stall", Default: 30 * time.Second, Help: "How long an engine process may make no progress before it is ended.", check: duration(time.Second, time.Hour)},
	{Key: "engine.preset", Default: "veryfast", Help: "x264 preset of the ladder.", check: oneOf("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")},
	{Key: "engine.codecs", Default: []string{"h264"}, Help: "Video codecs of the ladder: `h264`, and besides it `hevc`, `av1`, `vp9`.", check: oneOfList("h264", "hevc", "av1", "vp9")},
	{Key: "engine.passthrough", Default: true, Help: "Repackage a source that already fits a rung instead of encoding it."},
	{Key: "engine.span", Default: 60 * time.Second, Help: "Length of media that one transcode task covers.", check: duration(10*time.Second, time.Hour)},
	{Key: "engine.max_pixels", Default: int64(8192 * 4352), Unit: "pixels", Help: "Largest picture that is accepted.", check: between(1, 1<<40)},
	{Key: "engine.max_duration", Default: 24 * time.Hour, Help: "Longest source that is accepted.", check: duration(time.Second, 1000*time.Hour)},
	{Key: "play.cors_origins", Default: []string{"*"}, Help: "Origins that may read playback URLs from a browser."},
	{Key: "play.ttl", Default: time.Minute, Help: "How long caches may keep playlists and URLs without a version.", check: duration(0, 365*24*time.Hour)},
	{Key: "play.token_keys", Default: []string{}, Secret: true, Help: "Keys `id:secret` for signed URLs, newest first. With any, unsigned playback is refused."},
	{Key: "play.transport", Default: "sendfile", Help: "How stored bytes reach the socket: long extents by `sendfile`, or everything by `writev` from a mapping.", check: oneOf("writev", "sendfile")},
	{Key: "play.keep_bytes", Default: int64(256 << 20), Unit: "bytes", Help: "Room on disk for TS segments that are asked for again and again; 0 muxes them for every request.", check: between(0, 1<<40)},
	{Key: "play.cache_bytes", Default: int64(64 << 20), Unit: "bytes", Help: "Memory for rendered playlists and manifests.", check: between(1<<20, 1<<40)},
	{Key: "play.open_tracks", Default: int64(4096), Unit: "tracks", Help: "Tracks kept open with their index and mapping.", check: between(16, 1<<20)},
	{Key: "purge.after", Default: 7 * 24 * time.Hour, Help: "How long deleted entries are kept before their objects are removed.", check: duration(0, 10*365*24*time.Hour)},
	{Key: "log.level", Default: "info", Help: "Least severe message that is logged.", check: oneOf("debug", "info", "warn", "error")},
	{Key: "log.format", Default: "text", Help: "Form of log lines.", check: oneOf("text", "json")},
}

// roots checks where drop folders may be.
func roots(v any) error {
	for _, root := range v.([]string) {
		account, dir, owned := strings.Cut(root, "=")
		if !owned {
			dir = root
		}
		if _, err := strconv.ParseInt(account, 10, 64); owned && err != nil {
			return fmt.Errorf("%q: %q is not the id of an account", root, account)
		}
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("%q is not an absolute path", dir)
		}
	}
	return nil
}

func notEmpty(v any) error {
	if strings.TrimSpace(v.(string)) == "" {
		return fmt.Errorf("must not be empty")
	}
	return nil
}

// optional lets an option be empty.
func optional(check func(any) error) func(any) error {
	return func(v any) error {
		if v.(string) == "" {
			return nil
		}
		return check(v)
	}
}

func ending(v any) error {
	if s := v.(string); s != "" && (!strings.HasPrefix(s, ".") || len(s) < 2 || strings.ContainsAny(s, "/\x00")) {
		return fmt.Errorf("want a dot and a few letters")
	}
	return nil
}

func scheme(allowed ...string) func(any) error {
	return func(v any) error {
		s := v.(string)
		if s == "" {
			return nil
		}
		u, err := url.Parse(s)
		if err != nil || !slices.Contains(allowed, u.Scheme) {
			return fmt.Errorf("want a URL that starts with %s://", strings.Join(allowed, ":// or "))
		}
		return nil
	}
}

func between(lo, hi int64) func(any) error {
	return func(v any) error {
		if n := v.(int64); n < lo || n > hi {
			return fmt.Errorf("%d is outside %d to %d", n, lo, hi)
		}
		return nil
	}
}

func duration(lo, hi time.Duration) func(any) error {
	return func(v any) error {
		if d := v.(time.Duration); d < lo || d > hi {
			return fmt.Errorf("%v is outside %v to %v", d, lo, hi)
		}
		return nil
	}
}

func oneOf(allowed ...string) func(any) error {
	return func(v any) error {
		if !slices.Contains(allowed, v.(string)) {
			return fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
		}
		return nil
	}
}

func oneOfList(allowed ...string) func(any) error {
	return func(v any) error {
		list := v.([]string)
		if len(list) == 0 {
			return fmt.Errorf("must name at least one of %s", strings.Join(allowed, ", "))
		}
		for _, s := range list {
			if err := oneOf(allowed...)(s); err != nil {
				return err
			}
		}
		return nil
	}
}

func keys(v any) error {
	for i, s := range v.([]string) {
		if b, err := hex.DecodeString(s); err != nil || len(b) != 32 {
			return fmt.Errorf("key %d is not 64 hex digits", i+1)
		}
	}
	return nil
}

func prefixes(v any) error {
	for _, s := range v.([]string) {
		if _, err := netip.ParsePrefix(s); err != nil {
			return fmt.Errorf("%q is no network such as 10.0.0.0/8", s)
		}
	}
	return nil
}

// Ports reads a range of ports; 0 and 0 for none.
func Ports(s string) (from, to int) {
	if ports(s) == nil && s != "" {
		_, _ = fmt.Sscanf(s, "%d-%d", &from, &to)
	}
	return from, to
}

func ports(v any) error {
	s := v.(string)
	first, last, ok := strings.Cut(s, "-")
	if s == "" {
		return nil
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if !ok || err != nil || err2 != nil || from < 1024 || to < from {
		return fmt.Errorf("%q is no range of ports such as 50000-50999", s)
	}
	return nil
}

func ipv4(v any) error {
	if s := v.(string); s != "" {
		if ip, err := netip.ParseAddr(s); err != nil || !ip.Is4() {
			return fmt.Errorf("%q is no IPv4 address", s)
		}
	}
	return nil
}

func httpURL(v any) error {
	if u, err := url.Parse(v.(string)); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("want an http:// or https:// URL")
	}
	return nil
}

func hostPort(v any) error {
	_, port, err := net.SplitHostPort(v.(string))
	if err != nil {
		return fmt.Errorf("want host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	return nil
}

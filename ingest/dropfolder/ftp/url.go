package ftp

import (
	"context"
	"crypto/tls"
	"net/url"
	"strconv"
	"strings"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
	"sluice/ingest/fetch"
)

// URL returns what opens the files at "ftp://user:password@host:port/path", for package fetch: explicit TLS with "?tls=explicit",
// implicit TLS for ftps. The path begins where the login leads (RFC 1738 §3.2.2), or at the root with "/%2F". Certificates, which
// may be nil, says how the servers' certificates are checked.
func URL(certificates *tls.Config) fetch.Remote {
	return func(ctx context.Context, u *url.URL, dial fetch.Dial) (fetch.RemoteFile, error) {
		cfg := Config{Host: u.Hostname(), User: u.User.Username(), TLS: u.Query().Get("tls"), Certificates: certificates, Dial: dial}
		if u.Scheme == "ftps" && cfg.TLS == Clear {
			cfg.TLS = Implicit
		}
		cfg.Password, _ = u.User.Password()
		cfg.Port, _ = strconv.Atoi(u.Port())
		rel := strings.TrimPrefix(u.Path, "/")
		if strings.HasPrefix(rel, "/") {
			cfg.Path, rel = "/", strings.TrimLeft(rel, "/")
		}
		return remote.OneFile(ctx, rel, func(ctx context.Context) (dropfolder.Store, error) { return Open(ctx, cfg) })
	}
}

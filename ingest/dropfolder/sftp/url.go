package sftp

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
	"sluice/ingest/fetch"
)

// URL opens the file at "sftp://user:password@host:port/path?hostKey=SHA256:…", for package fetch; fetch.WithKey adds a private key. The path begins at the machine's
// root, or with "/~/" where the login leads. Without hostKey, the machine may have any host key. Scp URLs are the same.
func URL(ctx context.Context, u *url.URL, dial fetch.Dial) (fetch.RemoteFile, error) {
	cfg := Config{Host: u.Hostname(), User: u.User.Username(), HostKey: u.Query().Get("hostKey"), Path: "/", Dial: dial}
	cfg.Password, _ = u.User.Password()
	cfg.PrivateKey, cfg.PassPhrase = u.Query().Get("privateKey"), u.Query().Get("passPhrase")
	cfg.Port, _ = strconv.Atoi(u.Port())
	rel := strings.TrimPrefix(u.Path, "/")
	if home, ok := strings.CutPrefix(rel, "~/"); ok {
		cfg.Path, rel = "", home
	}
	return remote.OneFile(ctx, rel, func(ctx context.Context) (dropfolder.Store, error) { return Open(ctx, cfg) })
}

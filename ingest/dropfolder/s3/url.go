package s3

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
	"sluice/ingest/fetch"
)

// URL opens the object at "s3://key:secret@host:port/bucket/key?region=…&insecure=1", for package fetch. Without a key and its
// secret it is asked for as anybody may.
func URL(ctx context.Context, u *url.URL, dial fetch.Dial) (fetch.RemoteFile, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	cfg := Config{Host: "https://" + u.Host, Region: u.Query().Get("region"), Key: u.User.Username(), Bucket: bucket, Dial: dial}
	cfg.Secret, _ = u.User.Password()
	if insecure, _ := strconv.ParseBool(u.Query().Get("insecure")); insecure {
		cfg.Host = "http://" + u.Host
	}
	return remote.OneFile(ctx, key, func(context.Context) (dropfolder.Store, error) { return lazily(cfg) })
}

// lazily opens a bucket without looking whether it may be listed, which a reader of objects need not be allowed.
func lazily(cfg Config) (*Store, error) {
	core, tr, err := cfg.client()
	if err != nil {
		return nil, err
	}
	return &Store{cfg: cfg, core: core, tr: tr}, nil
}

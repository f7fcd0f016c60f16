// Package open makes a store from its URL.
package open

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"sluice/storage"
	"sluice/storage/cache"
	"sluice/storage/disk"
	"sluice/storage/s3"
)

// Options of a store. What a kind of store does not need is not used.
type Options struct {
	// CacheDir is where blocks of remote objects are kept; "" reads them anew each time.
	CacheDir string
	// CacheBytes bounds the blocks; 0 means cache.DefaultMaxBytes.
	CacheBytes int64
}

// Closing is a store that holds files, connections or a cache until it is closed.
type Closing interface {
	storage.Store
	io.Closer
}

// Store opens the store at rawURL: "file:///dir" or a path for storage/disk, "s3://…" (see s3.Open) for storage/s3. Its
// errors never repeat the URL, which may hold a secret.
func Store(ctx context.Context, rawURL string, opts Options) (Closing, error) {
	if filepath.IsAbs(rawURL) {
		return disk.Open(rawURL)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("storage URL: not an URL (percent-encode special characters)")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" || !filepath.IsAbs(u.Path) || u.RawQuery != "" || u.User != nil {
			return nil, errors.New("storage URL: want file:///directory")
		}
		return disk.Open(filepath.Clean(u.Path))
	case "s3":
		return openS3(ctx, rawURL, opts)
	case "":
		return nil, errors.New("storage URL: want file:///directory or s3://…, or an absolute path")
	default:
		return nil, fmt.Errorf("storage URL: unknown scheme %q, want file or s3", u.Scheme)
	}
}

// cached is a bucket with its block cache.
type cached struct {
	*s3.Store
	blocks *cache.Cache
}

var _ storage.Sweeper = (*cached)(nil)

func (c *cached) Close() error {
	if c.blocks == nil {
		return nil
	}
	return c.blocks.Close()
}

func openS3(ctx context.Context, rawURL string, opts Options) (Closing, error) {
	c := &cached{}
	var err error
	if opts.CacheDir != "" {
		if c.blocks, err = cache.Open(cache.Options{Dir: opts.CacheDir, MaxBytes: opts.CacheBytes}); err != nil {
			return nil, err
		}
	}
	if c.Store, err = s3.Open(ctx, rawURL, s3.Options{Cache: c.blocks}); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

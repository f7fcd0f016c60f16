package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
	"sluice/ingest/dropfolder/remote/storetest"
	"sluice/ingest/dropfolder/s3"
	"sluice/ingest/fetch"
	"sluice/internal/s3test"
)

func start(t *testing.T) (*s3test.Server, s3.Config) {
	t.Helper()
	srv := s3test.Start(t)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	return srv, s3.Config{Host: "http://" + u.Host, Region: "us-east-1", Key: u.User.Username(), Secret: secret, Bucket: path.Base(u.Path), Dial: storetest.Direct}
}

// uploader returns what puts objects into the bucket.
func uploader(t *testing.T, cfg s3.Config) func(ctx context.Context, key string, b []byte) error {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(cfg.Host, "http://"), &minio.Options{Creds: credentials.NewStaticV4(cfg.Key, cfg.Secret, ""), Region: cfg.Region})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, key string, b []byte) error {
		_, err := c.PutObject(ctx, cfg.Bucket, key, bytes.NewReader(b), int64(len(b)), minio.PutObjectOptions{DisableMultipart: true})
		return err
	}
}

func TestBucketsAreFolders(t *testing.T) {
	srv, cfg := start(t)
	put := uploader(t, cfg)
	storetest.Run(t, storetest.Server{Dir: srv.Dir, Whole: true, Put: put, Ahead: 32 << 20, Open: func(ctx context.Context, dial remote.Dial, flat bool) (dropfolder.Store, error) {
		cfg := cfg
		cfg.Dial, cfg.Flat = dial, flat
		return s3.Open(ctx, cfg)
	}})
}

func TestWhatKeepsABucketFromBeingListed(t *testing.T) {
	_, good := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	for name, c := range map[string]struct {
		change func(*s3.Config)
		want   dropfolder.FolderCode
	}{
		"nobody there":  {func(c *s3.Config) { c.Host = "http://" + closed }, dropfolder.ErrConnect},
		"wrong secret":  {func(c *s3.Config) { c.Secret = "wrong" }, dropfolder.ErrAuthenticate},
		"wrong key":     {func(c *s3.Config) { c.Key = "wrong" }, dropfolder.ErrAuthenticate},
		"no bucket":     {func(c *s3.Config) { c.Bucket = "absent" }, dropfolder.ErrList},
		"none given":    {func(c *s3.Config) { c.Bucket = "" }, dropfolder.ErrConfig},
		"half a key":    {func(c *s3.Config) { c.Secret = "" }, dropfolder.ErrConfig},
		"no host":       {func(c *s3.Config) { c.Host = "ftp://x" }, dropfolder.ErrConfig},
		"keyless role":  {func(c *s3.Config) { c.Key, c.Secret, c.Role = "", "", "arn:aws:iam::1:role/x" }, dropfolder.ErrConfig},
		"secret in URL": {func(c *s3.Config) { c.Host = "https://a:b@host" }, dropfolder.ErrConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := good
			c.change(&cfg)
			_, err := s3.Open(t.Context(), cfg)
			storetest.WantCode(t, name, err, c.want)
		})
	}
}

func TestAPrefixIsAFolder(t *testing.T) {
	_, cfg := start(t)
	put := uploader(t, cfg)
	for _, key := range []string{"in/a.mov", "in/d/b.mov", "inner/c.mov", "e.mov"} {
		if err := put(t.Context(), key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Prefix = "/in/"
	st, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	seen := map[string]string{}
	err = st.List(t.Context(), func(batch []dropfolder.File) error {
		for _, f := range batch {
			seen[f.Path] = f.Identity
		}
		return nil
	})
	if err != nil || len(seen) != 2 || seen["a.mov"] == "" || seen["d/b.mov"] == "" {
		t.Errorf("it lists %v, %v", seen, err)
	}
	f, err := st.Stat(t.Context(), "a.mov")
	if err != nil || f.Identity != seen["a.mov"] {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestObjectsAreFetchedByTheirURL(t *testing.T) {
	srv, cfg := start(t)
	base := fmt.Sprintf("s3://%s@%s/%s/", url.UserPassword(cfg.Key, cfg.Secret), strings.TrimPrefix(cfg.Host, "http://"), cfg.Bucket)
	const query = "?insecure=1&region=us-east-1"
	storetest.Fetches(t, storetest.Server{Dir: srv.Dir, Put: uploader(t, cfg)}, map[string]fetch.Remote{"s3": s3.URL}, base+"a%20b.mov"+query, base+"absent"+query, "127.0.0.1")
}

// TestFilesWithoutAnETagAreRead puts a file where the service keeps its objects.
func TestFilesWithoutAnETagAreRead(t *testing.T) {
	srv, cfg := start(t)
	storetest.Write(t, srv.Dir, map[string][]byte{"a.mov": []byte("abc")})
	st, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rc, err := st.Open(t.Context(), "a.mov", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if b, err := io.ReadAll(rc); err != nil || string(b) != "bc" {
		t.Errorf("%q comes, %v", b, err)
	}
}

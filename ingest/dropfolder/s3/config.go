package s3

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// DefaultHost is where buckets are that no host is given for.
const DefaultHost = "s3.amazonaws.com"

// Config of a store.
type Config struct {
	// Host is the service's, "" is DefaultHost; "http://host" is one without TLS.
	Host   string
	Port   int // 0 is the scheme's
	Region string
	// Key and Secret are the credentials; without them objects are asked for as anybody may.
	Key, Secret string
	// Role, when set, is the ARN of a role that Key may take on; ExternalID is what its owner asks for besides.
	Role, ExternalID string
	Bucket, Prefix   string
	Flat             bool // leaves sub-folders out
	Dial             remote.Dial
	// TLS, when set, says how certificates are checked.
	TLS *tls.Config
	Log *slog.Logger
}

// Opener returns the opener of S3 folders, whose path is "bucket" or "bucket/prefix".
func Opener(dial remote.Dial, log *slog.Logger) dropfolder.Opener {
	return func(ctx context.Context, f catalog.DropFolder) (dropfolder.Store, error) {
		bucket, prefix, _ := strings.Cut(strings.Trim(f.Path, "/"), "/")
		cfg := Config{
			Host: f.Options.Host, Port: f.Options.Port, Region: f.Options.S3Region, Key: f.Options.Username, Bucket: bucket, Prefix: prefix,
			Flat: f.Options.Flat, Dial: dial, Log: log.With("folder", f.ID),
		}
		if f.Options.UseS3Arn {
			if f.Options.S3Arn == "" {
				return nil, config("The folder uses a role and names none.")
			}
			cfg.Role = f.Options.S3Arn
		}
		if f.Secrets != nil {
			cfg.Secret = f.Secrets.Password
		}
		return Open(ctx, cfg)
	}
}

func config(format string, args ...any) error {
	return &dropfolder.Error{Code: dropfolder.ErrConfig, Text: fmt.Sprintf(format, args...)}
}

// endpoint returns the host with its port, and whether TLS is spoken.
func (c *Config) endpoint() (string, bool, error) {
	raw := c.Host
	if raw == "" {
		raw = DefaultHost
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", false, config("The folder's host is neither a name nor http://name.")
	}
	host := u.Host
	if c.Port != 0 {
		host = net.JoinHostPort(u.Hostname(), strconv.Itoa(c.Port))
	}
	return host, u.Scheme == "https", nil
}

// client makes the client of the service.
func (c *Config) client() (*minio.Core, *http.Transport, error) {
	host, secure, err := c.endpoint()
	switch {
	case err != nil:
		return nil, nil, err
	case c.Bucket == "":
		return nil, nil, config("The folder has no bucket: its path is the bucket, and a prefix.")
	case (c.Key == "") != (c.Secret == ""):
		return nil, nil, config("The folder has a key and no secret, or a secret and no key.")
	case c.Role != "" && c.Key == "":
		return nil, nil, config("The folder uses a role, for which it needs a key and a secret.")
	}
	tr := &http.Transport{
		DialContext: c.Dial, TLSClientConfig: c.TLS, TLSHandshakeTimeout: remote.DialTime, ResponseHeaderTimeout: remote.IdleTime,
		IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: ranges, MaxResponseHeaderBytes: 1 << 20, DisableCompression: true, ForceAttemptHTTP2: true,
	}
	if tr.DialContext != nil {
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := c.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return remote.Guarded(nc), nil
		}
	}
	creds := credentials.NewStaticV4(c.Key, c.Secret, "")
	if c.Role != "" {
		creds = c.role(host, secure, tr)
	}
	core, err := minio.NewCore(host, &minio.Options{Creds: creds, Secure: secure, Region: c.Region, Transport: tr, MaxRetries: 4})
	if err != nil {
		return nil, nil, config("The folder's settings cannot be used: %v.", err)
	}
	return core, tr, nil
}

// role takes on a role at the service's own STS, which is Amazon's for Amazon's.
func (c *Config) role(host string, secure bool, tr *http.Transport) *credentials.Credentials {
	sts := "https://sts.amazonaws.com"
	if !strings.HasSuffix(host, ".amazonaws.com") {
		if sts = "https://" + host; !secure {
			sts = "http://" + host
		}
	} else if c.Region != "" {
		sts = "https://sts." + c.Region + ".amazonaws.com"
	}
	return credentials.New(&credentials.STSAssumeRole{
		Client: &http.Client{Transport: tr, Timeout: remote.DialTime}, STSEndpoint: sts,
		Options: credentials.STSAssumeRoleOptions{
			AccessKey: c.Key, SecretKey: c.Secret, RoleARN: c.Role, RoleSessionName: "sluice", ExternalID: c.ExternalID, Location: c.Region,
		},
	})
}

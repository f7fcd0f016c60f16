package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"sluice/storage"
)

// location is what a storage URL says. Its errors never repeat the URL, which holds a secret.
type location struct {
	endpoint string
	bucket   string
	prefix   string // "" or ending in "/"
	opts     minio.Options
}

// parseURL reads "s3://key:secret@host:port/bucket/prefix?insecure=1&region=…&lookup=path|dns|auto&auth=env|iam".
func parseURL(raw string) (location, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return location{}, errors.New("S3 URL: not of the form s3://key:secret@host/bucket/prefix (percent-encode special characters)")
	}
	loc := location{endpoint: u.Host}
	loc.bucket, loc.prefix, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch {
	case u.Scheme != "s3":
		return loc, fmt.Errorf("S3 URL: the scheme is %q, want s3", u.Scheme)
	case u.Host == "":
		return loc, errors.New("S3 URL: the host is missing")
	case loc.bucket == "":
		return loc, errors.New("S3 URL: the bucket is missing")
	case u.Fragment != "":
		return loc, errors.New("S3 URL: has a fragment (percent-encode #)")
	}
	if loc.prefix = strings.TrimSuffix(loc.prefix, "/"); loc.prefix != "" {
		if err := storage.ValidateKey(loc.prefix); err != nil {
			return loc, fmt.Errorf("S3 URL: prefix: %w", err)
		}
		loc.prefix += "/"
	}
	loc.opts = minio.Options{Secure: true, MaxRetries: 6}
	if err := loc.query(u.Query()); err != nil {
		return loc, err
	}
	if u.User != nil {
		secret, _ := u.User.Password()
		if u.User.Username() == "" || secret == "" {
			return loc, errors.New("S3 URL: key and secret must both be given, or neither")
		}
		loc.opts.Creds = credentials.NewStaticV4(u.User.Username(), secret, "")
	}
	return loc, nil
}

func (loc *location) query(values url.Values) error {
	loc.opts.Creds = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}})
	for name, v := range values {
		switch value := v[0]; name {
		case "insecure":
			insecure, err := strconv.ParseBool(value)
			if err != nil {
				return fmt.Errorf("S3 URL: insecure is %q, want 1 or 0", value)
			}
			loc.opts.Secure = !insecure
		case "region":
			loc.opts.Region = value
		case "lookup":
			lookup, ok := map[string]minio.BucketLookupType{
				"auto": minio.BucketLookupAuto, "path": minio.BucketLookupPath, "dns": minio.BucketLookupDNS,
			}[value]
			if !ok {
				return fmt.Errorf("S3 URL: lookup is %q, want path, dns or auto", value)
			}
			loc.opts.BucketLookup = lookup
		case "auth":
			switch value {
			case "env":
			case "iam":
				loc.opts.Creds = credentials.NewIAM("")
			default:
				return fmt.Errorf("S3 URL: auth is %q, want env or iam", value)
			}
		default:
			return fmt.Errorf("S3 URL: unknown parameter %q (known: insecure, region, lookup, auth)", name)
		}
	}
	return nil
}

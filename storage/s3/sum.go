package s3

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"
)

// sumName is the metadata entry that holds the hex SHA-256, and the tag that holds "<ETag>/<hex SHA-256>". The ETag in it
// makes a tag that was written just when the object was replaced harmless.
const sumName = "sluice-sha256"

// uploadName is the metadata entry that tells one upload from every other.
const uploadName = "sluice-upload"

// metadata returns an entry of the object's metadata; services change the case of its name.
func metadata(info minio.ObjectInfo, name string) string {
	for k, v := range info.UserMetadata {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

func validSum(sum string) string {
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 {
		return ""
	}
	return sum
}

// tagSum keeps the checksum of an object that went up in parts. It is no loss if the service has no tags: whoever wrote
// the object was told the sum.
func (s *Store) tagSum(ctx context.Context, key, etag, sum string) {
	if t, err := tags.NewTags(map[string]string{sumName: etag + "/" + sum}, true); err == nil {
		_ = s.core.PutObjectTagging(ctx, s.bucket, s.path(key), t, minio.PutObjectTaggingOptions{})
	}
}

// sumOf returns the checksum of the object, or "".
func (s *Store) sumOf(ctx context.Context, key string, info minio.ObjectInfo) string {
	if sum := validSum(metadata(info, sumName)); sum != "" {
		return sum
	}
	// Only an object that went up in parts, which its ETag shows, may have the tag.
	if !strings.Contains(info.ETag, "-") {
		return ""
	}
	t, err := s.core.GetObjectTagging(ctx, s.bucket, s.path(key), minio.GetObjectTaggingOptions{})
	if err != nil {
		return ""
	}
	etag, sum, _ := strings.Cut(t.ToMap()[sumName], "/")
	if etag != trimETag(info.ETag) {
		return ""
	}
	return validSum(sum)
}

package gateway

import (
	"context"
	"crypto/md5"  //nolint:gosec // clients compare with it
	"crypto/sha1" //nolint:gosec // clients compare with it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"sluice/catalog"
)

// sums are the checksums that clients may ask for.
var sums = map[string]func() hash.Hash{
	"crc32": func() hash.Hash { return crc32.NewIEEE() }, "md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New,
}

// sum returns the checksum in hex of bytes from to to (-1: the end) of what is here of a file. Whoever may send a file may compare it.
func (s *session) sum(ctx context.Context, p, kind string, from, to int64) (string, error) {
	d, rel, err := s.may("checksum", p, catalog.GatewayRead)
	if err != nil {
		if d, rel, err = s.may("checksum", p, catalog.GatewayWrite); err != nil {
			return "", err
		}
	}
	made := sums[kind]
	if made == nil {
		return "", pathError("checksum", p, fmt.Errorf("%w: %q", ErrUnsupported, kind))
	}
	f, size, err := d.openSum(rel)
	if err != nil {
		return "", pathError("checksum", p, err)
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer stop()
	if to < 0 || to > size {
		to = size
	}
	h := made()
	if _, err := io.Copy(h, io.NewSectionReader(f, from, max(0, to-from))); err != nil {
		return "", pathError("checksum", p, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

package tus

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// algorithms are those of Upload-Checksum, as Tus-Checksum-Algorithm lists them.
const algorithms = "sha1,md5,sha256,crc32c"

// errChecksum says that a body is not what its sender meant to send.
var errChecksum = errors.New("the bytes that came do not have the checksum that their sender gave")

// checksum is what a sender says of a body (tus 1.0, §checksum).
type checksum struct {
	name string
	sum  []byte
	hash hash.Hash
}

// newHash returns the hash of a name, nil for one that is not known.
func newHash(name string) hash.Hash {
	switch name {
	case "sha1":
		return sha1.New()
	case "md5":
		return md5.New()
	case "sha256":
		return sha256.New()
	case "crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	}
	return nil
}

func parseChecksum(header string) (*checksum, error) {
	name, text, _ := strings.Cut(strings.TrimSpace(header), " ")
	c := &checksum{name: name, hash: newHash(name)}
	if c.hash == nil {
		return nil, fmt.Errorf("checksum %q is not one of %s", name, algorithms)
	}
	var err error
	if c.sum, err = base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err != nil || len(c.sum) != c.hash.Size() {
		return nil, fmt.Errorf("%q is not a %s in base64", text, name)
	}
	return c, nil
}

// over returns a reader of src whose bytes are counted in, and the verdict at its end. A body of length bytes (-1 unknown) that
// ended sooner is not what was meant either.
func (c *checksum) over(src io.Reader, length int64) (io.Reader, func() error) {
	r := &counted{r: io.TeeReader(src, c.hash)}
	return r, func() error {
		if length >= 0 && r.n < length || !bytes.Equal(c.hash.Sum(nil), c.sum) {
			return errChecksum
		}
		return nil
	}
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

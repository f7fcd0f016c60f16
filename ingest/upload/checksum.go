package upload

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// Algorithms are those of a Checksum, as tus's header Tus-Checksum-Algorithm lists them.
const Algorithms = "sha1,md5,sha256,crc32c"

// Checksum is what a sender says of a body (tus 1.0, §checksum). It serves one body.
type Checksum struct {
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

// ParseChecksum reads a name and a sum in base64, with a space between them.
func ParseChecksum(header string) (*Checksum, error) {
	name, text, _ := strings.Cut(strings.TrimSpace(header), " ")
	c := &Checksum{name: name, hash: newHash(name)}
	if c.hash == nil {
		return nil, fmt.Errorf("checksum %q is not one of %s", name, Algorithms)
	}
	var err error
	if c.sum, err = base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err != nil || len(c.sum) != c.hash.Size() {
		return nil, fmt.Errorf("%q is not a %s in base64", text, name)
	}
	return c, nil
}

// Over returns a reader of src whose bytes are counted in, and the verdict at its end. A body of length bytes (-1 unknown) that
// ended sooner is not what was meant either.
func (c *Checksum) Over(src io.Reader, length int64) (io.Reader, func() error) {
	r := &counted{r: io.TeeReader(src, c.hash)}
	return r, func() error {
		if length >= 0 && r.n < length || !bytes.Equal(c.hash.Sum(nil), c.sum) {
			return ErrChecksum
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

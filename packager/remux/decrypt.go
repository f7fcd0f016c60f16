package remux

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
)

// keyResult is a key that is fetched once.
type keyResult struct {
	once sync.Once
	b    []byte
	err  error
}

// fetchKey returns the bytes of a key.
func (in *input) fetchKey(ctx context.Context, k *key) ([]byte, error) {
	in.mu.Lock()
	r := in.keys[k]
	if r == nil {
		r = &keyResult{}
		in.keys[k] = r
	}
	in.mu.Unlock()
	r.once.Do(func() {
		want := 16
		if strings.HasPrefix(k.method, "AES-256") {
			want = 32
		}
		r.b, r.err = in.whole(ctx, k.at, 0, -1, 64)
		switch {
		case r.err != nil:
			if missing(r.err) {
				r.err = &Error{Code: Encrypted, What: k.at.String(), Err: r.err}
			}
			r.err = classify(r.err, k.at.String())
		case len(r.b) != want:
			r.err = fail(Encrypted, k.at.String(), "key of %d bytes, %s needs %d", len(r.b), k.method, want)
		}
	})
	return r.b, r.err
}

// decrypt wraps a segment's bytes (RFC 8216 §4.3.2.4). Without an IV the media sequence number is it.
func (in *input) decrypt(ctx context.Context, r io.Reader, k *key, seq uint64) (io.Reader, error) {
	if k == nil {
		return r, nil
	}
	b, err := in.fetchKey(ctx, k)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		return nil, fail(Encrypted, k.at.String(), "%v", err)
	}
	iv := k.iv
	if iv == nil {
		iv = make([]byte, aes.BlockSize)
		binary.BigEndian.PutUint64(iv[8:], seq)
	}
	if strings.HasSuffix(k.method, "CTR") {
		return &cipher.StreamReader{S: cipher.NewCTR(block, iv), R: r}, nil
	}
	return &cbcReader{r: r, mode: cipher.NewCBCDecrypter(block, iv)}, nil
}

// cbcReader decrypts AES-CBC and removes the PKCS #7 padding; it holds back the last block until it knows that it is the last.
type cbcReader struct {
	r     io.Reader
	mode  cipher.BlockMode
	buf   []byte // decrypted, from at
	at    int
	raw   [64 << 10]byte
	n     int // bytes in raw
	ended bool
}

var errPadding = errors.New("wrong key, or cut short: the padding is no PKCS #7")

func (c *cbcReader) Read(p []byte) (int, error) {
	for c.at == len(c.buf) {
		if c.ended {
			return 0, io.EOF
		}
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.at:])
	c.at += n
	return n, nil
}

func (c *cbcReader) more() error {
	got, err := io.ReadAtLeast(c.r, c.raw[c.n:], 2*aes.BlockSize)
	c.n += got
	atEnd := err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !atEnd {
		return err
	}
	full := c.n / aes.BlockSize * aes.BlockSize
	if !atEnd && full == c.n {
		full -= aes.BlockSize
	}
	c.buf, c.at = append(c.buf[:0], c.raw[:full]...), 0
	c.mode.CryptBlocks(c.buf, c.buf)
	c.n = copy(c.raw[:], c.raw[full:c.n])
	if !atEnd {
		return nil
	}
	c.ended = true
	if c.n > 0 || len(c.buf) == 0 {
		return &Error{Code: Corrupt, Err: errPadding}
	}
	pad := int(c.buf[len(c.buf)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.Equal(c.buf[len(c.buf)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return &Error{Code: Corrupt, Err: errPadding}
	}
	c.buf = c.buf[:len(c.buf)-pad]
	return nil
}

package tus

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
)

// digest is what a sender says of a file's content.
type digest struct {
	name string // "sha-256", "sha-512", "md5"
	sum  []byte
}

// hash computes it, unless it is one that is computed anyway.
func (d digest) hash() hash.Hash {
	switch d.name {
	case "sha-512":
		return sha512.New()
	case "md5":
		return md5.New()
	}
	return nil
}

// digestsOf reads Repr-Digest (RFC 9530) and the older Digest (RFC 3230) and Content-MD5. Algorithms that are not known say
// nothing; a value that is none is refused.
func digestsOf(h http.Header) ([]digest, error) {
	var out []digest
	add := func(name, text string) error {
		name = strings.ToLower(strings.TrimSpace(name))
		size := map[string]int{"sha-256": sha256.Size, "sha-512": sha512.Size, "md5": md5.Size}[name]
		if size == 0 {
			return nil
		}
		sum, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(sum) != size {
			return &Refusal{http.StatusBadRequest, "ERR_DIGEST", fmt.Sprintf("%q is not a %s in base64", text, name)}
		}
		out = append(out, digest{name, sum})
		return nil
	}
	for _, field := range []string{"Repr-Digest", "Digest"} {
		for _, line := range h.Values(field) {
			for part := range strings.SplitSeq(line, ",") {
				name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
				if field == "Repr-Digest" {
					text, _, _ = strings.Cut(text, ";")
					text = strings.TrimSuffix(strings.TrimPrefix(text, ":"), ":")
				}
				if err := add(name, text); err != nil {
					return nil, err
				}
			}
		}
	}
	if v := h.Get("Content-MD5"); v != "" {
		if err := add("md5", v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// digestOfField reads a SHA-256 in hexadecimal, as forms have it.
func digestOfField(text string) ([]digest, error) {
	if text == "" {
		return nil, nil
	}
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != sha256.Size {
		return nil, &Refusal{http.StatusBadRequest, "ERR_DIGEST", fmt.Sprintf("sha256 %q is not 64 hexadecimal digits", text)}
	}
	return []digest{{"sha-256", sum}}, nil
}

// check compares what was said with what came.
func check(all []digest, sha string, extra map[string]hash.Hash) error {
	for _, d := range all {
		got := sha
		if h := extra[d.name]; h != nil {
			got = hex.EncodeToString(h.Sum(nil))
		}
		if got != hex.EncodeToString(d.sum) {
			return &Refusal{http.StatusUnprocessableEntity, "ERR_DIGEST_MISMATCH", fmt.Sprintf("the %s of what came is %s", d.name, got)}
		}
	}
	return nil
}

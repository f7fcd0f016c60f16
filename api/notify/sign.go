package notify

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"sluice/catalog"
)

// sign is the protocol's signature of a body: the hash of the account's secret followed by the body.
func sign(algorithm int, secret, body string) (name, signature string) {
	var h hash.Hash
	switch algorithm {
	case 2:
		name, h = "sha256", sha256.New()
	case 3:
		name, h = "sha512", sha512.New()
	default:
		name, h = "sha1", sha1.New()
	}
	h.Write([]byte(secret + body))
	return name, hex.EncodeToString(h.Sum(nil))
}

// secret is what notifications of an account are signed with: its newest admin secret.
func (e *Engine) secret(ctx context.Context, account catalog.AccountID) (string, error) {
	list, err := e.cfg.Catalog.Secrets(ctx, account)
	if err != nil {
		return "", err
	}
	for _, s := range list {
		if s.Kind == catalog.AdminSecret {
			return s.Text, nil
		}
	}
	return "", nil
}

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeyBytes is the size of a key.
const KeyBytes = 32

// Errors of Ring.
var (
	// ErrKey says that a secret is sealed under a key that the ring does not hold.
	ErrKey = errors.New("sealed under another key")
	// ErrDamaged says that a text is not what was sealed, or is in the wrong place.
	ErrDamaged = errors.New("sealed text is damaged")
)

// Ring holds keys. The first one seals; all of them open. It is safe for concurrent use.
type Ring struct {
	primary string
	keys    map[string]cipher.AEAD
}

// NewRing makes a ring of keys in hex, the newest first.
func NewRing(keys ...string) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("no key")
	}
	r := &Ring{keys: map[string]cipher.AEAD{}}
	for i, text := range keys {
		key, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) != KeyBytes {
			return nil, fmt.Errorf("key %d is not %d hex digits", i+1, 2*KeyBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		id := keyID(key)
		if i == 0 {
			r.primary = id
		}
		r.keys[id] = aead
	}
	return r, nil
}

// keyID names a key without telling anything of it.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("sluice key id\x00"), key...))
	return hex.EncodeToString(sum[:4])
}

// version begins every sealed text: version, key id, nonce and ciphertext, separated by dots.
const version = "s1"

// Seal seals a secret for the place that context names.
func (r *Ring) Seal(secret, context string) string {
	aead := r.keys[r.primary]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	sealed := aead.Seal(nonce, nonce, []byte(secret), []byte(context))
	return version + "." + r.primary + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the secret that was sealed for the context. Errors are ErrKey and ErrDamaged.
func (r *Ring) Open(sealed, context string) (string, error) {
	v, rest, _ := strings.Cut(sealed, ".")
	id, text, ok := strings.Cut(rest, ".")
	if v != version || !ok {
		return "", fmt.Errorf("open %s: %w: not a sealed text", context, ErrDamaged)
	}
	aead := r.keys[id]
	if aead == nil {
		return "", fmt.Errorf("open %s: %w (%.16s)", context, ErrKey, id)
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < aead.NonceSize() {
		return "", fmt.Errorf("open %s: %w", context, ErrDamaged)
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], []byte(context))
	if err != nil {
		return "", fmt.Errorf("open %s: %w", context, ErrDamaged)
	}
	return string(plain), nil
}

// Current says whether a sealed text is sealed under the newest key.
func (r *Ring) Current(sealed string) bool {
	return strings.HasPrefix(sealed, version+"."+r.primary+".")
}

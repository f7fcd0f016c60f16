package origin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Grant is what a token allows: every path below Prefix until Expires, from one address or in one playback session when those
// are set.
type Grant struct {
	// Prefix is a path as requests have it, still percent-encoded and without the token: "/hls/0_abc" covers that path and
	// everything below it, not "/hls/0_abcd".
	Prefix  string
	Expires time.Time // to the second
	IP      netip.Addr
	// Session must equal the request's X-Playback-Session-Id header or sid query parameter.
	Session string
}

// Key signs tokens. Its id stands in every token, so that keys can be rotated.
type Key struct {
	ID     string // 1 to 32 bytes
	Secret []byte // at least 16 bytes
}

// Tokens issues and verifies. It is immutable and safe for concurrent use.
type Tokens struct {
	current Key
	keys    map[string][]byte
	now     func() time.Time
}

// NewTokens signs with current and accepts the older keys as well.
func NewTokens(current Key, older ...Key) (*Tokens, error) {
	t := &Tokens{current: current, keys: make(map[string][]byte), now: time.Now}
	for _, k := range append([]Key{current}, older...) {
		if k.ID == "" || len(k.ID) > maxKeyID {
			return nil, fmt.Errorf("token key %q: the id must have 1 to %d bytes", k.ID, maxKeyID)
		}
		if len(k.Secret) < 16 {
			return nil, fmt.Errorf("token key %q: the secret must have at least 16 bytes", k.ID)
		}
		if _, dup := t.keys[k.ID]; dup {
			return nil, fmt.Errorf("token key %q is given twice", k.ID)
		}
		t.keys[k.ID] = append([]byte(nil), k.Secret...)
	}
	return t, nil
}

// A token is base64url of: version, key id, expiry (8 bytes), address, session, prefix, each of the strings with a length
// before it; then 32 bytes of HMAC-SHA-256 over all that. It holds no character that a path or a query would escape.
const (
	tokenVersion = 1
	maxKeyID     = 32
	maxField     = 255
	macSize      = sha256.Size
	maxToken     = 1024 // decoded
)

// tokenCoding is strict: one token has one spelling.
var tokenCoding = base64.RawURLEncoding.Strict()

// ErrToken is wrapped by every refusal of Verify.
var ErrToken = errors.New("token refused")

// Issue returns a token for g, signed with the current key.
func (t *Tokens) Issue(g Grant) (string, error) {
	if !strings.HasPrefix(g.Prefix, "/") || len(g.Prefix) > maxField {
		return "", fmt.Errorf("issue token: prefix %q must start with a slash and have at most %d bytes", g.Prefix, maxField)
	}
	if len(g.Session) > maxField {
		return "", fmt.Errorf("issue token: session id longer than %d bytes", maxField)
	}
	b := []byte{tokenVersion}
	b = appendField(b, t.current.ID)
	b = binary.BigEndian.AppendUint64(b, uint64(g.Expires.Unix()))
	ip := ""
	if g.IP.IsValid() {
		ip = string(g.IP.Unmap().AsSlice())
	}
	b = appendField(b, ip)
	b = appendField(b, g.Session)
	b = appendField(b, g.Prefix)
	b = append(b, mac(t.current.Secret, b)...)
	return tokenCoding.EncodeToString(b), nil
}

func appendField(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

func mac(secret, b []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(b)
	return h.Sum(nil)
}

// Verify checks token for a request of path (percent-encoded, without the token) from ip in the given session. Errors wrap
// ErrToken. Only the time of parsing depends on what the token holds; the signature is compared in constant time, before
// anything it signs is believed.
func (t *Tokens) Verify(token, path string, ip netip.Addr, session string) (Grant, error) {
	var g Grant
	if len(token) > tokenCoding.EncodedLen(maxToken) {
		return g, refuse("it is too long")
	}
	b, err := tokenCoding.DecodeString(token)
	if err != nil || len(b) < 1+1+8+3+macSize || b[0] != tokenVersion {
		return g, refuse("it is malformed")
	}
	signed, sum := b[:len(b)-macSize], b[len(b)-macSize:]
	f := fields{b: signed[1:]}
	id := f.text()
	secret, known := t.keys[string(id)]
	if !known {
		secret = t.current.Secret // the same work as for a known key
	}
	if !hmac.Equal(mac(secret, signed), sum) || !known {
		return g, refuse("its signature is wrong")
	}
	g.Expires = time.Unix(int64(f.uint64()), 0)
	addr, bound := netip.AddrFromSlice(f.text())
	g.IP, g.Session, g.Prefix = addr, string(f.text()), string(f.text())
	switch {
	case f.bad || len(f.b) != 0:
		return g, refuse("it is malformed")
	case !t.now().Before(g.Expires):
		return g, refuse("it has expired")
	case bound && addr != ip.Unmap():
		return g, refuse("it belongs to another address")
	case g.Session != "" && g.Session != session:
		return g, refuse("it belongs to another session")
	case !covers(g.Prefix, path):
		return g, refuse("it does not cover this path")
	}
	return g, nil
}

func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrToken, reason) }

// covers reports whether path is prefix or lies below it.
func covers(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}

// fields reads length-prefixed fields.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) text() []byte {
	if len(f.b) == 0 || int(f.b[0]) >= len(f.b) {
		f.bad = true
		return nil
	}
	n := int(f.b[0])
	s := f.b[1 : 1+n]
	f.b = f.b[1+n:]
	return s
}

func (f *fields) uint64() uint64 {
	if len(f.b) < 8 {
		f.bad = true
		return 0
	}
	v := binary.BigEndian.Uint64(f.b)
	f.b = f.b[8:]
	return v
}

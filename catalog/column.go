package catalog

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Columns hold times as microseconds since 1970, 0 for none, so that both databases compare and index them alike.

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// Bounds of text columns, in bytes. Indexed ones must fit into a PostgreSQL index row.
const (
	maxNameBytes   = 1000
	maxKeyBytes    = 1000
	maxTextBytes   = 64 << 10
	maxReasonBytes = 4 << 10
	// maxDetailsBytes bounds the JSON of an entry's details: a playlist is among them.
	maxDetailsBytes = 1 << 20
)

// checkText refuses text that a column cannot hold.
func checkText(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return fmt.Errorf("%w: %s has %d bytes, the limit is %d", ErrInvalid, what, len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: %s is not UTF-8", ErrInvalid, what)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%w: %s contains a NUL byte", ErrInvalid, what)
	}
	return nil
}

// reason makes the text of a failure fit its column: failures must be storable whatever they say.
func reason(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxReasonBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxReasonBytes], "") + "…"
}

// encode turns v into the JSON of a column; nil is "".
func encode(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	if raw, ok := v.(json.RawMessage); ok && len(raw) == 0 {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

func decode(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// newObjectID returns an id of an entry or asset: the site, 0, and eight characters.
func newObjectID() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	const even = 256 - 256%len(digits) // bytes from here on would favour the first digits
	id := []byte("0_")
	buf := make([]byte, 16)
	for len(id) < 10 {
		_, _ = rand.Read(buf) // never fails
		for _, b := range buf {
			if int(b) < even && len(id) < 10 {
				id = append(id, digits[int(b)%len(digits)])
			}
		}
	}
	return string(id)
}

func newSecret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

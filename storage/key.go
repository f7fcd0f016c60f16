package storage

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of keys: those of S3, and of the names of a file system.
const (
	MaxKey     = 1024 // bytes of a key
	MaxKeyPart = 255  // bytes between two slashes
)

// Reserved begins first parts of keys that stores keep for themselves.
const Reserved = ".sluice"

// ValidateKey returns an ErrBadKey that says why when key cannot name an object: it must be 1 to MaxKey bytes of UTF-8,
// parts joined by "/" with none empty, "." or "..", and without control characters.
func ValidateKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrBadKey)
	}
	return validate(key)
}

// ValidatePrefix returns an ErrBadKey when no key can start with prefix. Its last part may be cut anywhere.
func ValidatePrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	whole := strings.TrimSuffix(prefix, "/")
	if whole == prefix {
		// A last part of dots may still grow into a good name.
		if dir, last := prefix[:strings.LastIndex(prefix, "/")+1], prefix[strings.LastIndex(prefix, "/")+1:]; last == "." || last == ".." {
			whole = strings.TrimSuffix(dir, "/")
			if whole == "" {
				return nil
			}
		}
	}
	return validate(whole)
}

func validate(key string) error {
	switch {
	case len(key) > MaxKey:
		return fmt.Errorf("%w: %d bytes are more than %d", ErrBadKey, len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w %q: not UTF-8", ErrBadKey, key)
	}
	for i, part := range strings.Split(key, "/") {
		switch {
		case part == "":
			return fmt.Errorf("%w %q: it has an empty part", ErrBadKey, key)
		case part == "." || part == "..":
			return fmt.Errorf("%w %q: a part is %q", ErrBadKey, key, part)
		case len(part) > MaxKeyPart:
			return fmt.Errorf("%w %q: a part is longer than %d bytes", ErrBadKey, key, MaxKeyPart)
		case i == 0 && strings.HasPrefix(part, Reserved):
			return fmt.Errorf("%w %q: names that begin with %q are reserved", ErrBadKey, key, Reserved)
		}
	}
	for _, r := range key {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return fmt.Errorf("%w %q: it has a control character", ErrBadKey, key)
		}
	}
	return nil
}

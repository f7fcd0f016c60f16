package ingest

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// ErrName wraps what is wrong with the name of a file that is refused.
var ErrName = errors.New("bad file name")

// Reserved begins names that this package uses beside received files.
const Reserved = ".sluice-"

// CheckName refuses names that cannot be shown, stored and given back unharmed. Anything else that a file system holds is
// a name, odd as it may be.
func CheckName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%w %q", ErrName, name)
	case len(name) > 255:
		return fmt.Errorf("%w: %d bytes are more than 255", ErrName, len(name))
	case !utf8.ValidString(name):
		return fmt.Errorf("%w %x (hexadecimal): it is not UTF-8", ErrName, name)
	case strings.HasPrefix(name, Reserved):
		return fmt.Errorf("%w %q: names that begin with %q are reserved", ErrName, name, Reserved)
	}
	for _, r := range name {
		if why := forbidden(r); why != "" {
			return fmt.Errorf("%w %q: it has %s (U+%04X)", ErrName, name, why, r)
		}
	}
	return nil
}

func forbidden(r rune) string {
	switch {
	case r == '/':
		return "a slash"
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return "a control character"
	case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
		return "a character that reverses how text is shown"
	case r == 0xfffe || r == 0xffff:
		return "a code point that is no character"
	}
	return ""
}

// Slug is a file's name without its extension: what the content handler of drop folders takes for the reference id.
func Slug(name string) string {
	if s := strings.TrimSuffix(name, path.Ext(name)); s != "" {
		return s
	}
	return name
}

// Extension is the file's extension in lower case if it is a plain one, with its dot, else "".
func Extension(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if len(ext) < 2 || len(ext) > 9 {
		return ""
	}
	for _, c := range ext[1:] {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return ext
}

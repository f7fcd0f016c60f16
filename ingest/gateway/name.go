package gateway

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of paths inside a folder.
const (
	maxNameBytes = 255
	maxPathBytes = 4096
	maxDepth     = 32
)

// ownPrefix begins the names that are sluice's own in a drop folder; clients see and touch none.
const ownPrefix = ".sluice-"

// isOwn says whether the first part of a path inside a folder is sluice's own.
func isOwn(rel string) bool { return strings.HasPrefix(rel, ownPrefix) }

// checkRel says why nothing may be made at a path inside a folder.
func checkRel(rel string) error {
	parts := strings.Split(rel, "/")
	if len(rel) > maxPathBytes || len(parts) > maxDepth {
		return nameError(path.Base(rel), "lies too deep")
	}
	for _, p := range parts {
		switch {
		case p == "" || p == "." || p == "..":
			return nameError(rel, "is no name")
		case isOwn(p):
			return nameError(p, "is reserved")
		case len(p) > maxNameBytes:
			return nameError(p[:40]+"…", "is longer than 255 bytes")
		case !utf8.ValidString(p):
			return nameError(p, "is not UTF-8")
		case strings.ContainsFunc(p, forbidden):
			return nameError(p, "has control characters")
		}
	}
	return nil
}

// forbidden are control characters and those that change the direction of text: names with them deceive whoever reads them.
func forbidden(r rune) bool {
	return r < 0x20 || r == 0x7f || unicode.Is(unicode.Bidi_Control, r) && r != 0x200e && r != 0x200f && r != 0x61c
}

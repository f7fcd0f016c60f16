package complete

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unfinished are the ends of names that programs give to files they still write.
var unfinished = []string{
	".filepart", ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".aspx", ".aspera-ckpt", ".upload",
	".uploading", ".incomplete", ".!ut", "~", ".cache",
}

// Unfinished reports whether the base name says that the file is still written.
func Unfinished(name string) bool {
	low := strings.ToLower(name)
	for _, end := range unfinished {
		if strings.HasSuffix(low, end) {
			return true
		}
	}
	return false
}

// Hidden reports whether the base name is none that people put somewhere to be taken. Our own folders are hidden, too.
func Hidden(name string) bool { return strings.HasPrefix(name, ".") }

// Shown makes a path of any bytes one that can be shown.
func Shown(path string) string {
	if !utf8.ValidString(path) {
		return fmt.Sprintf("%s (hexadecimal %x)", strings.ToValidUTF8(path, "\uFFFD"), path)
	}
	q := strconv.Quote(path)
	if q = q[1 : len(q)-1]; strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return q
	}
	return path
}

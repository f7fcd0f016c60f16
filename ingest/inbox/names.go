package inbox

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/catalog"
)

// unfinished are the ends of names that programs give to files they still write.
var unfinished = []string{
	".filepart", ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".aspx", ".aspera-ckpt", ".upload",
	".uploading", ".incomplete", ".!ut", "~", ".cache",
}

// isUnfinished reports whether the name says that the file is still written.
func isUnfinished(name string) bool {
	low := strings.ToLower(name)
	for _, end := range unfinished {
		if strings.HasSuffix(low, end) {
			return true
		}
	}
	return false
}

// isHidden reports whether the name is none that people put here to be taken. Our own folders are hidden, too.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

var accountFolder = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// accountOf returns the account whose folder, at the top of the inbox, holds rel.
func accountOf(rel string) (catalog.AccountID, bool) {
	top, _, below := strings.Cut(rel, "/")
	if !below || !accountFolder.MatchString(top) {
		return 0, false
	}
	id, err := strconv.ParseInt(top, 10, 64)
	return catalog.AccountID(id), err == nil
}

// shown makes a path of any bytes one that can be shown.
func shown(path string) string {
	if !utf8.ValidString(path) {
		return fmt.Sprintf("%s (hexadecimal %x)", strings.ToValidUTF8(path, "\uFFFD"), path)
	}
	q := strconv.Quote(path)
	if q = q[1 : len(q)-1]; strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return q
	}
	return path
}

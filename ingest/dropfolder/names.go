package dropfolder

import (
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/complete"
)

// maxPath bounds a path relative to its folder, in bytes.
const maxPath = 4096

// checkName says why a path can never come in.
func checkName(rel string) Code {
	switch {
	case !utf8.ValidString(rel):
		return CodeNotUTF8
	case len(rel) > maxPath:
		return CodeName
	}
	for part := range strings.SplitSeq(rel, "/") {
		if ingest.CheckName(part) != nil {
			return CodeName
		}
	}
	return ""
}

// foldKey is the same for paths that differ only in case or in Unicode's form: what file systems of other machines would take for
// one name.
func foldKey(rel string) string {
	return catalog.PathKey(norm.NFC.String(cases.Fold().String(norm.NFC.String(rel))))
}

// patterns are globs of base names, compared without case. The zero value matches nothing.
type patterns []string

func parsePatterns(list string) patterns {
	var p patterns
	for glob := range strings.SplitSeq(list, ",") {
		if glob = strings.ToLower(strings.TrimSpace(glob)); glob != "" {
			p = append(p, glob)
		}
	}
	return p
}

func (p patterns) match(rel string) bool {
	name := strings.ToLower(path.Base(rel))
	for _, glob := range p {
		if ok, err := path.Match(glob, name); ok && err == nil {
			return true
		}
	}
	return false
}

// CheckPatterns says which glob of a comma list cannot be used.
func CheckPatterns(list string) error {
	for _, glob := range parsePatterns(list) {
		if _, err := path.Match(glob, ""); err != nil {
			return trouble(CodeTypeRefused, "%q is no file name pattern: %v", glob, err)
		}
	}
	return nil
}

// inFlight reports whether a path is none to look at: programs still write it, or it is hidden.
func inFlight(rel string) bool {
	name := path.Base(rel)
	return complete.Hidden(name) || complete.Unfinished(name)
}

package dropfolder

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// DefaultSlug takes all of a name but its extension for the reference id.
const DefaultSlug = `/(?P<referenceId>.+)[.]\w{2,}/`

// slugTimeout bounds a match by a pattern that RE2 cannot run.
const slugTimeout = 50 * time.Millisecond

// Parsed is what a slug pattern found in a name.
type Parsed struct{ Slug, Flavor, User string }

// Slug finds reference ids, flavors and users in file names. It is safe for concurrent use.
type Slug struct {
	fast *regexp.Regexp
	slow *regexp2.Regexp
}

// pcreNamed is how PCRE and Python write a named group.
var pcreNamed = regexp.MustCompile(`\(\?<([A-Za-z_]\w*)>`)

// ParseSlug compiles a pattern in PCRE's notation: with delimiters and flags, or bare. Patterns with look-around or back-references are
// run by a backtracking engine under a time limit. "" is DefaultSlug.
func ParseSlug(pattern string) (*Slug, error) {
	if pattern == "" {
		pattern = DefaultSlug
	}
	body, flags, err := undelimit(pattern)
	if err != nil {
		return nil, fmt.Errorf("slug pattern %q: %w", pattern, err)
	}
	mode, extended := "", false
	for _, f := range flags {
		switch f {
		case 'i', 'm', 's':
			mode += string(f)
		case 'u': // everything is UTF-8
		case 'x':
			extended = true
		default:
			return nil, fmt.Errorf("slug pattern %q: no flag %q; i, m, s, x and u are known", pattern, f)
		}
	}
	s := &Slug{}
	if !extended {
		prefix := ""
		if mode != "" {
			prefix = "(?" + mode + ")"
		}
		if s.fast, err = regexp.Compile(prefix + pcreNamed.ReplaceAllString(body, "(?P<$1>")); err == nil {
			return s, s.check(pattern, s.fast.SubexpNames())
		}
	}
	var options regexp2.RegexOptions
	for flag, option := range map[rune]regexp2.RegexOptions{
		'i': regexp2.IgnoreCase, 'm': regexp2.Multiline, 's': regexp2.Singleline, 'x': regexp2.IgnorePatternWhitespace,
	} {
		if strings.ContainsRune(flags, flag) {
			options |= option
		}
	}
	slow, err := regexp2.Compile(strings.ReplaceAll(body, "(?P<", "(?<"), options)
	if err != nil {
		return nil, fmt.Errorf("slug pattern %q: %w", pattern, err)
	}
	slow.MatchTimeout = slugTimeout
	s.slow = slow
	return s, s.check(pattern, slow.GetGroupNames())
}

// check wants a group that gives the reference id.
func (s *Slug) check(pattern string, groups []string) error {
	for _, g := range groups {
		if g == "referenceId" {
			return nil
		}
	}
	return fmt.Errorf("slug pattern %q: it has no group named referenceId", pattern)
}

// undelimit splits "/body/flags"; delimiters are any punctuation but a backslash, and brackets in pairs.
func undelimit(pattern string) (body, flags string, err error) {
	p := strings.TrimSpace(pattern)
	if p == "" || !strings.ContainsRune("/#~!@%|;,:`'\"{[<", rune(p[0])) {
		return p, "", nil // bare
	}
	end := p[0]
	if i := strings.IndexByte("{[<", p[0]); i >= 0 {
		end = "}]>"[i]
	}
	last := strings.LastIndexByte(p, end)
	if last == 0 {
		return "", "", fmt.Errorf("its delimiter %q does not come again", end)
	}
	body, flags = p[1:last], p[last+1:]
	if p[0] == end {
		body = strings.ReplaceAll(body, `\`+string(end), string(end))
	}
	return body, flags, nil
}

// errSlug says that the name does not have what the pattern asks for.
var errSlug = errors.New("the slug pattern does not match")

// Parse finds the parts of a base name: errSlug if there is no reference id.
func (s *Slug) Parse(name string) (Parsed, error) {
	var group func(name string) string
	if s.fast != nil {
		m := s.fast.FindStringSubmatch(name)
		if m == nil {
			return Parsed{}, errSlug
		}
		group = func(g string) string {
			if i := s.fast.SubexpIndex(g); i >= 0 {
				return m[i]
			}
			return ""
		}
	} else {
		m, err := s.slow.FindStringMatch(name)
		if err != nil {
			return Parsed{}, fmt.Errorf("%w: %w", errSlug, err)
		}
		if m == nil {
			return Parsed{}, errSlug
		}
		group = func(g string) string {
			if got := m.GroupByName(g); got != nil {
				return got.String()
			}
			return ""
		}
	}
	p := Parsed{Slug: group("referenceId"), Flavor: group("flavorName"), User: group("userId")}
	if p.Slug == "" {
		return Parsed{}, errSlug
	}
	return p, nil
}

package uri

import (
	"net/url"
	"strings"
)

// Source is the file part of a path, without parameters: one file, or the parts of a multi-file URI
// <prefix>,<part>,<part>,…,<postfix>.urlset. Its strings are as they stand in the path; File and Part decode them.
type Source struct {
	// Multi says that the URI was a .urlset, even one of a single part.
	Multi           bool
	Prefix, Postfix string

	one   string
	n     int
	parts [MaxFiles]string
}

// Len is the number of files named.
func (s *Source) Len() int {
	if !s.Multi {
		return 1
	}
	return s.n
}

// Part is what tells file i (from 0) from its siblings, decoded; of a single file, the whole of it.
func (s *Source) Part(i int) string {
	if !s.Multi {
		return decode(s.one)
	}
	return decode(s.parts[i])
}

// File is the URI of file i (from 0), decoded: prefix, part and postfix joined.
func (s *Source) File(i int) string {
	if !s.Multi {
		return decode(s.one)
	}
	return decode(s.Prefix + s.parts[i] + s.Postfix)
}

// String is the file part as a path would have it, without parameters.
func (s *Source) String() string {
	if !s.Multi {
		return s.one
	}
	return s.Prefix + "," + strings.Join(s.parts[:s.n], ",") + "," + s.Postfix + ".urlset"
}

// decode resolves percent-encoding, which the scanner has checked.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	d, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return d
}

// setURI splits f, the file part without parameters.
func (s *Source) setURI(f string) error {
	body, multi := strings.CutSuffix(f, ".urlset")
	first := strings.IndexByte(body, ',')
	last := strings.LastIndexByte(body, ',')
	if !multi || first == last {
		s.one = body
		if body == "" {
			return bad("no file named before the object's name")
		}
		return checkFile("", body, "")
	}
	s.Multi = true
	s.Prefix, s.Postfix = body[:first], body[last+1:]
	for rest := body[first+1 : last]; ; {
		part, more, found := strings.Cut(rest, ",")
		if part == "" {
			return bad("empty part in a multi-file URI")
		}
		if s.n == MaxFiles {
			return bad("more than 32 files in a multi-file URI")
		}
		if err := checkFile(s.Prefix, part, s.Postfix); err != nil {
			return err
		}
		s.parts[s.n] = part
		s.n++
		if !found {
			return nil
		}
		rest = more
	}
}

// checkPath refuses what no path of ours holds: control characters, backslashes, empty or dot components, broken
// percent-encoding, and encoded slashes, NULs or control characters.
func checkPath(p string) error {
	if len(p) > MaxPath {
		return bad("path too long")
	}
	var c pathCheck
	if err := c.feed(p); err != nil {
		return err
	}
	return c.end()
}

// pathCheck scans a path that may come in pieces.
type pathCheck struct {
	dots, chars int // of the current component, decoded
}

func (k *pathCheck) feed(p string) error {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' {
			if i+2 >= len(p) || !isHex(p[i+1]) || !isHex(p[i+2]) {
				return bad("broken percent-encoding in the path")
			}
			c = unhex(p[i+1])<<4 | unhex(p[i+2])
			i += 2
			if c == '/' {
				return bad("percent-encoded slash in the path")
			}
		} else if c == '/' {
			if err := k.end(); err != nil {
				return err
			}
			continue
		}
		if c < 0x20 || c == 0x7f || c == '\\' {
			return bad("control character or backslash in the path")
		}
		k.chars++
		if c == '.' {
			k.dots++
		}
	}
	return nil
}

// end closes a component.
func (k *pathCheck) end() error {
	dots, chars := k.dots, k.chars
	*k = pathCheck{}
	switch {
	case chars == 0:
		return bad("empty component in the path")
	case dots == chars && dots <= 2:
		return bad("dot component in the path")
	}
	return nil
}

// checkFile checks a file's URI that is put together from parts, each of which may be harmless alone.
func checkFile(prefix, part, postfix string) error {
	var c pathCheck
	for _, p := range [...]string{prefix, part, postfix} {
		if err := c.feed(p); err != nil {
			return err
		}
	}
	return c.end()
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// File reads a raw path that is nothing but a file's URI: checked and decoded.
func File(path string) (string, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
	return decode(path), nil
}

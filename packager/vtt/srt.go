package vtt

import (
	"fmt"
	"regexp"
	"strings"

	"sluice/packager"
)

// FromSRT reads SubRip as it is found: with or without numbers, with comma or dot before the milliseconds, with blank
// lines inside a cue and coordinates after the times. Formatting that WebVTT has too is kept. A file without a single
// timing line is an error that wraps ErrSyntax.
func FromSRT(b []byte) ([]packager.Cue, error) {
	s, err := decodeText(b)
	if err != nil {
		return nil, err
	}
	var cues []packager.Cue
	var text []string
	finish := func() {
		if len(cues) > 0 {
			c := &cues[len(cues)-1]
			c.Text, c.Settings = srtText(text)
		}
		text = nil
	}
	for n, line := range splitLines(s) {
		line = strings.TrimSpace(line)
		start, end, ok := srtTiming(line)
		switch {
		case ok && end < start:
			return nil, fmt.Errorf("%w: line %d: cue ends before it starts", ErrSyntax, n+1)
		case ok:
			text = dropNumber(text)
			finish()
			if cues = append(cues, packager.Cue{Start: start, End: end}); len(cues) > maxCues {
				return nil, fmt.Errorf("%w: more than %d cues", ErrLimit, maxCues)
			}
		default:
			text = append(text, line)
		}
	}
	finish()
	if len(cues) == 0 && strings.TrimSpace(s) != "" {
		return nil, fmt.Errorf("%w: no timing line in %d lines", ErrSyntax, strings.Count(s, "\n")+1)
	}
	sortCues(cues)
	return dropEmpty(cues), nil
}

func dropEmpty(cues []packager.Cue) []packager.Cue {
	out := cues[:0]
	for _, c := range cues {
		if c.Text != "" && c.End > c.Start {
			out = append(out, c)
		}
	}
	return out
}

// dropNumber removes the number of the next cue, and the blank line before it, from the end of a cue's text. Only a number
// after a blank line, or at the very start, is one.
func dropNumber(text []string) []string {
	n := len(text)
	if n > 0 && isNumber(text[n-1]) && (n == 1 || text[n-2] == "") {
		text = text[:n-1]
	}
	return text
}

func isNumber(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// srtTiming parses `hh:mm:ss,fff --> hh:mm:ss,fff` and ignores what follows.
func srtTiming(line string) (start, end int64, ok bool) {
	a, b, found := strings.Cut(line, "-->")
	if !found {
		return 0, 0, false
	}
	b = strings.TrimSpace(b)
	if i := strings.IndexAny(b, " \t"); i >= 0 {
		b = b[:i]
	}
	start, okA := srtTime(strings.TrimSpace(a))
	end, okB := srtTime(b)
	return start, end, okA && okB
}

func srtTime(v string) (ms int64, ok bool) {
	s := scanner{strings.Replace(v, ",", ".", 1)}
	var parts []int64
	for {
		v, n := s.digits()
		if n == 0 || len(parts) == 3 {
			return 0, false
		}
		parts = append(parts, v)
		if !s.eat(':') {
			break
		}
	}
	if len(parts) < 2 || parts[len(parts)-1] > 59 || parts[len(parts)-2] > 59 || parts[0] > 1e6 {
		return 0, false
	}
	for _, p := range parts {
		ms = ms*60 + p
	}
	ms *= 1000
	if s.eat('.') {
		f, n := s.digits()
		for ; n < 3; n++ {
			f *= 10
		}
		for ; n > 3; n-- {
			f /= 10
		}
		ms += f
	}
	return ms, s.s == ""
}

var (
	assOverride = regexp.MustCompile(`\{\\[^}]*\}`)
	srtTag      = regexp.MustCompile(`(?i)</?([a-z]+)[^<>]*>`)
)

// srtText turns the lines of a SubRip cue into a WebVTT payload. Of Advanced SubStation overrides only the position at the
// top is kept, as a setting.
func srtText(lines []string) (text, settings string) {
	var kept []string
	for _, l := range lines {
		if strings.Contains(l, `{\an7}`) || strings.Contains(l, `{\an8}`) || strings.Contains(l, `{\an9}`) {
			settings = "line:0"
		}
		if l = srtInline(assOverride.ReplaceAllString(l, "")); strings.TrimSpace(l) != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n"), settings
}

// srtInline keeps <b>, <i> and <u>, drops other tags, and escapes what WebVTT would take for markup.
func srtInline(s string) string {
	var b strings.Builder
	for {
		loc := srtTag.FindStringSubmatchIndex(s)
		if loc == nil {
			b.WriteString(escape(s))
			return b.String()
		}
		b.WriteString(escape(s[:loc[0]]))
		switch name := strings.ToLower(s[loc[2]:loc[3]]); {
		case name != "b" && name != "i" && name != "u":
		case s[loc[0]+1] == '/':
			b.WriteString("</" + name + ">")
		default:
			b.WriteString("<" + name + ">")
		}
		s = s[loc[1]:]
	}
}

var entity = regexp.MustCompile(`^&(#[0-9]+|#x[0-9a-fA-F]+|[a-zA-Z]+);`)

// escape makes text a WebVTT cue text (WebVTT §4.2.2): entities that are there stay.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '&' && !entity.MatchString(s[i:]):
			b.WriteString("&amp;")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

package vtt

import (
	"fmt"
	"strings"

	"sluice/packager"
)

// FromSSA reads the dialogue of SubStation Alpha and its advanced form. Italic, bold and underlined text and the place at
// the top are kept; other effects, and drawings, are not. Events whose times cannot be read are left out; when none can,
// the error wraps ErrSyntax.
func FromSSA(b []byte) ([]packager.Cue, error) {
	s, err := decodeText(b)
	if err != nil {
		return nil, err
	}
	columns := map[string]int{"start": 1, "end": 2, "text": 9}
	fields := 10
	var cues []packager.Cue
	bad, inEvents := 0, false
	for n, line := range splitLines(s) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inEvents = strings.EqualFold(line, "[events]")
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		switch {
		case !inEvents:
		case strings.EqualFold(key, "format"):
			names := strings.Split(value, ",")
			fields = len(names)
			clear(columns)
			for i, name := range names {
				columns[strings.ToLower(strings.TrimSpace(name))] = i
			}
		case strings.EqualFold(key, "dialogue"):
			c, ok := ssaEvent(strings.SplitN(value, ",", fields), columns)
			if !ok {
				bad = n + 1
				continue
			}
			if cues = append(cues, c); len(cues) > maxCues {
				return nil, fmt.Errorf("%w: more than %d cues", ErrLimit, maxCues)
			}
		}
	}
	if len(cues) == 0 && bad > 0 {
		return nil, fmt.Errorf("%w: line %d: event without sound times", ErrSyntax, bad)
	}
	sortCues(cues)
	return dropEmpty(cues), nil
}

func ssaEvent(values []string, columns map[string]int) (c packager.Cue, ok bool) {
	get := func(name string) string {
		if i, ok := columns[name]; ok && i < len(values) {
			return strings.TrimSpace(values[i])
		}
		return ""
	}
	var okStart, okEnd bool
	c.Start, okStart = ssaTime(get("start"))
	c.End, okEnd = ssaTime(get("end"))
	c.Text, c.Settings = ssaText(get("text"))
	return c, okStart && okEnd
}

// ssaTime parses h:mm:ss.cc; some writers put a colon before the hundredths.
func ssaTime(s string) (int64, bool) {
	if strings.Count(s, ":") == 3 {
		i := strings.LastIndexByte(s, ':')
		s = s[:i] + "." + s[i+1:]
	}
	return srtTime(s)
}

// ssaText turns override codes into tags. Codes that WebVTT has no word for vanish.
func ssaText(s string) (text, settings string) {
	var b strings.Builder
	var open []byte // tags that are open, in order
	drawing := false
	closeTag := func(tag byte) {
		i := strings.LastIndexByte(string(open), tag)
		if i < 0 {
			return
		}
		for j := len(open) - 1; j >= i; j-- {
			b.WriteString("</" + string(open[j]) + ">")
		}
		rest := append([]byte(nil), open[i+1:]...)
		open = open[:i]
		for _, t := range rest { // what was closed only to get at tag opens again
			b.WriteString("<" + string(t) + ">")
			open = append(open, t)
		}
	}
	for s != "" {
		if i := strings.IndexByte(s, '}'); s[0] == '{' && i > 0 {
			for _, code := range strings.Split(s[1:i], `\`) {
				switch code = strings.TrimSpace(code); code {
				case "i1", "b1", "u1":
					b.WriteString("<" + code[:1] + ">")
					open = append(open, code[0])
				case "i0", "b0", "u0":
					closeTag(code[0])
				case "an7", "an8", "an9":
					settings = "line:0"
				case "p0":
					drawing = false
				default:
					drawing = drawing || len(code) == 2 && code[0] == 'p' && code[1] >= '1' && code[1] <= '9'
				}
			}
			s = s[i+1:]
			continue
		}
		end := max(1, strings.IndexByte(s, '{'))
		if !strings.Contains(s, "{") {
			end = len(s)
		}
		if !drawing {
			b.WriteString(escape(strings.NewReplacer(`\N`, "\n", `\n`, "\n", `\h`, " ").Replace(s[:end])))
		}
		s = s[end:]
	}
	for j := len(open) - 1; j >= 0; j-- {
		b.WriteString("</" + string(open[j]) + ">")
	}
	var lines []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), settings
}

package vtt

import (
	"bytes"
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
	var p ssaPayload
	for s != "" {
		if i := strings.IndexByte(s, '}'); s[0] == '{' && i > 0 {
			for code := range strings.SplitSeq(s[1:i], `\`) {
				p.override(strings.TrimSpace(code))
			}
			s = s[i+1:]
			continue
		}
		end := len(s)
		if i := strings.IndexByte(s[1:], '{'); i >= 0 {
			end = i + 1
		}
		if !p.drawing {
			p.b.WriteString(escape(ssaBreaks.Replace(s[:end])))
		}
		s = s[end:]
	}
	p.closeAll(0)
	var lines []string
	for line := range strings.SplitSeq(p.b.String(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), p.settings
}

var ssaBreaks = strings.NewReplacer(`\N`, "\n", `\n`, "\n", `\h`, " ")

// ssaPayload is a cue's text while it is made.
type ssaPayload struct {
	b        strings.Builder
	open     []byte // tags that are open, in order
	drawing  bool   // what follows is a vector drawing
	settings string
}

func (p *ssaPayload) override(code string) {
	switch code {
	case "i1", "b1", "u1":
		p.start(code[0])
	case "i0", "b0", "u0":
		if i := bytes.LastIndexByte(p.open, code[0]); i >= 0 {
			again := bytes.Clone(p.open[i+1:])
			p.closeAll(i)
			for _, tag := range again { // closed only to get at the one that ends
				p.start(tag)
			}
		}
	case "an7", "an8", "an9":
		p.settings = "line:0"
	case "p0":
		p.drawing = false
	default:
		p.drawing = p.drawing || len(code) == 2 && code[0] == 'p' && code[1] >= '1' && code[1] <= '9'
	}
}

func (p *ssaPayload) start(tag byte) {
	p.b.WriteString("<" + string(tag) + ">")
	p.open = append(p.open, tag)
}

// closeAll closes the open tags from the i-th on, innermost first.
func (p *ssaPayload) closeAll(i int) {
	for j := len(p.open) - 1; j >= i; j-- {
		p.b.WriteString("</" + string(p.open[j]) + ">")
	}
	p.open = p.open[:i]
}

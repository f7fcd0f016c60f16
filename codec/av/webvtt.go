//go:build cgo

package av

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// assText converts one decoded event (ASS fields: read order, layer, style, name, three margins, effect, text) to WebVTT cue
// text: italics, bold and underline stay, other styling and drawings go, and what has a meaning in WebVTT is escaped.
func assText(event string) string {
	f := strings.SplitN(event, ",", 9)
	if len(f) < 9 {
		return ""
	}
	var c cueText
	for s := f[8]; s != ""; {
		switch {
		case s[0] == '{':
			end := strings.IndexByte(s, '}')
			if end < 0 { // an unclosed brace is text
				c.write(s)
				s = ""
				continue
			}
			c.override(s[1:end])
			s = s[end+1:]
		case strings.HasPrefix(s, `\N`), strings.HasPrefix(s, `\n`):
			c.write("\n")
			s = s[2:]
		case strings.HasPrefix(s, `\h`):
			c.write("\u00a0")
			s = s[2:]
		default:
			n := strings.IndexAny(s[1:], `{\`)
			if n < 0 {
				n = len(s) - 1
			}
			c.write(s[:n+1])
			s = s[n+1:]
		}
	}
	return c.done()
}

// cueText builds cue text whose tags are always balanced.
type cueText struct {
	b       strings.Builder
	style   [3]bool // i, b, u as wanted
	open    [3]bool // as written
	drawing bool
}

var cueTags = [3]string{"i", "b", "u"}

// override reads the tags of one override block, e.g. `\i1\b0\pos(10,10)`.
func (c *cueText) override(block string) {
	for _, tag := range strings.Split(block, `\`)[1:] {
		tag = strings.TrimSpace(tag)
		switch {
		case len(tag) >= 1 && strings.Contains("ibu", tag[:1]) && (len(tag) == 1 || tag[1] >= '0' && tag[1] <= '9'):
			c.style[strings.Index("ibu", tag[:1])] = len(tag) > 1 && tag[1] != '0'
		case len(tag) >= 2 && tag[0] == 'p' && tag[1] >= '0' && tag[1] <= '9':
			c.drawing = tag[1] != '0'
		case strings.HasPrefix(tag, "r"):
			c.style = [3]bool{}
		}
	}
}

var cueEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "", "\x00", "")

func (c *cueText) write(s string) {
	if c.drawing || s == "" {
		return
	}
	if c.style != c.open {
		c.closeTags()
		for i, on := range c.style {
			if on {
				c.b.WriteString("<" + cueTags[i] + ">")
			}
		}
		c.open = c.style
	}
	c.b.WriteString(cueEscape.Replace(strings.ToValidUTF8(s, "\uFFFD")))
}

func (c *cueText) closeTags() {
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i] {
			c.b.WriteString("</" + cueTags[i] + ">")
		}
	}
	c.open = [3]bool{}
}

// done returns the text without empty lines, which would end the cue (WebVTT §6.1).
func (c *cueText) done() string {
	c.closeTags()
	var lines []string
	for _, l := range strings.Split(c.b.String(), "\n") {
		if strings.TrimSpace(l) != "" {
			lines = append(lines, strings.TrimRight(l, " \t"))
		}
	}
	return strings.Join(lines, "\n")
}

// openCue is how long a cue without an end stays, unless the next one comes first.
const openCue = 5 * time.Second

// webVTT writes a WebVTT file (https://www.w3.org/TR/webvtt1/#file-structure).
func webVTT(cues []cue) []byte {
	slices.SortStableFunc(cues, func(a, b cue) int { return int(min(max(a.start-b.start, -1), 1)) })
	var b bytes.Buffer
	b.WriteString("WEBVTT\n")
	for i, c := range cues {
		if c.end == 0 {
			c.end = c.start + openCue
			if i+1 < len(cues) && cues[i+1].start > c.start {
				c.end = min(c.end, cues[i+1].start)
			}
		}
		c.start = max(0, c.start)
		if c.end <= c.start || c.text == "" {
			continue
		}
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", vttTime(c.start), vttTime(c.end), c.text)
	}
	return b.Bytes()
}

// vttTime writes hours:minutes:seconds.milliseconds.
func vttTime(d time.Duration) string {
	ms := (d + time.Millisecond/2) / time.Millisecond
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

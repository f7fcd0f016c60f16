package vtt

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"

	"github.com/asticode/go-astisub"

	"sluice/packager"
)

// tag is a WebVTT cue span tag, start or end (WebVTT §4.2.2), or an inline timestamp.
var tag = regexp.MustCompile(`</?[a-zA-Z][^>]*>|<[0-9:.]+>`)

// PlainText returns a cue's payload without tags and with its escapes resolved.
func PlainText(payload string) string { return html.UnescapeString(tag.ReplaceAllString(payload, "")) }

// Export writes cues as a file of another format: vtt, srt or ttml. Bold, italic and underlined text stays so; positions
// and other settings are WebVTT's alone. Language is a BCP 47 code.
func Export(format string, cues []packager.Cue, language string) ([]byte, error) {
	if format == "vtt" {
		return Write(cues), nil
	}
	subs := astisub.NewSubtitles()
	for _, c := range cues {
		it := &astisub.Item{StartAt: time.Duration(c.Start) * time.Millisecond, EndAt: time.Duration(c.End) * time.Millisecond}
		it.Lines = styledLines(c.Text)
		subs.Items = append(subs.Items, it)
	}
	var b bytes.Buffer
	switch format {
	case "srt":
		if len(cues) == 0 {
			return nil, nil // the writer refuses a file without cues; an empty one is sound
		}
		err := subs.WriteToSRT(&b)
		return b.Bytes(), err
	case "ttml":
		if len(cues) == 0 {
			return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<tt xmlns="http://www.w3.org/ns/ttml"><body><div></div></body></tt>` + "\n"), nil
		}
		if err := subs.WriteToTTML(&b); err != nil {
			return nil, err
		}
		return withLanguage(b.Bytes(), language), nil
	}
	return nil, fmt.Errorf("%w %q: it cannot be written", ErrFormat, format)
}

// withLanguage gives the root element of a TTML file its language, for which the writer knows five names only.
func withLanguage(b []byte, language string) []byte {
	if language == "" || bytes.Contains(b, []byte("xml:lang=")) {
		return b
	}
	return bytes.Replace(b, []byte("<tt "), []byte(`<tt xml:lang="`+html.EscapeString(language)+`" `), 1)
}

// styledLines splits a cue's payload into lines of runs with one style each.
func styledLines(payload string) []astisub.Line {
	var lines []astisub.Line
	var s emphasis
	for text := range strings.SplitSeq(payload, "\n") {
		var line astisub.Line
		run := func(t string) {
			if t = html.UnescapeString(t); t != "" {
				line.Items = append(line.Items, astisub.LineItem{Text: t, InlineStyle: s.style()})
			}
		}
		at := 0
		for _, m := range tag.FindAllStringIndex(text, -1) {
			run(text[at:m[0]])
			s.turn(text[m[0]:m[1]])
			at = m[1]
		}
		run(text[at:])
		lines = append(lines, line)
	}
	return lines
}

// turn switches what a tag opens or closes.
func (s *emphasis) turn(t string) {
	on := !strings.HasPrefix(t, "</")
	name := strings.Trim(t, "</>")
	name, _, _ = strings.Cut(name, ".")
	switch strings.ToLower(name) {
	case "b":
		s.bold = on
	case "i":
		s.italic = on
	case "u":
		s.underline = on
	}
}

// style is the emphasis in the words of both formats that are written.
func (s *emphasis) style() *astisub.StyleAttributes {
	if *s == (emphasis{}) {
		return nil
	}
	a := &astisub.StyleAttributes{SRTBold: s.bold, SRTItalics: s.italic, SRTUnderline: s.underline}
	if s.bold {
		a.TTMLFontWeight = new("bold")
	}
	if s.italic {
		a.TTMLFontStyle = new("italic")
	}
	if s.underline {
		a.TTMLTextDecoration = new("underline")
	}
	return a
}

package vtt

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/asticode/go-astisub"

	"sluice/packager"
)

// Import reads a caption file. format is its usual file name extension: vtt, srt, ttml (or dfxp, xml), ssa (or ass), stl.
// Cues come in order of their start; those without text or duration are left out.
func Import(format string, data []byte) ([]packager.Cue, error) {
	switch strings.ToLower(strings.TrimPrefix(format, ".")) {
	case "vtt", "webvtt":
		return Parse(data)
	case "srt":
		return FromSRT(data)
	case "ttml", "dfxp", "xml":
		return FromTTML(data)
	case "ssa", "ass":
		return FromSSA(data)
	case "stl":
		return FromSTL(data)
	}
	return nil, fmt.Errorf("%w %q", ErrFormat, format)
}

// FromTTML reads TTML and DFXP. A document type declaration is refused with ErrUnsafe.
func FromTTML(b []byte) ([]packager.Cue, error) {
	s, err := decodeXML(b)
	if err != nil {
		return nil, err
	}
	if low := strings.ToLower(s); strings.Contains(low, "<!doctype") || strings.Contains(low, "<!entity") {
		return nil, fmt.Errorf("%w: document type declaration", ErrUnsafe)
	}
	return fromSubtitles("TTML", s, astisub.ReadFromTTML)
}

// decodeXML decodes the document and drops its XML declaration, whose encoding is no longer true.
func decodeXML(b []byte) (string, error) {
	s, err := decodeText(b)
	if err != nil {
		return "", err
	}
	s = strings.TrimLeft(s, " \t\r\n")
	if strings.HasPrefix(s, "<?xml") {
		if i := strings.Index(s, "?>"); i >= 0 {
			s = s[i+2:]
		}
	}
	return s, nil
}

// FromSSA reads SubStation Alpha, and its advanced form.
func FromSSA(b []byte) ([]packager.Cue, error) {
	s, err := decodeText(b)
	if err != nil {
		return nil, err
	}
	return fromSubtitles("SSA", s, func(r io.Reader) (*astisub.Subtitles, error) {
		// The callbacks would otherwise log what they skip.
		return astisub.ReadFromSSAWithOptions(r, astisub.SSAOptions{
			OnUnknownSectionName: func(string) {}, OnInvalidLine: func(string) {},
		})
	})
}

// FromSTL reads EBU STL (EBU Tech 3264).
func FromSTL(b []byte) ([]packager.Cue, error) {
	if len(b) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes of captions, more than %d", ErrLimit, len(b), maxBytes)
	}
	return fromSubtitles("EBU STL", string(b), func(r io.Reader) (*astisub.Subtitles, error) {
		return astisub.ReadFromSTL(r, astisub.STLOptions{})
	})
}

// fromSubtitles converts what read makes of s. The readers are not ours and see hostile input: a panic becomes an error.
func fromSubtitles(format, s string, read func(io.Reader) (*astisub.Subtitles, error)) (cues []packager.Cue, err error) {
	defer func() {
		if r := recover(); r != nil {
			cues, err = nil, fmt.Errorf("%w: %s: %v", ErrSyntax, format, r)
		}
	}()
	subs, err := read(bytes.NewReader([]byte(s)))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSyntax, format, err)
	}
	if len(subs.Items) > maxCues {
		return nil, fmt.Errorf("%w: more than %d cues", ErrLimit, maxCues)
	}
	for _, it := range subs.Items {
		cues = append(cues, packager.Cue{
			Start: it.StartAt.Milliseconds(), End: it.EndAt.Milliseconds(), Text: itemText(it),
		})
	}
	sortCues(cues)
	return dropEmpty(cues), nil
}

// itemText writes the lines of an item with the emphasis that WebVTT has too.
func itemText(it *astisub.Item) string {
	var lines []string
	for _, l := range it.Lines {
		var b strings.Builder
		if l.VoiceName != "" {
			b.WriteString("<v " + strings.NewReplacer(">", "", "&", "&amp;", "\n", " ").Replace(l.VoiceName) + ">")
		}
		for _, part := range l.Items {
			open, end := emphasis(it, part)
			b.WriteString(open + escape(assOverride.ReplaceAllString(part.Text, "")) + end)
		}
		if s := strings.TrimSpace(b.String()); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

// emphasis returns the tags around a part: italic, bold and underlined as its own style, or that of its cue, says.
func emphasis(it *astisub.Item, part astisub.LineItem) (open, end string) {
	var italic, bold, underline bool
	apply := func(a *astisub.StyleAttributes) {
		if a == nil {
			return
		}
		is := func(p *string, v string) bool { return p != nil && *p == v }
		on := func(p *bool) bool { return p != nil && *p }
		italic = italic || is(a.TTMLFontStyle, "italic") || on(a.STLItalics) || on(a.SSAItalic)
		bold = bold || is(a.TTMLFontWeight, "bold") || on(a.SSABold)
		underline = underline || is(a.TTMLTextDecoration, "underline") || on(a.STLUnderline) || on(a.SSAUnderline)
	}
	for _, s := range []*astisub.Style{it.Style, part.Style} {
		if s != nil {
			apply(s.InlineStyle)
		}
	}
	apply(it.InlineStyle)
	apply(part.InlineStyle)
	for _, e := range []struct {
		on  bool
		tag string
	}{{italic, "i"}, {bold, "b"}, {underline, "u"}} {
		if e.on {
			open, end = open+"<"+e.tag+">", "</"+e.tag+">"+end
		}
	}
	return open, end
}

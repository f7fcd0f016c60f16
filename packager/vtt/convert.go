package vtt

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/asticode/go-astisub"

	"sluice/packager"
)

// Import reads a caption file. format is its usual file name extension: vtt, srt, ttml (or dfxp, xml), ssa (or ass), stl.
// Cues come in order of their start; those without text or duration are left out. Errors wrap one of this package's.
func Import(format string, data []byte) ([]packager.Cue, error) {
	switch strings.ToLower(strings.TrimPrefix(format, ".")) {
	case "vtt", "webvtt":
		cues, err := Parse(data)
		if err == nil && len(cues) == 0 && bytes.Contains(data, []byte("-->")) {
			return nil, fmt.Errorf("%w: no timing line is sound", ErrSyntax) // browsers would show nothing, and say nothing
		}
		return cues, err
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

// FromSTL reads EBU STL (EBU Tech 3264).
func FromSTL(b []byte) (cues []packager.Cue, err error) {
	if len(b) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes of captions, more than %d", ErrLimit, len(b), maxBytes)
	}
	// The reader is not ours and sees hostile input: a panic becomes an error.
	defer func() {
		if r := recover(); r != nil {
			cues, err = nil, fmt.Errorf("%w: EBU STL: %v", ErrSyntax, r)
		}
	}()
	subs, err := astisub.ReadFromSTL(bytes.NewReader(b), astisub.STLOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: EBU STL: %w", ErrSyntax, err)
	}
	if len(subs.Items) > maxCues {
		return nil, fmt.Errorf("%w: more than %d cues", ErrLimit, maxCues)
	}
	for _, it := range subs.Items {
		cues = append(cues, packager.Cue{
			Start: it.StartAt.Milliseconds(), End: it.EndAt.Milliseconds(), Text: stlText(it),
		})
	}
	sortCues(cues)
	return dropEmpty(cues), nil
}

func stlText(it *astisub.Item) string {
	var lines []string
	for _, l := range it.Lines {
		var b strings.Builder
		for _, part := range l.Items {
			var s emphasis
			if a := part.InlineStyle; a != nil {
				s.italic = a.STLItalics != nil && *a.STLItalics
				s.underline = a.STLUnderline != nil && *a.STLUnderline
			}
			open, end := s.tags()
			b.WriteString(open + escape(part.Text) + end)
		}
		if s := strings.TrimSpace(b.String()); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

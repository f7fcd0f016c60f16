package vtt

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/packager"
)

// Limits of one TTML document.
const (
	maxElements = 2_000_000
	maxDepth    = 64
)

// element is one element of the document, or a run of character data when name is "".
type element struct {
	name  string
	attrs map[string]string // by local name; "xml:id" is "id"
	text  string
	kids  []*element
}

// FromTTML reads TTML and DFXP (TTML1 §8, §10), whose older namespaces differ only in name: times on body, div, p and span,
// in clock or offset form, in parallel or sequence; styles for italic, bold and underline. Regions are not kept. A document
// type declaration is refused with ErrUnsafe. A document whose captions are pictures gives no cues.
func FromTTML(b []byte) ([]packager.Cue, error) {
	root, err := readTTML(b)
	if err != nil {
		return nil, err
	}
	return cuesOf(root, func(*element) bool { return true })
}

func readTTML(b []byte) (*element, error) {
	s, err := decodeXML(b)
	if err != nil {
		return nil, err
	}
	return parseXML(s)
}

// cuesOf returns the cues of a document, of those divisions of its body that keep picks.
func cuesOf(root *element, keep func(div *element) bool) ([]packager.Cue, error) {
	d := ttml{rate: newRates(root.attrs), styles: make(map[string]*element)}
	var body *element
	for _, e := range root.kids {
		switch e.name {
		case "head":
			d.collectStyles(e)
		case "body":
			body = e
		}
	}
	if body != nil {
		picked := *body
		picked.kids = slices.DeleteFunc(slices.Clone(body.kids), func(e *element) bool { return e.name == "div" && !keep(e) })
		body = &picked
		if _, err := d.walk(body, span{0, forever}, emphasis{}); err != nil {
			return nil, err
		}
	}
	sortCues(d.cues)
	return dropEmpty(d.cues), nil
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

// parseXML reads the tt element. Elements of other namespaces are left out with all they hold.
func parseXML(s string) (*element, error) {
	dec := xml.NewDecoder(strings.NewReader(s))
	var b treeBuilder
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return nil, fmt.Errorf("%w: document type declaration", ErrUnsafe)
		case xml.StartElement:
			taken, err := b.start(tok)
			if err == nil && !taken {
				err = dec.Skip()
			}
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
			}
		case xml.EndElement:
			b.stack = b.stack[:len(b.stack)-1]
		case xml.CharData:
			b.add(&element{text: string(tok)})
		}
	}
	if b.root == nil {
		return nil, fmt.Errorf("%w: no tt element", ErrSyntax)
	}
	return b.root, nil
}

// treeBuilder makes the tree of elements.
type treeBuilder struct {
	root  *element
	space string // namespace of the document
	stack []*element
	count int
}

// start takes an element in, or reports that it is to be skipped.
func (b *treeBuilder) start(tok xml.StartElement) (taken bool, err error) {
	switch {
	case b.root == nil && tok.Name.Local != "tt":
		return false, fmt.Errorf("root element is %q, not tt", tok.Name.Local)
	case b.root == nil:
		b.space = tok.Name.Space
	case tok.Name.Space != b.space || len(b.stack) == 0:
		return false, nil
	}
	if b.count++; b.count > maxElements || len(b.stack) >= maxDepth {
		return false, fmt.Errorf("%w: more than %d elements, or %d deep", ErrLimit, maxElements, maxDepth)
	}
	e := &element{name: tok.Name.Local, attrs: make(map[string]string, len(tok.Attr))}
	for _, a := range tok.Attr {
		e.attrs[a.Name.Local] = a.Value
	}
	if b.add(e); b.root == nil {
		b.root = e
	}
	b.stack = append(b.stack, e)
	return true, nil
}

// add appends e to the innermost open element.
func (b *treeBuilder) add(e *element) {
	if n := len(b.stack); n > 0 {
		b.stack[n-1].kids = append(b.stack[n-1].kids, e)
	}
}

// span is a time interval in milliseconds.
type span struct{ begin, end int64 }

const forever = int64(1) << 50

// emphasis is what of a style WebVTT can tell.
type emphasis struct{ italic, bold, underline, hidden bool }

type ttml struct {
	rate   rates
	styles map[string]*element
	cues   []packager.Cue
}

func (d *ttml) collectStyles(e *element) {
	for _, k := range e.kids {
		if k.name == "style" && k.attrs["id"] != "" {
			d.styles[k.attrs["id"]] = k
		}
		d.collectStyles(k)
	}
}

// style applies an element's style references and then its own attributes.
func (d *ttml) style(e *element, s emphasis, depth int) emphasis {
	if depth < 8 {
		for id := range strings.FieldsSeq(e.attrs["style"]) {
			if ref := d.styles[id]; ref != nil {
				s = d.style(ref, s, depth+1)
			}
		}
	}
	if v, ok := e.attrs["fontStyle"]; ok {
		s.italic = v == "italic" || v == "oblique"
	}
	if v, ok := e.attrs["fontWeight"]; ok {
		s.bold = v == "bold"
	}
	if v, ok := e.attrs["textDecoration"]; ok {
		s.underline = strings.Contains(v, "underline") && !strings.Contains(v, "noUnderline")
	}
	switch e.attrs["ruby"] {
	case "text", "textContainer", "delimiter":
		s.hidden = true
	}
	s.hidden = s.hidden || e.attrs["display"] == "none" || e.attrs["visibility"] == "hidden"
	return s
}

// walk handles body and div: it finds the paragraphs. It returns when e ends, which in a sequence is when its next sibling
// begins: as its own attributes say, else with the last of its children.
func (d *ttml) walk(e *element, parent span, s emphasis) (int64, error) {
	s = d.style(e, s, 0)
	at, err := d.rate.interval(e, parent)
	if err != nil {
		return 0, err
	}
	from, last := at, at.begin
	for _, k := range e.kids {
		var end int64
		switch k.name {
		case "div", "body":
			end, err = d.walk(k, from, s)
		case "p":
			end, err = d.paragraph(k, from, s)
		default:
			continue
		}
		if err != nil {
			return 0, err
		}
		last = max(last, end)
		if sequence(e) {
			from.begin = min(end, from.end)
		}
	}
	if timed(e) {
		last = at.end
	}
	return last, nil
}

// sequence reports whether e's children follow each other in time.
func sequence(e *element) bool { return e.attrs["timeContainer"] == "seq" }

// timed reports whether e says itself when it ends.
func timed(e *element) bool {
	_, dur := e.attrs["dur"]
	_, end := e.attrs["end"]
	return dur || end
}

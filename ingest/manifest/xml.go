package manifest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// xmlReader reads the MRSS form: mrss, optional ks, channels, items.
type xmlReader struct {
	in  *input
	dec *xml.Decoder
	// key is the text of ks.
	key       string
	inChannel bool
	ended     bool
	channels  int
	elements  int
	limit     int // of elements
	depth     int
	index     int64
	line, col int // of the token that was read last
}

func newXMLReader(r io.Reader) (*xmlReader, error) {
	in, err := newInput(r, true)
	if err != nil {
		return nil, err
	}
	x := &xmlReader{in: in, dec: xml.NewDecoder(in), limit: maxElements, line: 1, col: 1}
	x.dec.Strict = true
	x.dec.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if strings.HasPrefix(strings.ToLower(label), "utf-16") || strings.EqualFold(label, "us-ascii") {
			return r, nil // it is UTF-8 by now
		}
		return nil, fmt.Errorf("encoding %q is not taken: use UTF-8 or UTF-16", label)
	}
	start, err := x.open()
	if err != nil {
		return nil, err
	}
	if start.Name.Local != "mrss" || start.Name.Space != "" {
		return nil, x.wrong("the root element is %s, not mrss", start.Name.Local)
	}
	return x, nil
}

func (x *xmlReader) wrong(format string, args ...any) error {
	return &SyntaxError{Line: x.line, Col: x.col, Text: fmt.Sprintf(format, args...)}
}

// token returns the next token that matters, with its place in x.line and x.col.
func (x *xmlReader) token() (xml.Token, error) {
	for {
		x.line, x.col = x.dec.InputPos()
		t, err := x.dec.Token()
		if err != nil {
			return nil, x.failure(err)
		}
		x.in.mark()
		switch t := t.(type) {
		case xml.Directive:
			return nil, x.wrong("a document type declaration is not allowed")
		case xml.StartElement:
			if x.depth++; x.depth > maxDepth {
				return nil, x.wrong("elements are nested more than %d deep", maxDepth)
			}
			if x.elements++; x.elements > x.limit {
				return nil, x.wrong("the document has more than %d elements", x.limit)
			}
			for _, a := range t.Attr {
				if len(a.Value) > maxAttr {
					return nil, x.wrong("attribute %s has more than %d bytes", a.Name.Local, maxAttr)
				}
			}
			return t, nil
		case xml.EndElement:
			x.depth--
			return t, nil
		case xml.CharData:
			return t, nil
		}
	}
}

// failure is an error of the parser with its place.
func (x *xmlReader) failure(err error) error {
	if errors.Is(err, io.EOF) {
		if x.ended {
			return io.EOF
		}
		return x.wrong("the document ends within an element")
	}
	line, col := x.dec.InputPos()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return &SyntaxError{Line: line, Col: col, Text: syntax.Msg}
	}
	var known *SyntaxError
	if errors.As(err, &known) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return &SyntaxError{Line: line, Col: col, Text: strings.TrimPrefix(err.Error(), "xml: ")}
}

// open returns the next start element; an end element ends it with io.EOF.
func (x *xmlReader) open() (xml.StartElement, error) {
	for {
		t, err := x.token()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, nil
		case xml.EndElement:
			return xml.StartElement{}, io.EOF
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return xml.StartElement{}, x.wrong("text where only elements may be")
			}
		}
	}
}

// Next returns the next item; io.EOF after the last one.
func (x *xmlReader) Next() (*Item, error) {
	for !x.ended {
		start, err := x.open()
		closed := errors.Is(err, io.EOF)
		switch {
		case err != nil && !closed:
			return nil, err
		case closed && x.inChannel:
			x.inChannel = false
		case closed:
			if x.channels == 0 {
				return nil, x.wrong("mrss has no channel")
			}
			x.ended = true
			return nil, x.rest()
		case !x.inChannel && start.Name.Local == "channel":
			x.inChannel = true
			x.channels++
		case !x.inChannel && start.Name.Local == "ks" && x.channels == 0 && x.key == "":
			n, _, err := x.text()
			if err != nil {
				return nil, err
			}
			x.key = n
		case x.inChannel && start.Name.Local == "item":
			if x.index++; x.index > MaxItems {
				return nil, x.wrong("the document has more than %d items", MaxItems)
			}
			return x.item(start)
		default:
			return nil, x.wrong("element %s cannot be here", start.Name.Local)
		}
	}
	return nil, io.EOF
}

// rest reads what follows the root: nothing but comments and space.
func (x *xmlReader) rest() error {
	for {
		t, err := x.token()
		if err != nil {
			return err
		}
		if c, ok := t.(xml.CharData); !ok || strings.TrimSpace(string(c)) != "" {
			return x.wrong("there is something after the end of mrss")
		}
	}
}

// text reads the text of an element that has nothing else.
func (x *xmlReader) text() (string, bool, error) {
	var b strings.Builder
	for {
		t, err := x.token()
		if err != nil {
			return "", false, err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return strings.TrimSpace(b.String()), true, nil
		default:
			return "", false, x.wrong("an element where only text may be")
		}
	}
}

func (x *xmlReader) item(start xml.StartElement) (*Item, error) {
	it := &Item{Index: x.index}
	n, err := x.node(it, itemSchema, start)
	if err != nil {
		return nil, err
	}
	it.Node = n
	it.check()
	return it, nil
}

// node reads an element and all that is in it.
func (x *xmlReader) node(it *Item, spec *element, start xml.StartElement) (*Node, error) {
	n := &Node{spec: spec, Line: x.line, Col: x.col}
	x.attributes(it, n, start)
	if spec.kind == free {
		err := x.capture(it, n)
		return n, err
	}
	var b strings.Builder
	last := -1
	for {
		t, err := x.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.CharData:
			if spec.kind == group && strings.TrimSpace(string(t)) != "" {
				it.wrong(&Node{Line: x.line, Col: x.col}, codeInvalid, "text in %s, where only elements may be", n.shown())
			} else if spec.kind != group {
				b.Write(t)
			}
		case xml.EndElement:
			n.Text = strings.TrimSpace(b.String())
			return n, nil
		case xml.StartElement:
			kid, place, err := x.kid(it, n, t, last)
			if err != nil {
				return nil, err
			}
			if last = max(last, place); kid != nil {
				n.kids = append(n.kids, kid)
			}
		}
	}
}

// kid reads a child of n; the place is that of its element in the table.
func (x *xmlReader) kid(it *Item, n *Node, start xml.StartElement, last int) (*Node, int, error) {
	here := &Node{Line: x.line, Col: x.col}
	var spec *element
	if start.Name.Space == "" {
		spec = n.spec.child(start.Name.Local, false)
	}
	if spec == nil {
		it.wrong(here, codeInvalid, "%s cannot have an element %s", n.shown(), start.Name.Local)
		return nil, -1, x.skip()
	}
	place := 0
	for i, c := range n.spec.children {
		if c == spec {
			place = i
		}
	}
	if place < last && !(spec.loose && n.spec.children[last].loose) && !(spec.many && n.spec.children[last].many) {
		it.wrong(here, codeInvalid, "%s must come before %s", spec.name, n.spec.children[last].name)
	}
	kid, err := x.node(it, spec, start)
	return kid, place, err
}

func (x *xmlReader) attributes(it *Item, n *Node, start xml.StartElement) {
	for _, a := range start.Attr {
		if a.Name.Space != "" || a.Name.Local == "xmlns" {
			continue // declarations of names, and hints for validators
		}
		spec := n.spec.child(a.Name.Local, true)
		if spec == nil {
			it.wrong(n, codeInvalid, "%s cannot have an attribute %s", n.shown(), a.Name.Local)
			continue
		}
		n.kids = append(n.kids, &Node{spec: spec, Text: strings.TrimSpace(a.Value), Line: n.Line, Col: n.Col})
	}
}

// skip reads to the end of the element that was opened.
func (x *xmlReader) skip() error {
	for depth := x.depth; x.depth >= depth; {
		if _, err := x.token(); err != nil {
			return err
		}
	}
	return nil
}

// capture keeps what is in an element as XML.
func (x *xmlReader) capture(it *Item, n *Node) error {
	var b strings.Builder
	long := false
	for depth := x.depth; ; {
		t, err := x.token()
		if err != nil {
			return err
		}
		if x.depth < depth {
			break
		}
		if b.Len() > maxFree {
			if !long {
				it.wrong(n, codeInvalid, "%s has more than %d bytes", n.shown(), maxFree)
			}
			long = true
			continue
		}
		switch t := t.(type) {
		case xml.StartElement:
			b.WriteString("<" + t.Name.Local)
			for _, a := range t.Attr {
				if a.Name.Space == "" && a.Name.Local != "xmlns" {
					b.WriteString(" " + a.Name.Local + `="` + escape(a.Value) + `"`)
				}
			}
			b.WriteString(">")
		case xml.EndElement:
			b.WriteString("</" + t.Name.Local + ">")
		case xml.CharData:
			b.WriteString(escape(string(t)))
		}
	}
	if !long {
		n.Text = strings.TrimSpace(b.String())
	}
	return nil
}

package xsd

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// ErrSchema says that a schema cannot be used; the text says what of it, and where.
var ErrSchema = errors.New("not a usable schema")

// ErrInvalid says that values do not meet a schema.
var ErrInvalid = errors.New("does not meet the schema")

// Limits of schemas and of values.
const (
	maxDepth    = 32
	maxNodes    = 20_000
	maxPatterns = 200
	unbounded   = 1 << 30
)

const namespace = "http://www.w3.org/2001/XMLSchema"

// Schema is a compiled schema. It is safe for concurrent use.
type Schema struct {
	roots  []*element
	fields []Field
}

// Field is a leaf of the schema, as forms and searches name it.
type Field struct {
	ID    string
	XPath string
	Key   string
	Label string
}

// Fields returns the leaves of the first element, in order.
func (s *Schema) Fields() []Field { return s.fields }

// element is an element that values may have.
type element struct {
	name     string
	min, max int
	typ      *typ
	id       string
	key      string
	label    string
}

// typ is a type: of text, when it has no model, else of elements.
type typ struct {
	name   string
	base   *typ // facets of it hold, too
	kind   string
	facets facets
	model  *particle
	attrs  []attribute
	// complex types without simple content have no text.
	complex bool
}

type attribute struct {
	name     string
	required bool
	typ      *typ
}

// particle is a sequence, a choice, "all", or one element.
type particle struct {
	element  *element
	choice   bool
	any      bool // all: in any order
	min, max int
	parts    []*particle
}

type facets struct {
	enum                     []string
	patterns                 []*regexp.Regexp
	length, minLen, maxLen   *int
	minIn, maxIn, minEx, max *string
	digits, fraction         *int
	space                    string
}

// node is an element of a schema document.
type node struct {
	name    string
	attrs   map[string]string
	kids    []*node
	text    string
	line    int
	foreign bool
}

func (n *node) wrong(format string, args ...any) error {
	return fmt.Errorf("%w: line %d: %s", ErrSchema, n.line, fmt.Sprintf(format, args...))
}

// read parses a document into nodes.
func read(text string) (*node, error) {
	dec := xml.NewDecoder(strings.NewReader(text))
	var stack []*node
	var root *node
	count := 0
	for {
		line, col := dec.InputPos()
		t, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, col = dec.InputPos()
			return nil, fmt.Errorf("line %d:%d: %s", line, col, strings.TrimPrefix(err.Error(), "XML syntax error on "))
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, fmt.Errorf("line %d:%d: a document type declaration is not allowed", line, col)
		case xml.StartElement:
			if count++; count > maxNodes || len(stack) >= maxDepth*2 {
				return nil, fmt.Errorf("line %d:%d: too many elements, or nested too deep", line, col)
			}
			n := &node{name: t.Name.Local, attrs: map[string]string{}, line: line, foreign: t.Name.Space != namespace}
			for _, a := range t.Attr {
				if a.Name.Space == "" && a.Name.Local != "xmlns" {
					n.attrs[a.Name.Local] = a.Value
				}
			}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.kids = append(top.kids, n)
			} else if root != nil {
				return nil, fmt.Errorf("line %d:%d: a second root element", line, col)
			} else {
				root = n
			}
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		}
	}
	if root == nil {
		return nil, errors.New("there is no element")
	}
	return root, nil
}

// Compile reads a schema. Errors wrap ErrSchema.
func Compile(text string) (*Schema, error) {
	root, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	if root.name != "schema" || root.foreign {
		return nil, root.wrong("the root element is %s, not schema", root.name)
	}
	c := &compiler{types: map[string]*node{}, elements: map[string]*node{}, done: map[string]*typ{}, doing: map[string]bool{}}
	s := &Schema{}
	for _, k := range root.kids {
		switch {
		case k.foreign || k.name == "annotation":
		case k.name == "complexType", k.name == "simpleType":
			c.types[k.attrs["name"]] = k
		case k.name == "element":
			c.elements[k.attrs["name"]] = k
		default:
			return nil, k.wrong("%s is not understood", k.name)
		}
	}
	for _, k := range root.kids {
		if k.name == "element" && !k.foreign {
			e, err := c.element(k, 0)
			if err != nil {
				return nil, err
			}
			s.roots = append(s.roots, e)
		}
	}
	for _, k := range root.kids { // types that nothing uses are looked at, too
		if (k.name == "complexType" || k.name == "simpleType") && !k.foreign {
			if _, err := c.named(k, k.attrs["name"], 0); err != nil {
				return nil, err
			}
		}
	}
	if len(s.roots) == 0 {
		return nil, root.wrong("the schema declares no element")
	}
	left := maxNodes
	s.fields = leaves(s.roots[0], "/*[local-name()='"+s.roots[0].name+"']", 0, &left)
	return s, nil
}

// leaves are the elements with text below e, as far as left, the number of elements to look at, allows.
func leaves(e *element, path string, depth int, left *int) []Field {
	if *left--; *left < 0 {
		return nil
	}
	if e.typ.model == nil && depth > 0 {
		return []Field{{ID: e.id, XPath: path, Key: orName(e.key, e.name), Label: orName(e.label, e.name)}}
	}
	var out []Field
	var walk func(p *particle)
	walk = func(p *particle) {
		if p == nil || depth > maxDepth || *left < 0 {
			return
		}
		if p.element != nil {
			out = append(out, leaves(p.element, path+"/*[local-name()='"+p.element.name+"']", depth+1, left)...)
		}
		for _, part := range p.parts {
			walk(part)
		}
	}
	walk(e.typ.model)
	return out
}

func orName(s, name string) string {
	if s != "" {
		return s
	}
	return name
}

// occurs reads minOccurs and maxOccurs.
func occurs(n *node) (low, high int, err error) {
	low, high = 1, 1
	if s, ok := n.attrs["minOccurs"]; ok {
		if low, err = strconv.Atoi(s); err != nil || low < 0 {
			return 0, 0, n.wrong("minOccurs is %q", s)
		}
	}
	if s, ok := n.attrs["maxOccurs"]; ok {
		if s == "unbounded" {
			high = unbounded
		} else if high, err = strconv.Atoi(s); err != nil || high < 0 {
			return 0, 0, n.wrong("maxOccurs is %q", s)
		}
	}
	if high < low {
		return 0, 0, n.wrong("maxOccurs is less than minOccurs")
	}
	return low, high, nil
}

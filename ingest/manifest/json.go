package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// jsonReader reads one document {"items": [...]}, an array of items, or one item after the other.
type jsonReader struct {
	in        *input
	dec       *json.Decoder
	shape     string // "document", "array", "lines"
	ended     bool
	index     int64
	line, col int
	depth     int
	values    int
}

func newJSONReader(r io.Reader) (*jsonReader, error) {
	in, err := newInput(r, false)
	if err != nil {
		return nil, err
	}
	in.numbered = true
	j := &jsonReader{in: in, dec: json.NewDecoder(in), line: 1, col: 1}
	j.dec.UseNumber()
	return j, nil
}

func (j *jsonReader) wrong(format string, args ...any) error {
	return &SyntaxError{Line: j.line, Col: j.col, Text: fmt.Sprintf(format, args...)}
}

// token returns the next token, with the place of its end in j.line and j.col.
func (j *jsonReader) token() (json.Token, error) {
	t, err := j.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		j.line, j.col = j.in.at(j.dec.InputOffset())
		var known *SyntaxError
		if errors.As(err, &known) {
			return nil, err
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, j.wrong("the document ends within a value")
		}
		return nil, j.wrong("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	j.in.mark()
	j.line, j.col = j.in.at(j.dec.InputOffset())
	switch t {
	case json.Delim('{'), json.Delim('['):
		if j.depth++; j.depth > maxDepth {
			return nil, j.wrong("values are nested more than %d deep", maxDepth)
		}
	case json.Delim('}'), json.Delim(']'):
		j.depth--
	}
	return t, nil
}

// value is a JSON value of an item, with its place.
type value struct {
	token     json.Token // of a scalar; the opening bracket of others
	names     []string   // of an object
	values    []*value
	line, col int
}

// rest reads a value whose first token is t.
func (j *jsonReader) rest(t json.Token) (*value, error) {
	v := &value{token: t, line: j.line, col: j.col}
	if j.values++; j.values > maxValues {
		return nil, j.wrong("an item has more than %d values", maxValues)
	}
	switch t {
	case json.Delim('{'):
		return v, j.object(v)
	case json.Delim('['):
		for {
			t, err := j.inner()
			if err != nil || t == json.Delim(']') {
				return v, err
			}
			one, err := j.rest(t)
			if err != nil {
				return nil, err
			}
			v.values = append(v.values, one)
		}
	}
	return v, nil
}

// maxValues bounds the values of one item.
const maxValues = 100_000

// inner is token within a value, which cannot end there.
func (j *jsonReader) inner() (json.Token, error) {
	t, err := j.token()
	if errors.Is(err, io.EOF) {
		return nil, j.wrong("the document ends within a value")
	}
	return t, err
}

// object reads the members of an object to its end.
func (j *jsonReader) object(v *value) error {
	for {
		t, err := j.inner()
		if err != nil || t == json.Delim('}') {
			return err
		}
		name, _ := t.(string)
		if t, err = j.inner(); err != nil {
			return err
		}
		one, err := j.rest(t)
		if err != nil {
			return err
		}
		v.names, v.values = append(v.names, name), append(v.values, one)
	}
}

// Next returns the next item; io.EOF after the last one.
func (j *jsonReader) Next() (*Item, error) {
	if j.ended {
		return nil, io.EOF
	}
	v, err := j.next()
	if err != nil {
		return nil, err
	}
	if j.index++; j.index > MaxItems {
		return nil, j.wrong("the document has more than %d items", MaxItems)
	}
	it := &Item{Index: j.index}
	it.Node = &Node{spec: itemSchema, Line: v.line, Col: v.col}
	if v.token != json.Delim('{') {
		it.wrong(it.Node, codeInvalid, "an item is an object")
		return it, nil
	}
	it.object(it.Node, v)
	it.check()
	return it, nil
}

// next returns the value of the next item.
func (j *jsonReader) next() (*value, error) {
	j.values = 0
	t, err := j.token()
	if errors.Is(err, io.EOF) {
		if j.shape == "document" || j.shape == "array" {
			return nil, j.wrong("the document ends within a value")
		}
		j.ended = true
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	switch {
	case j.shape == "" && t == json.Delim('['):
		j.shape = "array"
		return j.next()
	case j.shape == "" && t == json.Delim('{'):
		return j.first()
	case j.shape == "":
		return nil, j.wrong("the document is neither an object nor an array")
	case j.shape != "lines" && t == json.Delim(']'):
		j.ended = true
		return nil, j.close()
	}
	return j.rest(t)
}

// first tells an item from a document by the first name of an object.
func (j *jsonReader) first() (*value, error) {
	v := &value{token: json.Delim('{'), line: j.line, col: j.col}
	t, err := j.inner()
	if err != nil {
		return nil, err
	}
	name, isName := t.(string)
	if name == "items" {
		if t, err = j.inner(); err != nil {
			return nil, err
		}
		if t != json.Delim('[') {
			return nil, j.wrong("items is not an array")
		}
		j.shape = "document"
		return j.next()
	}
	j.shape = "lines"
	if !isName {
		return v, nil // {}
	}
	if t, err = j.inner(); err != nil {
		return nil, err
	}
	one, err := j.rest(t)
	if err != nil {
		return nil, err
	}
	v.names, v.values = []string{name}, []*value{one}
	return v, j.object(v)
}

// close reads what follows the items: the end of the document, and nothing.
func (j *jsonReader) close() error {
	if j.shape == "document" {
		t, err := j.inner()
		if err != nil {
			return err
		}
		if t != json.Delim('}') {
			return j.wrong("a document has items and nothing else, not %v", t)
		}
	}
	if _, err := j.token(); err == nil {
		return j.wrong("there is something after the end of the document")
	} else {
		return err
	}
}

// object makes the members of v children of n.
func (it *Item) object(n *Node, v *value) {
	seen := map[string]bool{}
	for i, name := range v.names {
		val := v.values[i]
		place := &Node{Line: val.line, Col: val.col}
		if seen[name] {
			it.wrong(place, codeInvalid, "%s appears twice", name)
			continue
		}
		seen[name] = true
		if val.token == nil {
			continue // null is not given
		}
		spec := n.spec.jsonChild(name)
		if spec == nil {
			if !strings.HasPrefix(name, "x") {
				it.wrong(place, codeInvalid, "%s cannot have %q", n.spec.jsonName(), name)
			}
			continue
		}
		it.add(n, spec, val)
	}
}

// add makes v a child of n as spec says.
func (it *Item) add(n *Node, spec *element, v *value) {
	kid := &Node{spec: spec, Line: v.line, Col: v.col}
	n.kids = append(n.kids, kid)
	switch {
	case spec.kind == free:
		it.freely(kid, v)
	case spec.kind == group && v.token == json.Delim('{'):
		if len(spec.members()) > 0 {
			it.container(kid, v)
		} else {
			it.object(kid, v)
		}
	case spec.kind == group && v.token == json.Delim('['):
		it.list(kid, v)
	case spec.kind == group:
		it.short(kid, v)
	case v.token == json.Delim('{') && len(spec.children) > 0: // a text with attributes
		rest := &value{token: v.token}
		for i, name := range v.names {
			if name == "value" {
				kid.Text = scalar(v.values[i])
			} else {
				rest.names, rest.values = append(rest.names, name), append(rest.values, v.values[i])
			}
		}
		it.object(kid, rest)
	case v.token == json.Delim('{'), v.token == json.Delim('['):
		it.wrong(kid, codeInvalid, "%s is one value, not several", spec.jsonName())
	default:
		kid.Text = scalar(v)
	}
}

// container reads {"action": …, "items": […]}, the long form of a list.
func (it *Item) container(n *Node, v *value) {
	rest := &value{token: v.token}
	for i, name := range v.names {
		if name == "items" && v.values[i].token == json.Delim('[') {
			it.list(n, v.values[i])
			continue
		}
		rest.names, rest.values = append(rest.names, name), append(rest.values, v.values[i])
	}
	it.object(n, rest)
}

// list makes the members of an array children of n. Where there is a choice, a cue point says by its type what it is, and a
// number is not a text.
func (it *Item) list(n *Node, v *value) {
	members := n.spec.members()
	for _, m := range v.values {
		place := &Node{Line: m.line, Col: m.col}
		if len(members) == 0 || m.token == nil {
			it.wrong(place, codeInvalid, "%s is not a list, or lists nothing", n.spec.jsonName())
			return
		}
		spec := members[0]
		if _, number := m.token.(json.Number); number && len(members) == 2 && members[1].kind == integer {
			spec = members[1]
		}
		if m.token == json.Delim('{') && len(members) > 2 {
			if spec = typed(members, m); spec == nil {
				it.wrong(place, codeInvalid, "%s: a member has no type, or one that is not known", n.spec.jsonName())
				continue
			}
		}
		it.add(n, spec, m)
	}
}

// typed is the member that an object's type names, which is then taken out.
func typed(members []*element, v *value) *element {
	for i, name := range v.names {
		if name != "type" {
			continue
		}
		for _, m := range members {
			if m.jsonName() == scalar(v.values[i]) {
				v.names = append(v.names[:i:i], v.names[i+1:]...)
				v.values = append(v.values[:i:i], v.values[i+1:]...)
				return m
			}
		}
	}
	return nil
}

// short reads a text where a group is wanted whose one attribute must be given: "url": "https://…".
func (it *Item) short(n *Node, v *value) {
	for _, c := range n.spec.children {
		if c.attr && c.required {
			n.kids = append(n.kids, &Node{spec: c, Text: scalar(v), Line: v.line, Col: v.col})
			return
		}
	}
	it.wrong(n, codeInvalid, "%s is an object or a list", n.spec.jsonName())
}

func scalar(v *value) string {
	switch t := v.token.(type) {
	case string:
		return strings.TrimSpace(t)
	case json.Number:
		return t.String()
	case bool:
		return fmt.Sprint(t)
	}
	return ""
}

// freely turns an object into XML, of which the root is called metadata; a text is XML already.
func (it *Item) freely(n *Node, v *value) {
	if s, ok := v.token.(string); ok {
		n.Text = strings.TrimSpace(s)
	} else {
		var b strings.Builder
		it.asXML(&b, n, "metadata", v)
		n.Text = b.String()
	}
	if len(n.Text) > maxFree {
		it.wrong(n, codeInvalid, "%s has more than %d bytes", n.spec.jsonName(), maxFree)
		n.Text = ""
	}
}

func (it *Item) asXML(b *strings.Builder, n *Node, name string, v *value) {
	if !nameLike(name) {
		it.wrong(n, codeInvalid, "%q is not a name of a field", name)
		return
	}
	if v.token == json.Delim('[') {
		for _, one := range v.values {
			it.asXML(b, n, name, one)
		}
		return
	}
	b.WriteString("<" + name + ">")
	if v.token == json.Delim('{') {
		for i, sub := range v.names {
			it.asXML(b, n, sub, v.values[i])
		}
	} else {
		b.WriteString(escape(scalar(v)))
	}
	b.WriteString("</" + name + ">")
}

// nameLike says whether s can name an element of XML.
func nameLike(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 0xBF && c < 0x2000
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

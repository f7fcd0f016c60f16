package rpc

import (
	"math/bits"
	"reflect"
	"slices"
	"unicode/utf8"
)

// writer writes results in JSON or XML into b.
type writer struct {
	b          []byte
	reg        *Registry
	xml        bool
	ignoreNull bool  // leaves null fields out of XML
	mask       *mask // of the objects met next
	err        error
}

// mask selects the fields of an object that are written.
type mask struct {
	exclude bool
	fields  []string
}

func (m *mask) hides(field string) bool {
	return m != nil && slices.Contains(m.fields, field) == m.exclude
}

// value writes a value of any type of the wire.
func (w *writer) value(v reflect.Value) {
	if !v.IsValid() {
		w.null()
		return
	}
	c, err := w.reg.dynamic(v.Type())
	if err != nil {
		w.err = err
		w.null()
		return
	}
	w.with(c, v)
}

// with writes a value by its codec. A result without elements is an empty array: clients ask for its length.
func (w *writer) with(c *codec, v reflect.Value) {
	if c.null != nil && c.null(v) && v.Kind() != reflect.Slice {
		w.null()
		return
	}
	c.write(w, v)
}

func (w *writer) null() {
	if !w.xml {
		w.b = append(w.b, "null"...)
	}
}

func (w *writer) boolean(v bool) {
	switch {
	case w.xml && v:
		w.b = append(w.b, '1')
	case w.xml:
		w.b = append(w.b, '0')
	case v:
		w.b = append(w.b, "true"...)
	default:
		w.b = append(w.b, "false"...)
	}
}

func (w *writer) text(s string) {
	if w.xml {
		w.b = appendXML(w.b, s)
	} else {
		w.b = appendJSON(w.b, s)
	}
}

// object writes an object: in XML its class first and its null fields empty, in JSON its class last and null fields not.
func (w *writer) object(p *plan, v reflect.Value) {
	m := w.mask
	if !p.list {
		w.mask = nil
	}
	if w.xml {
		w.b = append(append(append(w.b, "<objectType>"...), p.name...), "</objectType>"...)
		for _, f := range p.fields {
			if f.mode != writeOnly && (p.list || !m.hides(f.name)) {
				w.xmlField(f, v)
			}
		}
		w.related(v.FieldByIndex(p.object))
	} else {
		w.b = append(w.b, '{')
		for _, f := range p.fields {
			if f.mode != writeOnly && (p.list || !m.hides(f.name)) {
				w.jsonField(f, v)
			}
		}
		w.related(v.FieldByIndex(p.object))
		w.b = append(append(append(w.b, `"objectType":"`...), p.name...), `"}`...)
	}
	w.mask = m
}

func (w *writer) jsonField(f *field, v reflect.Value) {
	fv := at(v, f.index)
	if f.codec.null != nil && f.codec.null(fv) && !f.always {
		return
	}
	w.b = append(w.b, f.jsonKey...)
	f.codec.write(w, fv)
	w.b = append(w.b, ',')
}

func (w *writer) xmlField(f *field, v reflect.Value) {
	fv := at(v, f.index)
	if f.codec.null != nil && f.codec.null(fv) {
		if !w.ignoreNull {
			w.b = append(w.b, f.xmlNull...)
		}
		return
	}
	w.b = append(w.b, f.xmlOpen...)
	f.codec.write(w, fv)
	w.b = append(w.b, f.xmlClose...)
}

// at is FieldByIndex without its checks for embedded pointers, which classes do not have.
func at(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		v = v.Field(i)
	}
	return v
}

// related writes the lists that a response profile asked for.
func (w *writer) related(o reflect.Value) {
	m := o.Field(relatedIndex)
	if m.IsNil() {
		return
	}
	lists := m.Interface().(map[string]any)
	if w.xml {
		w.b = append(w.b, "<relatedObjects>"...)
	} else {
		w.b = append(w.b, `"relatedObjects":`...)
		if len(lists) == 0 {
			w.b = append(w.b, "[],"...)
			return
		}
		w.b = append(w.b, '{')
	}
	names := make([]string, 0, len(lists))
	for name := range lists {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		w.key(i, name)
		value := lists[name]
		if mv, ok := value.(masked); ok {
			w.mask, value = mv.mask, mv.value
		}
		w.value(reflect.ValueOf(value))
		w.mask = nil
		w.endKey()
	}
	if w.xml {
		w.b = append(w.b, "</relatedObjects>"...)
	} else {
		w.b = append(w.b, "},"...)
	}
}

// masked is a value whose objects show only some fields.
type masked struct {
	value any
	mask  *mask
}

// key begins the i-th value of a map.
func (w *writer) key(i int, name string) {
	if w.xml {
		w.b = append(append(append(w.b, "<item><itemKey>"...), appendXML(nil, name)...), "</itemKey>"...)
		return
	}
	if i > 0 {
		w.b = append(w.b, ',')
	}
	w.b = append(appendJSON(w.b, name), ':')
}

func (w *writer) endKey() {
	if w.xml {
		w.b = append(w.b, "</item>"...)
	}
}

func (w *writer) slice(item *codec, v reflect.Value) {
	if w.xml {
		for i := range v.Len() {
			w.b = append(w.b, "<item>"...)
			w.with(item, v.Index(i))
			w.b = append(w.b, "</item>"...)
		}
		return
	}
	w.b = append(w.b, '[')
	for i := range v.Len() {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.with(item, v.Index(i))
	}
	w.b = append(w.b, ']')
}

// mapping writes a map in the order of its keys. An empty one is an empty array in JSON.
func (w *writer) mapping(item *codec, v reflect.Value) {
	if v.Len() == 0 {
		if !w.xml {
			w.b = append(w.b, "[]"...)
		}
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	if !w.xml {
		w.b = append(w.b, '{')
	}
	for i, k := range keys {
		w.key(i, k.String())
		w.with(item, v.MapIndex(k))
		w.endKey()
	}
	if !w.xml {
		w.b = append(w.b, '}')
	}
}

// exception writes an exception.
func (w *writer) exception(e *Error) {
	if w.xml {
		w.b = append(append(append(w.b, "<error><code>"...), appendXML(nil, e.Code)...), "</code><message>"...)
		w.b = append(appendXML(w.b, e.Message()), "</message><objectType>KalturaAPIException</objectType><args>"...)
		for _, a := range e.Args {
			w.b = append(w.b, "<item><objectType>KalturaApiExceptionArg</objectType><name>"...)
			w.b = append(appendXML(w.b, a.Name), "</name><value>"...)
			w.b = append(appendXML(w.b, a.text()), "</value></item>"...)
		}
		w.b = append(w.b, "</args></error>"...)
		return
	}
	w.b = appendJSON(append(w.b, `{"code":`...), e.Code)
	w.b = appendJSON(append(w.b, `,"message":`...), e.Message())
	w.b = append(w.b, `,"objectType":"KalturaAPIException","args":`...)
	for i, a := range e.Args {
		w.b = append(w.b, "{,"[min(i, 1)])
		w.b = append(appendJSON(w.b, a.Name), ':')
		w.b = appendJSON(w.b, a.text())
	}
	if len(e.Args) == 0 {
		w.b = append(w.b, "[]}"...)
	} else {
		w.b = append(w.b, "}}"...)
	}
}

const hexDigits = "0123456789abcdef"

// plainJSON are the ASCII characters that need no escape.
var plainJSON = func() (set [2]uint64) {
	for c := byte(0x20); c < utf8.RuneSelf; c++ {
		if c != '"' && c != '\\' {
			set[c/64] |= bits.RotateLeft64(1, int(c))
		}
	}
	return set
}()

// appendJSON appends a text with its quotes.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if plainJSON[c/64]>>(c%64)&1 == 1 {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + n
		case r == '\u2028' || r == '\u2029':
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hexDigits[r&15])
			start = i + n
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendXML appends a text with the characters escaped that mean something, and without those that XML 1.0 forbids.
func appendXML(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '"':
			b = append(b, "&quot;"...)
		case r == '\r':
			b = append(b, "&#13;"...)
		case r == utf8.RuneError && n == 1, r < 0x20 && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return b
}

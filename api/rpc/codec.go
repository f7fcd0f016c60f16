package rpc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// codec reads and writes values of one Go type. It is made once per type.
type codec struct {
	// decode sets dst from n, which is not null.
	decode func(d *decoder, n *node, dst reflect.Value) error
	// write appends a value that is not null, in the writer's format.
	write func(w *writer, v reflect.Value)
	// null says whether a value is left out; nil for types that have no such value.
	null func(v reflect.Value) bool
	// What the schema says of the type.
	wire  string // string, int, float, bigint, time, bool, array, map, file, or a class's name
	enum  *Enum
	item  *codec // of arrays and maps
	plan  *plan  // of classes
	array bool
}

type codecKey struct {
	typ    reflect.Type
	asText bool
}

// codec returns the codec of a type; asText keeps numeric values of an enum texts in JSON.
func (r *Registry) codec(t reflect.Type, asText bool) (*codec, error) {
	key := codecKey{t, asText}
	if c := r.codecs[key]; c != nil {
		return c, nil
	}
	c := &codec{}
	r.codecs[key] = c // classes may refer to themselves
	if err := r.makeCodec(c, t, asText); err != nil {
		delete(r.codecs, key)
		return nil, err
	}
	return c, nil
}

// dynamic returns the codec of a type that is known only when it is met.
func (r *Registry) dynamic(t reflect.Type) (*codec, error) {
	if c, ok := r.ready.Load(t); ok {
		return c.(*codec), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.codec(t, false)
	if err == nil {
		r.ready.Store(t, c)
	}
	return c, err
}

func (r *Registry) makeCodec(c *codec, t reflect.Type, asText bool) error {
	if t == uploadType {
		c.wire, c.decode, c.null = "file", decodeFile, reflect.Value.IsNil
		c.write = func(w *writer, _ reflect.Value) { w.null() }
		return nil
	}
	if t == looseType {
		c.wire, c.decode, c.write, c.null = "KalturaFilter", decodeLoose, writeLoose, reflect.Value.IsNil
		return nil
	}
	if scalarCodec(c, t) {
		return nil
	}
	if e, ok := reflect.Zero(t).Interface().(Enumerated); ok && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		return r.enumCodec(c, t, e.Enum(), asText)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return r.pointerCodec(c, t, asText)
	case reflect.Interface:
		return r.interfaceCodec(c, t)
	case reflect.Slice:
		return r.sliceCodec(c, t, asText)
	case reflect.Map:
		return r.mapCodec(c, t, asText)
	case reflect.Struct:
		return r.structCodec(c, t)
	}
	return fmt.Errorf("%s is no type of the wire", t)
}

func (r *Registry) pointerCodec(c *codec, t reflect.Type, asText bool) error {
	elem, err := r.codec(t.Elem(), asText)
	if err != nil {
		return err
	}
	c.wire, c.enum, c.item, c.plan = elem.wire, elem.enum, elem.item, elem.plan
	c.array = elem.array
	c.null = func(v reflect.Value) bool { return v.IsNil() || elem.null != nil && elem.null(v.Elem()) }
	c.write = func(w *writer, v reflect.Value) { elem.write(w, v.Elem()) }
	c.decode = func(d *decoder, n *node, dst reflect.Value) error {
		v := reflect.New(t.Elem())
		if err := elem.decode(d, n, v.Elem()); err != nil {
			return err
		}
		dst.Set(v)
		return nil
	}
	return nil
}

// interfaceCodec is that of interfaces with a base class, and of any.
func (r *Registry) interfaceCodec(c *codec, t reflect.Type) error {
	c.null = func(v reflect.Value) bool {
		if v.IsNil() {
			return true
		}
		e := v.Elem()
		return nilable(e.Type()) && e.IsNil()
	}
	c.write = func(w *writer, v reflect.Value) { w.value(v.Elem()) }
	if t.NumMethod() == 0 {
		c.wire = "any"
		c.decode = func(_ *decoder, n *node, dst reflect.Value) error {
			dst.Set(reflect.ValueOf(n.plain()))
			return nil
		}
		return nil
	}
	base := r.bases[t]
	if base == nil {
		return fmt.Errorf("interface %s has no base class: see Base", t)
	}
	c.wire = base.name
	c.decode = func(d *decoder, n *node, dst reflect.Value) error {
		cl := base
		if named := r.classes[lower(n.str("objectType"))]; named != nil && reflect.PointerTo(named.typ).Implements(t) {
			cl = named
		}
		v := reflect.New(cl.typ)
		cc, err := r.dynamic(cl.typ)
		if err != nil {
			return err
		}
		if err := cc.decode(d, n, v.Elem()); err != nil {
			return err
		}
		dst.Set(v)
		return nil
	}
	return nil
}

func (r *Registry) sliceCodec(c *codec, t reflect.Type, asText bool) error {
	item, err := r.codec(t.Elem(), asText)
	if err != nil {
		return err
	}
	c.wire, c.item, c.array, c.null = "array", item, true, reflect.Value.IsNil
	c.write = func(w *writer, v reflect.Value) { w.slice(item, v) }
	c.decode = func(d *decoder, n *node, dst reflect.Value) error {
		items, ok := n.items()
		if !ok && !(n.scalar() && n.text == "") {
			return d.wrongFormat("array")
		}
		s := reflect.MakeSlice(t, 0, len(items))
		for _, it := range items {
			v := reflect.New(t.Elem()).Elem()
			if it.kind != null {
				if err := item.decode(d, it, v); err != nil {
					return err
				}
			}
			if item.null == nil || !item.null(v) {
				s = reflect.Append(s, v)
			}
		}
		dst.Set(s)
		return nil
	}
	return nil
}

func (r *Registry) mapCodec(c *codec, t reflect.Type, asText bool) error {
	if t.Key().Kind() != reflect.String {
		return fmt.Errorf("%s: keys of maps are strings", t)
	}
	item, err := r.codec(t.Elem(), asText)
	if err != nil {
		return err
	}
	c.wire, c.item, c.array, c.null = "map", item, true, reflect.Value.IsNil
	c.write = func(w *writer, v reflect.Value) { w.mapping(item, v) }
	c.decode = func(d *decoder, n *node, dst reflect.Value) error {
		m := reflect.MakeMap(t)
		switch n.kind {
		case object, list:
		default:
			if n.text != "" {
				return d.wrongFormat("array")
			}
		}
		for i, it := range n.list {
			key := strconv.Itoa(i)
			if n.kind == object {
				key = n.keys[i]
			}
			if key == "-" || it.kind == null {
				continue
			}
			v := reflect.New(t.Elem()).Elem()
			if err := item.decode(d, it, v); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), v)
		}
		dst.Set(m)
		return nil
	}
	return nil
}

func (r *Registry) structCodec(c *codec, t reflect.Type) error {
	if !isClass(t) {
		if t == reflect.TypeFor[Void]() {
			c.wire = "void"
			c.null = func(reflect.Value) bool { return true }
			c.write = func(w *writer, _ reflect.Value) { w.null() }
			return nil
		}
		return fmt.Errorf("%s does not embed rpc.Object", t)
	}
	c.wire = r.className(t)
	if f, ok := reflect.New(t).Interface().(filterer); ok {
		fp, err := r.filterPlan(f.filtered())
		if err != nil {
			return err
		}
		c.plan = &plan{typ: t, name: c.wire}
		c.write = func(w *writer, _ reflect.Value) { w.null() }
		c.decode = func(d *decoder, n *node, dst reflect.Value) error { return fp.decode(d, n, dst) }
		return nil
	}
	p, err := r.plan(t)
	if err != nil {
		return err
	}
	c.plan = p
	c.write = func(w *writer, v reflect.Value) { w.object(p, v) }
	c.decode = func(d *decoder, n *node, dst reflect.Value) error {
		if cl := r.byType[t]; cl != nil && cl.abstract {
			if n.kind != object && n.kind != list {
				return d.wrongFormat("array")
			}
			return E("OBJECT_TYPE_ABSTRACT", "OBJ_TYPE", cl.name)
		}
		return d.object(p, n, dst)
	}
	return nil
}

func (r *Registry) enumCodec(c *codec, t reflect.Type, e *Enum, asText bool) error {
	r.enums[e.Name] = e
	switch t.Kind() {
	case reflect.String:
		c.wire, c.enum = "string", e
		c.decode = func(d *decoder, n *node, dst reflect.Value) error {
			s := scalarText(n)
			if !n.scalar() || !slices.Contains(e.Values, s) {
				return d.badEnum(n, e)
			}
			dst.SetString(s)
			return nil
		}
		c.null = func(v reflect.Value) bool { return v.String() == "" && !slices.Contains(e.Values, "") }
		c.write = func(w *writer, v reflect.Value) {
			if s := v.String(); !w.xml && !asText && isDecimal(s) {
				w.b = append(w.b, s...)
			} else {
				w.text(s)
			}
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.wire, c.enum = "int", e
		c.decode = func(d *decoder, n *node, dst reflect.Value) error {
			s := scalarText(n)
			if n.kind == text {
				switch lower(s) {
				case "true":
					s = "1"
				case "false":
					s = "0"
				}
			}
			if !slices.Contains(e.Values, s) {
				return d.badEnum(n, e)
			}
			i, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return d.badEnum(n, e)
			}
			dst.SetInt(i)
			return nil
		}
		c.write = func(w *writer, v reflect.Value) {
			if asText {
				w.text(strconv.FormatInt(v.Int(), 10))
			} else {
				w.b = strconv.AppendInt(w.b, v.Int(), 10)
			}
		}
	default:
		return fmt.Errorf("enum %s is neither int nor string", t)
	}
	return nil
}

// isDecimal says whether a text is an integer as JSON writes it.
func isDecimal(s string) bool {
	digits := s
	if len(s) > 1 && s[0] == '-' {
		digits = s[1:]
	}
	if digits == "" || len(digits) > 15 || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

package rpc

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// plan is what decoding and encoding need of a struct type, worked out once: the fields of the wire, those of base
// classes first.
type plan struct {
	typ    reflect.Type
	name   string // on the wire; empty for the parameters of an action
	fields []*field
	byName map[string]*field
	list   bool  // a list response: response profiles mean its items
	object []int // where a class has its Object
}

type mode uint8

const (
	readWrite mode = iota
	readOnly
	insertOnly
	writeOnly
)

// field is one field of a class, or one parameter of an action.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	codec    *codec
	mode     mode
	always   bool // written also when there is nothing in it: the objects of a list
	min, max *float64
	filters  []string

	// The written forms of the name.
	jsonKey, xmlOpen, xmlClose, xmlNull string

	// Of parameters.
	required bool
	fallback reflect.Value // the default; invalid without one
	purpose  purpose
	ref      string
}

// purpose is what an object of a request is for.
type purpose uint8

const (
	plainly purpose = iota
	toAdd
	toUpdate
)

// property is the field's name in exceptions: KalturaMediaEntry::status.
func (p *plan) property(f *field) string {
	if p.name == "" {
		return f.name
	}
	return p.name + "::" + f.name
}

// plan returns the plan of a struct type. It fails where a tag makes no sense.
func (r *Registry) plan(t reflect.Type) (*plan, error) {
	if p := r.plans[t]; p != nil {
		return p, nil
	}
	p := &plan{typ: t, byName: map[string]*field{}}
	r.plans[t] = p
	if isClass(t) {
		p.name = r.className(t)
		_, p.list = reflect.New(t).Interface().(lister)
	}
	if err := r.addFields(p, t, nil); err != nil {
		return nil, fmt.Errorf("rpc: %s: %w", t, err)
	}
	if p.list {
		p.byName["objects"].always = true
	}
	return p, nil
}

func (r *Registry) addFields(p *plan, t reflect.Type, index []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			if sf.Type == objectType {
				p.object = at
			} else if err := r.addFields(p, sf.Type, at); err != nil {
				return err
			}
			continue
		}
		tag, ok := sf.Tag.Lookup("k")
		if !ok || !sf.IsExported() {
			continue
		}
		f, err := r.field(sf, tag)
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
		f.index = at
		if old := p.byName[f.name]; old != nil { // a class may give a field of its base another type
			p.fields[slices.Index(p.fields, old)] = f
		} else {
			p.fields = append(p.fields, f)
		}
		p.byName[f.name] = f
	}
	return nil
}

func (r *Registry) field(sf reflect.StructField, tag string) (*field, error) {
	name, rest, _ := strings.Cut(tag, ",")
	f := &field{name: name, typ: sf.Type, ref: sf.Tag.Get("ref")}
	f.jsonKey = strconv.Quote(name) + ":"
	f.xmlOpen, f.xmlClose = "<"+name+">", "</"+name+">"
	f.xmlNull = f.xmlOpen + f.xmlClose
	asText := false
	for opt := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "":
		case "ro":
			f.mode = readOnly
		case "io":
			f.mode = insertOnly
		case "wo":
			f.mode = writeOnly
		case "text":
			asText = true
		case "max", "min":
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return nil, fmt.Errorf("tag %q: %w", opt, err)
			}
			if key == "max" {
				f.max = &n
			} else {
				f.min = &n
			}
		default:
			return nil, fmt.Errorf("unknown tag %q", opt)
		}
	}
	if s := sf.Tag.Get("f"); s != "" {
		f.filters = strings.Split(s, ",")
	}
	var err error
	if f.codec, err = r.codec(sf.Type, asText); err != nil {
		return nil, err
	}
	return f, f.parameter(sf)
}

// parameter reads the tags that only parameters of actions have.
func (f *field) parameter(sf reflect.StructField) error {
	switch sf.Tag.Get("for") {
	case "":
	case "add":
		f.purpose = toAdd
	case "update":
		f.purpose = toUpdate
	default:
		return fmt.Errorf("for:%q: want add or update", sf.Tag.Get("for"))
	}
	def, hasDefault := sf.Tag.Lookup("default")
	if hasDefault {
		v := reflect.New(f.typ).Elem()
		if err := f.codec.decode(&decoder{}, &node{kind: text, text: def}, v); err != nil {
			return fmt.Errorf("default %q: %w", def, err)
		}
		f.fallback = v
	}
	f.required = sf.Tag.Get("required") == "true" || !nilable(f.typ) && !hasDefault
	return nil
}

func nilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

var (
	objectType = reflect.TypeFor[Object]()
	classType  = reflect.TypeFor[Class]()
	uploadType = reflect.TypeFor[*Upload]()
	fileType   = reflect.TypeFor[*File]()

	relatedIndex = func() int {
		f, _ := objectType.FieldByName("Related")
		return f.Index[0]
	}()
)

// isClass says whether a struct type embeds Object.
func isClass(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && reflect.PointerTo(t).Implements(classType)
}

// lister is implemented by list responses, filterer by filters.
type lister interface{ element() reflect.Type }
type filterer interface {
	filtered() reflect.Type
	filter() *Filter
}

// className is the name of a class on the wire.
func (r *Registry) className(t reflect.Type) string {
	if t == reflect.TypeFor[Pager]() {
		return "KalturaFilterPager"
	}
	switch v := reflect.New(t).Interface().(type) {
	case lister:
		element := r.elementName(v.element())
		if name := r.listed[element]; name != "" {
			return name
		}
		return element + "ListResponse"
	case filterer:
		return r.elementName(v.filtered()) + "Filter"
	}
	return "Kaltura" + t.Name()
}

// elementName is the class name of what a list holds: a class, a pointer to one, or an interface with a base class.
func (r *Registry) elementName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface {
		if c := r.bases[t]; c != nil {
			return c.name
		}
	}
	return "Kaltura" + t.Name()
}

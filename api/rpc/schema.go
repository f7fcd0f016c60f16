package rpc

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// schema describes the registry in the form that the official client generators read.
type schema struct {
	XMLName    xml.Name        `xml:"xml"`
	APIVersion string          `xml:"apiVersion,attr"`
	Enums      []schemaEnum    `xml:"enums>enum"`
	Classes    []schemaClass   `xml:"classes>class"`
	Services   []schemaService `xml:"services>service"`
	Client     schemaConfig    `xml:"configurations>client"`
	Request    schemaConfig    `xml:"configurations>request"`
}

type schemaEnum struct {
	Name   string        `xml:"name,attr"`
	Type   string        `xml:"enumType,attr"`
	Consts []schemaConst `xml:"const"`
}

type schemaConst struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type schemaClass struct {
	Name       string           `xml:"name,attr"`
	Base       string           `xml:"base,attr,omitempty"`
	Abstract   int              `xml:"abstract,attr,omitempty"`
	Properties []schemaProperty `xml:"property"`
}

// schemaType says what a value is.
type schemaType struct {
	Type      string `xml:"type,attr"`
	ArrayType string `xml:"arrayType,attr,omitempty"`
	EnumType  string `xml:"enumType,attr,omitempty"`
}

type schemaProperty struct {
	Name string `xml:"name,attr"`
	schemaType
	ReadOnly   int `xml:"readOnly,attr"`
	InsertOnly int `xml:"insertOnly,attr"`
	WriteOnly  int `xml:"writeOnly,attr,omitempty"`
}

type schemaService struct {
	ID          string         `xml:"id,attr"`
	Name        string         `xml:"name,attr"`
	Plugin      string         `xml:"plugin,attr,omitempty"`
	Description string         `xml:"description,attr"`
	Path        string         `xml:"-"` // as clients write it: caption_captionAsset
	Actions     []schemaAction `xml:"action"`
}

type schemaAction struct {
	Name        string        `xml:"name,attr"`
	Description string        `xml:"description,attr"`
	Access      string        `xml:"access,attr"` // sluice's own: who may call it
	Params      []schemaParam `xml:"param"`
	Result      *schemaType   `xml:"result"`
}

type schemaParam struct {
	Name string `xml:"name,attr"`
	schemaType
	Optional int    `xml:"optional,attr"`
	Default  string `xml:"default,attr,omitempty"`
	Ref      string `xml:"ref,attr,omitempty"` // sluice's own: the kind of object that the parameter identifies
}

type schemaConfig struct {
	Type   string `xml:"type,attr"`
	Fields []schemaConfigField
}

type schemaConfigField struct {
	XMLName  xml.Name
	Type     string `xml:"type,attr"`
	Alias    string `xml:"alias,attr,omitempty"`
	Volatile int    `xml:"volatile,attr,omitempty"`
}

// schemaVersion is the revision of the protocol that clients generated from the schema name.
const schemaVersion = "21.20.0"

// schema describes what is registered.
func (r *Registry) schema() (*schema, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := schemaBuilder{r: r, done: map[string]bool{}, out: &schema{
		APIVersion: schemaVersion,
		Client:     schemaConfig{"KalturaClientConfiguration", []schemaConfigField{{XMLName: xml.Name{Local: "clientTag"}, Type: "string"}, {XMLName: xml.Name{Local: "apiVersion"}, Type: "string"}}},
		Request: schemaConfig{"KalturaRequestConfiguration", []schemaConfigField{
			{XMLName: xml.Name{Local: "partnerId"}, Type: "int"}, {XMLName: xml.Name{Local: "ks"}, Type: "string", Alias: "sessionId"},
			{XMLName: xml.Name{Local: "responseProfile"}, Type: "KalturaDetachedResponseProfile", Volatile: 1},
		}},
	}}
	if err := b.all(); err != nil {
		return nil, err
	}
	return b.out, nil
}

type schemaBuilder struct {
	r    *Registry
	out  *schema
	done map[string]bool // classes and enums, by name
}

func (b *schemaBuilder) all() error {
	b.out.Classes = append(b.out.Classes,
		schemaClass{Name: "KalturaFilter", Abstract: 1, Properties: []schemaProperty{{Name: "orderBy", schemaType: schemaType{Type: "string"}}}},
		schemaClass{Name: "KalturaListResponse", Abstract: 1, Properties: []schemaProperty{{Name: "totalCount", schemaType: schemaType{Type: "int"}, ReadOnly: 1}}},
	)
	for _, t := range []reflect.Type{reflect.TypeFor[Pager](), reflect.TypeFor[DetachedResponseProfile]()} {
		if err := b.class(t); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.r.classes)) {
		if err := b.class(b.r.classes[name].typ); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.r.services)) {
		if err := b.service(b.r.services[key]); err != nil {
			return err
		}
	}
	slices.SortFunc(b.out.Enums, func(x, y schemaEnum) int { return cmp.Compare(x.Name, y.Name) })
	return nil
}

func (b *schemaBuilder) service(s *Service) error {
	out := schemaService{ID: lower(s.Name), Name: s.Name, Path: s.Name, Description: s.Doc}
	if plugin, name, ok := strings.Cut(s.Name, "_"); ok {
		out.Plugin, out.Name = plugin, name
	}
	for _, key := range slices.Sorted(maps.Keys(s.actions)) {
		a := s.actions[key]
		act := schemaAction{Name: a.name, Description: a.doc, Access: a.access.String()}
		for _, f := range a.params.fields {
			p := schemaParam{Name: f.name, Ref: f.ref}
			var err error
			if p.schemaType, err = b.value(f.typ, f.codec); err != nil {
				return fmt.Errorf("%s.%s: %s: %w", s.Name, a.name, f.name, err)
			}
			if !f.required {
				p.Optional, p.Default = 1, "null"
			}
			if f.fallback.IsValid() {
				p.Default = fmt.Sprint(f.fallback.Interface())
				if p.Type == "bool" {
					p.Default = strconv.FormatBool(f.fallback.Bool())
				}
			}
			act.Params = append(act.Params, p)
		}
		result, err := b.result(a)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", s.Name, a.name, err)
		}
		act.Result = result
		out.Actions = append(out.Actions, act)
	}
	b.out.Services = append(b.out.Services, out)
	return nil
}

func (b *schemaBuilder) result(a *action) (*schemaType, error) {
	switch {
	case a.out == fileType:
		return &schemaType{Type: "file"}, nil
	case a.result == nil || a.result.wire == "void":
		return &schemaType{}, nil
	}
	v, err := b.value(a.out, a.result)
	return &v, err
}

// value describes a type, and the classes and enums that it needs.
func (b *schemaBuilder) value(t reflect.Type, c *codec) (schemaType, error) {
	out := schemaType{Type: c.wire}
	for t.Kind() == reflect.Pointer && t != uploadType {
		t = t.Elem()
	}
	switch {
	case c.enum != nil:
		b.enum(c.enum, c.wire)
		out.EnumType = c.enum.Name
	case c.array:
		item, err := b.value(t.Elem(), c.item)
		out.ArrayType = item.Type
		if !strings.HasPrefix(item.Type, "Kaltura") { // the protocol has arrays of objects only
			out.ArrayType = "KalturaString"
		}
		return out, err
	case t.Kind() == reflect.Interface:
		if base := b.r.bases[t]; base != nil {
			return out, b.class(base.typ)
		}
		out.Type = "string"
	case isClass(t):
		return out, b.class(t)
	}
	return out, nil
}

func (b *schemaBuilder) enum(e *Enum, kind string) {
	if b.done[e.Name] {
		return
	}
	b.done[e.Name] = true
	out := schemaEnum{Name: e.Name, Type: kind}
	for i, n := range e.Names {
		out.Consts = append(out.Consts, schemaConst{n, e.Values[i]})
	}
	b.out.Enums = append(b.out.Enums, out)
}

// class adds a class, after its base class.
func (b *schemaBuilder) class(t reflect.Type) error {
	if f, ok := reflect.New(t).Interface().(filterer); ok {
		fp, err := b.r.filterPlan(f.filtered())
		if err != nil {
			return err
		}
		return b.filter(fp.typ)
	}
	p, err := b.r.plan(t)
	if err != nil {
		return err
	}
	if b.done[p.name] {
		return nil
	}
	b.done[p.name] = true
	out := schemaClass{Name: p.name}
	if c := b.r.byType[t]; c != nil && c.abstract {
		out.Abstract = 1
	}
	if base := baseOf(t); base != nil {
		if err := b.class(base); err != nil {
			return err
		}
		out.Base = b.r.className(base)
	}
	if p.list {
		out.Base = "KalturaListResponse"
	}
	at := len(b.out.Classes)
	b.out.Classes = append(b.out.Classes, out)
	for _, f := range p.fields {
		if len(f.index) > 1 || p.list && f.name == "totalCount" {
			continue // the base class has it
		}
		prop := schemaProperty{Name: f.name}
		if prop.schemaType, err = b.value(f.typ, f.codec); err != nil {
			return fmt.Errorf("%s: %s: %w", p.name, f.name, err)
		}
		switch f.mode {
		case readOnly:
			prop.ReadOnly = 1
		case insertOnly:
			prop.InsertOnly = 1
		case writeOnly:
			prop.WriteOnly = 1
		}
		b.out.Classes[at].Properties = append(b.out.Classes[at].Properties, prop)
	}
	return nil
}

// baseOf is the class that a class embeds, or nil.
func baseOf(t reflect.Type) reflect.Type {
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != objectType && isClass(f.Type) {
			return f.Type
		}
	}
	return nil
}

// filter adds the filter of a class, after that of its base class, and the enum of its orders.
func (b *schemaBuilder) filter(t reflect.Type) error {
	fp, err := b.r.filterPlan(t)
	if err != nil || b.done[fp.name] {
		return err
	}
	b.done[fp.name] = true
	out := schemaClass{Name: fp.name, Base: "KalturaFilter"}
	inherited := map[string]bool{}
	if base := baseOf(t); base != nil {
		if err := b.filter(base); err != nil {
			return err
		}
		parent, err := b.r.filterPlan(base)
		if err != nil {
			return err
		}
		out.Base = parent.name
		for name := range parent.props {
			inherited[name] = true
		}
		for _, name := range parent.extras {
			inherited[name] = true
		}
	}
	for _, p := range fp.list {
		if inherited[p.name] {
			continue
		}
		prop := schemaProperty{Name: p.name, schemaType: schemaType{Type: "string"}}
		if !listed(p.op) && !p.field.codec.array {
			if prop.schemaType, err = b.value(p.field.typ, p.field.codec); err != nil {
				return err
			}
		}
		out.Properties = append(out.Properties, prop)
	}
	for _, name := range fp.extras {
		if !inherited[name] && !strings.HasPrefix(name, "+") {
			out.Properties = append(out.Properties, schemaProperty{Name: name, schemaType: schemaType{Type: "string"}})
		}
	}
	if c := b.r.classes["kalturasearchitem"]; c != nil && fp.own {
		out.Properties = append(out.Properties, schemaProperty{Name: "advancedSearch", schemaType: schemaType{Type: c.name}})
	}
	b.out.Classes = append(b.out.Classes, out)
	orders := &Enum{Name: strings.TrimSuffix(fp.name, "Filter") + "OrderBy"}
	for _, name := range slices.Sorted(maps.Keys(fp.orders)) {
		constant := constantName(name)
		orders.Names = append(orders.Names, constant+"_ASC", constant+"_DESC")
		orders.Values = append(orders.Values, "+"+name, "-"+name)
	}
	if len(orders.Names) > 0 {
		b.enum(orders, "string")
	}
	return nil
}

// constantName writes createdAt as CREATED_AT.
func constantName(s string) string {
	var b strings.Builder
	for i, c := range s {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToUpper(b.String())
}

func (a Access) String() string {
	return [...]string{"session", "public", "anonymous", "widget", "admin"}[a]
}

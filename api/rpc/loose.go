package rpc

import (
	"maps"
	"reflect"
	"slices"
)

// Loose is a filter of whatever class, kept as it was sent: what it says is for another time to read.
type Loose map[string]any

var looseType = reflect.TypeFor[Loose]()

func decodeLoose(d *decoder, n *node, dst reflect.Value) error {
	if n.kind != object && !(n.kind == list && len(n.list) == 0) {
		return d.wrongFormat("array")
	}
	m, _ := n.plain().(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	dst.Set(reflect.ValueOf(Loose(m)))
	return nil
}

func writeLoose(w *writer, v reflect.Value) { w.loose(v.Interface().(Loose)) }

// loose writes an object of a class that the registry need not know: fields in the order of their names, the class where
// other objects have it.
func (w *writer) loose(m map[string]any) {
	class, _ := m["objectType"].(string)
	if w.xml && class != "" {
		w.b = append(append(append(w.b, "<objectType>"...), appendXML(nil, class)...), "</objectType>"...)
	}
	if !w.xml {
		w.b = append(w.b, '{')
	}
	first := true
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] == nil || name == "objectType" {
			continue
		}
		if w.xml {
			w.looseXML(name, m[name])
			continue
		}
		if !first {
			w.b = append(w.b, ',')
		}
		first = false
		w.b = append(appendJSON(w.b, name), ':')
		w.looseValue(m[name])
	}
	if w.xml {
		return
	}
	if class != "" {
		if !first {
			w.b = append(w.b, ',')
		}
		w.b = appendJSON(append(w.b, `"objectType":`...), class)
	}
	w.b = append(w.b, '}')
}

// looseXML writes a field as an element; one whose name makes no element is left out.
func (w *writer) looseXML(name string, v any) {
	if !element(name) {
		return
	}
	w.b = append(append(append(w.b, '<'), name...), '>')
	w.looseValue(v)
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

func element(name string) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func (w *writer) looseValue(v any) {
	switch v := v.(type) {
	case map[string]any:
		w.loose(v)
	case []any:
		if !w.xml {
			w.b = append(w.b, '[')
		}
		for i, item := range v {
			switch {
			case w.xml:
				w.looseXML("item", item)
				continue
			case i > 0:
				w.b = append(w.b, ',')
			}
			w.looseValue(item)
		}
		if !w.xml {
			w.b = append(w.b, ']')
		}
	case float64: // a number that was stored
		if i := int64(v); float64(i) == v {
			w.value(reflect.ValueOf(i))
			return
		}
		w.value(reflect.ValueOf(v))
	default:
		w.value(reflect.ValueOf(v))
	}
}

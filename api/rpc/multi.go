package rpc

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// multi makes the calls of a multirequest, in order; served says that one answered with a file.
func (q *request) multi(out *writer) (served bool) {
	calls, base := subrequests(q.env.root)
	if calls == nil && base < 0 {
		out.exception(E("INTERNAL_SERVERL_ERROR"))
		return false
	}
	if len(calls) > q.s.cfg.MaxCalls {
		out.exception(E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "multirequest").
			Because(fmt.Errorf("multirequest of %d calls, at most %d", len(calls), q.s.cfg.MaxCalls)))
		return false
	}
	if !out.xml {
		out.b = append(out.b, '[')
	}
	results := make([]result, 0, len(calls))
	fill := filler{reg: q.s.reg}
	for i, n := range calls {
		q.inherit(n)
		fill.results = results
		if err := fill.node(n); err != nil {
			results = append(results, result{err: q.exception(&Call{}, nil, E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "multirequest").Because(err))})
		} else {
			results = append(results, q.call(n))
		}
		res := results[i]
		if res.file != nil {
			q.serveFile(res.file)
			return true
		}
		if out.xml {
			out.b = append(out.b, "<item>"...)
		} else if i > 0 {
			out.b = append(out.b, ',')
		}
		out.result(res)
		if out.xml {
			out.b = append(out.b, "</item>"...)
		}
	}
	if !out.xml {
		out.b = append(out.b, ']')
	}
	return false
}

// subrequests are the calls of a multirequest in order. A gap ends them. Without an error base is not negative.
func subrequests(root *node) (calls []*node, base int) {
	lowest, highest := -1, -1
	for _, key := range root.keys {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || strconv.Itoa(i) != key {
			continue
		}
		if lowest < 0 || i < lowest {
			lowest = i
		}
		highest = max(highest, i)
	}
	if lowest < 0 {
		return nil, 0
	}
	for i := min(1, lowest); i <= highest; i++ {
		n := root.get(strconv.Itoa(i))
		if n != nil && n.kind != object {
			return nil, -1
		}
		if n.str("service") == "" || n.str("action") == "" {
			break
		}
		calls = append(calls, n)
	}
	return calls, lowest
}

// inherit gives a call what it lacks of the values that all share.
func (q *request) inherit(n *node) {
	for _, key := range []string{"clientTag", "ks", "partnerId", "language"} {
		if v := q.env.root.get(key); v != nil && n.get(key) == nil {
			own := *v // placeholders are filled in place
			n.put(key, &own)
		}
	}
}

// filler replaces placeholders of earlier results: {N:result:path}, where N counts from 1.
type filler struct {
	reg     *Registry
	results []result
	size    int // of the texts put in
}

// maxFilled bounds the texts that the placeholders of a multirequest may come to.
const maxFilled = 8 << 20

func (f *filler) node(n *node) error {
	if n.kind == text {
		return f.text(n)
	}
	for _, v := range n.list {
		if err := f.node(v); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) text(n *node) error {
	if !strings.Contains(n.text, ":result") {
		return nil
	}
	var out strings.Builder
	rest := n.text
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			break
		}
		out.WriteString(rest[:open])
		rest = rest[open:]
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			break
		}
		value, ok := f.placeholder(rest[1:end])
		if !ok {
			out.WriteByte('{')
			rest = rest[1:]
			continue
		}
		if f.size += len(value); f.size > maxFilled {
			return fmt.Errorf("placeholders of more than %d bytes", maxFilled)
		}
		out.WriteString(value)
		rest = rest[end+1:]
	}
	out.WriteString(rest)
	n.text = out.String()
	return nil
}

// placeholder is the text that a placeholder stands for; ok is false for what is none, or one of a later call.
func (f *filler) placeholder(s string) (value string, ok bool) {
	path := strings.Split(s, ":")
	if len(path) < 2 || path[1] != "result" {
		return "", false
	}
	n, err := strconv.Atoi(path[0])
	if err != nil || n < 1 || n > len(f.results) {
		return "", false
	}
	res := f.results[n-1]
	if res.err != nil || !res.value.IsValid() {
		return "", true
	}
	return f.reg.pick(res.value, path[2:]), true
}

// pick follows a path of wire names, indexes and _all through a result; empty where it leads nowhere.
func (r *Registry) pick(v reflect.Value, path []string) string {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) {
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return ""
	case len(path) == 0:
		return r.scalar(v)
	case v.Kind() == reflect.Struct && isClass(v.Type()):
		if path[0] == "objectType" {
			return r.className(v.Type())
		}
		c, err := r.dynamic(v.Type())
		if err != nil || c.plan.byName[path[0]] == nil {
			return ""
		}
		return r.pick(at(v, c.plan.byName[path[0]].index), path[1:])
	case v.Kind() == reflect.Map:
		return r.pick(v.MapIndex(reflect.ValueOf(path[0]).Convert(v.Type().Key())), path[1:])
	case v.Kind() != reflect.Slice:
		return ""
	case path[0] == "_all":
		var all []string
		for i := range v.Len() {
			all = append(all, r.pick(v.Index(i), path[1:]))
		}
		return strings.Join(all, ",")
	}
	i, err := strconv.Atoi(path[0])
	if err != nil || i < 0 || i >= v.Len() {
		return ""
	}
	return r.pick(v.Index(i), path[1:])
}

// scalar is the text of a scalar, as in XML.
func (r *Registry) scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map:
		return ""
	case reflect.String:
		return v.String()
	}
	w := &writer{reg: r, xml: true}
	w.value(v)
	return string(w.b)
}

package rpc

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sluice/catalog"
)

// filterPlan is what the filter of a class can hold.
type filterPlan struct {
	reg    *Registry
	typ    reflect.Type // the class filtered
	name   string
	props  map[string]filterProp
	list   []filterProp // in the order of the class
	orders map[string]bool
	extras []string
	// searched says that advancedSearch is taken, own that the class itself declares so.
	searched, own bool
}

// filterProp is a property that a filter tag gives.
type filterProp struct {
	name  string // on the wire: createdAtGreaterThanOrEqual
	field *field
	op    catalog.Op
}

// suffixes of filter properties by tag.
var suffixes = map[catalog.Op]string{
	catalog.OpEq: "Equal", catalog.OpNot: "NotEqual", catalog.OpIn: "In", catalog.OpNotIn: "NotIn",
	catalog.OpGTE: "GreaterThanOrEqual", catalog.OpLTE: "LessThanOrEqual", catalog.OpGT: "GreaterThan", catalog.OpLT: "LessThan",
	catalog.OpGTEOrNull: "GreaterThanOrEqualOrNull", catalog.OpLTEOrNull: "LessThanOrEqualOrNull",
	catalog.OpLike: "Like", catalog.OpStartsWith: "StartsWith", catalog.OpMultiLikeOr: "MultiLikeOr", "mlikeand": "MultiLikeAnd",
	catalog.OpMatchOr: "MatchOr", catalog.OpMatchAnd: "MatchAnd", catalog.OpNotContains: "NotContains", catalog.OpEmpty: "Empty",
}

// listed says whether an operator takes a comma list.
func listed(op catalog.Op) bool {
	switch op {
	case catalog.OpIn, catalog.OpNotIn, catalog.OpMultiLikeOr, "mlikeand", catalog.OpMatchOr, catalog.OpMatchAnd, catalog.OpNotContains:
		return true
	}
	return false
}

// maxListed bounds the values of a list in a filter; further ones do not count.
const maxListed = 500

// filterPlan returns the plan of the filter of t: a class, a pointer to one, or an interface with a base class.
func (r *Registry) filterPlan(t reflect.Type) (*filterPlan, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface {
		base := r.bases[t]
		if base == nil {
			return nil, fmt.Errorf("interface %s has no base class: see Base", t)
		}
		t = base.typ
	}
	if fp := r.filters[t]; fp != nil {
		return fp, nil
	}
	p, err := r.plan(t)
	if err != nil {
		return nil, err
	}
	fp := &filterPlan{reg: r, typ: t, name: p.name + "Filter", props: map[string]filterProp{}, orders: map[string]bool{}}
	r.filters[t] = fp
	for _, f := range p.fields {
		for _, tag := range f.filters {
			if tag == "order" {
				fp.orders[f.name] = true
				continue
			}
			suffix, ok := suffixes[catalog.Op(tag)]
			if !ok {
				return nil, fmt.Errorf("rpc: %s: field %s: unknown filter %q", t, f.name, tag)
			}
			prop := filterProp{f.name + suffix, f, catalog.Op(tag)}
			fp.props[prop.name] = prop
			fp.list = append(fp.list, prop)
		}
	}
	for _, base := range bases(t) {
		if c := r.byType[base]; c != nil {
			fp.extras = append(fp.extras, c.extras...)
			fp.searched, fp.own = fp.searched || c.searched, fp.own || c.searched && base == t
		}
	}
	return fp, nil
}

// bases are a class and the classes it embeds.
func bases(t reflect.Type) []reflect.Type {
	out := []reflect.Type{t}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != objectType {
			out = append(out, bases(f.Type)...)
		}
	}
	return out
}

// FilterFields lists the conditions that the filter of T can hold, without values, and the fields it can order by.
func FilterFields[T any](r *Registry) (conds []catalog.Cond, orders []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fp, err := r.filterPlan(reflect.TypeFor[T]())
	if err != nil {
		return nil, nil, err
	}
	for _, p := range fp.list {
		conds = append(conds, catalog.Cond{Field: p.field.name, Op: p.op})
	}
	for name := range fp.orders {
		orders = append(orders, name)
	}
	slices.Sort(orders)
	return conds, orders, nil
}

// decode reads a filter into dst. One of a subclass may be sent, with more properties.
func (fp *filterPlan) decode(d *decoder, n *node, dst reflect.Value) error {
	if n.kind != object && !(n.kind == list && len(n.list) == 0) {
		return d.wrongFormat("array")
	}
	sent := fp.sent(n)
	f := dst.Addr().Interface().(filterer).filter()
	for i, key := range n.keys {
		v := n.list[i]
		if v.kind == null || key == "objectType" {
			continue
		}
		d.at = key
		prop, ok := sent.props[key]
		switch {
		case ok:
			cond, set, err := d.condition(prop, v)
			if err != nil {
				return err
			}
			if !set {
				continue
			}
			f.Conds = append(f.Conds, cond)
		case key == "orderBy":
			f.Order = sent.order(v)
		case key == "advancedSearch":
			f.Search, _ = v.plain().(map[string]any)
			if len(f.Search) > 0 && !sent.searched {
				return E("FEATURE_FORBIDDEN", "FEATURE", "advancedSearch of "+sent.name)
			}
		case slices.Contains(sent.extras, key):
			if !v.scalar() || v.text == "" {
				continue
			}
			if illegal(v.text) >= 0 {
				return E("INVALID_PARAMETER_CHAR", "XML_FIELD", key)
			}
			if f.Extra == nil {
				f.Extra = map[string]string{}
			}
			f.Extra[key] = scalarText(v)
		default:
			continue
		}
		f.sent = append(f.sent, key)
	}
	return nil
}

// sent is the plan of the class that the filter names, if that is a subclass of the one expected.
func (fp *filterPlan) sent(n *node) *filterPlan {
	name, ok := strings.CutSuffix(lower(n.str("objectType")), "filter")
	if !ok || name == lower(strings.TrimSuffix(fp.name, "Filter")) {
		return fp
	}
	c := fp.reg.classes[name]
	if c == nil || !slices.Contains(bases(c.typ), fp.typ) {
		return fp
	}
	fp.reg.mu.Lock()
	defer fp.reg.mu.Unlock()
	if sub, err := fp.reg.filterPlan(c.typ); err == nil {
		return sub
	}
	return fp
}

// order reads "+field,-field"; a plus may have become a space. Unknown names are dropped.
func (fp *filterPlan) order(n *node) []catalog.Order {
	var out []catalog.Order
	for s := range strings.SplitSeq(n.text, ",") {
		name := strings.TrimLeft(s, "+- ")
		if !fp.orders[name] && !slices.Contains(fp.extras, "+"+name) {
			continue
		}
		out = append(out, catalog.Order{Field: name, Desc: strings.HasPrefix(strings.TrimSpace(s), "-")})
	}
	return out
}

// condition reads the value of a property; set is false for values that restrict nothing.
func (d *decoder) condition(p filterProp, n *node) (cond catalog.Cond, set bool, err error) {
	cond = catalog.Cond{Field: p.field.name, Op: p.op}
	if !n.scalar() {
		return cond, false, d.wrongFormat("string")
	}
	if n.kind == text && n.text == "" {
		return cond, false, nil
	}
	if p.op == catalog.OpEmpty {
		i, ok := nullBoolOf(n)
		if !ok {
			return cond, false, d.badEnum(n, nullBool)
		}
		cond.Values = []any{i}
		return cond, i >= 0, nil
	}
	if illegal(n.text) >= 0 {
		return cond, false, E("INVALID_PARAMETER_CHAR", "XML_FIELD", d.at)
	}
	if !listed(p.op) {
		v, set, err := d.operand(p, n)
		cond.Values = []any{v}
		return cond, set, err
	}
	cond.Values = []any{}
	for s := range strings.SplitSeq(scalarText(n), ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if len(cond.Values) == maxListed {
			break
		}
		cond.Values = append(cond.Values, d.element(p.field.codec, &node{kind: text, text: s}))
	}
	return cond, true, nil
}

// operand reads the one value of a comparison.
func (d *decoder) operand(p filterProp, n *node) (v any, set bool, err error) {
	c := p.field.codec
	switch {
	case c.enum == nullBool:
		i, ok := nullBoolOf(n)
		if !ok {
			return nil, false, d.badEnum(n, nullBool)
		}
		return i, i >= 0, nil
	case c.enum != nil && (p.op == catalog.OpEq || p.op == catalog.OpNot):
		if !slices.Contains(c.enum.Values, scalarText(n)) {
			return nil, false, d.badEnum(n, c.enum)
		}
	case c.wire == "time" && n.text == "-1":
		return nil, false, nil
	}
	return d.element(c, n), true, nil
}

// element is a value as the catalog compares it: int64, float64 or string.
func (d *decoder) element(c *codec, n *node) any {
	switch c.wire {
	case "time":
		return d.moment(n)
	case "int", "bigint":
		return integer(n)
	case "float":
		return float(n)
	case "bool":
		if truth(n) {
			return int64(1)
		}
		return int64(0)
	}
	return scalarText(n)
}

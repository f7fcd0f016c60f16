package asset

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// An entry has few assets, and which of them are flavors is no matter of one row: lists filter and sort what they show.

// field returns the value of a class's field by its wire name as float64 or string, and whether it is set.
func field(obj rpc.Class, name string) (any, bool) {
	return fieldOf(reflect.ValueOf(obj).Elem(), name)
}

func fieldOf(v reflect.Value, name string) (any, bool) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if val, ok := fieldOf(v.Field(i), name); ok {
				return val, true
			}
			continue
		}
		if key, _, _ := strings.Cut(f.Tag.Get("k"), ","); key != name || v.Field(i).Kind() != reflect.Pointer || v.Field(i).IsNil() {
			continue
		}
		switch p := v.Field(i).Elem(); {
		case p.CanInt():
			return float64(p.Int()), true
		case p.CanFloat():
			return p.Float(), true
		case p.Kind() == reflect.String:
			return p.String(), true
		case p.Kind() == reflect.Bool && p.Bool():
			return 1.0, true
		case p.Kind() == reflect.Bool:
			return 0.0, true
		}
	}
	return nil, false
}

// matches says whether all conditions hold for obj.
func matches(obj rpc.Class, conds []catalog.Cond) bool {
	return !slices.ContainsFunc(conds, func(c catalog.Cond) bool { return !holds(obj, c) })
}

func holds(obj rpc.Class, c catalog.Cond) bool {
	val, set := field(obj, c.Field)
	ordered := func(want ...int) bool {
		return set && slices.ContainsFunc(c.Values, func(w any) bool { return slices.Contains(want, compare(val, w)) })
	}
	like := func(w any) bool { return contains(val, w) }
	switch c.Op {
	case catalog.OpEq, catalog.OpIn:
		return ordered(0)
	case catalog.OpNot, catalog.OpNotIn:
		return !ordered(0)
	case catalog.OpGTE:
		return ordered(0, 1)
	case catalog.OpLTE:
		return ordered(0, -1)
	case catalog.OpGT:
		return ordered(1)
	case catalog.OpLT:
		return ordered(-1)
	case catalog.OpLike, catalog.OpMultiLikeOr:
		return slices.ContainsFunc(c.Values, like)
	case catalog.OpMultiLikeAnd:
		return !slices.ContainsFunc(c.Values, func(w any) bool { return !like(w) })
	}
	return true
}

// contains compares texts without case.
func contains(val, part any) bool {
	text, ok := val.(string)
	return ok && strings.Contains(strings.ToLower(text), strings.ToLower(fmt.Sprint(part)))
}

// compare orders two values: as numbers when both are, else as texts.
func compare(a, b any) int {
	x, ok := number(a)
	y, ok2 := number(b)
	if ok && ok2 {
		return cmp.Compare(x, y)
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return 0, false
}

// page is the part of the objects that filter and pager select, and how many the filter does.
func page[T rpc.Class](objects []T, f *rpc.Filter, p *rpc.Pager) *rpc.List[T] {
	var chosen []T
	for _, o := range objects {
		if f == nil || matches(o, f.Conds) {
			chosen = append(chosen, o)
		}
	}
	if f != nil && len(f.Order) > 0 {
		slices.SortStableFunc(chosen, func(a, b T) int { return byOrder(a, b, f.Order) })
	}
	total := len(chosen)
	offset, limit := p.Page()
	chosen = chosen[min(offset, total):]
	return &rpc.List[T]{Objects: chosen[:min(limit, len(chosen))], TotalCount: total}
}

func byOrder(a, b rpc.Class, order []catalog.Order) int {
	for _, o := range order {
		x, _ := field(a, o.Field)
		y, _ := field(b, o.Field)
		n := 0
		switch {
		case x == nil && y == nil:
		case x == nil:
			n = -1
		case y == nil:
			n = 1
		default:
			n = compare(x, y)
		}
		if o.Desc {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

// entriesOf returns the entries that a list of assets is asked for: one of the filter's conditions must name some.
func entriesOf(f *rpc.Filter) ([]catalog.EntryID, error) {
	values, ok := f.Cond("entryId", catalog.OpEq)
	if !ok {
		values, ok = f.Cond("entryId", catalog.OpIn)
	}
	if !ok {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaAssetFilter::entryIdEqual/KalturaAssetFilter::entryIdIn")
	}
	ids := make([]catalog.EntryID, len(values))
	for i, v := range values {
		ids[i] = catalog.EntryID(fmt.Sprint(v))
	}
	return ids, nil
}

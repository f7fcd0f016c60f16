package rpc

import (
	"reflect"

	"sluice/catalog"
)

// Filter is a decoded filter of any class. Properties are those that the f tags of the class filtered give
// (createdAtGreaterThanOrEqual, statusIn, …) and the extras declared by Registry.FilterExtras.
type Filter struct {
	Object
	// Conds are the set properties that derive from f tags, with the field's wire name.
	Conds []catalog.Cond
	// Order is the order asked for; unknown names are dropped.
	Order []catalog.Order
	// Extra holds the other set properties as text, by name.
	Extra map[string]string
	// Search is advancedSearch as sent, or nil.
	Search map[string]any
}

// FilterOf is the filter of class T, such as FilterOf[MediaEntry] for KalturaMediaEntryFilter. As a parameter it is a
// pointer, nil when not sent; filters of base classes and subclasses are taken too.
type FilterOf[T any] struct{ Filter }

func (*FilterOf[T]) filtered() reflect.Type { return reflect.TypeFor[T]() }
func (f *FilterOf[T]) filter() *Filter      { return &f.Filter }

// Cond returns the values of a set condition, and whether there is one.
func (f *Filter) Cond(field string, op catalog.Op) ([]any, bool) {
	if f == nil {
		return nil, false
	}
	for _, c := range f.Conds {
		if c.Field == field && c.Op == op {
			return c.Values, true
		}
	}
	return nil, false
}

// Filters says whether any property restricts the field.
func (f *Filter) Filters(field string) bool {
	if f == nil {
		return false
	}
	for _, c := range f.Conds {
		if c.Field == field {
			return true
		}
	}
	return false
}

package rpc

import (
	"math"
	"reflect"
	"slices"
	"strings"
)

// Object is embedded, directly or through a base class, by every class of the wire. It knows which of the fields came
// with the request.
//
// A class is a struct type; its wire name is "Kaltura" and the type's name. A field of the wire has a tag
//
//	k:"name[,ro|,io|,wo][,text][,max=N][,min=N]" f:"eq,in,gte,order"
//
// where ro is read-only, io insert-only and wo write-only, text keeps a numeric enum value a string in JSON, max and min
// bound the length of a text or the value of a number, and f lists the filters and "order" that exist for the field (the
// suffixes of the protocol: eq not in notin gte lte gt lt gteornull lteornull like likex mlikeor mlikeand matchor
// matchand notcontains empty).
//
// Fields are pointers (*string, *int, *int64, *float64, *bool, *NullBool, *Time, *ID64, *Bytes, an enum, a class), slices or
// maps with string keys; nil is null: not sent in a request, left out of JSON. A field whose type is an interface holds
// a pointer to any class that implements it (see Registry.Base).
type Object struct {
	sent, cleared []string
	// Related holds the lists a response profile asked for, by name.
	Related map[string]any
}

func (o *Object) object() *Object { return o }

// Class is any pointer to a struct that embeds Object.
type Class interface{ object() *Object }

// Sent says that the request gave the field a value.
func (o *Object) Sent(field string) bool { return slices.Contains(o.sent, field) }

// Cleared says that the request set the field to null (field__null).
func (o *Object) Cleared(field string) bool { return slices.Contains(o.cleared, field) }

// Time is a moment in seconds since the epoch. In requests a value of at most ten years counts from now.
type Time int64

// ID64 is a 64-bit number that JSON shows as a string.
type ID64 int64

// Bytes is a length in bytes, which the API calls a float and JSON shows as a string.
type Bytes int64

// NullBool is the protocol's KalturaNullableBoolean: -1 null, 0 false, 1 true. JSON shows true or false.
type NullBool int

// True and False as NullBool.
const (
	Null  NullBool = -1
	False NullBool = 0
	True  NullBool = 1
)

// Enum describes an enumeration. An enum type is a Go int or string type with a method Enum that returns its
// description; a string type is one of the protocol's dynamic enums, whose numeric values JSON shows as numbers.
type Enum struct {
	// Name on the wire, such as KalturaEntryStatus.
	Name string
	// Names and Values of the members, in order.
	Names, Values []string
}

// NewEnum makes a description from "NAME=value" pairs separated by spaces. An empty value is allowed.
func NewEnum(name, members string) *Enum {
	e := &Enum{Name: name}
	for _, m := range strings.Fields(members) {
		n, v, _ := strings.Cut(m, "=")
		e.Names, e.Values = append(e.Names, n), append(e.Values, v)
	}
	return e
}

// lacksEmpty says whether the empty text is no member: then it counts as not sent.
func (e *Enum) lacksEmpty() bool { return e != nil && e != nullBool && !slices.Contains(e.Values, "") }

// Enumerated is implemented by enum types.
type Enumerated interface{ Enum() *Enum }

// List is a list response. Its class is named after T's.
type List[T any] struct {
	Object
	Objects    []T `k:"objects"`
	TotalCount int `k:"totalCount"`
}

func (*List[T]) element() reflect.Type { return reflect.TypeFor[T]() }

// Pager is KalturaFilterPager; the zero value and nil are its defaults.
type Pager struct {
	Object
	PageSize  *int `k:"pageSize"`
	PageIndex *int `k:"pageIndex"`
}

// Limits of a page.
const (
	defaultPageSize = 30
	maxPageSize     = 500
)

// Page returns how many objects to skip and how many to return at most. Sizes are clamped to 0…500, indexes below 1 are 1.
func (p *Pager) Page() (offset, limit int) {
	limit, index := defaultPageSize, 1
	if p != nil && p.PageSize != nil {
		limit = max(0, min(*p.PageSize, maxPageSize))
	}
	if p != nil && p.PageIndex != nil {
		index = max(1, min(*p.PageIndex, math.MaxInt32))
	}
	return (index - 1) * limit, limit
}

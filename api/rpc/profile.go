package rpc

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"sluice/catalog"
)

// DetachedResponseProfile selects what an answer shows of its objects, and lists that belong to them.
type DetachedResponseProfile struct {
	Object
	Name   *string `k:"name"`
	Type   *int    `k:"type"` // 1 shows only Fields, 2 all but them
	Fields *string `k:"fields"`
	// Filter is of the class of the list that a related profile asks for.
	Filter          Loose                      `k:"filter"`
	Pager           *Pager                     `k:"pager"`
	RelatedProfiles []*DetachedResponseProfile `k:"relatedProfiles"`
	Mappings        []*ResponseProfileMapping  `k:"mappings"`
}

// ResponseProfileMapping writes a property of an object into the filter of a list that belongs to it.
type ResponseProfileMapping struct {
	Object
	ParentProperty *string `k:"parentProperty"`
	FilterProperty *string `k:"filterProperty"`
	AllowNull      *bool   `k:"allowNull"`
}

// responseProfileRequest is the parameter: a profile, or the id or name of a stored one.
type responseProfileRequest struct {
	DetachedResponseProfile
	ID         *int64  `k:"id"`
	SystemName *string `k:"systemName"`
}

// Profiles finds stored response profiles by id, or by name if the id is 0; nil without an error when there is none.
type Profiles interface {
	ResponseProfile(ctx context.Context, account catalog.AccountID, id int64, systemName string) (*DetachedResponseProfile, error)
}

const (
	includeFields = 1
	excludeFields = 2

	maxRelatedDepth = 2   // levels of lists
	maxRelatedPage  = 100 // objects of a list
)

// profile reads the profile that a call asks for; nil when it asks for none.
func (q *request) profile(d *decoder, n *node) (*responseProfileRequest, error) {
	v := n.get("responseProfile")
	if v == nil || v.scalar() && v.text == "" {
		return nil, nil
	}
	d.at, d.purpose = "responseProfile", plainly
	p := &responseProfileRequest{}
	c, err := q.s.reg.dynamic(reflect.TypeFor[responseProfileRequest]())
	if err != nil {
		return nil, err
	}
	return p, c.decode(d, v, reflect.ValueOf(p).Elem())
}

// apply prepares the value of a call for its answer: it fetches related lists, and returns the mask of the value's objects.
func (q *request) apply(c *Call, p *responseProfileRequest, value reflect.Value) (*mask, error) {
	profile := &p.DetachedResponseProfile
	if stored := p.ID != nil && *p.ID != 0 || p.SystemName != nil && *p.SystemName != ""; stored && profile.Type == nil && profile.Fields == nil && profile.RelatedProfiles == nil {
		if q.s.cfg.Profiles == nil || c.Account.ID == 0 {
			return nil, nil
		}
		found, err := q.s.cfg.Profiles.ResponseProfile(c, c.Account.ID, deref(p.ID), deref(p.SystemName))
		if err != nil || found == nil {
			return nil, err
		}
		profile = found
	}
	if err := profile.checkDepth(maxRelatedDepth); err != nil {
		return nil, err
	}
	if len(profile.RelatedProfiles) > 0 {
		for _, o := range classes(value) {
			if err := q.relate(c, profile, o); err != nil {
				return nil, err
			}
		}
	}
	return profile.mask(), nil
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func (p *DetachedResponseProfile) checkDepth(left int) error {
	if left == 0 && len(p.RelatedProfiles) > 0 {
		return E("RESPONSE_PROFILE_MAX_NESTING_LEVEL")
	}
	for _, r := range p.RelatedProfiles {
		if err := r.checkDepth(left - 1); err != nil {
			return err
		}
	}
	return nil
}

// mask is what the profile shows of an object; nil for everything.
func (p *DetachedResponseProfile) mask() *mask {
	if p == nil {
		return nil
	}
	kind := deref(p.Type)
	if kind != includeFields && kind != excludeFields {
		return nil
	}
	m := &mask{exclude: kind == excludeFields}
	for f := range strings.SplitSeq(deref(p.Fields), ",") {
		if f = strings.TrimSpace(f); f != "" {
			m.fields = append(m.fields, f)
		}
	}
	return m
}

// classes are the objects of a result: the object itself, those of a list, or those of an array.
func classes(v reflect.Value) (out []Class) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			out = append(out, classes(v.Index(i))...)
		}
		return out
	}
	if !isClass(v.Type()) || !v.CanAddr() {
		return nil
	}
	c := v.Addr().Interface().(Class)
	if _, ok := c.(lister); ok {
		return classes(v.FieldByName("Objects"))
	}
	return []Class{c}
}

// relate fetches the lists that belong to an object.
func (q *request) relate(c *Call, p *DetachedResponseProfile, o Class) error {
	related := map[string]any{}
	for _, r := range p.RelatedProfiles {
		list, err := q.relatedList(c, r, o)
		if err != nil {
			return err
		}
		if list.IsValid() {
			for _, item := range classes(list) {
				if len(r.RelatedProfiles) > 0 {
					if err := q.relate(c, r, item); err != nil {
						return err
					}
				}
			}
			related[deref(r.Name)] = masked{list.Interface(), r.mask()}
		}
	}
	o.object().Related = related
	return nil
}

// relatedList calls the list action whose filter the profile has; the zero value when a mapped property is null.
func (q *request) relatedList(c *Call, p *DetachedResponseProfile, o Class) (none reflect.Value, err error) {
	name, _ := p.Filter["objectType"].(string)
	act := q.s.reg.lists[lower(name)]
	if act == nil {
		return none, E("INVALID_OBJECT_TYPE", "INVALID_OBJ_TYPE", name)
	}
	filter := graft(map[string]any(p.Filter))
	for _, m := range p.Mappings {
		value := q.s.reg.pick(reflect.ValueOf(o), strings.Split(deref(m.ParentProperty), ":"))
		switch {
		case value != "":
			filter.put(deref(m.FilterProperty), &node{kind: text, text: value})
		case !deref(m.AllowNull):
			return none, nil
		}
	}
	params := &node{kind: object}
	params.add("filter", filter)
	params.add("pager", p.pager())
	in := reflect.New(act.in).Elem()
	if err := (&decoder{now: c.Now}).params(act.params, params, in); err != nil {
		return none, err
	}
	if err := q.permit(c, act); err != nil {
		return none, err
	}
	list, err := invoke(c, act, in)
	return reflect.ValueOf(list), err
}

func (p *DetachedResponseProfile) pager() *node {
	size, index := min(defaultPageSize, maxRelatedPage), 1
	if p.Pager != nil && p.Pager.PageSize != nil {
		size = min(*p.Pager.PageSize, maxRelatedPage)
	}
	if p.Pager != nil && p.Pager.PageIndex != nil {
		index = *p.Pager.PageIndex
	}
	n := &node{kind: object}
	n.add("pageSize", &node{kind: number, text: strconv.Itoa(size)})
	n.add("pageIndex", &node{kind: number, text: strconv.Itoa(index)})
	return n
}

// graft makes a tree of what plain made of one.
func graft(v any) *node {
	switch v := v.(type) {
	case nil:
		return &node{}
	case map[string]any:
		n := &node{kind: object}
		for key, item := range v {
			n.add(key, graft(item))
		}
		return n
	case []any:
		n := &node{kind: list}
		for _, item := range v {
			n.list = append(n.list, graft(item))
		}
		return n
	case bool:
		return &node{kind: boolean, text: strconv.FormatBool(v)}
	case string:
		return &node{kind: text, text: v}
	}
	return &node{kind: number, text: fmt.Sprint(v)}
}

package rpc

import (
	"fmt"
	"reflect"
	"time"
)

// Marshal returns a value of the wire as the JSON that an answer has.
func (r *Registry) Marshal(v any) ([]byte, error) { return r.MarshalOnly(v, nil) }

// MarshalOnly is Marshal with the fields that a response profile shows; nil shows all. Lists that belong to it are not fetched.
func (r *Registry) MarshalOnly(v any, p *DetachedResponseProfile) ([]byte, error) {
	w := &writer{reg: r, mask: p.mask()}
	w.value(reflect.ValueOf(v))
	return w.b, w.err
}

// XML returns a value of the wire as the XML inside an answer's result.
func (r *Registry) XML(v any, ignoreNull bool) ([]byte, error) { return r.XMLOnly(v, ignoreNull, nil) }

// XMLOnly is XML with the fields that a response profile shows.
func (r *Registry) XMLOnly(v any, ignoreNull bool, p *DetachedResponseProfile) ([]byte, error) {
	w := &writer{reg: r, xml: true, ignoreNull: ignoreNull, mask: p.mask()}
	w.value(reflect.ValueOf(v))
	return w.b, w.err
}

// Unmarshal reads an object of the wire from JSON, with all its fields.
func (r *Registry) Unmarshal(data []byte, dst Class) error {
	var b budget
	n, err := parseJSON(string(data), &b)
	if err != nil {
		return fmt.Errorf("unmarshal %T: %w", dst, err)
	}
	v := reflect.ValueOf(dst).Elem()
	c, err := r.dynamic(v.Type())
	if err != nil {
		return err
	}
	return c.decode(&decoder{now: time.Unix(0, 0)}, n, v)
}

package rpc

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// decoder reads the values of one call.
type decoder struct {
	now     time.Time
	at      string  // the field or parameter being read
	purpose purpose // of the parameter's object; objects inside of it have none
}

func (d *decoder) wrongFormat(format string) error {
	return E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", d.at, "FORMAT", format)
}

func (d *decoder) badEnum(n *node, e *Enum) error {
	return E("INVALID_ENUM_VALUE", "ENUM_VAL", n.text, "PARAM_NAME", d.at, "ENUM_TYPE", e.Name)
}

// moment is a time: relative to now if it is at most ten years.
func (d *decoder) moment(n *node) int64 {
	if n.text == "" {
		return 0
	}
	t := integer(n)
	if t >= -tenYears && t <= tenYears {
		t += d.now.Unix()
	}
	return t
}

func decodeFile(d *decoder, n *node, dst reflect.Value) error {
	if n.kind != file {
		return E("UPLOAD_ERROR")
	}
	dst.Set(reflect.ValueOf(n.file))
	return nil
}

// params reads the parameters of an action into dst.
func (d *decoder) params(p *plan, n *node, dst reflect.Value) error {
	for _, f := range p.fields {
		v := n.get(f.name)
		if v == nil {
			if f.required {
				return E("MISSING_MANDATORY_PARAMETER", "PARAM_NAME", f.name)
			}
			if f.fallback.IsValid() {
				dst.FieldByIndex(f.index).Set(f.fallback)
			}
			continue
		}
		d.at, d.purpose = f.name, f.purpose
		if err := f.codec.decode(d, v, dst.FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	return nil
}

// object reads an object of the wire. An empty array is an empty object.
func (d *decoder) object(p *plan, n *node, dst reflect.Value) error {
	if n.kind != object && !(n.kind == list && len(n.list) == 0) {
		return d.wrongFormat("array")
	}
	purpose := d.purpose
	d.purpose = plainly
	o := dst.Addr().Interface().(Class).object()
	for i, key := range n.keys {
		f := p.byName[key]
		if f == nil {
			if base, ok := strings.CutSuffix(key, "__null"); ok && p.byName[base] != nil && !p.byName[base].codec.array {
				if f := p.byName[base]; f.writable(purpose) {
					o.cleared = append(o.cleared, f.name)
				}
			}
			continue
		}
		v := n.list[i]
		if v.kind == null {
			continue
		}
		if !f.writable(purpose) {
			return E("PROPERTY_VALIDATION_NOT_UPDATABLE", "PROP_NAME", p.property(f))
		}
		if v.text == "-1" && f.codec.wire == "time" {
			o.cleared = append(o.cleared, f.name)
			continue
		}
		if v.kind == text && v.text == "" && f.codec.enum.lacksEmpty() {
			continue
		}
		d.at = f.name
		fv := dst.FieldByIndex(f.index)
		if err := f.codec.decode(d, v, fv); err != nil {
			return err
		}
		if purpose != plainly {
			if err := p.check(f, fv); err != nil {
				return err
			}
		}
		o.sent = append(o.sent, f.name)
	}
	return nil
}

func (f *field) writable(for_ purpose) bool {
	return for_ == plainly || f.mode != readOnly && (f.mode != insertOnly || for_ == toAdd)
}

// check holds a value against the bounds of its field.
func (p *plan) check(f *field, v reflect.Value) error {
	if f.min == nil && f.max == nil {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	var size float64
	kind := "VALUE"
	short := "VAL"
	switch {
	case v.Kind() == reflect.String:
		if v.Len() == 0 {
			return nil
		}
		size, kind, short = float64(utf8.RuneCountInString(v.String())), "LENGTH", "LEN"
	case v.CanInt():
		size = float64(v.Int())
	case v.CanFloat():
		size = v.Float()
	default:
		return nil
	}
	switch {
	case f.min != nil && size < *f.min:
		return E("PROPERTY_VALIDATION_MIN_"+kind, "PROP_NAME", p.property(f), "MIN_"+short, strconv.FormatFloat(*f.min, 'f', -1, 64))
	case f.max != nil && size > *f.max:
		return E("PROPERTY_VALIDATION_MAX_"+kind, "PROP_NAME", p.property(f), "MAX_"+short, strconv.FormatFloat(*f.max, 'f', -1, 64))
	}
	return nil
}

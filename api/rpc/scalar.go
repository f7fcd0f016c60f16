package rpc

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// tenYears bounds relative times, in seconds.
const tenYears = 315360000

// scalarCodec fills in the codec of a type that stands for itself; it says whether t is one.
func scalarCodec(c *codec, t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Time]():
		c.wire, c.write = "time", writeInt
		c.decode = func(d *decoder, n *node, dst reflect.Value) error {
			dst.SetInt(d.moment(n))
			return nil
		}
		return true
	case reflect.TypeFor[ID64]():
		c.wire, c.decode, c.write = "bigint", decodeInt, writeIntText
		return true
	case reflect.TypeFor[Bytes]():
		c.wire, c.decode, c.write = "float", decodeInt, writeIntText
		return true
	case reflect.TypeFor[NullBool]():
		c.wire, c.enum = "int", nullBool
		c.null = func(v reflect.Value) bool { return v.Int() < 0 }
		c.decode = func(d *decoder, n *node, dst reflect.Value) error {
			i, ok := nullBoolOf(n)
			if !ok {
				return d.badEnum(n, nullBool)
			}
			dst.SetInt(i)
			return nil
		}
		c.write = func(w *writer, v reflect.Value) { w.boolean(v.Int() > 0) }
		return true
	}
	if t.Implements(reflect.TypeFor[Enumerated]()) {
		return false
	}
	switch t.Kind() {
	case reflect.String:
		c.wire, c.decode = "string", decodeString
		c.write = func(w *writer, v reflect.Value) { w.text(v.String()) }
	case reflect.Bool:
		c.wire = "bool"
		c.decode = func(_ *decoder, n *node, dst reflect.Value) error {
			dst.SetBool(truth(n))
			return nil
		}
		c.write = func(w *writer, v reflect.Value) { w.boolean(v.Bool()) }
	case reflect.Int, reflect.Int32:
		c.wire, c.decode, c.write = "int", decodeInt, writeInt
	case reflect.Int64:
		c.wire, c.decode, c.write = "bigint", decodeInt, writeInt
	case reflect.Float64:
		c.wire, c.write = "float", writeFloat
		c.decode = func(_ *decoder, n *node, dst reflect.Value) error {
			dst.SetFloat(float(n))
			return nil
		}
	default:
		return false
	}
	return true
}

var nullBool = NewEnum("KalturaNullableBoolean", "NULL_VALUE=-1 FALSE_VALUE=0 TRUE_VALUE=1")

func writeIntText(w *writer, v reflect.Value) { w.text(strconv.FormatInt(v.Int(), 10)) }

func writeInt(w *writer, v reflect.Value) { w.b = strconv.AppendInt(w.b, v.Int(), 10) }

func writeFloat(w *writer, v reflect.Value) {
	f := v.Float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	w.b = strconv.AppendFloat(w.b, f, 'f', -1, 64)
}

// scalarText is the text of a scalar as the protocol's texts have it.
func scalarText(n *node) string {
	if n.kind != boolean {
		return n.text
	}
	if n.text == "true" {
		return "1"
	}
	return "0"
}

func decodeString(d *decoder, n *node, dst reflect.Value) error {
	s := ""
	switch {
	case n.kind == boolean:
		if n.text == "true" {
			s = "1"
		}
	case n.scalar():
		s = n.text
	default:
		s = oneLanguage(n)
	}
	if i := illegal(s); i >= 0 {
		return E("INVALID_PARAMETER_CHAR", "XML_FIELD", d.at)
	}
	dst.SetString(s)
	return nil
}

// oneLanguage picks the text of a multi-lingual value: a list of languages and values.
func oneLanguage(n *node) string {
	items, _ := n.items()
	for _, it := range items {
		if v := it.get("value"); v != nil && v.scalar() {
			return v.text
		}
	}
	return ""
}

// illegal finds a character that XML 1.0 does not allow, or returns -1.
func illegal(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x20 && c != '\t' && c != '\n' && c != '\r':
			return i
		case c == 0xEF && i+2 < len(s) && s[i+1] == 0xBF && s[i+2] >= 0xBE: // U+FFFE, U+FFFF
			return i
		}
	}
	return -1
}

// truth is a boolean: false in any case, 0 and the empty text are false.
func truth(n *node) bool {
	if n.kind == number {
		return float(n) != 0
	}
	return n.scalar() && n.text != "" && n.text != "0" && !strings.EqualFold(n.text, "false")
}

func nullBoolOf(n *node) (int64, bool) {
	switch lower(n.text) {
	case "true", "1":
		return 1, n.scalar()
	case "false", "0", "":
		return 0, n.scalar()
	case "-1":
		return -1, true
	}
	return 0, false
}

func decodeInt(_ *decoder, n *node, dst reflect.Value) error {
	i := integer(n)
	if dst.OverflowInt(i) {
		i = 0
	}
	dst.SetInt(i)
	return nil
}

// integer takes the leading integer of a scalar; junk is 0.
func integer(n *node) int64 {
	s := scalarText(n)
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f := float(n)
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

// float takes the leading number of a scalar; junk is 0.
func float(n *node) float64 {
	s := strings.TrimLeft(scalarText(n), " \t\r\n")
	end, dot, exp := 0, false, false
loop:
	for ; end < len(s); end++ {
		switch c := s[end]; {
		case c >= '0' && c <= '9':
		case (c == '+' || c == '-') && (end == 0 || s[end-1] == 'e' || s[end-1] == 'E'):
		case c == '.' && !dot && !exp:
			dot = true
		case (c == 'e' || c == 'E') && !exp && end > 0:
			exp = true
		default:
			break loop
		}
	}
	for ; end > 0; end-- {
		if f, err := strconv.ParseFloat(s[:end], 64); err == nil {
			return f
		} else if !strings.ContainsAny(s[end-1:end], "+-.eE") {
			return 0 // out of range
		}
	}
	return 0
}

// lower is ToLower without work for what is lower case already.
func lower(s string) string { return strings.ToLower(s) }

package kaltura

import (
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc"
)

// Opt returns a pointer to v, or nil for the zero value: what has no value is null on the wire.
func Opt[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// some is p, or nil where it points to nothing worth telling.
func some[T comparable](p *T) *T {
	var zero T
	if *p == zero {
		return nil
	}
	return p
}

// At is a moment on the wire; nil for none.
func At(t time.Time) *rpc.Time {
	if t.IsZero() {
		return nil
	}
	return new(rpc.Time(t.Unix()))
}

// Moment is the reverse of At.
func Moment(t *rpc.Time) time.Time {
	if t == nil || *t == 0 {
		return time.Time{}
	}
	return time.Unix(int64(*t), 0).UTC()
}

// Value returns what p points to, or the zero value.
func Value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// Bool is a flag as NullBool.
func Bool(b bool) *rpc.NullBool {
	if b {
		return new(rpc.True)
	}
	return new(rpc.False)
}

// List returns the trimmed non-empty members of a comma list.
func List(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// same makes members of an enum whose names are their values.
func same(values string) string {
	var b strings.Builder
	for v := range strings.FieldsSeq(values) {
		b.WriteString(strings.ToUpper(v) + "=" + v + " ")
	}
	return b.String()
}

func itoa(n int) string { return strconv.Itoa(n) }

// atoi is the number of an enum's value that was checked on arrival.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

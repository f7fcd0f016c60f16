package xsd

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Validate holds values against the schema. Errors wrap ErrInvalid and say where, counted from the beginning of the values.
func (s *Schema) Validate(text string) error {
	root, err := read(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	i := slices.IndexFunc(s.roots, func(e *element) bool { return e.name == root.name })
	if i < 0 {
		return invalid(root, "the root element is %s, not %s", root.name, s.roots[0].name)
	}
	return s.roots[i].typ.check(root)
}

func invalid(n *node, format string, args ...any) error {
	return fmt.Errorf("%w: line %d: %s", ErrInvalid, n.line, fmt.Sprintf(format, args...))
}

// check holds an element against the type.
func (t *typ) check(n *node) error {
	if err := t.checkAttributes(n); err != nil {
		return err
	}
	if t.model == nil {
		if len(n.kids) > 0 {
			return invalid(n.kids[0], "%s cannot be in %s, which is a value", n.kids[0].name, n.name)
		}
		if err := t.value(n.text); err != nil {
			return invalid(n, "%s: %v", n.name, err)
		}
		return nil
	}
	if strings.TrimSpace(n.text) != "" {
		return invalid(n, "%s has text, where only elements may be", n.name)
	}
	m := matcher{parent: n, kids: n.kids, steps: maxSteps}
	rest, err := m.match(t.model, 0)
	if err != nil {
		return err
	}
	if rest < len(n.kids) {
		if m.far >= rest && m.why != nil && m.far < len(n.kids) {
			return m.why
		}
		return invalid(n.kids[rest], "%s cannot be here in %s", n.kids[rest].name, n.name)
	}
	return nil
}

func (t *typ) checkAttributes(n *node) error {
	for name, value := range n.attrs {
		i := slices.IndexFunc(t.attrs, func(a attribute) bool { return a.name == name })
		if i < 0 {
			return invalid(n, "%s cannot have attribute %s", n.name, name)
		}
		if err := t.attrs[i].typ.value(value); err != nil {
			return invalid(n, "attribute %s of %s: %v", name, n.name, err)
		}
	}
	for _, a := range t.attrs {
		if _, ok := n.attrs[a.name]; a.required && !ok {
			return invalid(n, "%s needs attribute %s", n.name, a.name)
		}
	}
	return nil
}

// maxSteps bounds the work of one model: schemas are of strangers, too.
const maxSteps = 100_000

// matcher matches children with a model, from left to right and without going back: as a deterministic schema wants it.
type matcher struct {
	parent *node
	kids   []*node
	steps  int
	far    int
	why    error
}

// match consumes what the particle takes from i on, and returns where it stopped.
func (m *matcher) match(p *particle, i int) (int, error) {
	count := 0
	for count < p.max {
		if m.steps--; m.steps < 0 {
			return i, invalid(m.parent, "%s has too many elements", m.parent.name)
		}
		next, ok, err := m.once(p, i)
		if err != nil {
			return i, err
		}
		if !ok || next == i {
			if ok {
				count = max(count, p.min)
			}
			break
		}
		i, count = next, count+1
	}
	if count < p.min {
		return i, m.missing(p, i)
	}
	return i, nil
}

// missing says that something must be at i.
func (m *matcher) missing(p *particle, i int) error {
	at := m.parent
	found := "its end"
	if i < len(m.kids) {
		at, found = m.kids[i], m.kids[i].name
	}
	return invalid(at, "%s needs %s before %s", m.parent.name, p.wants(), found)
}

func (p *particle) wants() string {
	if p.element != nil {
		return p.element.name
	}
	if len(p.parts) == 0 {
		return "nothing"
	}
	if !p.choice {
		return p.parts[0].wants()
	}
	var names []string
	for _, part := range p.parts {
		names = append(names, part.wants())
	}
	return "one of " + strings.Join(names, ", ")
}

// once matches the particle a single time; ok says whether it begins here.
func (m *matcher) once(p *particle, i int) (next int, ok bool, err error) {
	switch {
	case p.element != nil:
		if i >= len(m.kids) || m.kids[i].name != p.element.name {
			return i, false, nil
		}
		return i + 1, true, p.element.typ.check(m.kids[i])
	case p.choice:
		for _, part := range p.parts {
			if part.begins(m.kids, i) {
				next, err := m.match(part, i)
				return next, true, err
			}
		}
		return i, slices.ContainsFunc(p.parts, (*particle).optional) || len(p.parts) == 0, nil
	case p.any:
		return m.all(p, i)
	}
	if !p.begins(m.kids, i) {
		return i, p.optional(), nil
	}
	for _, part := range p.parts {
		if i, err = m.match(part, i); err != nil {
			return i, true, err
		}
	}
	return i, true, nil
}

// all matches the parts in any order, each once.
func (m *matcher) all(p *particle, i int) (int, bool, error) {
	seen := map[*particle]bool{}
	for i < len(m.kids) {
		at := slices.IndexFunc(p.parts, func(part *particle) bool { return !seen[part] && part.element.name == m.kids[i].name })
		if at < 0 {
			break
		}
		if err := p.parts[at].element.typ.check(m.kids[i]); err != nil {
			return i, true, err
		}
		seen[p.parts[at]] = true
		i++
	}
	for _, part := range p.parts {
		if part.min > 0 && !seen[part] {
			return i, true, m.missing(part, i)
		}
	}
	return i, true, nil
}

// begins says whether the child at i can be the particle's first.
func (p *particle) begins(kids []*node, i int) bool {
	if i >= len(kids) {
		return false
	}
	if p.element != nil {
		return p.element.name == kids[i].name
	}
	for _, part := range p.parts {
		if part.begins(kids, i) {
			return true
		}
		if !p.choice && !p.any && !part.optional() {
			return false
		}
	}
	return false
}

// optional says whether the particle may be nothing.
func (p *particle) optional() bool {
	if p.min == 0 {
		return true
	}
	if p.element != nil {
		return false
	}
	if p.choice {
		return len(p.parts) == 0 || slices.ContainsFunc(p.parts, (*particle).optional)
	}
	return !slices.ContainsFunc(p.parts, func(q *particle) bool { return !q.optional() })
}

// value holds a text against the type and those that it narrows.
func (t *typ) value(s string) error {
	if t.kind != "string" || t.facets.space == "collapse" {
		s = strings.Join(strings.Fields(s), " ")
	}
	if err := kindOf(t.kind, s); err != nil {
		return err
	}
	for at := t; at != nil; at = at.base {
		if err := at.facets.check(at.kind, s); err != nil {
			return err
		}
	}
	return nil
}

var (
	integers  = regexp.MustCompile(`^[+-]?\d+$`)
	decimals  = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)$`)
	doubles   = regexp.MustCompile(`^([+-]?(\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?|-?INF|NaN)$`)
	durations = regexp.MustCompile(`^-?P(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`)
	years     = regexp.MustCompile(`^-?\d{4,}(Z|[+-]\d\d:\d\d)?$`)
)

// kindOf says that a text is not of a kind.
func kindOf(kind, s string) error {
	ok := true
	switch kind {
	case "none":
		ok = s == ""
	case "boolean":
		ok = s == "true" || s == "false" || s == "1" || s == "0"
	case "integer":
		ok = integers.MatchString(s)
	case "unsigned":
		ok = integers.MatchString(s) && (s[0] != '-' || strings.Trim(s, "-0") == "")
	case "positive":
		ok = integers.MatchString(s) && s[0] != '-' && strings.Trim(s, "+0") != ""
	case "decimal":
		ok = decimals.MatchString(s)
	case "double":
		ok = doubles.MatchString(s)
	case "date":
		ok = timeLike(s, "2006-01-02", "2006-01-02Z07:00")
	case "dateTime":
		ok = timeLike(s, "2006-01-02T15:04:05.999999999", time.RFC3339Nano)
	case "time":
		ok = timeLike(s, "15:04:05.999999999", "15:04:05.999999999Z07:00")
	case "year":
		ok = years.MatchString(s)
	case "duration":
		ok = durations.MatchString(s) && len(s) > 2
	}
	if !ok {
		return fmt.Errorf("%q is not of type %s", s, kind)
	}
	return nil
}

func timeLike(s string, layouts ...string) bool {
	return slices.ContainsFunc(layouts, func(l string) bool { _, err := time.Parse(l, s); return err == nil })
}

func (f *facets) check(kind, s string) error {
	if len(f.enum) > 0 && !slices.Contains(f.enum, s) {
		return fmt.Errorf("%q is not one of %s", s, strings.Join(f.enum, ", "))
	}
	if len(f.patterns) > 0 && !slices.ContainsFunc(f.patterns, func(re *regexp.Regexp) bool { return re.MatchString(s) }) {
		return fmt.Errorf("%q does not match the pattern", s)
	}
	letters := utf8.RuneCountInString(s)
	switch {
	case f.length != nil && letters != *f.length:
		return fmt.Errorf("%q has %d letters, not %d", s, letters, *f.length)
	case f.minLen != nil && letters < *f.minLen:
		return fmt.Errorf("%q has %d letters, fewer than %d", s, letters, *f.minLen)
	case f.maxLen != nil && letters > *f.maxLen:
		return fmt.Errorf("the text has %d letters, more than %d", letters, *f.maxLen)
	}
	if err := f.digitsOf(s); err != nil {
		return err
	}
	return f.bounds(kind, s)
}

func (f *facets) digitsOf(s string) error {
	whole, fraction, _ := strings.Cut(strings.TrimLeft(s, "+-0"), ".")
	fraction = strings.TrimRight(fraction, "0")
	if f.fraction != nil && len(fraction) > *f.fraction {
		return fmt.Errorf("%q has more than %d decimals", s, *f.fraction)
	}
	if f.digits != nil && len(whole)+len(fraction) > *f.digits {
		return fmt.Errorf("%q has more than %d digits", s, *f.digits)
	}
	return nil
}

func (f *facets) bounds(kind, s string) error {
	for _, b := range []struct {
		limit *string
		ok    func(c int) bool
		text  string
	}{
		{f.minIn, func(c int) bool { return c >= 0 }, "less than"}, {f.maxIn, func(c int) bool { return c <= 0 }, "more than"},
		{f.minEx, func(c int) bool { return c > 0 }, "not more than"}, {f.max, func(c int) bool { return c < 0 }, "not less than"},
	} {
		if b.limit == nil {
			continue
		}
		c, err := compare(kind, s, *b.limit)
		if err != nil {
			return err
		}
		if !b.ok(c) {
			return fmt.Errorf("%q is %s %s", s, b.text, *b.limit)
		}
	}
	return nil
}

// compare orders two values of a kind.
func compare(kind, a, b string) (int, error) {
	switch kind {
	case "integer", "unsigned", "positive", "decimal", "double":
		if len(a)+len(b) > 200 || strings.ContainsAny(a+b, "eEIN") {
			return 0, errors.New("the number is too large to compare")
		}
		x, ok1 := new(big.Rat).SetString(strings.TrimPrefix(a, "+"))
		y, ok2 := new(big.Rat).SetString(strings.TrimPrefix(b, "+"))
		if !ok1 || !ok2 {
			return 0, fmt.Errorf("%q cannot be compared with %q", a, b)
		}
		return x.Cmp(y), nil
	case "dateTime":
		x, err1 := time.Parse(time.RFC3339Nano, zoned(a))
		y, err2 := time.Parse(time.RFC3339Nano, zoned(b))
		return x.Compare(y), errors.Join(err1, err2)
	}
	return strings.Compare(a, b), nil
}

// zoned is a time with a zone, UTC where it has none.
func zoned(s string) string {
	if _, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return s
	}
	return s + "Z"
}

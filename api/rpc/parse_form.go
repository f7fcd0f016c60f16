package rpc

import (
	"net/url"
	"strconv"
	"strings"
)

// steps splits the name of a form's value into the path it stands for: a[0][x] and a:0:x are both a, 0, x. An empty pair of
// brackets is the next free index.
func steps(name string) []string {
	base, rest, brackets := strings.Cut(name, "[")
	if brackets && base != "" && strings.HasSuffix(rest, "]") {
		return append(colons(base), strings.Split(rest[:len(rest)-1], "][")...)
	}
	return colons(name)
}

// colons splits a top-level key of any source.
func colons(key string) []string {
	if strings.IndexByte(key, ':') < 0 {
		return []string{key}
	}
	var path []string
	for s := range strings.SplitSeq(key, ":") {
		if s != "" {
			path = append(path, s)
		}
	}
	if path == nil {
		return []string{key}
	}
	return path
}

// form fills a request's tree from values of a form or query.
type form struct {
	root   *node
	budget *budget
	next   map[string]int // by name with empty brackets
}

func (f *form) set(name string, v *node) error {
	if err := f.budget.spend(); err != nil {
		return err
	}
	name = strings.ToValidUTF8(name, "")
	path := steps(name)
	if len(path) > maxDepth {
		return errDepth
	}
	for i, s := range path {
		if s == "" && i > 0 {
			if f.next == nil {
				f.next = map[string]int{}
			}
			prefix := strings.Join(path[:i], ":")
			path[i] = strconv.Itoa(f.next[prefix])
			f.next[prefix]++
		}
	}
	f.root.fill(path, v)
	return nil
}

func (f *form) text(name, value string) error {
	return f.set(name, &node{kind: text, text: strings.ToValidUTF8(value, "")})
}

// query reads pairs in the form encoding. Of a name given twice the last counts, as PHP has it.
func (f *form) query(raw string) error {
	type pair struct{ name, value string }
	var pairs []pair
	last := map[string]int{}
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		k, v, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(k)
		if err != nil || name == "" {
			continue
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			value = v
		}
		if at, twice := last[name]; twice && !strings.HasSuffix(name, "[]") {
			pairs[at].value = value
			continue
		}
		if err := f.budget.spend(); err != nil {
			return err
		}
		last[name] = len(pairs)
		pairs = append(pairs, pair{name, value})
	}
	for _, p := range pairs {
		if err := f.text(p.name, p.value); err != nil {
			return err
		}
	}
	return nil
}

// object fills in the values of an object, whose keys may hold colons.
func (f *form) object(o *node) error {
	for i, key := range o.keys {
		path := colons(key)
		if len(path) > maxDepth {
			return errDepth
		}
		f.root.fill(path, o.list[i])
	}
	return nil
}

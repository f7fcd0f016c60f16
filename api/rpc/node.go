package rpc

import (
	"slices"
	"strconv"
	"strings"
)

// node is one value of a request: whatever the request's encoding, a tree of these.
type node struct {
	kind kind
	text string   // of text, number and boolean ("true", "false")
	keys []string // of an object, in the order of arrival
	list []*node  // values of the keys, or items
	file *Upload
	at   map[string]int // position of each key, once there are many
}

type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	object
	list
	file
)

// manyKeys is from how many keys on an object keeps a map of them.
const manyKeys = 24

func (n *node) scalar() bool { return n.kind == text || n.kind == number || n.kind == boolean }

// find is the position of a key of an object, or -1.
func (n *node) find(key string) int {
	if n.at == nil {
		return slices.Index(n.keys, key)
	}
	if i, ok := n.at[key]; ok {
		return i
	}
	return -1
}

// get is the value of a key; nil when there is none or it is null.
func (n *node) get(key string) *node {
	if n == nil || n.kind != object {
		return nil
	}
	if i := n.find(key); i >= 0 && n.list[i].kind != null {
		return n.list[i]
	}
	return nil
}

// str is the text of a key's scalar; empty when there is none.
func (n *node) str(key string) string {
	if v := n.get(key); v != nil && v.scalar() {
		return v.text
	}
	return ""
}

// add gives an object a key that it does not have.
func (n *node) add(key string, v *node) {
	n.keys, n.list = append(n.keys, key), append(n.list, v)
	switch {
	case n.at != nil:
		n.at[key] = len(n.keys) - 1
	case len(n.keys) > manyKeys:
		n.at = make(map[string]int, 2*manyKeys)
		for i, k := range n.keys {
			n.at[k] = i
		}
	}
}

// put gives an object a key; a later value replaces an earlier one, as in JSON.
func (n *node) put(key string, v *node) {
	if i := n.find(key); i >= 0 {
		n.list[i] = v
		return
	}
	n.add(key, v)
}

// fill puts v where path leads to, unless a value is there already: sources of a request are read in the order of their
// precedence. Objects are merged.
func (n *node) fill(path []string, v *node) {
	if len(path) == 0 {
		n.merge(v)
		return
	}
	if n.kind == null {
		*n = node{kind: object}
	}
	if n.kind != object {
		return // a value of higher precedence is here
	}
	i := n.find(path[0])
	if i < 0 {
		n.add(path[0], nest(path[1:], v))
		return
	}
	n.list[i].fill(path[1:], v)
}

// nest is v inside of an object for each step of path.
func nest(path []string, v *node) *node {
	for _, key := range slices.Backward(path) {
		o := &node{kind: object}
		o.add(key, v)
		v = o
	}
	return v
}

func (n *node) merge(v *node) {
	if n.kind == null {
		*n = *v
		return
	}
	if n.kind != object || v.kind != object {
		return
	}
	for i, key := range v.keys {
		if at := n.find(key); at >= 0 {
			n.list[at].merge(v.list[i])
		} else {
			n.add(key, v.list[i])
		}
	}
}

// items are the items of an array: of a JSON array, or of an object whose keys order them, numerically if all are
// integers. The key "-" stands for an empty array.
func (n *node) items() (items []*node, ok bool) {
	if n.kind == list {
		return n.list, true
	}
	if n.kind != object {
		return nil, false
	}
	type item struct {
		key    string
		number int64
		node   *node
	}
	sorted, numeric := make([]item, 0, len(n.keys)), true
	for i, key := range n.keys {
		if key == "-" {
			continue
		}
		at, err := strconv.ParseInt(key, 10, 64)
		numeric = numeric && err == nil
		sorted = append(sorted, item{key, at, n.list[i]})
	}
	slices.SortStableFunc(sorted, func(a, b item) int {
		switch {
		case !numeric:
			return strings.Compare(a.key, b.key)
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		}
		return 0
	})
	for _, s := range sorted {
		items = append(items, s.node)
	}
	return items, true
}

// plain is the value as Go's basic types, for values that are kept as they came.
func (n *node) plain() any {
	switch n.kind {
	case text:
		return n.text
	case number:
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(n.text, 64) // what overflows becomes infinite, as a float does
		return f
	case boolean:
		return n.text == "true"
	case object:
		m := make(map[string]any, len(n.keys))
		for i, k := range n.keys {
			m[k] = n.list[i].plain()
		}
		return m
	case list:
		a := make([]any, len(n.list))
		for i, v := range n.list {
			a[i] = v.plain()
		}
		return a
	}
	return nil
}

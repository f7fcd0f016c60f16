package delivery

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"

	"sluice/catalog"
)

// split takes a delivery path apart: the kind of request, the account it names, and the raw pairs that follow.
func split(path string) (kind string, partner catalog.AccountID, rest string) {
	if after, ok := strings.CutPrefix(path, "/t/"); ok {
		_, path, _ = strings.Cut(after, "/")
		path = "/" + path
	}
	_, path, ok := strings.Cut(path, "/p/")
	if !ok {
		return "", 0, ""
	}
	number, path, _ := strings.Cut(path, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 {
		return "", 0, ""
	}
	if after, ok := strings.CutPrefix(path, "sp/"); ok {
		_, path, _ = strings.Cut(after, "/")
	}
	kind, rest, _ = strings.Cut(path, "/")
	return kind, catalog.AccountID(id), rest
}

// token is the token at the front of a path; "" when there is none.
func token(path string) string {
	after, ok := strings.CutPrefix(path, "/t/")
	if !ok {
		return ""
	}
	t, _, _ := strings.Cut(after, "/")
	return t
}

// cutServed splits the path of a flavor's URL behind the word that marks it.
func cutServed(path string) (before, after string, ok bool) {
	return strings.Cut(path, "/serveFlavor/")
}

// params are the pairs of a path and of the query; the first of a name counts, the path before the query.
type params map[string]string

func readParams(rest, query string) params {
	p := params{}
	add := func(key, value string) {
		if _, dup := p[key]; !dup && key != "" {
			p[key] = value
		}
	}
	for rest != "" {
		var key, value string
		key, rest, _ = strings.Cut(rest, "/")
		if key == "" {
			continue // a doubled slash
		}
		value, rest, _ = strings.Cut(rest, "/")
		add(unescape(key), unescape(value))
	}
	for item := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(item, "=")
		k, err1 := url.QueryUnescape(key)
		v, err2 := url.QueryUnescape(value)
		if err1 == nil && err2 == nil {
			add(k, v)
		}
	}
	return p
}

func unescape(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}

// first returns the value of the first of the names that is given.
func (p params) first(names ...string) string {
	for _, n := range names {
		if v, ok := p[n]; ok && v != "" {
			return v
		}
	}
	return ""
}

// list returns the members of a comma list.
func (p params) list(names ...string) []string {
	var out []string
	for v := range strings.SplitSeq(p.first(names...), ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// ms reads milliseconds; 0 when the parameter is absent or negative.
func (p params) ms(name string) (int64, error) {
	v := p[name]
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fail(badParameter, "%s is not milliseconds", name)
	}
	return max(0, n), nil
}

// referrer decodes a page's URL from base64, in either alphabet; text that is none stays as it is.
func referrer(s string) string {
	t := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	if b, err := base64.RawStdEncoding.DecodeString(t); err == nil && strings.Contains(string(b), ".") {
		return string(b)
	}
	return s
}

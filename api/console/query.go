package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parseQuery reads the query of a request and refuses parameters that the route does not know: a mistyped filter must not
// look like one that matched everything.
func parseQuery(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeInvalid, "the query cannot be read: %v", err)
	}
	for name, values := range q {
		if !slices.Contains(known, name) {
			return nil, refuse(http.StatusBadRequest, codeInvalid, "%q is not a parameter here; those are %s",
				name, strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return nil, refuse(http.StatusBadRequest, codeInvalid, "%s is given %d times", name, len(values))
		}
	}
	return q, nil
}

func page(q url.Values) (limit, offset int, err error) {
	if limit, err = number(q, "limit", defaultLimit, 1, maxLimit); err != nil {
		return 0, 0, err
	}
	offset, err = number(q, "offset", 0, 0, maxOffset)
	return limit, offset, err
}

func number(q url.Values, name string, missing, low, high int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, refuse(http.StatusBadRequest, codeInvalid, "%s: %q is not a number from %d to %d", name, text, low, high)
	}
	return n, nil
}

// flag reads a parameter that is true or false; missing is false.
func flag(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, refuse(http.StatusBadRequest, codeInvalid, "%s: %q is not true or false", name, q.Get(name))
}

// keys lists the keys of a map for a message.
func keys[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

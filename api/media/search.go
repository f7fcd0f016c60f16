package media

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// Types of KalturaSearchOperator and KalturaMetadataSearchItem.
const searchOr = 2

// maxSearchDepth bounds operators within operators; the catalog bounds how many conditions there are.
const maxSearchDepth = 8

// comparisons are KalturaSearchConditionComparison.
var comparisons = map[string]catalog.Op{
	"": catalog.OpEq, "1": catalog.OpEq, "2": catalog.OpGT, "3": catalog.OpGTE, "4": catalog.OpLT, "5": catalog.OpLTE, "6": catalog.OpEq,
}

const notEqual = "6"

// search is a filter's advancedSearch as a condition: what the custom metadata of entries has to be. It is nil where nothing
// is looked for.
func search(s map[string]any) (*catalog.Cond, error) {
	if len(members(s["items"])) == 0 {
		return nil, nil
	}
	m, err := searchItem(s, 0, 0)
	if err != nil {
		return nil, err
	}
	return &catalog.Cond{Field: "metadata", Op: catalog.OpMatchAnd, Values: []any{m}}, nil
}

// searchItem reads one item of any class; profile is that of the metadata it is about, or 0.
func searchItem(s map[string]any, profile int64, depth int) (catalog.MetadataMatch, error) {
	var out catalog.MetadataMatch
	if depth > maxSearchDepth {
		return out, badSearch("items")
	}
	class := strings.TrimPrefix(strings.ToLower(word(s["objectType"])), "kaltura")
	if id := word(s["metadataProfileId"]); id != "" {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return out, badSearch("metadataProfileId")
		}
		profile = n
	}
	items := members(s["items"])
	if class == "searchoperator" || class == "metadatasearchitem" || len(items) > 0 {
		out.Any = word(s["type"]) == strconv.Itoa(searchOr)
		for _, item := range items {
			m, err := searchItem(item, profile, depth+1)
			if err != nil {
				return out, err
			}
			out.Terms = append(out.Terms, m)
		}
		return out, nil
	}
	if profile == 0 {
		return out, rpc.E("FEATURE_FORBIDDEN", "FEATURE", "advancedSearch of "+cmp.Or(word(s["objectType"]), "items without a metadataProfileId"))
	}
	return searchCondition(s, profile)
}

// searchCondition reads a condition on one element of a profile's metadata. A star ends what the element has to begin with.
func searchCondition(s map[string]any, profile int64) (catalog.MetadataMatch, error) {
	out := catalog.MetadataMatch{Profile: profile, Field: elementPath(word(s["field"])), Value: word(s["value"])}
	switch {
	case out.Field == "":
		return out, badSearch("field")
	case strings.ContainsRune(out.Field+out.Value, 0):
		return out, rpc.E("INVALID_PARAMETER_CHAR", "XML_FIELD", "advancedSearch")
	}
	comparison := word(s["comparison"])
	op, known := comparisons[comparison]
	if !known {
		return out, rpc.E("INVALID_ENUM_VALUE", "ENUM_VAL", comparison, "PARAM_NAME", "comparison", "ENUM_TYPE", "KalturaSearchConditionComparison")
	}
	out.Op = op
	out.Not = comparison == notEqual || truth(word(s["not"])) == 1
	if start, ok := strings.CutSuffix(out.Value, "*"); ok && op == catalog.OpEq {
		out.Op, out.Value = catalog.OpStartsWith, start
	}
	return out, nil
}

// step is one step of the paths that metadataProfile.listFields tells: /*[local-name()='metadata'], or plainly /metadata.
var step = regexp.MustCompile(`^/(?:\*\[local-name\(\)=(?:'([^'/]+)'|"([^"/]+)")\]|([^/\[\]*:'"]+))`)

// elementPath is an XPath as the catalog names elements; empty for paths of other kinds.
func elementPath(xpath string) string {
	var names []string
	for rest := xpath; rest != ""; {
		m := step.FindStringSubmatch(rest)
		if m == nil {
			return ""
		}
		names = append(names, cmp.Or(m[1], m[2], m[3]))
		rest = rest[len(m[0]):]
	}
	return strings.Join(names, "/")
}

func badSearch(name string) error {
	return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "advancedSearch:"+name)
}

// members are the objects of a list, which forms send as a map by index.
func members(v any) []map[string]any {
	var all []any
	switch v := v.(type) {
	case []any:
		all = v
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, v[key])
		}
	}
	var out []map[string]any
	for _, v := range all {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// word is a scalar as text.
func word(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

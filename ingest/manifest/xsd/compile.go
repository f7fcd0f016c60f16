package xsd

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// compiler turns the nodes of a schema into types.
type compiler struct {
	types, elements map[string]*node
	done            map[string]*typ
	doing           map[string]bool
	patterns        int
	// made counts elements: references and types that refer to each other may multiply.
	made int
}

// allowed refuses attributes and children of a node that are not understood.
func allowed(n *node, attrs, kids string) error {
	for name := range n.attrs {
		if !slices.Contains(strings.Fields(attrs), name) {
			return n.wrong("attribute %s of %s is not understood", name, n.name)
		}
	}
	for _, k := range n.kids {
		if k.foreign || !slices.Contains(strings.Fields(kids), k.name) {
			return k.wrong("%s in %s is not understood", k.name, n.name)
		}
	}
	return nil
}

// element compiles a declaration or a reference.
func (c *compiler) element(n *node, depth int) (*element, error) {
	if depth > maxDepth {
		return nil, n.wrong("elements are nested more than %d deep, or without end", maxDepth)
	}
	if c.made++; c.made > maxNodes {
		return nil, n.wrong("the schema comes to more than %d elements", maxNodes)
	}
	err := allowed(n, "id name ref type minOccurs maxOccurs nillable default form", "annotation complexType simpleType")
	if err != nil {
		return nil, err
	}
	low, high, err := occurs(n)
	if err != nil {
		return nil, err
	}
	if ref := bare(n.attrs["ref"]); ref != "" {
		at := c.elements[ref]
		if at == nil {
			return nil, n.wrong("there is no element %s", ref)
		}
		e, err := c.element(at, depth+1)
		if err != nil {
			return nil, err
		}
		e.min, e.max = low, high
		return e, nil
	}
	e := &element{name: n.attrs["name"], min: low, max: high, id: n.attrs["id"]}
	if e.name == "" {
		return nil, n.wrong("an element has no name")
	}
	for _, k := range n.kids {
		switch k.name {
		case "annotation":
			e.annotate(k)
		default:
			if n.attrs["type"] != "" || e.typ != nil {
				return nil, k.wrong("element %s has two types", e.name)
			}
			if e.typ, err = c.compile(k, depth+1); err != nil {
				return nil, err
			}
		}
	}
	if e.typ == nil {
		e.typ, err = c.use(n, n.attrs["type"], depth+1)
	}
	return e, err
}

// annotate takes what forms show of an element.
func (e *element) annotate(n *node) {
	for _, k := range n.kids {
		for _, info := range append([]*node{k}, k.kids...) {
			switch info.name {
			case "label":
				e.label = strings.TrimSpace(info.text)
			case "key":
				e.key = strings.TrimSpace(info.text)
			}
		}
	}
}

// bare is a name without its prefix.
func bare(name string) string {
	if _, local, ok := strings.Cut(name, ":"); ok {
		return local
	}
	return name
}

// builtin are the types of the standard that are understood, and those that they narrow.
var builtin = map[string]string{
	"anyType": "string", "anySimpleType": "string", "string": "string", "normalizedString": "string", "token": "token", "language": "token", "Name": "token",
	"NCName": "token", "NMTOKEN": "token", "ID": "token", "IDREF": "token", "anyURI": "token", "boolean": "boolean",
	"decimal": "decimal", "integer": "integer", "long": "integer", "int": "integer", "short": "integer", "byte": "integer",
	"nonNegativeInteger": "unsigned", "positiveInteger": "positive", "nonPositiveInteger": "integer", "negativeInteger": "integer",
	"unsignedLong": "unsigned", "unsignedInt": "unsigned", "unsignedShort": "unsigned", "unsignedByte": "unsigned",
	"float": "double", "double": "double", "date": "date", "dateTime": "dateTime", "time": "time", "gYear": "year", "duration": "duration",
}

// use returns the type of a name.
func (c *compiler) use(n *node, name string, depth int) (*typ, error) {
	if name == "" {
		return &typ{kind: "string"}, nil
	}
	local := bare(name)
	if at := c.types[local]; at != nil {
		return c.named(at, local, depth)
	}
	kind, ok := builtin[local]
	if !ok {
		return nil, n.wrong("type %s is not understood", name)
	}
	return &typ{name: local, kind: kind}, nil
}

// named compiles a type of the schema, once.
func (c *compiler) named(n *node, name string, depth int) (*typ, error) {
	if t := c.done[name]; t != nil {
		return t, nil
	}
	if c.doing[name] || depth > maxDepth {
		return nil, n.wrong("type %s contains itself", name)
	}
	c.doing[name] = true
	defer delete(c.doing, name)
	t, err := c.compile(n, depth+1)
	if err == nil {
		t.name = name
		c.done[name] = t
	}
	return t, err
}

func (c *compiler) compile(n *node, depth int) (*typ, error) {
	if n.name == "simpleType" {
		return c.simple(n, depth)
	}
	return c.complex(n, depth)
}

// simple compiles a type of text.
func (c *compiler) simple(n *node, depth int) (*typ, error) {
	if err := allowed(n, "id name", "annotation restriction"); err != nil {
		return nil, err
	}
	for _, k := range n.kids {
		if k.name == "restriction" {
			return c.restriction(k, depth)
		}
	}
	return nil, n.wrong("simpleType has no restriction")
}

const facetNames = "enumeration pattern length minLength maxLength minInclusive maxInclusive minExclusive maxExclusive totalDigits fractionDigits whiteSpace"

func (c *compiler) restriction(n *node, depth int) (*typ, error) {
	if err := allowed(n, "id base", "annotation simpleType attribute "+facetNames); err != nil {
		return nil, err
	}
	base, err := c.use(n, n.attrs["base"], depth+1)
	if err != nil {
		return nil, err
	}
	t := &typ{base: base, kind: base.kind, attrs: base.attrs}
	for _, k := range n.kids {
		switch k.name {
		case "annotation":
		case "simpleType":
			return nil, k.wrong("simpleType in restriction is not understood")
		case "attribute":
			if err := c.attribute(t, k, depth); err != nil {
				return nil, err
			}
		default:
			if err := c.facet(&t.facets, k); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (c *compiler) facet(f *facets, n *node) error {
	if err := allowed(n, "id value fixed", "annotation"); err != nil {
		return err
	}
	value := n.attrs["value"]
	number := func(into **int) error {
		v, err := strconv.Atoi(value)
		if err != nil || v < 0 {
			return n.wrong("%s is %q", n.name, value)
		}
		*into = &v
		return nil
	}
	switch n.name {
	case "enumeration":
		f.enum = append(f.enum, value)
	case "pattern":
		if c.patterns++; c.patterns > maxPatterns {
			return n.wrong("the schema has more than %d patterns", maxPatterns)
		}
		re, err := regexp.Compile(`^(?:` + strings.NewReplacer(`\i`, `[A-Za-z_:]`, `\c`, `[-.0-9:A-Z_a-z]`).Replace(value) + `)$`)
		if err != nil {
			return n.wrong("pattern %q is not understood", value)
		}
		f.patterns = append(f.patterns, re)
	case "length":
		return number(&f.length)
	case "minLength":
		return number(&f.minLen)
	case "maxLength":
		return number(&f.maxLen)
	case "totalDigits":
		return number(&f.digits)
	case "fractionDigits":
		return number(&f.fraction)
	case "minInclusive":
		f.minIn = &value
	case "maxInclusive":
		f.maxIn = &value
	case "minExclusive":
		f.minEx = &value
	case "maxExclusive":
		f.max = &value
	case "whiteSpace":
		f.space = value
	}
	return nil
}

// complex compiles a type of elements, or of text with attributes.
func (c *compiler) complex(n *node, depth int) (*typ, error) {
	if err := allowed(n, "id name", "annotation sequence choice all attribute simpleContent"); err != nil {
		return nil, err
	}
	t := &typ{complex: true, kind: "none", model: &particle{min: 1, max: 1}}
	for _, k := range n.kids {
		switch k.name {
		case "annotation":
		case "attribute":
			if err := c.attribute(t, k, depth); err != nil {
				return nil, err
			}
		case "simpleContent":
			return c.content(k, depth)
		default:
			p, err := c.particle(k, depth+1)
			if err != nil {
				return nil, err
			}
			t.model = p
		}
	}
	return t, nil
}

// content compiles text with attributes.
func (c *compiler) content(n *node, depth int) (*typ, error) {
	if err := allowed(n, "id", "annotation extension restriction"); err != nil {
		return nil, err
	}
	for _, k := range n.kids {
		switch k.name {
		case "restriction":
			return c.restriction(k, depth)
		case "extension":
			if err := allowed(k, "id base", "annotation attribute"); err != nil {
				return nil, err
			}
			base, err := c.use(k, k.attrs["base"], depth+1)
			if err != nil {
				return nil, err
			}
			t := &typ{base: base, kind: base.kind, attrs: slices.Clone(base.attrs)}
			for _, a := range k.kids {
				if a.name == "attribute" {
					if err := c.attribute(t, a, depth); err != nil {
						return nil, err
					}
				}
			}
			return t, nil
		}
	}
	return nil, n.wrong("simpleContent is empty")
}

func (c *compiler) attribute(t *typ, n *node, depth int) error {
	if err := allowed(n, "id name type use default", "annotation simpleType"); err != nil {
		return err
	}
	a := attribute{name: n.attrs["name"], required: n.attrs["use"] == "required"}
	var err error
	for _, k := range n.kids {
		if k.name == "simpleType" {
			a.typ, err = c.simple(k, depth+1)
		}
	}
	if a.typ == nil && err == nil {
		a.typ, err = c.use(n, n.attrs["type"], depth+1)
	}
	t.attrs = append(t.attrs, a)
	return err
}

// particle compiles a sequence, choice or all.
func (c *compiler) particle(n *node, depth int) (*particle, error) {
	if depth > maxDepth {
		return nil, n.wrong("elements are nested more than %d deep, or without end", maxDepth)
	}
	if err := allowed(n, "id minOccurs maxOccurs", "annotation element sequence choice"); err != nil {
		return nil, err
	}
	low, high, err := occurs(n)
	if err != nil {
		return nil, err
	}
	p := &particle{choice: n.name == "choice", any: n.name == "all", min: low, max: high}
	for _, k := range n.kids {
		switch k.name {
		case "element":
			e, err := c.element(k, depth+1)
			if err != nil {
				return nil, err
			}
			p.parts = append(p.parts, &particle{element: e, min: e.min, max: e.max})
		case "sequence", "choice":
			inner, err := c.particle(k, depth+1)
			if err != nil {
				return nil, err
			}
			p.parts = append(p.parts, inner)
		}
	}
	return p, nil
}

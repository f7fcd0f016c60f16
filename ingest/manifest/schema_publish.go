package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// XSD returns the schema of the XML form, for editors and validators.
func XSD() []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="unqualified">
  <xs:element name="mrss">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="ks" type="xs:string" minOccurs="0"/>
        <xs:element name="channel" maxOccurs="unbounded">
          <xs:complexType>
            <xs:sequence>
              <xs:element name="item" type="item" minOccurs="0" maxOccurs="unbounded"/>
            </xs:sequence>
          </xs:complexType>
        </xs:element>
      </xs:sequence>
      <xs:attribute name="version" type="xs:decimal"/>
    </xs:complexType>
  </xs:element>
  <xs:complexType name="item">
`)
	writeModel(&b, itemSchema, "    ")
	b.WriteString("  </xs:complexType>\n</xs:schema>\n")
	return []byte(b.String())
}

// writeModel writes what is in a complex type: children in order, alternatives, children in any order, attributes.
func writeModel(b *strings.Builder, e *element, indent string) {
	fmt.Fprintf(b, "%s<xs:sequence>\n", indent)
	inner := indent + "  "
	var loose []*element
	children := []*element{}
	for _, c := range e.children {
		switch {
		case c.attr || c.onlyJSON:
		case c.loose:
			loose = append(loose, c)
		default:
			children = append(children, c)
		}
	}
	manyKinds := len(e.members()) > 2
	for i := 0; i < len(children); {
		n := alike(children[i:], manyKinds)
		writeRun(b, children[i:i+n], inner, manyKinds && children[i].many)
		i += n
	}
	if len(loose) > 0 {
		fmt.Fprintf(b, "%s<xs:choice minOccurs=\"0\" maxOccurs=\"unbounded\">\n", inner)
		for _, c := range loose {
			writeElement(b, c, inner+"  ", 1)
		}
		fmt.Fprintf(b, "%s</xs:choice>\n", inner)
	}
	fmt.Fprintf(b, "%s</xs:sequence>\n", indent)
	writeAttributes(b, e, indent)
}

// alike is how many of the first elements are alternatives.
func alike(list []*element, manyKinds bool) int {
	n := 1
	base, _, _ := strings.Cut(list[0].choice, "+")
	for n < len(list) {
		next, _, _ := strings.Cut(list[n].choice, "+")
		if (base == "" || next != base) && !(manyKinds && list[0].many && list[n].many) {
			break
		}
		n++
	}
	return n
}

// writeRun writes one element, or several of which one may be there.
func writeRun(b *strings.Builder, run []*element, indent string, repeated bool) {
	if len(run) == 1 {
		low := 0
		if run[0].required {
			low = 1
		}
		writeElement(b, run[0], indent, low)
		return
	}
	bounds := ` minOccurs="0"`
	switch {
	case repeated:
		bounds += ` maxOccurs="unbounded"`
	case strings.HasSuffix(run[0].choice, "!"):
		bounds = ""
	}
	fmt.Fprintf(b, "%s<xs:choice%s>\n", indent, bounds)
	for i := 0; i < len(run); i++ {
		if i+1 < len(run) && strings.Contains(run[i+1].choice, "+") { // goes with the one before
			fmt.Fprintf(b, "%s  <xs:sequence>\n", indent)
			writeElement(b, run[i], indent+"    ", 1)
			writeElement(b, run[i+1], indent+"    ", 0)
			fmt.Fprintf(b, "%s  </xs:sequence>\n", indent)
			i++
			continue
		}
		writeElement(b, run[i], indent+"  ", 1)
	}
	fmt.Fprintf(b, "%s</xs:choice>\n", indent)
}

func writeElement(b *strings.Builder, e *element, indent string, low int) {
	bounds := ""
	if low == 0 {
		bounds = ` minOccurs="0"`
	}
	if e.many {
		bounds += ` maxOccurs="unbounded"`
		if e.choice == "category" {
			bounds = fmt.Sprintf(` maxOccurs="%d"`, maxCategories)
		}
	}
	if len(e.children) == 0 && simpleType(e) == "" {
		fmt.Fprintf(b, "%s<xs:element name=%q type=%q%s/>\n", indent, e.name, xsType(e.kind), bounds)
		return
	}
	fmt.Fprintf(b, "%s<xs:element name=%q%s>\n", indent, e.name, bounds)
	switch {
	case e.kind == free:
		fmt.Fprintf(b, "%s  <xs:complexType mixed=\"true\"><xs:sequence><xs:any processContents=\"skip\" minOccurs=\"0\" maxOccurs=\"unbounded\"/></xs:sequence></xs:complexType>\n", indent)
	case e.kind == group:
		fmt.Fprintf(b, "%s  <xs:complexType>\n", indent)
		writeModel(b, e, indent+"    ")
		fmt.Fprintf(b, "%s  </xs:complexType>\n", indent)
	case len(e.children) > 0: // a text with attributes
		fmt.Fprintf(b, "%s  <xs:complexType><xs:simpleContent><xs:extension base=%q>\n", indent, xsType(e.kind))
		writeAttributes(b, e, indent+"    ")
		fmt.Fprintf(b, "%s  </xs:extension></xs:simpleContent></xs:complexType>\n", indent)
	default:
		fmt.Fprintf(b, "%s  %s\n", indent, simpleType(e))
	}
	fmt.Fprintf(b, "%s</xs:element>\n", indent)
}

func writeAttributes(b *strings.Builder, e *element, indent string) {
	for _, c := range e.children {
		if !c.attr {
			continue
		}
		use := ""
		if c.required {
			use = ` use="required"`
		}
		if t := simpleType(c); t != "" {
			fmt.Fprintf(b, "%s<xs:attribute name=%q%s>%s</xs:attribute>\n", indent, c.name, use, t)
		} else {
			fmt.Fprintf(b, "%s<xs:attribute name=%q type=%q%s/>\n", indent, c.name, xsType(c.kind), use)
		}
	}
}

func xsType(k kind) string {
	return map[kind]string{text: "xs:string", enum: "xs:string", integer: "xs:long", boolean: "xs:boolean", dateTime: "xs:dateTime", clock: "xs:time", group: "xs:anyType", free: "xs:anyType"}[k]
}

// simpleType is the anonymous type of a bounded text or of an enumeration, "" for others; a free element has none of its own.
func simpleType(e *element) string {
	switch {
	case e.kind == free:
		return "-"
	case e.kind == enum:
		var b strings.Builder
		for _, v := range e.values {
			fmt.Fprintf(&b, "<xs:enumeration value=%q/>", v)
		}
		return `<xs:simpleType><xs:restriction base="xs:token">` + b.String() + `</xs:restriction></xs:simpleType>`
	case e.kind == text && e.max > 0:
		return fmt.Sprintf(`<xs:simpleType><xs:restriction base="xs:string"><xs:maxLength value="%d"/></xs:restriction></xs:simpleType>`, e.max)
	}
	return ""
}

// JSONSchema returns the schema of the JSON form (JSON Schema 2020-12): of a document, whose items are of "#/$defs/item".
func JSONSchema() []byte {
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sluice ingest document", "type": "object",
		"properties": map[string]any{"items": map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/item"}}},
		"required":   []string{"items"}, "additionalProperties": false,
		"$defs": map[string]any{"item": jsonType(itemSchema)},
	}
	b, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil // maps and texts always encode
	}
	return append(b, '\n')
}

// jsonType is an element as JSON Schema.
func jsonType(e *element) map[string]any {
	var out map[string]any
	switch {
	case e.kind == free:
		out = map[string]any{"type": []string{"object", "string"}}
	case e.kind != group && len(e.children) > 0:
		object := jsonObject(e)
		object["properties"].(map[string]any)["value"] = scalarType(e)
		out = map[string]any{"anyOf": []any{scalarType(e), object}}
	case e.kind != group:
		out = scalarType(e)
	case len(e.members()) > 0:
		list := map[string]any{"type": "array", "items": memberType(e)}
		long := jsonObject(e)
		long["properties"].(map[string]any)["items"] = list
		out = map[string]any{"anyOf": []any{list, long}}
	default:
		out = jsonObject(e)
		for _, c := range e.children {
			if c.attr && c.required { // the short form
				out = map[string]any{"anyOf": []any{map[string]any{"type": "string", "maxLength": c.max}, out}}
				break
			}
		}
	}
	if e.doc != "" {
		out["description"] = e.doc
	}
	return out
}

// memberType is what a list in JSON holds.
func memberType(e *element) map[string]any {
	members := e.members()
	if len(members) == 1 {
		return jsonType(members[0])
	}
	var kinds []any
	for _, m := range members {
		t := jsonType(m)
		if len(members) > 2 {
			t["properties"].(map[string]any)["type"] = map[string]any{"const": m.jsonName()}
			required, _ := t["required"].([]string)
			t["required"] = append(required, "type")
		}
		kinds = append(kinds, t)
	}
	return map[string]any{"anyOf": kinds}
}

func jsonObject(e *element) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, c := range e.children {
		if c.many && !c.attr {
			continue // in the list
		}
		properties[c.jsonName()] = jsonType(c)
		if c.required {
			required = append(required, c.jsonName())
		}
	}
	out := map[string]any{"type": "object", "properties": properties, "patternProperties": map[string]any{"^x": true}, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func scalarType(e *element) map[string]any {
	switch e.kind {
	case integer:
		return map[string]any{"type": []string{"integer", "string"}, "pattern": `^-?[0-9]+$`}
	case boolean:
		return map[string]any{"type": []string{"boolean", "string"}}
	case enum:
		return map[string]any{"anyOf": []any{map[string]any{"enum": e.values}, map[string]any{"type": "integer"}}}
	case dateTime:
		return map[string]any{"type": []string{"string", "integer"}}
	case clock:
		return map[string]any{"type": "string", "pattern": `^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?$`}
	}
	out := map[string]any{"type": []string{"string", "number"}}
	if e.max > 0 {
		out["maxLength"] = e.max
	}
	return out
}

package xsd_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest/manifest/xsd"
)

// form is a schema as forms of custom metadata write it.
const form = `<?xml version="1.0" encoding="UTF-8"?>
<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <xsd:element name="metadata">
    <xsd:complexType>
      <xsd:sequence>
        <xsd:element id="md_1" name="Title" minOccurs="1" maxOccurs="1" type="textType">
          <xsd:annotation><xsd:documentation/><xsd:appinfo><label>The title</label><key>title</key><searchable>true</searchable></xsd:appinfo></xsd:annotation>
        </xsd:element>
        <xsd:element id="md_2" name="Until" minOccurs="0" maxOccurs="1" type="dateType"/>
        <xsd:element id="md_3" name="Region" minOccurs="0" maxOccurs="unbounded">
          <xsd:simpleType><xsd:restriction base="listType"><xsd:enumeration value="EU"/><xsd:enumeration value="US"/></xsd:restriction></xsd:simpleType>
        </xsd:element>
        <xsd:element name="Price" minOccurs="0">
          <xsd:simpleType><xsd:restriction base="xsd:decimal"><xsd:minInclusive value="0"/><xsd:maxExclusive value="100"/><xsd:fractionDigits value="2"/></xsd:restriction></xsd:simpleType>
        </xsd:element>
        <xsd:element name="Contact" minOccurs="0" maxOccurs="2">
          <xsd:complexType>
            <xsd:choice><xsd:element name="Mail" type="mailType"/><xsd:sequence><xsd:element name="Street"/><xsd:element name="City" type="xsd:string"/></xsd:sequence></xsd:choice>
            <xsd:attribute name="kind" use="required"><xsd:simpleType><xsd:restriction base="xsd:token"><xsd:maxLength value="4"/></xsd:restriction></xsd:simpleType></xsd:attribute>
          </xsd:complexType>
        </xsd:element>
        <xsd:element name="Any" minOccurs="0"><xsd:complexType><xsd:all><xsd:element name="A" type="xsd:boolean"/><xsd:element name="B" type="xsd:positiveInteger" minOccurs="0"/></xsd:all></xsd:complexType></xsd:element>
      </xsd:sequence>
    </xsd:complexType>
  </xsd:element>
  <xsd:complexType name="textType"><xsd:simpleContent><xsd:extension base="xsd:string"/></xsd:simpleContent></xsd:complexType>
  <xsd:complexType name="dateType"><xsd:simpleContent><xsd:extension base="xsd:long"/></xsd:simpleContent></xsd:complexType>
  <xsd:simpleType name="listType"><xsd:restriction base="xsd:string"/></xsd:simpleType>
  <xsd:simpleType name="mailType"><xsd:restriction base="xsd:string"><xsd:pattern value="[^@]+@[^@]+"/></xsd:restriction></xsd:simpleType>
</xsd:schema>`

var values = map[string]struct{ xml, wrong string }{
	"least":           {"<metadata><Title>t</Title></metadata>", ""},
	"all":             {"<metadata><Title>t</Title><Until>17</Until><Region>EU</Region><Region>US</Region><Price>9.90</Price><Contact kind='home'><Mail>a@b</Mail></Contact><Contact kind='w'><Street>s</Street><City>c</City></Contact><Any><B>1</B><A>true</A></Any></metadata>", ""},
	"missing":         {"<metadata/>", "line 1: metadata needs Title before its end"},
	"missing before":  {"<metadata><Until>1</Until></metadata>", "line 1: metadata needs Title before Until"},
	"order":           {"<metadata><Title>t</Title><Region>EU</Region><Until>1</Until></metadata>", "line 1: Until cannot be here in metadata"},
	"too many":        {"<metadata><Title>t</Title><Title>t</Title></metadata>", "line 1: Title cannot be here in metadata"},
	"unknown":         {"<metadata>\n<Title>t</Title>\n<Foo/></metadata>", "line 3: Foo cannot be here in metadata"},
	"enumeration":     {"<metadata><Title>t</Title><Region>Mars</Region></metadata>", `line 1: Region: "Mars" is not one of EU, US`},
	"number":          {"<metadata><Title>t</Title><Until>soon</Until></metadata>", `line 1: Until: "soon" is not of type integer`},
	"range":           {"<metadata><Title>t</Title><Price>100</Price></metadata>", `line 1: Price: "100" is not less than 100`},
	"negative":        {"<metadata><Title>t</Title><Price>-0.01</Price></metadata>", `line 1: Price: "-0.01" is less than 0`},
	"decimals":        {"<metadata><Title>t</Title><Price>1.234</Price></metadata>", `line 1: Price: "1.234" has more than 2 decimals`},
	"pattern":         {"<metadata><Title>t</Title><Contact kind='x'><Mail>nobody</Mail></Contact></metadata>", `line 1: Mail: "nobody" does not match the pattern`},
	"choice":          {"<metadata><Title>t</Title><Contact kind='x'/></metadata>", "line 1: Contact needs one of Mail, Street before its end"},
	"half a sequence": {"<metadata><Title>t</Title><Contact kind='x'><Street>s</Street></Contact></metadata>", "line 1: Contact needs City before its end"},
	"attribute":       {"<metadata><Title>t</Title><Contact><Mail>a@b</Mail></Contact></metadata>", "line 1: Contact needs attribute kind"},
	"long attribute":  {"<metadata><Title>t</Title><Contact kind='abcde'><Mail>a@b</Mail></Contact></metadata>", "line 1: attribute kind of Contact: the text has 5 letters, more than 4"},
	"other attribute": {"<metadata x='1'><Title>t</Title></metadata>", "line 1: metadata cannot have attribute x"},
	"all, missing":    {"<metadata><Title>t</Title><Any><B>1</B></Any></metadata>", "line 1: Any needs A before its end"},
	"all, not one":    {"<metadata><Title>t</Title><Any><A>1</A><B>0</B></Any></metadata>", `line 1: B: "0" is not of type positive`},
	"text":            {"<metadata>x<Title>t</Title></metadata>", "line 1: metadata has text, where only elements may be"},
	"elements":        {"<metadata><Title><b/></Title></metadata>", "line 1: b cannot be in Title, which is a value"},
	"root":            {"<other/>", "line 1: the root element is other, not metadata"},
	"not XML":         {"<metadata>", "line 1:11: "},
	"entity":          {"<!DOCTYPE metadata [<!ENTITY x 'y'>]><metadata><Title>&x;</Title></metadata>", "a document type declaration is not allowed"},
}

func TestValuesMeetTheSchema(t *testing.T) {
	s, err := xsd.Compile(form)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range values {
		t.Run(name, func(t *testing.T) {
			err := s.Validate(c.xml)
			switch {
			case c.wrong == "" && err != nil:
				t.Error(err)
			case c.wrong != "" && (!errors.Is(err, xsd.ErrInvalid) || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("%v, want %q", err, c.wrong)
			}
		})
	}
}

// TestXmllintAgrees holds the same values against the same schema with another validator.
func TestXmllintAgrees(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	dir := t.TempDir()
	schema := filepath.Join(dir, "schema.xsd")
	if err := os.WriteFile(schema, []byte(form), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range values {
		if strings.Contains(c.xml, "<!DOCTYPE") {
			continue // refused here, whatever it holds
		}
		path := filepath.Join(dir, "values.xml")
		if err := os.WriteFile(path, []byte(c.xml), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, path).CombinedOutput()
		if (err == nil) != (c.wrong == "") {
			t.Errorf("%s: we say %q, xmllint says %s", name, c.wrong, out)
		}
	}
}

func TestFieldsAreTheLeaves(t *testing.T) {
	s, err := xsd.Compile(form)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.Fields() {
		got = append(got, f.Key+"|"+f.Label)
	}
	want := []string{"title|The title", "Until|Until", "Region|Region", "Price|Price", "Mail|Mail", "Street|Street", "City|City", "A|A", "B|B"}
	if d := cmp.Diff(want, got); d != "" || s.Fields()[0].XPath != "/*[local-name()='metadata']/*[local-name()='Title']" {
		t.Error(d, s.Fields()[0])
	}
}

func TestSchemasBeyondTheSubsetAreRefusedByName(t *testing.T) {
	wrap := func(s string) string {
		return "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\n" + s + "</xs:schema>"
	}
	root := "<xs:element name='m' type='T'/>"
	for name, c := range map[string]struct{ schema, want string }{
		"import":        {wrap("<xs:import namespace='x' schemaLocation='http://h/x.xsd'/>"), "line 2: import is not understood"},
		"include":       {wrap("<xs:include schemaLocation='file:///etc/passwd'/>"), "line 2: include is not understood"},
		"any":           {wrap("<xs:element name='m'><xs:complexType><xs:sequence><xs:any/></xs:sequence></xs:complexType></xs:element>"), "any in sequence is not understood"},
		"union":         {wrap("<xs:element name='m'><xs:simpleType><xs:union memberTypes='xs:int'/></xs:simpleType></xs:element>"), "union in simpleType is not understood"},
		"key":           {wrap("<xs:element name='m'><xs:key name='k'/></xs:element>"), "key in element is not understood"},
		"mixed":         {wrap("<xs:element name='m'><xs:complexType mixed='true'/></xs:element>"), "attribute mixed of complexType is not understood"},
		"extension":     {wrap("<xs:element name='m'><xs:complexType><xs:complexContent/></xs:complexType></xs:element>"), "complexContent in complexType is not understood"},
		"unknown type":  {wrap("<xs:element name='m' type='xs:hexBinary'/>"), "type xs:hexBinary is not understood"},
		"unknown own":   {wrap(root), "type T is not understood"},
		"itself":        {wrap(root + "<xs:complexType name='T'><xs:sequence><xs:element name='a' type='T'/></xs:sequence></xs:complexType>"), "type T contains itself"},
		"itself by ref": {wrap("<xs:element name='m'><xs:complexType><xs:sequence><xs:element ref='m'/></xs:sequence></xs:complexType></xs:element>"), "or without end"},
		"pattern":       {wrap("<xs:element name='m'><xs:simpleType><xs:restriction base='xs:string'><xs:pattern value='(?=x)'/></xs:restriction></xs:simpleType></xs:element>"), `pattern "(?=x)" is not understood`},
		"occurs":        {wrap("<xs:element name='m'><xs:complexType><xs:sequence><xs:element name='a' minOccurs='2' maxOccurs='1'/></xs:sequence></xs:complexType></xs:element>"), "maxOccurs is less than minOccurs"},
		"no element":    {wrap(""), "the schema declares no element"},
		"not a schema":  {"<x/>", "the root element is x, not schema"},
		"entity":        {"<!DOCTYPE x><x/>", "a document type declaration is not allowed"},
		"not XML":       {"<x", "line 1:"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := xsd.Compile(c.schema); !errors.Is(err, xsd.ErrSchema) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestSchemasDoNotMultiply compiles schemas whose elements double at every level.
func TestSchemasDoNotMultiply(t *testing.T) {
	var refs, types strings.Builder
	for i := range 25 {
		fmt.Fprintf(&refs, "<xs:element name='e%d'><xs:complexType><xs:sequence><xs:element ref='e%d'/><xs:element ref='e%d'/></xs:sequence></xs:complexType></xs:element>", i, i+1, i+1)
		fmt.Fprintf(&types, "<xs:complexType name='t%d'><xs:sequence><xs:element name='a' type='t%d'/><xs:element name='b' type='t%d'/></xs:sequence></xs:complexType>", i, i+1, i+1)
	}
	wrap := "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>%s</xs:schema>"
	if _, err := xsd.Compile(fmt.Sprintf(wrap, refs.String()+"<xs:element name='e25'/>")); !errors.Is(err, xsd.ErrSchema) {
		t.Errorf("references: %v", err)
	}
	if _, err := xsd.Compile(fmt.Sprintf(wrap, "<xs:element name='m' type='t0'/>"+types.String()+"<xs:simpleType name='t25'><xs:restriction base='xs:string'/></xs:simpleType>")); err != nil && !errors.Is(err, xsd.ErrSchema) {
		t.Errorf("types: %v", err)
	}
}

// FuzzValidate holds anything against anything: nothing panics.
func FuzzValidate(f *testing.F) {
	f.Add(form, "<metadata><Title>t</Title></metadata>")
	f.Add("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='m'/></xs:schema>", "<m/>")
	f.Fuzz(func(_ *testing.T, schema, values string) {
		if s, err := xsd.Compile(schema); err == nil {
			_ = s.Validate(values)
		}
	})
}

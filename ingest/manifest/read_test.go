package manifest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest/manifest"
)

// read returns the problems of a document's items, one text an item, and what ended it.
func read(t testing.TB, f manifest.Format, r io.Reader) (problems []string, err error) {
	t.Helper()
	doc, err := manifest.NewReader(r, f)
	if err != nil {
		return nil, err
	}
	for {
		it, err := doc.Next()
		if errors.Is(err, io.EOF) {
			return problems, nil
		}
		if err != nil {
			return problems, err
		}
		var texts []string
		for _, p := range it.Problems {
			texts = append(texts, p.Error())
		}
		problems = append(problems, strings.Join(texts, "; "))
	}
}

// golden are documents of the three forms, in testdata; each has no problem.
func golden(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) < 6 {
		t.Fatalf("documents %v, %v", files, err)
	}
	return files
}

func TestSampleDocumentsAreValid(t *testing.T) {
	for _, path := range golden(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, ok := manifest.FormatOf(path)
			if !ok {
				t.Fatalf("what is %s?", path)
			}
			problems, err := read(t, f, bytes.NewReader(b))
			if err != nil || len(problems) == 0 || strings.Join(problems, "") != "" {
				t.Errorf("items %q, %v", problems, err)
			}
		})
	}
}

// TestTheSchemaTakesWhatTheReaderTakes holds the sample documents, and broken ones, against the published schema.
func TestTheSchemaTakesWhatTheReaderTakes(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	dir := t.TempDir()
	schema := filepath.Join(dir, "schema.xsd")
	if err := os.WriteFile(schema, manifest.XSD(), 0o600); err != nil {
		t.Fatal(err)
	}
	lint := func(path string) ([]byte, error) {
		return exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, path).CombinedOutput()
	}
	for _, path := range golden(t) {
		if strings.HasSuffix(path, ".xml") {
			if out, err := lint(path); err != nil {
				t.Errorf("%s: %s", path, out)
			}
		}
	}
	for name, item := range map[string]string{
		"unknown": "<type>1</type><nonsense/>", "order": "<name>n</name><type>1</type>", "enum": "<type>9</type>", "choice": "<type>1</type><entryId>a</entryId>",
		"long": "<type>1</type><name>" + strings.Repeat("x", 257) + "</name>", "missing": "<type>1</type><contentAssets><content/></contentAssets>",
		"attribute": `<type>1</type><contentAssets><content><urlContentResource/></content></contentAssets>`,
		"number":    "<type>1</type><partnerSortData>x</partnerSortData>", "time": "<type>1</type><startDate>tomorrow</startDate>",
	} {
		doc := "<mrss><channel><item>" + item + "</item></channel></mrss>"
		path := filepath.Join(dir, name+".xml")
		if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := lint(path); err == nil {
			t.Errorf("%s: the schema takes %s", name, doc)
		}
		if problems, err := read(t, manifest.XML, strings.NewReader(doc)); err != nil || len(problems) != 1 || problems[0] == "" {
			t.Errorf("%s: the reader takes %s: %q, %v", name, doc, problems, err)
		}
	}
}

func TestProblemsNameTheirPlaceAndReason(t *testing.T) {
	many := strings.Repeat("<category>a</category>", 33)
	for name, c := range map[string]struct {
		format manifest.Format
		doc    string
		want   []string
	}{
		"unknown element": {manifest.XML, "<mrss><channel>\n<item><type>1</type>\n  <foo>x</foo></item></channel></mrss>", []string{"line 3:3: item cannot have an element foo"}},
		"unknown attribute": {manifest.XML, `<mrss><channel><item><type>1</type><thumbnails><thumbnail x="1"><urlContentResource url="http://h/p"/></thumbnail></thumbnails></item></channel></mrss>`,
			[]string{"line 1:48: thumbnail cannot have an attribute x"}},
		"order": {manifest.XML, "<mrss><channel><item><name>n</name><type>1</type></item></channel></mrss>", []string{"line 1:36: type must come before name"}},
		"twice": {manifest.XML, "<mrss><channel><item><name>n</name><name>n</name></item></channel></mrss>", []string{"line 1:36: name appears more than once in item"}},
		"text":  {manifest.XML, "<mrss><channel><item>text<name>n</name></item></channel></mrss>", []string{"line 1:22: text in item, where only elements may be"}},
		"several": {manifest.XML, "<mrss><channel><item><type>2</type><startDate>x</startDate></item></channel></mrss>", []string{
			`line 1:22: type is "2", not one of 1; line 1:36: startDate: "x" is not a time such as 2026-03-01T20:15:00Z`}},
		"dates":      {manifest.XML, "<mrss><channel><item><startDate>2026-01-02T00:00:00Z</startDate><endDate>2026-01-01T00:00:00Z</endDate></item></channel></mrss>", []string{"line 1:65: endDate is not after startDate"}},
		"actions":    {manifest.XML, `<mrss><channel><item><entryId>0_aaaaaaaa</entryId><contentAssets><action>update</action><content><urlContentResource url="http://h/x"/></content></contentAssets><thumbnails><action>replace</action><thumbnail><urlContentResource url="http://h/x"/></thumbnail></thumbnails></item></channel></mrss>`, []string{"line 1:174: the actions of contentAssets and thumbnails must be equal, they are update and replace"}},
		"categories": {manifest.XML, "<mrss><channel><item><categories>" + many + "</categories></item></channel></mrss>", []string{"line 1:738: categories has more than 32 members"}},
		"delete":     {manifest.XML, "<mrss><channel><item><action>delete</action></item></channel></mrss>", []string{"line 1:16: to delete an entry, the item needs entryId or referenceId"}},
		"style sheet": {manifest.XML, `<mrss><channel><item><name>n</name><customDataItems><customData metadataProfile="p"><xslt>x</xslt><xmlData><a/></xmlData></customData></customDataItems></item></channel></mrss>`,
			[]string{"line 1:53: style sheets are not run: give the values"}},
		"JSON unknown": {manifest.JSON, "{\"name\":\"a\"}\n{\"name\":\"b\",\n\"colour\":1,\"xMine\":{\"a\":[1]}}", []string{"", `line 3:11: item cannot have "colour"`}},
		"JSON twice":   {manifest.JSON, `{"name":"a","name":"b"}`, []string{`line 1:23: name appears twice`}},
		"JSON list":    {manifest.JSON, `[{"name":["a"]}]`, []string{"line 1:11: name is one value, not several"}},
		"JSON cue":     {manifest.JSON, `[{"name":"a","cuePoints":[{"start":"00:00:01"}]}]`, []string{"line 1:28: cuePoints: a member has no type, or one that is not known"}},
		"JSON item":    {manifest.JSON, `[1]`, []string{"line 1:3: an item is an object"}},
		"CSV count":    {manifest.CSV, "a,b,c,http://h/x,video\na,b\n", []string{"", "line 2:1: the line has 2 values, not 5 or 12, or a header"}},
		"CSV quotes":   {manifest.CSV, "a,b,c,http://h/x,video\na,\"b\"x,c,d,e\nc,d,e,http://h/y,audio\n", []string{"", `line 2:5: extraneous or missing " in quoted-field`, ""}},
		"CSV keys":     {manifest.CSV, "*title,url,sshPrivateKey\nt,sftp://h/x,k\n", []string{`line 2:1: sshPrivateKey and sshPublicKey come together; line 2:14: privateKey is not a private key in PEM`}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, c.format, strings.NewReader(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// wide is a text in UTF-16.
func wide(s string, order binary.ByteOrder, mark bool) string {
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	b := make([]byte, 2*len(units))
	for i, u := range units {
		order.PutUint16(b[2*i:], u)
	}
	return string(b)
}

func TestEncodingsAreTold(t *testing.T) {
	const doc = `<?xml version="1.0" encoding="UTF-16"?><mrss><channel><item><type>1</type><name>Ü 😀</name></item></channel></mrss>`
	utf8 := strings.Replace(doc, "UTF-16", "utf-8", 1)
	for name, c := range map[string]string{
		"UTF-8": utf8, "UTF-8 with mark": "\uFEFF" + utf8, "big": wide(doc, binary.BigEndian, true), "little": wide(doc, binary.LittleEndian, true),
		"big without mark": wide(doc, binary.BigEndian, false), "little without mark": wide(doc, binary.LittleEndian, false),
	} {
		if got, err := read(t, manifest.XML, strings.NewReader(c)); err != nil || !slices.Equal(got, []string{""}) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := read(t, manifest.CSV, strings.NewReader("\uFEFF*title;url\r\nü;http://h/x\r\n")); err != nil {
		t.Error(err)
	}
}

// TestHostileDocumentsAreRefused is the set of documents that attack who reads them: each is refused with line and reason.
func TestHostileDocumentsAreRefused(t *testing.T) {
	in := func(s string) string { return "<mrss><channel><item><name>" + s + "</name></item></channel></mrss>" }
	for name, c := range map[string]struct{ doc, want string }{
		"external entity":     {"<?xml version=\"1.0\"?>\n<!DOCTYPE mrss [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<mrss><channel><item><name>&x;</name></item></channel></mrss>", "line 2:1: a document type declaration is not allowed"},
		"external DTD":        {"<!DOCTYPE mrss SYSTEM \"http://127.0.0.1:1/x.dtd\"><mrss/>", "line 1:1: a document type declaration is not allowed"},
		"parameter entity":    {"<!DOCTYPE m [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/\"> %p;]><mrss/>", "line 1:1: a document type declaration is not allowed"},
		"billion laughs":      {"<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;\">]><mrss><channel><item><name>&b;</name></item></channel></mrss>", "line 1:1: a document type declaration is not allowed"},
		"declaration within":  {"<mrss><channel><!DOCTYPE x></channel></mrss>", "line 1:16: a document type declaration is not allowed"},
		"unknown entity":      {in("&xxe;"), "line 1:33: invalid character entity &xxe;"},
		"depth":               {in(strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)), "line 1:208: elements are nested more than 64 deep"},
		"huge attribute":      {`<mrss version="` + strings.Repeat("1", 70<<10) + `"/>`, "line 1:1: attribute version has more than 65536 bytes"},
		"huger attribute":     {`<mrss version="` + strings.Repeat("1", 1200<<10) + `"/>`, "has more than 1114112 bytes"},
		"huge text":           {in(strings.Repeat("x", 1200<<10)), "has more than 1114112 bytes"},
		"huge name":           {"<" + strings.Repeat("m", 1200<<10) + "/>", "has more than 1114112 bytes"},
		"huge comment":        {"<mrss><!--" + strings.Repeat("x", 1200<<10) + "--></mrss>", "has more than 1114112 bytes"},
		"encoding":            {`<?xml version="1.0" encoding="utf-7"?><mrss/>`, `encoding "utf-7" is not taken`},
		"encoding of EBCDIC":  {`<?xml version="1.0" encoding="ibm037"?><mrss/>`, `encoding "ibm037" is not taken`},
		"not UTF-8":           {in("\xff\xfe"), "line 1:30: invalid UTF-8"},
		"overlong UTF-8":      {in("\xc0\xbc"), "line 1:30: invalid UTF-8"},
		"half of UTF-16":      {wide("<mrss>", binary.BigEndian, true) + "\xd8\x00\x00<", "half a UTF-16 character"},
		"end within UTF-16":   {wide("<mrss>", binary.BigEndian, true) + "\x00", "the document ends within a UTF-16 character"},
		"control character":   {in("a\x01b"), "line 1:31: illegal character code U+0001"},
		"control reference":   {in("&#1;"), "line 1:32: illegal character code U+0001"},
		"not closed":          {"<mrss><channel>", "line 1:16: unexpected EOF"},
		"closed wrongly":      {"<mrss>\n<channel></mrss>", "line 2:17: element <channel> closed by </mrss>"},
		"other root":          {"<rss/>", "line 1:1: the root element is rss, not mrss"},
		"two roots":           {"<mrss><channel/></mrss><mrss/>", "line 1:24: there is something after the end of mrss"},
		"no channel":          {"<mrss/>", "mrss has no channel"},
		"item outside":        {"<mrss><item/></mrss>", "line 1:7: element item cannot be here"},
		"attribute twice":     {`<mrss version="1" version="2"><channel/></mrss>`, ""},
		"empty":               {"", "the document ends within an element"},
		"binary":              {"\x7fELF\x02\x01", ""},
		"include of a schema": {`<mrss xmlns:xi="http://www.w3.org/2001/XInclude"><channel><xi:include href="/etc/passwd"/></channel></mrss>`, "element include cannot be here"},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := read(t, manifest.XML, strings.NewReader(c.doc))
			var syntax *manifest.SyntaxError
			switch {
			case err == nil && name == "attribute twice": // encoding/xml lets it pass; nothing comes of it
			case err == nil:
				t.Fatalf("taken, with %q", problems)
			case !strings.Contains(err.Error(), c.want):
				t.Errorf("%v, want %q", err, c.want)
			case name != "half of UTF-16" && name != "end within UTF-16" && !errors.As(err, &syntax):
				t.Errorf("%T has no place: %v", err, err)
			}
		})
	}
	for name, c := range map[string]struct {
		format    manifest.Format
		doc, want string
	}{
		"JSON depth":   {manifest.JSON, `{"name":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "nested more than 64 deep"},
		"JSON text":    {manifest.JSON, `{"name":"` + strings.Repeat("x", 1200<<10) + `"}`, "has more than"},
		"JSON values":  {manifest.JSON, `{"tags":[` + strings.Repeat("1,", 200_000) + "1]}", "more than 100000 values"},
		"JSON end":     {manifest.JSON, `{"items":[{"name":"a"}`, "ends within a value"},
		"JSON rest":    {manifest.JSON, `{"items":[]} {}`, "after the end of the document"},
		"JSON scalar":  {manifest.JSON, `7`, "neither an object nor an array"},
		"JSON syntax":  {manifest.JSON, "{\"name\":\n}", "line 2:"},
		"CSV line":     {manifest.CSV, "*title\n" + strings.Repeat("x", 1200<<10), "has more than"},
		"CSV column":   {manifest.CSV, "*title,title\na,b\n", `column "title" appears twice`},
		"CSV metadata": {manifest.CSV, "*title,metadata::x\na,b\n", "is not metadata::profile::field"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(t, c.format, strings.NewReader(c.doc)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	long := io.MultiReader(strings.NewReader("<mrss><channel>"), &endless{"<!--" + strings.Repeat("x", 60<<10) + "-->"})
	if _, err := manifest.ReadUpTo(100, 1<<20, long); err == nil || !strings.Contains(err.Error(), "has more than 1048576 bytes") {
		t.Errorf("a document without end: %v", err)
	}
	if _, err := manifest.ReadUpTo(100, 1<<20, strings.NewReader("<mrss><channel>"+strings.Repeat("<item/>", 100)+"</channel></mrss>")); err == nil ||
		!strings.Contains(err.Error(), "line 1:702: the document has more than 100 elements") {
		t.Errorf("too many elements: %v", err)
	}
}

// endless yields a text again and again.
type endless struct{ text string }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text)
	e.text = e.text[n:] + e.text[:n]
	return n, nil
}

// document is an XML document of n items, made while it is read.
func document(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, "<mrss><channel>\n")
		for i := range n {
			fmt.Fprintf(w, "<item><type>1</type><referenceId>r-%d</referenceId><name>Item %d</name><tags><tag>a</tag><tag>b</tag></tags>"+
				"<categories><category>Shows&gt;News</category></categories><media><mediaType>1</mediaType></media>"+
				"<contentAssets><content><dropFolderFileContentResource filePath=\"dir/%d.mp4\"/></content></contentAssets></item>\n", i, i, i)
		}
		fmt.Fprint(w, "</channel></mrss>\n")
		w.Close()
	}()
	return r
}

// TestMemoryDoesNotGrowWithTheItems compares the live heap while reading few and many items.
func TestMemoryDoesNotGrowWithTheItems(t *testing.T) {
	heapAfter := func(items int) uint64 {
		doc, err := manifest.NewReader(document(items), manifest.XML)
		if err != nil {
			t.Fatal(err)
		}
		for range items {
			if it, err := doc.Next(); err != nil || len(it.Problems) > 0 {
				t.Fatal(it, err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if _, err := doc.Next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		return m.HeapAlloc
	}
	few, many := heapAfter(100), heapAfter(8_000)
	if many > few+(2<<20) {
		t.Errorf("with 100 items %d bytes live, with 8,000 %d", few, many)
	}
}

func TestReferencesNameTheFilesOfTheFolder(t *testing.T) {
	const doc = `<mrss><channel>
<item><type>1</type><contentAssets><content><dropFolderFileContentResource filePath="a/b.mp4"><fileSize>7</fileSize></dropFolderFileContentResource></content></contentAssets>
<thumbnails><thumbnail><dropFolderFileContentResource filePath="p.jpg"><fileChecksum type="sha1">ABCD</fileChecksum></dropFolderFileContentResource></thumbnail></thumbnails></item>
<item><type>1</type><contentAssets><content><dropFolderFileContentResource filePath="a/b.mp4"/></content></contentAssets></item>
</channel></mrss>`
	got, err := manifest.References(t.Context(), strings.NewReader(doc), manifest.XML)
	if err != nil {
		t.Fatal(err)
	}
	want := []manifest.Reference{{Path: "a/b.mp4", Size: 7, Line: 2, Col: 45}, {Path: "p.jpg", Size: -1, Sum: "sha1", Checksum: "abcd", Line: 3, Col: 24}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// FuzzReaders reads what may be anything in every form: nothing panics, and what can be read once can be read again.
func FuzzReaders(f *testing.F) {
	for _, path := range []string{"testdata/add.xml", "testdata/everything.xml", "testdata/add.json", "testdata/lines.ndjson", "testdata/v3.csv", "testdata/v2.csv"} {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range []manifest.Format{manifest.XML, manifest.CSV, manifest.JSON} {
			if _, err := read(t, format, bytes.NewReader(b)); err != nil {
				continue
			}
			if _, err := manifest.References(t.Context(), bytes.NewReader(b), format); err != nil {
				t.Errorf("%s: items can be read, references cannot: %v", format, err)
			}
		}
	})
}

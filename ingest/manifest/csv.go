package manifest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Columns of the first two versions, which have no header.
var (
	columnsV1 = []string{"title", "description", "tags", "url", "contentType"}
	columnsV2 = append(slices.Clone(columnsV1), "conversionProfileId", "accessControlProfileId", "category", "scheduleStartDate",
		"scheduleEndDate", "thumbnailUrl", "partnerData")
)

// places is where the columns go that are not one text of an item: elements of itemSchema, one below the other.
var places = map[string][]string{
	"url":              {"contentAssets", "content", "urlContentResource", "@url"},
	"filePath":         {"contentAssets", "content", "dropFolderFileContentResource", "@filePath"},
	"thumbnailUrl":     {"thumbnails", "thumbnail", "urlContentResource", "@url"},
	"sshPrivateKey":    {"contentAssets", "content", "sshUrlContentResource", "privateKey"},
	"sshPublicKey":     {"contentAssets", "content", "sshUrlContentResource", "publicKey"},
	"sshKeyPassphrase": {"contentAssets", "content", "sshUrlContentResource", "@keyPassphrase"},
}

// columns are all columns of entries and where their text goes.
var columns = func() map[string][]string {
	out := columnsOf(itemSchema)
	for column, at := range places {
		out[column] = at
	}
	return out
}()

// columnsOf are the columns of a table, and where below it their text goes.
func columnsOf(table *element) map[string][]string {
	out := map[string][]string{}
	var walk func(e *element, path []string)
	walk = func(e *element, path []string) {
		for _, c := range e.children {
			name := c.name
			if c.attr {
				name = "@" + name
			}
			at := append(slices.Clone(path), name)
			if c.column != "" {
				out[c.column] = at
			}
			walk(c, at)
		}
	}
	walk(table, nil)
	return out
}

// Columns returns the names of all CSV columns, sorted.
func Columns() []string {
	var out []string
	for c := range columns {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

const metadataColumn = "metadata::"

// csvReader reads the versions 1, 2 and 3 of the CSV form, and files with a plain header.
type csvReader struct {
	schema  *element // itemSchema, or that of other lines
	columns map[string][]string
	in      *input
	csv     *csv.Reader
	header  []string
	first   bool
	index   int64
}

func newCSVReader(r io.Reader, schema *element, columns map[string][]string) (*csvReader, error) {
	in, err := newInput(r, false)
	if err != nil {
		return nil, err
	}
	c := &csvReader{schema: schema, columns: columns, in: in, csv: csv.NewReader(in), first: true}
	c.csv.FieldsPerRecord = -1
	c.csv.ReuseRecord = true
	if c.csv.Comma, err = delimiter(in); err != nil {
		return nil, err
	}
	return c, nil
}

// delimiter is the one of comma, semicolon and tab that the first line that is no comment has most often.
func delimiter(in *input) (rune, error) {
	head, err := in.r.Peek(16 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	quoted := false
	counts := map[rune]int{}
	for line := range strings.Lines(string(head)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		for _, r := range line {
			switch {
			case r == '"':
				quoted = !quoted
			case !quoted && (r == ',' || r == ';' || r == '\t'):
				counts[r]++
			}
		}
		break
	}
	best := ','
	for _, r := range []rune{';', '\t'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best, nil
}

// Next returns the next item; io.EOF after the last one.
func (c *csvReader) Next() (*Item, error) {
	for {
		record, err := c.csv.Read()
		c.in.mark()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case errors.As(err, &bad):
			it := c.item(bad.StartLine, 1)
			it.wrong(&Node{Line: bad.Line, Col: bad.Column}, codeInvalid, "%v", bad.Err)
			return it, nil
		case err != nil:
			line, col := c.csv.FieldPos(0)
			return nil, &SyntaxError{Line: line, Col: col, Text: err.Error()}
		}
		if skip, err := c.comment(record); skip || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		if c.index >= MaxItems {
			line, col := c.csv.FieldPos(0)
			return nil, &SyntaxError{Line: line, Col: col, Text: fmt.Sprintf("the document has more than %d items", MaxItems)}
		}
		line, col := c.csv.FieldPos(0)
		it := c.item(line, col)
		it.Raw = rowData(c.names(record), record)
		c.fill(it, record)
		it.check()
		return it, nil
	}
}

func (c *csvReader) item(line, col int) *Item {
	c.index++
	it := &Item{Index: c.index}
	it.Node = &Node{spec: c.schema, Line: line, Col: col}
	return it
}

// comment says whether a record is no item: a comment, the header, or nothing at all.
func (c *csvReader) comment(record []string) (bool, error) {
	first := c.first
	lead := strings.TrimSpace(record[0])
	if strings.HasPrefix(lead, "#") || len(record) == 1 && lead == "" {
		return true, nil
	}
	c.first = false
	if strings.HasPrefix(lead, "*") {
		if c.header != nil {
			return true, nil
		}
		return true, c.takeHeader(record, true)
	}
	if !first || c.header != nil || !slices.ContainsFunc(record, c.known) {
		return false, nil
	}
	if slices.ContainsFunc(record, func(cell string) bool { return !c.known(cell) }) {
		return false, nil // data that happens to have a column's name among it
	}
	return true, c.takeHeader(record, false)
}

// known says whether a cell of a header names a column.
func (c *csvReader) known(cell string) bool {
	name := strings.TrimSpace(cell)
	return c.columns[name] != nil || c.schema == itemSchema && strings.HasPrefix(name, metadataColumn)
}

func (c *csvReader) takeHeader(record []string, starred bool) error {
	seen := map[string]bool{}
	for i, cell := range record {
		name := strings.TrimSpace(cell)
		if starred && i == 0 {
			name = strings.TrimSpace(strings.TrimPrefix(name, "*"))
		}
		line, col := c.csv.FieldPos(i)
		if seen[name] && name != "" {
			return &SyntaxError{Line: line, Col: col, Text: fmt.Sprintf("column %q appears twice", name)}
		}
		if strings.HasPrefix(name, metadataColumn) && len(strings.Split(name, "::")) != 3 {
			return &SyntaxError{Line: line, Col: col, Text: fmt.Sprintf("column %q is not metadata::profile::field", name)}
		}
		seen[name] = true
		c.header = append(c.header, name)
	}
	return nil
}

// names are the columns of a record.
func (c *csvReader) names(record []string) []string {
	switch {
	case c.header != nil:
		return c.header
	case c.schema != itemSchema:
		return nil
	case len(record) == len(columnsV1):
		return columnsV1
	case len(record) == len(columnsV2):
		return columnsV2
	}
	return nil
}

// fill makes the cells of a record elements of the item.
func (c *csvReader) fill(it *Item, record []string) {
	names := c.names(record)
	if len(names) != len(record) {
		want := fmt.Sprint(len(names))
		if names == nil {
			if want = "5 or 12, or a header"; c.schema != itemSchema {
				want = "those of a header"
			}
		}
		it.wrong(it.Node, codeInvalid, "the line has %d values, not %s", len(record), want)
		return
	}
	values := map[string]string{}
	for i, name := range names {
		cell := strings.TrimSpace(record[i])
		if cell == "" {
			continue
		}
		line, col := c.csv.FieldPos(i)
		values[name] = cell
		switch at := c.columns[name]; {
		case at != nil:
			it.set(at, wireWord(name, cell), line, col)
		case c.schema != itemSchema:
			it.wrong(&Node{Line: line, Col: col}, codeInvalid, "there is no column %q: use %s", name, strings.Join(slices.Sorted(maps.Keys(c.columns)), ", "))
		case strings.HasPrefix(name, metadataColumn):
			it.field(name, cell, line, col)
		}
	}
	if (values["sshPrivateKey"] == "") != (values["sshPublicKey"] == "") {
		it.wrong(it.Node, codeMissing, "sshPrivateKey and sshPublicKey come together")
	}
	if values["sshPrivateKey"] != "" {
		it.withKey(values["url"])
	}
	slices.SortStableFunc(it.kids, func(a, b *Node) int { return place(c.schema, a.spec) - place(c.schema, b.spec) })
}

func place(parent, child *element) int { return slices.Index(parent.children, child) }

// words are the values of columns that people write out.
var words = map[string]map[string]string{
	"action": {
		"1": "add", "2": "update", "3": "delete", "4": "replace", "6": "addorupdate", "7": "activate", "8": "reject", "9": "updatestatus",
		"add_or_update": "addorupdate", "update_status": "updatestatus",
	},
	"contentType":     {"video": "1", "image": "2", "audio": "5"},
	"permissionLevel": levelWords, "defaultPermissionLevel": levelWords,
	"status":          {"active": "1", "pending": "2", "not_active": "3"},
	"updateMethod":    {"manual": "0", "automatic": "1"},
	"inheritanceType": {"inherit": "1", "manual": "2"},
	"gender":          {"unknown": "0", "male": "1", "female": "2"},
}

var levelWords = map[string]string{"manager": "0", "moderator": "1", "contributor": "2", "member": "3", "none": "4"}

func wireWord(column, cell string) string {
	lower := strings.ToLower(cell)
	if w, ok := words[column][lower]; ok {
		return w
	}
	if words[column] != nil {
		return lower
	}
	return cell
}

// set puts a text at a place of the item. Where many may be, the text is a list with commas.
func (it *Item) set(at []string, text string, line, col int) {
	n := it.Node
	for i, name := range at {
		bare, isAttr := strings.CutPrefix(name, "@")
		spec := n.spec.child(bare, isAttr)
		if i == len(at)-1 {
			parts := []string{text}
			if spec.many {
				parts = strings.Split(text, ",")
			}
			for _, p := range parts {
				if p = strings.TrimSpace(p); p != "" {
					n.kids = append(n.kids, &Node{spec: spec, Text: p, Line: line, Col: col})
				}
			}
			return
		}
		next := n.get(bare)
		if next == nil {
			next = &Node{spec: spec, Line: line, Col: col}
			n.kids = append(n.kids, next)
		}
		n = next
	}
}

// withKey turns the download of a line into one with a key.
func (it *Item) withKey(url string) {
	content := it.get("contentAssets", "content")
	ssh := content.get("sshUrlContentResource")
	if plain := content.get("urlContentResource"); plain != nil {
		content.kids = slices.DeleteFunc(content.kids, func(n *Node) bool { return n == plain })
	}
	if url != "" {
		ssh.kids = append(ssh.kids, &Node{spec: ssh.spec.child("url", true), Text: url, Line: ssh.Line, Col: ssh.Col})
	}
}

// field adds a field of custom metadata: metadata::profile::field.
func (it *Item) field(column, cell string, line, col int) {
	parts := strings.SplitN(column, "::", 3)
	if !nameLike(parts[2]) {
		it.wrong(&Node{Line: line, Col: col}, codeInvalid, "%q is not a name of a field", parts[2])
		return
	}
	all := it.get("customDataItems")
	if all == nil {
		all = &Node{spec: customDataItems, Line: line, Col: col}
		it.kids = append(it.kids, all)
	}
	var data *Node
	for _, k := range all.kids {
		if k.text("metadataProfile") == parts[1] {
			data = k
		}
	}
	if data == nil {
		spec := customDataItems.child("customData", false)
		data = &Node{spec: spec, Line: line, Col: col, kids: []*Node{
			{spec: spec.child("metadataProfile", true), Text: parts[1], Line: line, Col: col},
			{spec: spec.child("xmlData", false), Text: "<metadata></metadata>", Line: line, Col: col},
		}}
		all.kids = append(all.kids, data)
	}
	xml := data.get("xmlData")
	xml.Text = strings.TrimSuffix(xml.Text, "</metadata>") + "<" + parts[2] + ">" + escape(cell) + "</" + parts[2] + "></metadata>"
}

// secretColumns are left out of logs.
var secretColumns = []string{"sshPrivateKey", "sshPublicKey", "sshKeyPassphrase"}

// rowData is a line as the log shows it.
func rowData(names, record []string) string {
	shown := slices.Clone(record)
	for i := range shown {
		if i < len(names) && slices.Contains(secretColumns, names[i]) {
			shown[i] = ""
		}
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(shown) // a Builder never fails
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

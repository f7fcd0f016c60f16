package manifest

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Node is an element or attribute of an item as it was read, whatever the format.
type Node struct {
	spec *element
	// Text is the trimmed text; of a free element its content as XML.
	Text      string
	Line, Col int
	kids      []*Node
}

// Name is the element's name in XML.
func (n *Node) Name() string { return n.spec.name }

// get returns the first child or attribute of a name, or nil. It takes a path of several names.
func (n *Node) get(path ...string) *Node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var found *Node
		for _, k := range n.kids {
			if k.spec.name == name {
				found = k
				break
			}
		}
		n = found
	}
	return n
}

// text is the text of the child at a path, "" when there is none.
func (n *Node) text(path ...string) string {
	if c := n.get(path...); c != nil {
		return c.Text
	}
	return ""
}

// all returns the children of a name.
func (n *Node) all(name string) []*Node {
	var out []*Node
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.spec.name == name {
			out = append(out, k)
		}
	}
	return out
}

// texts are the texts of the children of a name.
func (n *Node) texts(name string) []string {
	out := []string{}
	for _, k := range n.all(name) {
		if k.Text != "" {
			out = append(out, k.Text)
		}
	}
	return out
}

// resource is the child that says where content comes from, or nil.
func (n *Node) resource() *Node {
	for _, k := range n.kids {
		if strings.HasPrefix(k.spec.choice, "resource") && k.spec.name != "assetInfo" {
			return k
		}
	}
	return nil
}

// xml is the element as XML again.
func (n *Node) xml() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	b.WriteString("<" + n.spec.name)
	for _, k := range n.kids {
		if k.spec.attr {
			b.WriteString(" " + k.spec.name + `="` + escape(k.Text) + `"`)
		}
	}
	b.WriteString(">")
	if n.spec.kind == free {
		b.WriteString(n.Text)
	} else {
		b.WriteString(escape(n.Text))
	}
	for _, k := range n.kids {
		if !k.spec.attr {
			k.write(b)
		}
	}
	b.WriteString("</" + n.spec.name + ">")
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}

// Problem is one thing that is wrong with an item.
type Problem struct {
	Line, Col int
	// Code is an error's name on the wire, Number its number.
	Code   string
	Number int
	Text   string
}

func (p Problem) Error() string { return fmt.Sprintf("line %d:%d: %s", p.Line, p.Col, p.Text) }

// Codes of problems, and what they are as numbers.
const (
	codeInvalid   = "BULK_ITEM_VALIDATION_FAILED"
	codeAction    = "BULK_ACTION_NOT_SUPPORTED"
	codeMissing   = "BULK_MISSING_MANDATORY_PARAMETER"
	codeNotFound  = "BULK_ITEM_NOT_FOUND"
	codeElement   = "BULK_ELEMENT_NOT_FOUND"
	codeAmbiguous = "AMBIGUOUS_REFERENCE_ID"
	codeDuplicate = "DUPLICATE_IDEMPOTENCY_KEY"
	codeFile      = "NFS_FILE_DOESNT_EXIST"
	codeRemote    = "REMOTE_FILE_NOT_FOUND"
	codeFileSize  = "OUTPUT_FILE_WRONG_SIZE"
	codeChecksum  = "FILE_CHECKSUM_MISMATCH"
	codeForbidden = "SERVICE_FORBIDDEN"
	codeUnknown   = "BULK_UNKNOWN_ERROR"
)

var numbers = map[string]int{
	codeInvalid: 79, codeAction: 77, codeMissing: 78, codeNotFound: 701, codeElement: 702, codeAmbiguous: 79, codeDuplicate: 79,
	codeFile: 21, codeRemote: 61, codeFileSize: 12, codeChecksum: 12, codeForbidden: 79, codeUnknown: 74,
}

// problem makes a problem at a node.
func (n *Node) problem(code, format string, args ...any) Problem {
	return Problem{Line: n.Line, Col: n.Col, Code: code, Number: numbers[code], Text: fmt.Sprintf(format, args...)}
}

// Item is one item of a document.
type Item struct {
	*Node
	// Index counts the items of the document, from 1.
	Index int64
	// Raw is the item as the log shows it.
	Raw string
	// Problems is everything that is wrong with it; an item that has any is not applied.
	Problems []Problem
}

func (it *Item) wrong(n *Node, code, format string, args ...any) {
	if len(it.Problems) < maxProblems {
		it.Problems = append(it.Problems, n.problem(code, format, args...))
	}
}

// maxProblems bounds what is told of one item.
const maxProblems = 50

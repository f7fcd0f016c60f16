package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Format is the form of a document.
type Format string

// Forms of documents.
const (
	XML  Format = "xml"
	CSV  Format = "csv"
	JSON Format = "json" // also one item a line
)

// FormatOf returns the form that the name of a file stands for.
func FormatOf(name string) (Format, bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".xml", ".mrss":
		return XML, true
	case ".csv", ".tsv":
		return CSV, true
	case ".json", ".ndjson", ".jsonl":
		return JSON, true
	}
	return "", false
}

// Reader yields the items of a document in order. Next returns io.EOF after the last one, and a *SyntaxError where the document
// cannot be read on. Items that are not as they should be are returned with their problems.
type Reader interface {
	Next() (*Item, error)
}

// NewReader returns a reader of a document. It reads no further than it must, and holds one item at a time.
func NewReader(r io.Reader, f Format) (Reader, error) {
	switch f {
	case XML:
		return newXMLReader(r)
	case CSV:
		return newCSVReader(r, itemSchema, columns)
	case JSON:
		return newJSONReader(r)
	}
	return nil, fmt.Errorf("%q is not a form of documents: use xml, csv or json", f)
}

// SessionKey returns the key that an XML document carries in ks, once its first item was read; "" for other documents.
func SessionKey(r Reader) string {
	if x, ok := r.(*xmlReader); ok {
		return x.key
	}
	return ""
}

// Reference is a file of a drop folder that a document names.
type Reference struct {
	// Path is that of the file, from the folder's root.
	Path string
	// Size is -1 unless the document gives it.
	Size int64
	// Checksum is in lower-case hexadecimal digits, by the algorithm Sum: md5, sha1, sha256, blake3 or xxh64; "" unless given.
	Sum, Checksum string
	Line, Col     int
}

// References returns the files of its drop folder that a document names, in order, each once. A document that cannot be read to
// its end gives a *SyntaxError.
func References(ctx context.Context, r io.Reader, f Format) ([]Reference, error) {
	doc, err := NewReader(r, f)
	if err != nil {
		return nil, err
	}
	var out []Reference
	seen := map[string]bool{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		it, err := doc.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		it.walk(func(n *Node) {
			if n.spec.name != "dropFolderFileContentResource" {
				return
			}
			ref := n.reference()
			if ref.Path != "" && !seen[ref.Path] {
				seen[ref.Path] = true
				out = append(out, ref)
			}
		})
	}
}

func (n *Node) walk(visit func(*Node)) {
	visit(n)
	for _, k := range n.kids {
		k.walk(visit)
	}
}

// reference is what a resource says of a file.
func (n *Node) reference() Reference {
	ref := Reference{Path: n.text("filePath"), Size: -1, Line: n.Line, Col: n.Col}
	if s := n.get("fileSize"); s != nil {
		if _, err := fmt.Sscan(s.Text, &ref.Size); err != nil {
			ref.Size = -1
		}
	}
	if c := n.get("fileChecksum"); c != nil {
		ref.Sum, ref.Checksum = "md5", strings.ToLower(c.Text)
		if t := c.text("type"); t != "" {
			ref.Sum = t
		}
	}
	for _, name := range checksums {
		if c := n.get(name); c != nil {
			ref.Sum, ref.Checksum = name, strings.ToLower(c.Text)
		}
	}
	return ref
}

package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of documents.
const (
	// MaxDocument bounds a document, in bytes.
	MaxDocument = 64 << 20
	// MaxItems bounds the items of one job.
	MaxItems = 1_000_000

	maxDepth    = 64
	maxElements = 1_000_000
	maxAttr     = 64 << 10
	maxFree     = 64 << 10 // a value of custom metadata, or an extension
	maxLine     = 1 << 20  // of CSV and NDJSON
	maxToken    = maxLine + 64<<10
)

// SyntaxError is what ends the reading of a document: it is not what it claims to be, or it is beyond the limits.
type SyntaxError struct {
	Line, Col int
	Text      string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d:%d: %s", e.Line, e.Col, e.Text) }

var errLong = fmt.Errorf("one text, line or tag has more than %d bytes", maxToken)

// input is a document's bytes on their way to a parser. It stops at the limits: of the whole, and of what a parser swallows
// without giving anything back, so that memory is bounded whatever the document holds.
type input struct {
	r     *bufio.Reader
	max   int64
	total int64
	since int // since the last mark
	// numbered keeps newlines: the offsets of line ends that were read and not yet asked about.
	numbered bool
	newlines []int64
	line     int
	start    int64 // of the line
}

// newInput finds out how the text is encoded: UTF-8 or UTF-16 by byte order mark or, with sniff, by how an XML document begins.
func newInput(r io.Reader, sniff bool) (*input, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var wide *bool // big endian
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, _ = b.Discard(3)
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		_, _ = b.Discard(2)
		wide = new(false)
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		_, _ = b.Discard(2)
		wide = new(true)
	case sniff && bytes.HasPrefix(head, []byte{0, '<', 0}):
		wide = new(true)
	case sniff && bytes.HasPrefix(head, []byte{'<', 0}):
		wide = new(false)
	}
	if wide != nil {
		b = bufio.NewReaderSize(&wideReader{r: b, big: *wide}, 64<<10)
	}
	return &input{r: b, max: MaxDocument, line: 1}, nil
}

// ReadByte implements io.ByteReader: a parser that asks for bytes reads no further than it looks.
func (in *input) ReadByte() (byte, error) {
	c, err := in.r.ReadByte()
	if err != nil {
		return 0, err
	}
	return c, in.count(c)
}

func (in *input) count(c byte) error {
	in.total++
	in.since++
	if c == '\n' && in.numbered {
		in.newlines = append(in.newlines, in.total)
	}
	switch {
	case in.total > in.max:
		return fmt.Errorf("the document has more than %d bytes", in.max)
	case in.since > maxToken:
		return errLong
	}
	return nil
}

// Read implements io.Reader, a little at a time.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p[:min(len(p), 4096)])
	for _, c := range p[:n] {
		if err := in.count(c); err != nil {
			return 0, err
		}
	}
	return n, err
}

// mark says that the parser gave something back.
func (in *input) mark() { in.since = 0 }

// at is the line and column of an offset; offsets must not go back.
func (in *input) at(offset int64) (line, col int) {
	n := 0
	for n < len(in.newlines) && in.newlines[n] <= offset {
		in.line++
		in.start = in.newlines[n]
		n++
	}
	in.newlines = in.newlines[:copy(in.newlines, in.newlines[n:])]
	return in.line, int(offset-in.start) + 1
}

// wideReader turns UTF-16 into UTF-8.
type wideReader struct {
	r   *bufio.Reader
	big bool
	out []byte
}

func (w *wideReader) unit() (uint16, error) {
	var b [2]byte
	if _, err := io.ReadFull(w.r, b[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, errors.New("the document ends within a UTF-16 character")
		}
		return 0, err
	}
	if w.big {
		return uint16(b[0])<<8 | uint16(b[1]), nil
	}
	return uint16(b[1])<<8 | uint16(b[0]), nil
}

func (w *wideReader) Read(p []byte) (int, error) {
	for len(w.out) < len(p) && len(w.out) < 4096 {
		u, err := w.unit()
		if err != nil {
			if len(w.out) > 0 && errors.Is(err, io.EOF) {
				break
			}
			return 0, err
		}
		r := rune(u)
		if utf16.IsSurrogate(r) {
			low, err := w.unit()
			if err != nil {
				return 0, errors.New("half a UTF-16 character")
			}
			if r = utf16.DecodeRune(r, rune(low)); r == utf8.RuneError {
				return 0, errors.New("half a UTF-16 character")
			}
		}
		w.out = utf8.AppendRune(w.out, r)
	}
	n := copy(p, w.out)
	w.out = w.out[:copy(w.out, w.out[n:])]
	return n, nil
}

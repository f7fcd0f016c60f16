package rpc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of a request's tree.
const (
	maxDepth = 32
	maxNodes = 200_000
)

var (
	errDepth = fmt.Errorf("deeper than %d levels", maxDepth)
	errNodes = fmt.Errorf("more than %d values", maxNodes)
	errJSON  = errors.New("not JSON")
)

// budget counts the values of a request.
type budget int

func (b *budget) spend() error {
	if *b++; *b > maxNodes {
		return errNodes
	}
	return nil
}

// parseJSON reads one JSON value. Invalid UTF-8 inside of texts is left out.
func parseJSON(src string, b *budget) (*node, error) {
	p := jsonParser{src: src, budget: b}
	n, err := p.value(0)
	if err != nil {
		return nil, fmt.Errorf("%w at byte %d", err, p.at)
	}
	if p.space(); p.at != len(src) {
		return nil, fmt.Errorf("%w: more after the value at byte %d", errJSON, p.at)
	}
	return n, nil
}

type jsonParser struct {
	src    string
	at     int
	budget *budget
}

func (p *jsonParser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips space and takes c if it comes.
func (p *jsonParser) next(c byte) bool {
	p.space()
	if p.at < len(p.src) && p.src[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	if err := p.budget.spend(); err != nil {
		return nil, err
	}
	p.space()
	if p.at == len(p.src) {
		return nil, errJSON
	}
	switch c := p.src[p.at]; {
	case c == '{':
		p.at++
		return p.object(depth)
	case c == '[':
		p.at++
		return p.array(depth)
	case c == '"':
		s, err := p.string()
		return &node{kind: text, text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, w := range [...]struct {
		word string
		kind kind
	}{{"true", boolean}, {"false", boolean}, {"null", null}} {
		if strings.HasPrefix(p.src[p.at:], w.word) {
			p.at += len(w.word)
			return &node{kind: w.kind, text: w.word}, nil
		}
	}
	return nil, errJSON
}

func (p *jsonParser) object(depth int) (*node, error) {
	n := &node{kind: object}
	if p.next('}') {
		return n, nil
	}
	for {
		p.space()
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.next(':') {
			return nil, errJSON
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.put(key, v)
		if p.next('}') {
			return n, nil
		}
		if !p.next(',') {
			return nil, errJSON
		}
	}
}

func (p *jsonParser) array(depth int) (*node, error) {
	n := &node{kind: list}
	if p.next(']') {
		return n, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, v)
		if p.next(']') {
			return n, nil
		}
		if !p.next(',') {
			return nil, errJSON
		}
	}
}

func (p *jsonParser) number() (*node, error) {
	end := p.at
	for end < len(p.src) && strings.IndexByte("+-.0123456789eE", p.src[end]) >= 0 {
		end++
	}
	s := p.src[p.at:end]
	if _, err := strconv.ParseFloat(s, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errJSON
	}
	p.at = end
	return &node{kind: number, text: s}, nil
}

// string reads a text with its quotes.
func (p *jsonParser) string() (string, error) {
	if p.at == len(p.src) || p.src[p.at] != '"' {
		return "", errJSON
	}
	p.at++
	plain := strings.IndexAny(p.src[p.at:], "\"\\")
	if plain < 0 {
		return "", errJSON
	}
	if p.src[p.at+plain] == '"' { // the usual case: no escapes
		s := p.src[p.at : p.at+plain]
		p.at += plain + 1
		return strings.ToValidUTF8(s, ""), nil
	}
	var out []byte
	for p.at < len(p.src) {
		switch c := p.src[p.at]; c {
		case '"':
			p.at++
			return strings.ToValidUTF8(string(out), ""), nil
		case '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		default:
			out = append(out, c)
			p.at++
		}
	}
	return "", errJSON
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *jsonParser) escape(out []byte) ([]byte, error) {
	if p.at+1 >= len(p.src) {
		return nil, errJSON
	}
	c := p.src[p.at+1]
	if c != 'u' {
		e, ok := escapes[c]
		if !ok {
			return nil, errJSON
		}
		p.at += 2
		return append(out, e), nil
	}
	r, ok := p.unit()
	if !ok {
		return nil, errJSON
	}
	if utf16.IsSurrogate(r) {
		low, ok := p.unit()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return out, nil // half a pair is no character
		}
	}
	return utf8.AppendRune(out, r), nil
}

// unit reads a \uXXXX.
func (p *jsonParser) unit() (rune, bool) {
	if p.at+6 > len(p.src) || p.src[p.at] != '\\' || p.src[p.at+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(p.src[p.at+2:p.at+6], 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 6
	return rune(v), true
}

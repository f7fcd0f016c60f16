package vtt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/packager"
)

// Errors that Parse and Import wrap.
var (
	ErrSyntax   = errors.New("bad captions")
	ErrEncoding = errors.New("text encoding not recognised")
	ErrUnsafe   = errors.New("unsafe XML")
	ErrLimit    = errors.New("over a limit")
	ErrFormat   = errors.New("unknown caption format")
)

// Limits of one caption file.
const (
	maxBytes = 32 << 20
	maxCues  = 200_000
)

// Parse reads WebVTT by the rules that browsers follow (WebVTT §6.1): a block that is no cue is skipped, not an error. Only
// a missing signature is. Regions and style sheets are dropped; cue settings and payload are kept as written. Cues come
// in order of their start.
func Parse(b []byte) ([]packager.Cue, error) {
	s, err := decodeText(b)
	if err != nil {
		return nil, err
	}
	p := &parser{lines: splitLines(s)}
	head, _ := p.line()
	if rest, ok := strings.CutPrefix(head, "WEBVTT"); !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return nil, fmt.Errorf("%w: line 1 is not WEBVTT", ErrSyntax)
	}
	p.block(true)
	var cues []packager.Cue
	for p.at < len(p.lines) {
		if p.lines[p.at] == "" {
			p.at++
			continue
		}
		c, ok := p.block(false)
		if !ok {
			continue
		}
		if cues = append(cues, c); len(cues) > maxCues {
			return nil, fmt.Errorf("%w: more than %d cues", ErrLimit, maxCues)
		}
	}
	sortCues(cues)
	return cues, nil
}

func sortCues(cues []packager.Cue) {
	slices.SortStableFunc(cues, func(a, b packager.Cue) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
}

// splitLines splits at LF, CR and CR LF.
func splitLines(s string) []string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.Split(s, "\n")
}

type parser struct {
	lines []string
	at    int // next line
}

func (p *parser) line() (string, bool) {
	if p.at >= len(p.lines) {
		return "", false
	}
	p.at++
	return p.lines[p.at-1], true
}

// block collects one block (WebVTT §6.1, "collect a WebVTT block"): an identifier, a timing line and the payload, up to a
// blank line or another timing line. It reports false for a block that is no cue.
func (p *parser) block(header bool) (c packager.Cue, ok bool) {
	var text []string
	arrow := false
	for n := 1; ; n++ {
		line, more := p.line()
		if !more || line == "" {
			break
		}
		if strings.Contains(line, "-->") {
			if header || arrow || n > 2 {
				p.at-- // it belongs to the next block
				break
			}
			arrow = true
			if c, ok = timing(line); ok {
				if len(text) > 0 {
					c.ID = text[0]
				}
				text = nil
			}
			continue
		}
		text = append(text, line)
	}
	c.Text = strings.Join(text, "\n")
	return c, ok
}

// timing parses `start --> end settings`.
func timing(line string) (c packager.Cue, ok bool) {
	s := scanner{strings.TrimLeft(line, whitespace)}
	if c.Start, ok = s.timestamp(); !ok {
		return c, false
	}
	s.skip()
	if !strings.HasPrefix(s.s, "-->") {
		return c, false
	}
	s.s = s.s[3:]
	s.skip()
	if c.End, ok = s.timestamp(); !ok {
		return c, false
	}
	c.Settings = strings.Join(strings.Fields(s.s), " ")
	return c, true
}

const whitespace = " \t\f"

type scanner struct{ s string }

func (s *scanner) skip() { s.s = strings.TrimLeft(s.s, whitespace) }

func (s *scanner) digits() (v int64, n int) {
	for n < len(s.s) && s.s[n] >= '0' && s.s[n] <= '9' {
		if v = v*10 + int64(s.s[n]-'0'); v > 1e9 {
			v = 1e9 // further digits change nothing: it is out of range anyway
		}
		n++
	}
	s.s = s.s[n:]
	return v, n
}

func (s *scanner) eat(c byte) bool {
	if s.s == "" || s.s[0] != c {
		return false
	}
	s.s = s.s[1:]
	return true
}

// timestamp reads [h…h:]mm:ss.fff in milliseconds (WebVTT §6.4, "collect a WebVTT timestamp").
func (s *scanner) timestamp() (ms int64, ok bool) {
	a, n := s.digits()
	if n == 0 {
		return 0, false
	}
	hours := n != 2 || a > 59
	if !s.eat(':') {
		return 0, false
	}
	b, n := s.digits()
	if n != 2 {
		return 0, false
	}
	var h, m, sec int64
	if hours || strings.HasPrefix(s.s, ":") {
		if !s.eat(':') {
			return 0, false
		}
		c, n := s.digits()
		if n != 2 {
			return 0, false
		}
		h, m, sec = a, b, c
	} else {
		m, sec = a, b
	}
	if !s.eat('.') {
		return 0, false
	}
	f, n := s.digits()
	if n != 3 || m > 59 || sec > 59 || h > 1e6 {
		return 0, false
	}
	return ((h*60+m)*60+sec)*1000 + f, true
}

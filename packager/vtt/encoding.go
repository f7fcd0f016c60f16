package vtt

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	xunicode "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// decodeText returns b as UTF-8 without a byte order mark, NULs replaced. Text that is not Unicode is tried as the
// legacy code pages of Western Europe and Russia; it is accepted only when the result looks like words, else the
// error wraps ErrEncoding: a caption in the wrong letters is worse than none.
func decodeText(b []byte) (string, error) {
	if len(b) > maxBytes {
		return "", fmt.Errorf("%w: %d bytes of captions, more than %d", ErrLimit, len(b), maxBytes)
	}
	if e := unicodeMark(b); e != nil {
		out, err := e.NewDecoder().Bytes(b)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrEncoding, err)
		}
		b = bytes.TrimPrefix(out, []byte("\xEF\xBB\xBF"))
	} else if b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")); !utf8.Valid(b) {
		return decodeLegacy(b)
	}
	return strings.ReplaceAll(string(b), "\x00", "\uFFFD"), nil
}

// unicodeMark recognises UTF-16 and UTF-32 by mark, and UTF-16 without one by the zero bytes of ASCII text.
func unicodeMark(b []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case bytes.HasPrefix(b, []byte{0, 0, 0xFE, 0xFF}):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return xunicode.UTF16(xunicode.LittleEndian, xunicode.UseBOM)
	}
	odd, even := 0, 0
	head := b[:min(len(b), 512)&^1]
	for i, c := range head {
		switch {
		case c != 0:
		case i%2 == 1:
			odd++
		default:
			even++
		}
	}
	switch {
	case len(head) < 8:
	case odd > len(head)/4 && even == 0:
		return xunicode.UTF16(xunicode.LittleEndian, xunicode.IgnoreBOM)
	case even > len(head)/4 && odd == 0:
		return xunicode.UTF16(xunicode.BigEndian, xunicode.IgnoreBOM)
	}
	return nil
}

func decodeLegacy(b []byte) (string, error) {
	for _, c := range []struct {
		page  *charmap.Charmap
		looks func(string) bool
	}{{charmap.Windows1252, looksWestern}, {charmap.Windows1251, looksRussian}, {charmap.KOI8R, looksRussian}} {
		s, err := c.page.NewDecoder().String(string(b))
		if err == nil && !strings.ContainsRune(s, utf8.RuneError) && c.looks(s) {
			return s, nil
		}
	}
	return "", fmt.Errorf("%w: neither Unicode nor a known code page; save the file as UTF-8", ErrEncoding)
}

// western are the letters beyond ASCII that Western European languages use.
const western = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšžßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒŠŽŸ"

// punctuation is what else may appear beyond ASCII in their texts.
const punctuation = "“”‘’„‚«»‹›–—…€£°©®™·¿¡\u00a0´§ªº½¼¾²³×"

// looksWestern accepts text whose letters beyond ASCII are few, stand in words with ASCII ones, and do not mix the letters
// of languages that are never mixed; symbols do not stand within words.
func looksWestern(s string) bool {
	var ascii, high int
	runes := []rune(s)
	for i, r := range runes {
		letter := unicode.IsLetter(r)
		switch {
		case r < utf8.RuneSelf && letter:
			ascii++
		case r < utf8.RuneSelf:
		case strings.ContainsRune(western, r):
			high++
		case strings.ContainsRune(punctuation, r) || letter:
			inWord := i > 0 && i+1 < len(runes) && unicode.IsLetter(runes[i-1]) && unicode.IsLetter(runes[i+1])
			if letter || inWord && r != '’' && r != '·' {
				return false
			}
		default:
			return false
		}
	}
	return high <= ascii/2 && !(strings.ContainsAny(s, "øåæ") && strings.ContainsAny(s, "ìùòž"))
}

// looksRussian accepts text that is mostly Cyrillic and has capitals at the start of words only, or throughout.
func looksRussian(s string) bool {
	var cyrillic, latin, misplaced int
	prev := ' '
	for _, r := range s {
		switch {
		case r >= 'А' && r <= 'я' || r == 'ё' || r == 'Ё':
			cyrillic++
			if unicode.IsUpper(r) && unicode.IsLower(prev) {
				misplaced++
			}
		case r < utf8.RuneSelf && unicode.IsLetter(r):
			latin++
		case r >= utf8.RuneSelf && !strings.ContainsRune(punctuation, r) && r != '№':
			return false
		}
		prev = r
	}
	lower := strings.IndexFunc(s, unicode.IsLower) >= 0
	return cyrillic > latin && misplaced == 0 && (lower || cyrillic > 8) && startsProperly(s)
}

// startsProperly refuses a page whose cases are swapped, as Windows-1251 and KOI8-R are to each other: words of such text
// start with a small letter and go on in capitals.
func startsProperly(s string) bool {
	prev := ' '
	for _, r := range s {
		if unicode.IsLower(prev) && unicode.IsUpper(r) {
			return false
		}
		prev = r
	}
	upper, letters := 0, 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
			if unicode.IsUpper(r) {
				upper++
			}
		}
	}
	return upper*2 < letters || upper == letters
}

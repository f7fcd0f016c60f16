package uri

import "strings"

// Ranks of the items of a name; they may only rise.
const (
	rankShift = iota + 1
	rankClip
	rankTracks
	rankDelay
	rankLang
	rankVersion
)

// parseItems reads [-i<shift>][-c<clip>][-f<n>|-s<id>][-v<n>][-a<n>]…[-p<delay>][-l<lang>]…[-x<ver>].
func (r *Request) parseItems(s string) error {
	rank := 0
	for s != "" {
		if s[0] != '-' || len(s) < 2 {
			return bad("unexpected item in the object's name")
		}
		letter := s[1]
		end := strings.IndexByte(s[2:], '-') + 2
		if end == 1 {
			end = len(s)
		}
		value := s[2:end]
		s = s[end:]
		k := rankOf(letter)
		if k == 0 || k < rank || k == rank && k != rankTracks && k != rankLang {
			return bad("unexpected item in the object's name: -" + string(rune(letter)))
		}
		rank = k
		if err := r.item(letter, value); err != nil {
			return err
		}
	}
	return nil
}

func rankOf(letter byte) int {
	switch letter {
	case 'i':
		return rankShift
	case 'c':
		return rankClip
	case 'f', 's', 'v', 'a':
		return rankTracks
	case 'p':
		return rankDelay
	case 'l':
		return rankLang
	case 'x':
		return rankVersion
	}
	return 0
}

func (r *Request) item(letter byte, value string) error {
	switch letter {
	case 'i':
		n, rest := number(value)
		if n < 0 || rest != "" {
			return bad("-i must be followed by a number")
		}
		if r.Segment > 0 {
			r.Segment += n
		}
		return nil
	case 'c':
		if n, rest := number(value); n < 1 || rest != "" {
			return bad("-c must be followed by a number from 1")
		} else if n > 1 {
			return notFound("the presentation has one clip")
		}
		return nil
	case 'p':
		return unsupported("a delay of presentation times is not served")
	case 'l':
		return r.lang(value)
	case 'x':
		if !validVersion(value) {
			return bad("-x must be followed by a version")
		}
		r.Version = value
		return nil
	}
	return r.track(letter, value)
}

func (r *Request) lang(value string) error {
	if !isLang(value) {
		return bad("-l must be followed by a language of two or three letters")
	}
	if r.nLangs == MaxLangs {
		return bad("too many languages in the object's name")
	}
	r.langs[r.nLangs] = value
	r.nLangs++
	return nil
}

// track reads an f, s, v or a item. An s followed by a number is a text track; by anything else, the id of a file.
func (r *Request) track(letter byte, value string) error {
	n, rest := number(value)
	switch {
	case letter == 'f':
		if n < 1 || rest != "" {
			return bad("-f must be followed by a number from 1")
		}
		if n > MaxFiles {
			return notFound("file number beyond 32")
		}
		return r.newPick(Pick{File: n})
	case letter == 's' && value != "" && (n < 0 || rest != ""):
		if !validVersion(value) {
			return bad("-s must be followed by a track number or a file's id")
		}
		return r.newPick(Pick{ID: value})
	}
	if r.nPicks == 0 {
		if err := r.newPick(Pick{}); err != nil {
			return err
		}
	}
	left, err := setTrack(r.picks[r.nPicks-1].mask(letter), value)
	if err == nil && left != "" {
		err = bad("a track letter must be followed by a number")
	}
	return err
}

func (r *Request) newPick(p Pick) error {
	if r.nPicks == MaxFiles {
		return bad("too many files in the object's name")
	}
	r.picks[r.nPicks] = p
	r.nPicks++
	return nil
}

// validVersion reports whether s may stand as a version or an id: 1 to 40 letters, digits, dots and underscores.
func validVersion(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

package uri

import "strings"

// params are the names of the path parameters, with the slash that follows them.
var params = [...]string{"clipFrom/", "clipTo/", "tracks/", "shift/", "lang/", "speed/", "container/"}

func isParam(name string) bool {
	for _, p := range params {
		if name == p[:len(p)-1] {
			return true
		}
	}
	return false
}

// hasParam reports whether a parameter may stand somewhere in f.
func hasParam(f string) bool {
	for _, p := range params {
		if strings.Contains(f, p) {
			return true
		}
	}
	return false
}

func (p *Params) set(name, value string) error {
	switch name {
	case "clipFrom":
		return p.setFrom(value)
	case "clipTo":
		return p.setTo(value)
	case "tracks":
		return setTracks(p, value)
	case "shift":
		return setShift(p, value)
	case "lang":
		return setLang(p, value)
	case "container":
		return setContainer(p, value)
	}
	return unsupported("playback at another speed is not served")
}

// setFrom and setTo keep what all clips given allow, so that a path that is signed up to some point cannot be widened behind
// it.
func (p *Params) setFrom(v string) error {
	n, rest := number(v)
	if rest != "" || n < 0 {
		return bad("clipFrom is not milliseconds")
	}
	p.ClipFrom = max(p.ClipFrom, int64(n))
	return nil
}

func (p *Params) setTo(v string) error {
	n, rest := number(v)
	if rest != "" || n < 0 {
		return bad("clipTo is not milliseconds")
	}
	if to := int64(n); to > 0 && (p.ClipTo == 0 || to < p.ClipTo) {
		p.ClipTo = to
	}
	return nil
}

func setTracks(p *Params, v string) error {
	p.Tracks = Pick{}
	for v != "" {
		mask := p.Tracks.mask(v[0])
		if mask == nil {
			return bad("tracks must look like v1-a1")
		}
		rest, err := setTrack(mask, v[1:])
		if err != nil {
			return err
		}
		if rest != "" && (rest[0] != '-' || rest == "-") {
			return bad("tracks must look like v1-a1")
		}
		v = strings.TrimPrefix(rest, "-")
	}
	return nil
}

func setShift(p *Params, v string) error {
	for v != "" {
		var dst *int64
		switch v[0] {
		case 'v':
			dst = &p.ShiftVideo
		case 'a':
			dst = &p.ShiftAudio
		case 's':
			dst = &p.ShiftText
		}
		n, rest := number(v[1:])
		if dst == nil || n < 0 || rest != "" && (rest[0] != '-' || rest == "-") {
			return bad("shift must look like v100-a50-s20")
		}
		*dst = int64(n)
		v = strings.TrimPrefix(rest, "-")
	}
	return nil
}

func setLang(p *Params, v string) error {
	if !isLang(v) {
		return bad("lang is not an ISO 639 code")
	}
	p.Lang = v
	return nil
}

func setContainer(p *Params, v string) error {
	switch v {
	case "fmp4":
		p.Container = FMP4
	case "ts", "mpegts":
		p.Container = TS
	default:
		return bad("container must be fmp4 or ts")
	}
	return nil
}

func isLang(v string) bool {
	if len(v) != 2 && len(v) != 3 {
		return false
	}
	for i := range len(v) {
		if c := v[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// number reads the decimal digits that s starts with; n is -1 when there are none or the number is beyond 10 digits.
func number(s string) (n int, rest string) {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		if i == 10 {
			return -1, s
		}
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i == 0 {
		return -1, s
	}
	return n, s[i:]
}

func (p *Pick) mask(letter byte) *uint64 {
	switch letter {
	case 'v':
		return &p.Video
	case 'a':
		return &p.Audio
	case 's':
		return &p.Text
	}
	return nil
}

// setTrack reads what follows a track letter: a number, or nothing or 0 for all tracks.
func setTrack(mask *uint64, s string) (rest string, err error) {
	if s == "" || s[0] == '-' {
		*mask = AllTracks
		return s, nil
	}
	n, rest := number(s)
	switch {
	case n < 0:
		return "", bad("a track letter must be followed by a number")
	case n == 0:
		*mask = AllTracks
	case n > MaxTracks:
		return "", notFound("track number beyond 64")
	default:
		*mask |= 1 << (n - 1)
	}
	return rest, nil
}

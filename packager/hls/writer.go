package hls

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/packager"
	"sluice/packager/uri"
)

// playlist builds the text.
type playlist struct{ b []byte }

func newPlaylist(sizeHint int) *playlist {
	p := &playlist{b: make([]byte, 0, sizeHint)}
	p.line("#EXTM3U")
	return p
}

func (p *playlist) line(s string) { p.b = append(append(p.b, s...), '\n') }

func (p *playlist) number(tag string, n int64) {
	p.b = strconv.AppendInt(append(append(p.b, tag...), ':'), n, 10)
	p.b = append(p.b, '\n')
}

// extinf writes a duration that lies between two instants of the timeline, each rounded to the microsecond, so that the
// durations of a playlist sum to the end without drift.
func (p *playlist) extinf(start, dur int64, scale uint32) {
	us := micros(start+dur, scale) - micros(start, scale)
	p.b = append(p.b, "#EXTINF:"...)
	p.b = strconv.AppendInt(p.b, us/1e6, 10)
	frac := strconv.FormatInt(us%1e6+1e6, 10)
	p.b = append(append(p.b, '.'), frac[1:]...)
	p.b = append(p.b, ",\n"...)
}

// micros converts ticks to microseconds, rounded, without overflow for any real time.
func micros(ticks int64, scale uint32) int64 {
	s := int64(scale)
	return ticks/s*1e6 + (ticks%s*1e6+s/2)/s
}

// attrs builds an attribute list (RFC 8216 §4.2).
type attrs struct{ b strings.Builder }

func (a *attrs) raw(name, value string) {
	if a.b.Len() > 0 {
		a.b.WriteByte(',')
	}
	a.b.WriteString(name + "=" + value)
}

func (a *attrs) int(name string, v int64) { a.raw(name, strconv.FormatInt(v, 10)) }

// text writes a quoted string; the characters that one may not hold are replaced.
func (a *attrs) text(name, value string) { a.raw(name, `"`+clean(value)+`"`) }

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r == 0x7f:
			return ' '
		}
		return r
	}, s)
}

// child is the URL of an object of the set, relative to the playlist.
func (o *Options) child(base string, n int, refs []packager.Ref, ext string) string {
	return uri.Name(base, n, refs, o.single(), o.Version, ext) + o.Query
}

// frameRate is num/den with three decimals, rounded.
func frameRate(num, den uint32) string {
	milli := (uint64(num)*1000 + uint64(den)/2) / uint64(den)
	return fmt.Sprintf("%d.%03d", milli/1000, milli%1000)
}

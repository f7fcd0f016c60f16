package remux

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grafov/m3u8"
)

// list is a media playlist with everything resolved and checked.
type list struct {
	at       place
	segments []segment
	total    int64 // sum of the durations, 90 kHz
}

// segment is one media segment.
type segment struct {
	index int
	at    place
	off   int64
	n     int64 // -1: all
	dur   int64 // EXTINF in 90 kHz ticks
	seq   uint64
	disc  int // discontinuities before it
	gap   bool
	init  *initSection
	key   *key
}

// initSection is an EXT-X-MAP; the same section is the same pointer.
type initSection struct {
	at  place
	off int64
	n   int64
	key *key
	seq uint64 // of the segment that it stands in front of
}

// key is an EXT-X-KEY other than NONE.
type key struct {
	method string
	at     place
	iv     []byte // nil: the media sequence number
}

// tag keeps the text of a tag that m3u8 does not read, or does not read whole.
type tag struct {
	name, value string
	// keys is the attributes of the EXT-X-KEY in force at an EXT-X-MAP: the reader only keeps the last one before a segment.
	keys *string
	key  string
}

func (t tag) TagName() string { return t.name }
func (t tag) Decode(line string) (m3u8.CustomTag, error) {
	t.value = strings.TrimSpace(strings.TrimPrefix(line, t.name))
	switch t.name {
	case tagKey:
		*t.keys = t.value
	case tagMap:
		t.key = *t.keys
	}
	return t, nil
}
func (t tag) SegmentTag() bool      { return true }
func (t tag) Encode() *bytes.Buffer { return bytes.NewBufferString(t.name + t.value) }
func (t tag) String() string        { return t.name + t.value }

// The reader leaves out whether a byte range has an offset, knows no gaps, and keeps a map's range only when it has both numbers.
const (
	tagGap       = "#EXT-X-GAP"
	tagDuration  = "#EXTINF:" // which the reader makes a float
	tagByteRange = "#EXT-X-BYTERANGE:"
	tagMap       = "#EXT-X-MAP:"
	tagKey       = "#EXT-X-KEY:"
)

// decode checks the text of a playlist and reads it.
func (in *input) decode(at place, text []byte) (m3u8.Playlist, m3u8.ListType, error) {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	clean, err := in.lint(at, text)
	if err != nil {
		return nil, 0, err
	}
	p, kind, err := decodeSafely(clean)
	if err != nil {
		return nil, 0, fail(Corrupt, at.String(), "playlist cannot be read: %v", err)
	}
	return p, kind, nil
}

// decodeSafely keeps a defect of the library from ending the process.
func decodeSafely(text []byte) (p m3u8.Playlist, kind m3u8.ListType, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("reader gave up: %v", r)
		}
	}()
	var keys string
	return m3u8.DecodeWith(*bytes.NewBuffer(text), false, []m3u8.CustomDecoder{
		tag{name: tagGap}, tag{name: tagDuration}, tag{name: tagByteRange}, tag{name: tagKey, keys: &keys}, tag{name: tagMap, keys: &keys},
	})
}

// lint refuses what the library would pass over (RFC 8216 §4): text that is not a playlist, lines beyond a limit, durations and
// byte ranges that are no numbers. It returns the text without blank lines and comments, at which the library stumbles between a
// tag and its segment.
func (in *input) lint(at place, text []byte) ([]byte, error) {
	what := at.String()
	clean := make([]byte, 0, len(text))
	if !bytes.HasPrefix(text, []byte("#EXTM3U")) {
		return nil, fail(Corrupt, what, "playlist does not start with #EXTM3U")
	}
	if !utf8.Valid(text) {
		return nil, fail(Corrupt, what, "playlist is not UTF-8")
	}
	line, uris, variants := 0, 0, 0
	named := false // an EXTINF or a STREAM-INF waits for its URI
	for raw := range bytes.Lines(text) {
		line++
		if len(raw) > in.o.Limits.LineBytes {
			return nil, fail(LimitExceeded, what, "line %d is longer than %d bytes", line, in.o.Limits.LineBytes)
		}
		s := strings.TrimRight(string(raw), "\r\n")
		if strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 && c != '\t' || c == 0x7F }) {
			return nil, fail(Corrupt, what, "line %d holds a control character", line)
		}
		var err error
		switch s = strings.TrimSpace(s); {
		case s == "":
		case strings.HasPrefix(s, "#EXTINF:"):
			named = true
			_, err = extinf(s)
		case strings.HasPrefix(s, "#EXT-X-STREAM-INF:"), strings.HasPrefix(s, "#EXT-X-MEDIA:"):
			named = named || s[7] == 'S'
			if variants++; variants > maxVariants {
				return nil, fail(LimitExceeded, what, "more than %d variants and renditions", maxVariants)
			}
		case strings.HasPrefix(s, tagByteRange):
			_, _, err = byteRange(s[len(tagByteRange):])
		case strings.HasPrefix(s, "#"):
		default:
			if !named {
				err = fmt.Errorf("URI %q without EXTINF or STREAM-INF", shorten(s))
			}
			named = false
			uris++
		}
		if err != nil {
			return nil, fail(Corrupt, what, "line %d: %v", line, err)
		}
		if s != "" && (s[0] != '#' || strings.HasPrefix(s, "#EXT")) {
			clean = append(append(clean, s...), '\n')
		}
		if uris > in.o.Limits.Segments {
			return nil, fail(LimitExceeded, what, "more than %d segments", in.o.Limits.Segments)
		}
	}
	return clean, nil
}

// maxVariants bounds a multivariant playlist.
const maxVariants = 1000

// maxSegment90k bounds the duration of one segment: a day.
const maxSegment90k = 24 * 3600 * 90000

// extinf reads the duration of an EXTINF line in 90 kHz ticks, from its decimal digits.
func extinf(s string) (int64, error) {
	v, _, _ := strings.Cut(strings.TrimPrefix(s, "#EXTINF:"), ",")
	v = strings.TrimSpace(v)
	whole, frac, _ := strings.Cut(v, ".")
	n, err := strconv.ParseUint(whole, 10, 32)
	if whole == "" && frac != "" {
		n, err = 0, nil
	}
	if err != nil || strings.Trim(frac, "0123456789") != "" {
		return 0, fmt.Errorf("EXTINF %q is not a duration", shorten(v))
	}
	frac = (frac + "000000000")[:9]
	nanos, _ := strconv.ParseUint(frac, 10, 64)
	d := int64(n)*90000 + int64(nanos)*90000/1e9
	if d > maxSegment90k {
		return 0, fmt.Errorf("EXTINF %q is longer than a day", shorten(v))
	}
	return d, nil
}

// byteRange reads n[@off]; off is -1 when it is left out.
func byteRange(s string) (n, off int64, err error) {
	length, start, has := strings.Cut(strings.Trim(strings.TrimSpace(s), `"`), "@")
	n, err = strconv.ParseInt(length, 10, 64)
	off = -1
	if err == nil && has {
		off, err = strconv.ParseInt(start, 10, 64)
	}
	if err != nil || n <= 0 || has && off < 0 || off > math.MaxInt64-n {
		return 0, 0, fmt.Errorf("byte range %q", shorten(s))
	}
	return n, off, nil
}

// media resolves a media playlist.
func (in *input) media(at place, p *m3u8.MediaPlaylist) (*list, error) {
	what := at.String()
	if !p.Closed && p.MediaType != m3u8.VOD && !in.o.AllowOpen {
		return nil, fail(Corrupt, what, "playlist has no EXT-X-ENDLIST: it is live or cut short")
	}
	if p.Iframe {
		return nil, fail(NotMedia, what, "playlist of I-frames only")
	}
	l := &list{at: at}
	r := listReader{in: in, l: l, next: map[string]int64{}, keys: map[m3u8.Key]*key{}}
	for i, s := range p.Segments {
		if s == nil {
			break
		}
		if err := r.add(i, p.SeqNo+uint64(i), s); err != nil {
			return nil, err
		}
	}
	if len(l.segments) == 0 {
		return nil, fail(Corrupt, what, "playlist has no segments")
	}
	return l, nil
}

// listReader holds what applies from one segment to the next.
type listReader struct {
	in   *input
	l    *list
	next map[string]int64 // where the next range of a resource starts when it is left out
	keys map[m3u8.Key]*key
	key  *key
	init *initSection
	disc int
}

func (r *listReader) add(i int, seq uint64, s *m3u8.MediaSegment) error {
	in, what := r.in, r.l.at.String()
	at, err := in.resolve(r.l.at, s.URI)
	if err != nil {
		return err
	}
	if s.Discontinuity && i > 0 {
		r.disc++
	}
	if s.Key != nil {
		if r.key, err = r.readKey(s.Key); err != nil {
			return err
		}
	}
	if t, ok := s.Custom[tagMap].(tag); ok {
		if err := r.readMap(t, seq); err != nil {
			return err
		}
	}
	seg := segment{
		index: i, at: at, n: -1, seq: seq, disc: r.disc, init: r.init, key: r.key,
	}
	if t, ok := s.Custom[tagDuration].(tag); ok {
		if seg.dur, err = extinf(tagDuration + t.value); err != nil {
			return fail(Corrupt, what, "segment %d: %v", i, err)
		}
	}
	if t, ok := s.Custom[tagByteRange].(tag); ok {
		n, off, err := byteRange(t.value)
		if err != nil {
			return fail(Corrupt, what, "segment %d: %v", i, err)
		}
		if off < 0 {
			var known bool
			if off, known = r.next[at.key()]; !known {
				return fail(Corrupt, what, "segment %d: byte range without an offset follows no range of %q", i, at)
			}
		}
		seg.off, seg.n = off, n
		r.next[at.key()] = off + n
	}
	_, seg.gap = s.Custom[tagGap]
	r.l.total += seg.dur
	r.l.segments = append(r.l.segments, seg)
	return nil
}

func (r *listReader) readKey(k *m3u8.Key) (*key, error) {
	what := r.l.at.String()
	if k.Method == "NONE" {
		return nil, nil
	}
	if got := r.keys[*k]; got != nil {
		return got, nil
	}
	switch {
	case k.Method != "AES-128" && k.Method != "AES-256" && k.Method != "AES-256-CTR":
		return nil, fail(Encrypted, what, "encryption method %q is not supported", shorten(k.Method))
	case k.Keyformat != "" && k.Keyformat != "identity":
		return nil, fail(Encrypted, what, "key format %q is not supported", shorten(k.Keyformat))
	}
	at, err := r.in.resolve(r.l.at, k.URI)
	if err != nil {
		return nil, err
	}
	out := &key{method: k.Method, at: at}
	if k.IV != "" {
		digits, hexed := strings.CutPrefix(strings.ToLower(k.IV), "0x")
		if !hexed || len(digits) > 32 || len(digits) == 0 {
			return nil, fail(Corrupt, what, "IV %q is not a 128-bit number", shorten(k.IV))
		}
		out.iv, err = hex.DecodeString(strings.Repeat("0", 32-len(digits)) + digits)
		if err != nil {
			return nil, fail(Corrupt, what, "IV %q is not a 128-bit number", shorten(k.IV))
		}
	}
	r.keys[*k] = out
	return out, nil
}

func (r *listReader) readMap(t tag, seq uint64) error {
	what := r.l.at.String()
	a := m3u8.DecodeAttributeList(t.value)
	at, err := r.in.resolve(r.l.at, a["URI"])
	if err != nil {
		return err
	}
	m := &initSection{at: at, n: -1, seq: seq}
	if t.key != "" {
		k := m3u8.DecodeAttributeList(t.key)
		m.key, err = r.readKey(&m3u8.Key{
			Method: k["METHOD"], URI: k["URI"], IV: k["IV"], Keyformat: k["KEYFORMAT"], Keyformatversions: k["KEYFORMATVERSIONS"],
		})
		if err != nil {
			return err
		}
	}
	if v := a["BYTERANGE"]; v != "" {
		if m.n, m.off, err = byteRange(v); err != nil {
			return fail(Corrupt, what, "EXT-X-MAP: %v", err)
		}
		if m.off < 0 {
			m.off = 0
		}
	}
	if m.key != nil && m.key.iv == nil && !strings.HasSuffix(m.key.method, "CTR") {
		return fail(Corrupt, what, "EXT-X-MAP is encrypted without an explicit IV")
	}
	if old := r.init; old == nil || old.at.key() != at.key() || old.off != m.off || old.n != m.n || old.key != m.key {
		r.init = m
	}
	return nil
}

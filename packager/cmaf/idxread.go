package cmaf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"sluice/packager"
)

// ErrIndex marks bytes that are not a sound .idx file.
var ErrIndex = errors.New("bad track index")

// maxRoles and maxFiles bound lists that are short in every index we write.
const (
	maxRoles = 64
	maxFiles = 1 << 16
	maxTime  = math.MaxInt64 / 8 // ticks; leaves room for sums
)

// ParseIndex reads an .idx of a track whose bytes lie in files. Without files the track can be inspected and joined but not
// served. Everything read is checked: offsets against the files' sizes, counts against the bytes that carry them. Errors
// wrap ErrIndex.
func ParseIndex(b []byte, files ...packager.File) (*packager.Track, error) {
	t, err := parseIndex(b, files)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	return t, nil
}

func parseIndex(b []byte, files []packager.File) (*packager.Track, error) {
	if len(b) < len(idxMagic)+4 || string(b[:3]) != idxMagic[:3] {
		return nil, errors.New("not an index file")
	}
	if b[3] != idxMagic[3] {
		return nil, fmt.Errorf("version %d is not supported", b[3])
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errors.New("checksum mismatch")
	}
	sections := make(map[uint64][]byte)
	for r := (&varints{b: body[len(idxMagic):]}); len(r.b) > 0; {
		tag := r.uint(math.MaxUint64)
		sections[tag] = r.bytes()
		if r.err != nil {
			return nil, r.err
		}
	}
	m, err := parseMedia(sections[tagMedia])
	if err != nil {
		return nil, err
	}
	d := idxDecoder{sections: sections, files: files}
	return d.track(m)
}

// varints reads numbers from b; after the first error it returns zeros.
type varints struct {
	b   []byte
	err error
}

var errShort = errors.New("a section ends early")

func (r *varints) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *varints) uint(limit uint64) uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // the common case, small
		v := uint64(r.b[0])
		r.b = r.b[1:]
		if v > limit {
			r.fail(fmt.Errorf("number %d is over its limit %d", v, limit))
			return 0
		}
		return v
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	if r.b = r.b[n:]; v > limit {
		r.fail(fmt.Errorf("number %d is over its limit %d", v, limit))
		return 0
	}
	return v
}

func (r *varints) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *varints) bytes() []byte {
	n := r.uint(uint64(len(r.b)))
	if n > uint64(len(r.b)) {
		r.fail(errShort)
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *varints) byte() byte {
	if len(r.b) == 0 {
		r.fail(errShort)
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func parseMedia(b []byte) (m packager.Media, err error) {
	r := &varints{b: b}
	m.Kind = packager.Kind(r.byte())
	m.Entry = string(r.bytes())
	m.Config = append([]byte(nil), r.bytes()...)
	m.Timescale = uint32(r.uint(math.MaxUint32))
	m.Width, m.Height = uint16(r.uint(math.MaxUint16)), uint16(r.uint(math.MaxUint16))
	m.SARNum, m.SARDen = uint16(r.uint(math.MaxUint16)), uint16(r.uint(math.MaxUint16))
	m.RateNum, m.RateDen = uint32(r.uint(math.MaxUint32)), uint32(r.uint(math.MaxUint32))
	m.Color = packager.Color{Primaries: r.byte(), Transfer: r.byte(), Matrix: r.byte(), FullRange: r.byte() != 0}
	m.SampleRate, m.Channels = uint32(r.uint(math.MaxUint32)), uint8(r.uint(math.MaxUint8))
	m.Priming = uint32(r.uint(math.MaxUint32))
	m.Language, m.Name = string(r.bytes()), string(r.bytes())
	m.Default, m.Forced = r.byte() != 0, r.byte() != 0
	for range r.uint(maxRoles) {
		m.Roles = append(m.Roles, string(r.bytes()))
	}
	switch {
	case r.err != nil:
		return m, fmt.Errorf("media: %w", r.err)
	case m.Kind < packager.Video || m.Kind > packager.Text:
		return m, fmt.Errorf("media: unknown kind %d", m.Kind)
	case m.Timescale == 0:
		return m, errors.New("media: timescale is 0")
	}
	return m, nil
}

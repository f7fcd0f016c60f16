//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/hevc"
)

// eachAnnexB calls fn for every NAL unit of a byte stream (ISO/IEC 14496-10 Annex B), without start codes and trailing zeros.
func eachAnnexB(b []byte, fn func(nal []byte)) {
	start := -1
	for i := 0; i+2 < len(b); {
		switch {
		case b[i+2] > 1:
			i += 3
		case b[i] == 0 && b[i+1] == 0 && b[i+2] == 1:
			if start >= 0 {
				emitNAL(b[start:i], fn)
			}
			start = i + 3
			i += 3
		default:
			i++
		}
	}
	if start >= 0 {
		emitNAL(b[start:], fn)
	}
}

func emitNAL(n []byte, fn func([]byte)) {
	n = bytes.TrimRight(n, "\x00")
	if len(n) > 0 {
		fn(n)
	}
}

// eachPrefixed calls fn for every NAL unit of a length-prefixed access unit. It reports false when the lengths don't add up.
func eachPrefixed(b []byte, size int, fn func(nal []byte)) bool {
	for len(b) > 0 {
		if len(b) < size {
			return false
		}
		n := 0
		for _, c := range b[:size] {
			n = n<<8 | int(c)
		}
		b = b[size:]
		if n > len(b) {
			return false
		}
		if n > 0 {
			fn(b[:n])
		}
		b = b[n:]
	}
	return true
}

// startsWithStartCode tells a byte stream from length-prefixed units. A unit of 1 byte prefixed by 00 00 00 01 cannot be a
// coded picture, so the reading as a start code is safe.
func startsWithStartCode(b []byte) bool {
	return len(b) >= 4 && b[0] == 0 && b[1] == 0 && (b[2] == 1 || b[2] == 0 && b[3] == 1)
}

// nalKind sorts NAL units by what a stored sample needs.
type nalKind int

const (
	nalKeep nalKind = iota
	nalParams
	nalDrop // delimiters, filler, the encoder's own advertisement
)

var x264UUID = []byte{0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7, 0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef}

func h264Kind(n []byte) nalKind {
	switch n[0] & 31 {
	case 7, 8, 13, 15:
		return nalParams
	case 9, 10, 11, 12:
		return nalDrop
	case 6:
		if len(n) > 18 && n[1] == 5 && bytes.Contains(n[:min(len(n), 24)], x264UUID) {
			return nalDrop
		}
	}
	return nalKeep
}

func hevcKind(n []byte) nalKind {
	switch n[0] >> 1 & 63 {
	case 32, 33, 34:
		return nalParams
	case 35, 36, 37, 38:
		return nalDrop
	case 39:
		if len(n) > 19 && n[2] == 5 { // user data: x265 writes its settings there
			return nalDrop
		}
	}
	return nalKeep
}

// h264IDR and hevcRAP say what a unit means for random access.
func h264IDR(n []byte) bool { return n[0]&31 == 5 }
func hevcIDR(n []byte) bool { t := n[0] >> 1 & 63; return t == 19 || t == 20 }

// paramSets collects the distinct parameter sets of a stream, in order of appearance.
type paramSets struct {
	hevc          bool
	vps, sps, pps [][]byte
}

func (ps *paramSets) add(n []byte) {
	var list *[][]byte
	if ps.hevc {
		switch n[0] >> 1 & 63 {
		case 32:
			list = &ps.vps
		case 33:
			list = &ps.sps
		case 34:
			list = &ps.pps
		}
	} else {
		switch n[0] & 31 {
		case 7:
			list = &ps.sps
		case 8:
			list = &ps.pps
		}
	}
	if list == nil || len(*list) >= 64 {
		return
	}
	for _, have := range *list {
		if bytes.Equal(have, n) {
			return
		}
	}
	*list = append(*list, bytes.Clone(n))
}

// config makes the avcC or hvcC payload (ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1).
func (ps *paramSets) config() (out []byte, err error) {
	defer func() { // the parser of parameter sets may meet hostile bits
		if r := recover(); r != nil {
			err = fmt.Errorf("parameter sets: %v", r)
		}
	}()
	if len(ps.sps) == 0 || len(ps.pps) == 0 {
		return nil, errors.New("no parameter sets")
	}
	var buf bytes.Buffer
	if ps.hevc {
		rec, err := hevc.CreateHEVCDecConfRec(ps.vps, ps.sps, ps.pps, true, true, true, true)
		if err != nil {
			return nil, fmt.Errorf("hvcC: %w", err)
		}
		err = rec.Encode(&buf)
		return buf.Bytes(), err
	}
	rec, err := avc.CreateAVCDecConfRec(ps.sps, ps.pps, true)
	if err != nil {
		return nil, fmt.Errorf("avcC: %w", err)
	}
	err = rec.Encode(&buf)
	return buf.Bytes(), err
}

// fromExtradata reads parameter sets out of avcC/hvcC or a byte stream, and the length size of prefixed units (0: byte stream).
func (ps *paramSets) fromExtradata(b []byte) (lengthSize int) {
	switch {
	case len(b) == 0:
		return 0
	case startsWithStartCode(b):
		eachAnnexB(b, ps.add)
		return 0
	case ps.hevc:
		return ps.fromHVCC(b)
	}
	return ps.fromAVCC(b)
}

func (ps *paramSets) fromAVCC(b []byte) int {
	if len(b) < 7 || b[0] != 1 {
		return 0
	}
	size, p := int(b[4]&3)+1, 6
	for i, n := 0, int(b[5]&31); i < n; i++ {
		p = ps.addSized(b, p)
	}
	if p < len(b) {
		n := int(b[p])
		p++
		for i := 0; i < n; i++ {
			p = ps.addSized(b, p)
		}
	}
	return size
}

func (ps *paramSets) fromHVCC(b []byte) int {
	if len(b) < 23 || b[0] != 1 {
		return 0
	}
	size, p := int(b[21]&3)+1, 23
	for i, n := 0, int(b[22]); i < n && p+3 <= len(b); i++ {
		count := int(binary.BigEndian.Uint16(b[p+1:]))
		p += 3
		for j := 0; j < count; j++ {
			p = ps.addSized(b, p)
		}
	}
	return size
}

// addSized adds the unit with a 16-bit length at b[p:] and returns the position behind it.
func (ps *paramSets) addSized(b []byte, p int) int {
	if p+2 > len(b) {
		return len(b)
	}
	n := int(binary.BigEndian.Uint16(b[p:]))
	p += 2
	if n == 0 || p+n > len(b) {
		return len(b)
	}
	ps.add(b[p : p+n])
	return p + n
}

// appendPrefixed appends n with a 4-byte length.
func appendPrefixed(dst, n []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(n)))
	return append(dst, n...)
}

package packager

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// CodecString is the track's codecs parameter (RFC 6381 and the codecs' ISOBMFF bindings) with the sample entry spelled as
// in MP4 and DASH; HLS spells Opus in lower case. A configuration too short to read gives the bare sample entry.
func (m *Media) CodecString() string {
	switch m.Entry {
	case "avc1", "avc3":
		return avcString(m.Entry, m.Config)
	case "hvc1", "hev1":
		return hevcString(m.Entry, m.Config)
	case "av01":
		return av1String(m)
	case "vp09", "vp08":
		return vpString(m)
	case "mp4a":
		return "mp4a.40." + strconv.Itoa(m.aacObjectType())
	case ".mp3":
		return "mp4a.40.34"
	case "stpp":
		return "stpp.ttml.im1t"
	default:
		return m.Entry
	}
}

// avcString is avc1.PPCCLL: profile, constraint flags and level as they stand in avcC (ISO/IEC 14496-15 §5.3.3.1).
func avcString(entry string, c []byte) string {
	if len(c) < 4 {
		return entry
	}
	return entry + "." + strings.ToUpper(hex.EncodeToString(c[1:4]))
}

// hevcString follows ISO/IEC 14496-15 Annex E.3: profile space and idc, compatibility flags in reverse bit order, tier and
// level, constraint bytes without trailing zero bytes.
func hevcString(entry string, c []byte) string {
	if len(c) < 13 {
		return entry
	}
	var b strings.Builder
	b.WriteString(entry + ".")
	if space := c[1] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	compat := uint32(c[2])<<24 | uint32(c[3])<<16 | uint32(c[4])<<8 | uint32(c[5])
	tier := byte('L')
	if c[1]&0x20 != 0 {
		tier = 'H'
	}
	fmt.Fprintf(&b, "%d.%X.%c%d", c[1]&0x1f, bits.Reverse32(compat), tier, c[12])
	n := 6
	for n > 0 && c[6+n-1] == 0 {
		n--
	}
	for _, x := range c[6 : 6+n] {
		fmt.Fprintf(&b, ".%X", x)
	}
	return b.String()
}

// av1String follows the AV1 ISOBMFF binding §5: the optional part appears, whole, when any of it is not the default.
func av1String(m *Media) string {
	c := m.Config
	if len(c) < 4 {
		return m.Entry
	}
	tier := byte('M')
	if c[2]&0x80 != 0 {
		tier = 'H'
	}
	depth := 8
	if c[2]&0x40 != 0 {
		depth = 10
		if c[2]&0x20 != 0 {
			depth = 12
		}
	}
	s := fmt.Sprintf("%s.%d.%02d%c.%02d", m.Entry, c[1]>>5, c[1]&0x1f, tier, depth)
	mono, subX, subY, pos := c[2]>>4&1, c[2]>>3&1, c[2]>>2&1, c[2]&3
	col := m.Color.orDefault()
	chroma := fmt.Sprintf("%d%d%d", subX, subY, pos)
	if mono == 0 && chroma == "110" && col == (Color{1, 1, 1, false}) {
		return s
	}
	return s + fmt.Sprintf(".%d.%s.%02d.%02d.%02d.%s", mono, chroma, col.Primaries, col.Transfer, col.Matrix, flag(col.FullRange))
}

// vpString follows the VP codec ISOBMFF binding: vp09.PP.LL.DD and, when not the default, CC.cp.tc.mc.FF. The payload of
// vpcC may or may not still carry its version and flags.
func vpString(m *Media) string {
	c := m.Config
	if len(c) >= 12 && c[0] == 1 && c[1]|c[2]|c[3] == 0 {
		c = c[4:]
	}
	if len(c) < 6 {
		return m.Entry
	}
	s := fmt.Sprintf("%s.%02d.%02d.%02d", m.Entry, c[0], c[1], c[2]>>4)
	chroma := c[2] >> 1 & 7
	col := Color{c[3], c[4], c[5], c[2]&1 != 0}.orDefault()
	if chroma == 1 && col == (Color{1, 1, 1, false}) {
		return s
	}
	return s + fmt.Sprintf(".%02d.%02d.%02d.%02d.0%s", chroma, col.Primaries, col.Transfer, col.Matrix, flag(col.FullRange))
}

// orDefault reads unspecified code points as BT.709, which is what the optional fields of the codec strings default to.
func (c Color) orDefault() Color {
	for _, p := range []*uint8{&c.Primaries, &c.Transfer, &c.Matrix} {
		if *p == 0 || *p == 2 {
			*p = 1
		}
	}
	return c
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

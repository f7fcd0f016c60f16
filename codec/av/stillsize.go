//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"sluice/codec"
)

// stillHead is how much of a picture file is searched for its size. A JPEG may carry as much before it.
const stillHead = 1 << 20

// refuseHugeStill refuses a picture file whose header asks for more pixels than may be decoded: before a decoder, which
// allocates what the header says, sees it.
func (in *input) refuseHugeStill(limit int64) error {
	w, h, ok := stillSize(in.format, in.src)
	if !ok || w*h <= limit {
		return nil
	}
	e := codec.NewError(codec.TooLarge, "probe", fmt.Sprintf("a picture of %dx%d exceeds %d pixels", w, h, limit), nil)
	e.Stream = 0
	return e
}

// stillSize reads the size of a picture from its file header: PNG (W3C PNG §11.2.2), GIF89a §18, JPEG (ITU-T T.81 §B.2.2),
// WebP (RFC 9649 §2.7), BMP.
func stillSize(format string, src *byteSource) (w, h int64, ok bool) {
	head := make([]byte, 64)
	head = head[:max(0, src.read(0, head))]
	be, le := binary.BigEndian, binary.LittleEndian
	switch {
	case format == "png_pipe" && len(head) >= 24:
		return int64(be.Uint32(head[16:])), int64(be.Uint32(head[20:])), true
	case format == "gif" && len(head) >= 10:
		return int64(le.Uint16(head[6:])), int64(le.Uint16(head[8:])), true
	case format == "bmp_pipe" && len(head) >= 26:
		return magnitude(le.Uint32(head[18:])), magnitude(le.Uint32(head[22:])), true
	case format == "webp_pipe" && len(head) >= 30:
		return webpSize(head)
	case format == "jpeg_pipe" || format == "jpegls_pipe":
		return jpegSize(src)
	}
	return 0, 0, false
}

// magnitude is the size that a BMP header means: a negative height turns the picture upside down.
func magnitude(v uint32) int64 { return abs64(int64(int32(v))) }

func webpSize(b []byte) (w, h int64, ok bool) {
	u24 := func(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 }
	switch string(b[12:16]) {
	case "VP8X":
		return u24(b[24:]) + 1, u24(b[27:]) + 1, true
	case "VP8L":
		v := int64(binary.LittleEndian.Uint32(b[21:]))
		return v&0x3fff + 1, v>>14&0x3fff + 1, true
	case "VP8 ":
		le := binary.LittleEndian
		return int64(le.Uint16(b[26:]) & 0x3fff), int64(le.Uint16(b[28:]) & 0x3fff), true
	}
	return 0, 0, false
}

// jpegSize walks the marker segments to the frame header.
func jpegSize(src *byteSource) (w, h int64, ok bool) {
	b := make([]byte, stillHead)
	b = b[:max(0, src.read(0, b))]
	i := bytes.Index(b, []byte{0xff, 0xd8})
	if i < 0 {
		return 0, 0, false
	}
	for i += 2; i+9 <= len(b) && b[i] == 0xff; {
		m := b[i+1]
		switch {
		case m == 0xff: // padding
			i++
			continue
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc || m == 0xf7:
			return int64(binary.BigEndian.Uint16(b[i+7:])), int64(binary.BigEndian.Uint16(b[i+5:])), true
		case m == 0xda || m == 0xd9: // scan data or the end
			return 0, 0, false
		}
		i += 2 + int(binary.BigEndian.Uint16(b[i+2:]))
	}
	return 0, 0, false
}

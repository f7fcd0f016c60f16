//go:build cgo

package av

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/vp9"

	"sluice/codec"
)

// av1Config makes the av1C payload (AV1 in ISOBMFF §2.3.3) from the sequence header the encoder announced.
func av1Config(extra []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sequence header: %v", r)
		}
	}()
	if len(extra) > 4 && extra[0] == 0x81 { // already av1C
		return extra, nil
	}
	obus, err := av1.SplitOBUs(extra)
	if err != nil {
		return nil, fmt.Errorf("sequence header: %w", err)
	}
	for _, o := range obus {
		if o.Header.Type != av1.OBUSequenceHeader {
			continue
		}
		sh, err := av1.ParseSequenceHeader(o.Payload)
		if err != nil {
			return nil, fmt.Errorf("sequence header: %w", err)
		}
		rec := av1.CodecConfRecFromSequenceHeader(sh, o.Encode())
		var buf bytes.Buffer
		err = rec.Encode(&buf)
		return buf.Bytes(), err
	}
	return nil, errors.New("no sequence header")
}

// appendTemporalUnit appends an AV1 temporal unit without its delimiter, which ISOBMFF samples leave out.
func appendTemporalUnit(dst, tu []byte) []byte {
	for len(tu) > 0 {
		h := tu[0]
		if h&2 == 0 { // no size field: it reaches to the end
			return append(dst, tu...)
		}
		n := 1
		if h&4 != 0 {
			n = 2
		}
		if n > len(tu) {
			return append(dst, tu...)
		}
		size, used := binary.Uvarint(tu[n:])
		end := n + used + int(size)
		if used <= 0 || size > uint64(len(tu)) || end > len(tu) {
			return append(dst, tu...)
		}
		if kind := h >> 3 & 15; kind != 2 && kind != 15 { // temporal delimiter, padding
			dst = append(dst, tu[:end]...)
		}
		tu = tu[end:]
	}
	return dst
}

// vp9Config makes the vpcC payload (VP Codec ISO Media File Format Binding §2.2): profile 0, 8 bit, 4:2:0.
func vp9Config(w, h int, vp *codec.VideoPlan) []byte {
	b := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	b[5] = vp9.Level(uint32(w), uint32(h), vp.FPS.Float())
	b[6] = 8<<4 | 0<<1 // 4:2:0 vertical (left)
	if vp.Out.Chroma == "topleft" {
		b[6] |= 1 << 1
	}
	b[7], b[8], b[9] = 1, 1, 1 // BT.709; limited range
	return b
}

// opusConfig makes the dOps payload (Opus in ISOBMFF §4.3.2) from an OpusHead (RFC 7845 §5.1), and returns the pre-skip.
func opusConfig(head []byte) ([]byte, int, error) {
	if len(head) < 19 || string(head[:8]) != "OpusHead" {
		return nil, 0, errors.New("no OpusHead")
	}
	skip := binary.LittleEndian.Uint16(head[10:])
	b := []byte{0, head[9]}
	b = binary.BigEndian.AppendUint16(b, skip)
	b = binary.BigEndian.AppendUint32(b, binary.LittleEndian.Uint32(head[12:]))
	b = binary.BigEndian.AppendUint16(b, binary.LittleEndian.Uint16(head[16:]))
	b = append(b, head[18])
	if head[18] != 0 {
		b = append(b, head[19:]...)
	}
	return b, int(skip), nil
}

package complete

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// maxBoxes bounds the boxes that are looked at; a file of more is taken as whole.
const maxBoxes = 100_000

// CutOff says what tells that a file of that size is only the beginning of one, or "" if nothing does. It looks at the
// outermost structure of the containers that have one; what they hold is for the probe.
func CutOff(r io.ReaderAt, size int64) string {
	head := make([]byte, 64)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF || n < 12 {
		return ""
	}
	head = head[:n]
	switch {
	case isBox(head):
		return incompleteBoxes(r, size)
	case bytes.HasPrefix(head, []byte{0x1a, 0x45, 0xdf, 0xa3}):
		return incompleteMatroska(r, size)
	case bytes.HasPrefix(head, []byte("RIFF")):
		if want := int64(binary.LittleEndian.Uint32(head[4:])) + 8; want > size && want < 1<<32 {
			return fmt.Sprintf("its header tells of %d bytes, it has %d", want, size)
		}
	case head[0] == 0x47 && size > 188*2:
		return incompletePackets(r, size)
	case bytes.HasPrefix(head, []byte{0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02}):
		return incompleteMXF(r, size)
	}
	return ""
}

// isBox recognises the first box of the ISO base media format and of QuickTime.
func isBox(head []byte) bool {
	switch string(head[4:8]) {
	case "ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp":
		return true
	}
	return false
}

// incompleteBoxes walks the outermost boxes (ISO/IEC 14496-12 §4.2).
func incompleteBoxes(r io.ReaderAt, size int64) string {
	var index bool // a movie, its fragments, or the items of an image file
	var head [16]byte
	pos := int64(0)
	for range maxBoxes {
		if pos == size {
			if !index {
				return "it has no moov box"
			}
			return ""
		}
		n, err := r.ReadAt(head[:min(16, size-pos)], pos)
		if err != nil && err != io.EOF || n < 8 {
			return "its last box is cut off"
		}
		length, kind := int64(binary.BigEndian.Uint32(head[:])), string(head[4:8])
		index = index || kind == "moov" || kind == "moof" || kind == "meta"
		switch {
		case length == 0: // to the end of the file
			length = size - pos
		case length == 1 && n == 16:
			large := binary.BigEndian.Uint64(head[8:])
			if large > 1<<62 {
				return ""
			}
			length = int64(large)
		}
		if length < 8 {
			return "" // damaged rather than cut off
		}
		if length > size-pos {
			return fmt.Sprintf("its %q box needs %d bytes from %d on, of %d", kind, length, pos, size)
		}
		pos += length
	}
	return ""
}

// incompleteMatroska compares the length of the segment with the file (RFC 9559 §4). A live one has none.
func incompleteMatroska(r io.ReaderAt, size int64) string {
	pos := int64(4)
	n, length, ok := vint(r, pos)
	if !ok || length < 0 {
		return ""
	}
	pos += n + length
	var id [4]byte
	if _, err := r.ReadAt(id[:], pos); err != nil {
		return "its segment is missing"
	}
	if id != [4]byte{0x18, 0x53, 0x80, 0x67} {
		return ""
	}
	n, length, ok = vint(r, pos+4)
	if !ok || length < 0 {
		return ""
	}
	if end := pos + 4 + n + length; end > size {
		return fmt.Sprintf("its segment ends at byte %d, the file at %d", end, size)
	}
	return ""
}

// vint reads an EBML length (RFC 8794 §4): how many bytes it takes, and its value, -1 for unknown.
func vint(r io.ReaderAt, pos int64) (int64, int64, bool) {
	var b [8]byte
	if n, _ := r.ReadAt(b[:], pos); n == 0 || b[0] == 0 {
		return 0, 0, false
	}
	n := bits.LeadingZeros8(b[0]) + 1
	value := int64(b[0]) & (1<<(8-n) - 1)
	ones := value == 1<<(8-n)-1
	for _, c := range b[1:n] {
		value = value<<8 | int64(c)
		ones = ones && c == 0xff
	}
	if ones {
		value = -1
	}
	return int64(n), value, value < 1<<56
}

// incompletePackets wants whole packets of a transport stream (ISO/IEC 13818-1 §2.4.3.2), plain or with the extra bytes of
// FEC. A file of Blu-ray packets begins with a time, and is not recognised.
func incompletePackets(r io.ReaderAt, size int64) string {
	for _, packet := range []int64{188, 204} {
		var sync [1]byte
		if n, _ := r.ReadAt(sync[:], packet); n == 1 && sync[0] == 0x47 {
			if over := size % packet; over != 0 {
				return fmt.Sprintf("its last packet has %d of %d bytes", over, packet)
			}
			return ""
		}
	}
	return ""
}

// incompleteMXF wants a footer partition in what a header with a footer's place says, or at least anywhere near the end
// (SMPTE ST 377-1 §7).
func incompleteMXF(r io.ReaderAt, size int64) string {
	const tail = 1 << 20
	n := min(size, tail)
	b := make([]byte, n)
	if _, err := r.ReadAt(b, size-n); err != nil && err != io.EOF {
		return ""
	}
	if !bytes.Contains(b, []byte{0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x04}) {
		return "it has no footer partition"
	}
	return ""
}

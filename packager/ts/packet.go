package ts

import "encoding/binary"

const (
	packetSize  = 188
	payloadSize = 184
	syncByte    = 0x47

	pidPAT   = 0x0000
	pidPMT   = 0x1000
	pidFirst = 0x0100 // of the first track; the others follow
	pidNull  = 0x1FFF

	clock = 90000 // ticks per second of PTS and DTS
	wrap  = 1 << 33
)

// PTSOffset is added to every presentation time, in 90 kHz ticks: 1.4 s, so that no decode time is negative. WebVTT
// segments that go with TS segments carry it as X-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000.
const PTSOffset = 126000

// HeadSize is the number of bytes at the start of every segment that hold its PAT and PMT: what EXT-X-MAP of an I-frame
// playlist points at.
const HeadSize = 2 * packetSize

// Stream types (ISO/IEC 13818-1 table 2-34; AC-3 and E-AC-3 as ATSC A/53 and HLS have them).
const (
	typeMPEG1Video = 0x01
	typeMPEG2Video = 0x02
	typeMPEG1Audio = 0x03
	typeMPEG2Audio = 0x04
	typePrivate    = 0x06
	typeAAC        = 0x0F
	typeLATM       = 0x11
	typeID3        = 0x15
	typeH264       = 0x1B
	typeHEVC       = 0x24
	typeAC3        = 0x81
	typeEAC3       = 0x87
)

var crcTable = makeCRCTable()

// makeCRCTable builds the table of the CRC of sections (ISO/IEC 13818-1 annex A): most significant bit first,
// polynomial 0x04C11DB7. hash/crc32 only has the reflected form.
func makeCRCTable() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04C11DB7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}

// sectionCRC is zero over a section that ends in its own CRC.
func sectionCRC(b []byte) uint32 {
	c := uint32(0xFFFFFFFF)
	for _, x := range b {
		c = c<<8 ^ crcTable[byte(c>>24)^x]
	}
	return c
}

// sectionPacket returns the packet that holds section body (from the table id on, section length and CRC still to be
// filled in); it must fit.
func sectionPacket(pid uint16, body []byte) [packetSize]byte {
	binary.BigEndian.PutUint16(body[1:], 0xB000|uint16(len(body)-3+4))
	body = binary.BigEndian.AppendUint32(body, sectionCRC(body))
	var p [packetSize]byte
	for i := range p {
		p[i] = 0xFF
	}
	binary.BigEndian.PutUint32(p[:], packetHeader(pid)|1<<22)
	p[4] = 0 // pointer_field
	copy(p[5:], body)
	return p
}

// packetHeader is the header of a packet of pid with payload only; the counter is or-ed in.
func packetHeader(pid uint16) uint32 { return syncByte<<24 | uint32(pid)<<8 | 0x10 }

func patSection() []byte {
	return []byte{
		0x00, 0, 0, // table id, length
		0, 1, // transport_stream_id
		0xC1, 0, 0, // version 0, current; section 0 of 0
		0, 1, 0xE0 | pidPMT>>8, pidPMT & 0xFF, // program 1
	}
}

func pmtSection(streams []stream, pcr int) []byte {
	pcrPID := streams[pcr].pid
	b := []byte{
		0x02, 0, 0,
		0, 1, // program_number
		0xC1, 0, 0,
		0xE0 | byte(pcrPID>>8), byte(pcrPID),
		0xF0, 0, // no program descriptors
	}
	for _, s := range streams {
		b = append(b, s.typ, 0xE0|byte(s.pid>>8), byte(s.pid), 0xF0|byte(len(s.descriptors)>>8), byte(len(s.descriptors)))
		b = append(b, s.descriptors...)
	}
	return b
}

// putTimestamp writes a 33-bit time with its marker bits (ISO/IEC 13818-1 §2.4.3.6); tag is 2 for a lone PTS, 3 for a PTS
// before a DTS, 1 for the DTS.
func putTimestamp(b []byte, tag byte, v int64) {
	v &= wrap - 1
	b[0] = tag<<4 | byte(v>>29)&0x0E | 1
	binary.BigEndian.PutUint16(b[1:], uint16(v>>14)|1)
	binary.BigEndian.PutUint16(b[3:], uint16(v<<1)|1)
}

// putPCR writes a clock reference whose extension is zero.
func putPCR(b []byte, v int64) {
	v &= wrap - 1
	binary.BigEndian.PutUint32(b, uint32(v>>1))
	b[4] = byte(v<<7) | 0x7E
	b[5] = 0
}

// ticks90 converts ticks of scale to 90 kHz, rounding down, so that order is kept.
func ticks90(v int64, scale uint32) int64 {
	if scale == clock {
		return v
	}
	v *= clock
	q := v / int64(scale)
	if v < 0 && q*int64(scale) != v {
		q--
	}
	return q
}

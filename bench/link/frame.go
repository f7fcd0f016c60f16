package link

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Offsets in a frame: a virtio-net header in the machine's byte order (Virtio 1.2 §5.1.6), then the packet.
const (
	vnetSize    = 10
	vnetGSOType = 1
	vnetHdrLen  = 2
	vnetGSOSize = 4
	maxHead     = vnetSize + 60 + 60
	maxFrame    = vnetSize + 65536
)

const (
	gsoNone  = 0
	gsoTCPv4 = 1
	// Flags of a TCP header that stand on the first or on the last of several segments only.
	tcpFin, tcpPush = 0x01, 0x08
)

// shape is how a frame is cut: after head bytes of headers, in segments of size bytes.
type shape struct {
	head, size int
	tcp        bool // the headers are those of IPv4 and TCP, and to be made for each run of segments
}

// shapeOf says how a frame is cut. What is not several TCP segments is one of the whole packet.
func shapeOf(b []byte) shape {
	whole := shape{head: vnetSize, size: max(len(b)-vnetSize, 1)}
	if len(b) < vnetSize+40 || b[vnetGSOType] != gsoTCPv4 || b[vnetSize]>>4 != 4 || b[vnetSize+9] != unix.IPPROTO_TCP {
		return whole
	}
	ip := int(b[vnetSize]&15) * 4
	if len(b) < vnetSize+ip+20 {
		return whole
	}
	head := vnetSize + ip + int(b[vnetSize+ip+12]>>4)*4
	size := int(binary.NativeEndian.Uint16(b[vnetGSOSize:]))
	if size == 0 || head >= len(b) {
		return whole
	}
	return shape{head: head, size: size, tcp: true}
}

// headOf writes to out the headers for the payload's bytes [from, to) of a frame, and returns them. The sum of the TCP header stays
// as it is: the header before says that the receiver need not check it.
func (s shape) headOf(out, frame []byte, from, to int) []byte {
	out = append(out[:0], frame[:s.head]...)
	if !s.tcp {
		return out
	}
	ip := out[vnetSize:]
	tcp := ip[int(ip[0]&15)*4:]
	if to-from <= s.size {
		out[vnetGSOType] = gsoNone
		binary.NativeEndian.PutUint16(out[vnetGSOSize:], 0)
	}
	binary.NativeEndian.PutUint16(out[vnetHdrLen:], uint16(s.head-vnetSize)) //nolint:gosec // at most maxHead
	binary.BigEndian.PutUint16(ip[2:], uint16(s.head-vnetSize+to-from))      //nolint:gosec // no longer than the packet was
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], ipSum(ip[:len(ip)-len(tcp)]))
	binary.BigEndian.PutUint32(tcp[4:], binary.BigEndian.Uint32(tcp[4:])+uint32(from)) //nolint:gosec // within the packet
	if s.head+to < len(frame) {
		tcp[13] &^= tcpFin | tcpPush
	}
	return out
}

// ipSum is the checksum of an IPv4 header whose own is zero (RFC 791 §3.1).
func ipSum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum + sum>>16) //nolint:gosec // the carry is added
}

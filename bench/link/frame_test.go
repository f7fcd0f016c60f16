package link

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// frameOf makes a frame of TCP segments with 12 bytes of options: what a device with offloads gives.
func frameOf(payload []byte, size int) []byte {
	b := make([]byte, vnetSize+20+32, vnetSize+20+32+len(payload))
	b[0], b[vnetGSOType] = 1, gsoTCPv4
	binary.NativeEndian.PutUint16(b[vnetGSOSize:], uint16(size))
	ip := b[vnetSize:]
	ip[0], ip[9] = 0x45, unix.IPPROTO_TCP
	binary.BigEndian.PutUint16(ip[2:], uint16(52+len(payload)))
	binary.BigEndian.PutUint32(ip[24:], 0xffff_fff0) // the sequence number wraps
	ip[32], ip[33] = 8<<4, 0x10|tcpPush|tcpFin
	return append(b, payload...)
}

func TestRunsOfAFrameAreFramesOfTheirOwn(t *testing.T) {
	payload := bytes.Repeat([]byte("0123456789"), 25)
	frame := frameOf(payload, 100)
	s := shapeOf(frame)
	if diff := cmp.Diff(shape{head: vnetSize + 52, size: 100, tcp: true}, s, cmp.AllowUnexported(shape{})); diff != "" {
		t.Fatal(diff)
	}
	type want struct {
		kind   byte
		size   uint16
		length uint16
		seq    uint32
		flags  byte
	}
	for _, tc := range []struct {
		name     string
		from, to int
		want     want
	}{
		{"all", 0, 250, want{gsoTCPv4, 100, 302, 0xffff_fff0, 0x19}},
		{"the first", 0, 100, want{gsoNone, 0, 152, 0xffff_fff0, 0x10}},
		{"the first two", 0, 200, want{gsoTCPv4, 100, 252, 0xffff_fff0, 0x10}},
		{"the last", 200, 250, want{gsoNone, 0, 102, 184, 0x19}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var store [maxHead]byte
			h := s.headOf(store[:], frame, tc.from, tc.to)
			ip := h[vnetSize:]
			got := want{
				h[vnetGSOType], binary.NativeEndian.Uint16(h[vnetGSOSize:]), binary.BigEndian.Uint16(ip[2:]),
				binary.BigEndian.Uint32(ip[24:]), ip[33],
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Error(diff)
			}
			if sum := ipSum(ip[:20]); sum != 0 {
				t.Errorf("the sum over the header with its checksum is %#x", sum)
			}
			if n := binary.NativeEndian.Uint16(h[vnetHdrLen:]); n != 52 {
				t.Errorf("the headers are said to have %d bytes", n)
			}
		})
	}
}

func TestOtherFramesAreNotCut(t *testing.T) {
	other := frameOf(make([]byte, 300), 100)
	other[vnetGSOType] = gsoNone
	cut := frameOf(nil, 100)
	for name, b := range map[string][]byte{"one packet": other, "no payload": cut, "short": {0, 1, 2}, "headers cut": cut[:vnetSize+41]} {
		s := shapeOf(b)
		if s.tcp || s.head != vnetSize || s.head+s.size < len(b) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

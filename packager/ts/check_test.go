package ts_test

import (
	"testing"
)

// check verifies the structure of a TS: packet grid, PAT and PMT with a right CRC in front of each segment, continuity counters
// of every PID over the whole stream, PES lengths, stuffing only in the last packet of a PES, clock references at most 100 ms
// apart, rising, and never after the decode time of a unit that follows them.
func check(t *testing.T, b []byte, segments int) {
	t.Helper()
	c := checker{t: t, cc: map[int]int{}, pes: map[int][]byte{}, need: map[int]int{}, pcr: -1, pcrPID: -1}
	if len(b)%188 != 0 {
		t.Fatalf("%d bytes are no whole number of packets", len(b))
	}
	for i := 0; i < len(b); i += 188 {
		c.packet(i/188, b[i:i+188])
		if t.Failed() {
			return
		}
	}
	c.endPES()
	if c.pats != segments || c.pmts != segments {
		t.Errorf("%d PAT and %d PMT for %d segments", c.pats, c.pmts, segments)
	}
}

type checker struct {
	t          *testing.T
	cc         map[int]int
	pes        map[int][]byte
	need       map[int]int
	pats, pmts int
	pcrPID     int
	pcr        int64
}

func (c *checker) packet(n int, p []byte) {
	t := c.t
	if p[0] != 0x47 {
		t.Fatalf("packet %d does not start with 0x47", n)
	}
	pid := int(p[1]&0x1F)<<8 | int(p[2])
	payload := p[3]&0x10 != 0
	cc := int(p[3] & 15)
	if last, ok := c.cc[pid]; ok {
		want := last
		if payload {
			want = (last + 1) & 15
		}
		if cc != want {
			t.Fatalf("packet %d PID %d: continuity counter %d, want %d", n, pid, cc, want)
		}
	}
	c.cc[pid] = cc
	at, stuffing := 4, 0
	if p[3]&0x20 != 0 {
		at += 1 + int(p[4])
		if at > 188 || !payload && at != 188 {
			t.Fatalf("packet %d: adaptation field of %d bytes", n, p[4])
		}
		if p[4] > 0 {
			stuffing = int(p[4]) - 1
			if p[5]&0x10 != 0 {
				stuffing -= 6
				c.clock(n, pid, p[6:])
			}
			for _, x := range p[at-stuffing : at] {
				if x != 0xFF {
					t.Fatalf("packet %d: stuffing byte 0x%02X", n, x)
				}
			}
		} else {
			stuffing = 1
		}
	}
	if !payload {
		return
	}
	switch body, start := p[at:], p[1]&0x40 != 0; {
	case pid == 0 || pid == 0x1000:
		c.section(n, pid, body)
	case start:
		c.end(pid)
		c.begin(n, pid, body)
		c.need[pid] = stuffing
	default:
		if c.need[pid] > 0 {
			t.Fatalf("packet %d PID %d: the packet before it was stuffed inside a PES", n, pid)
		}
		c.need[pid] = stuffing
		c.pes[pid] = append(c.pes[pid], body...)
	}
}

func (c *checker) clock(n, pid int, b []byte) {
	pcr := int64(b[0])<<25 | int64(b[1])<<17 | int64(b[2])<<9 | int64(b[3])<<1 | int64(b[4]>>7)
	if c.pcrPID >= 0 && pid != c.pcrPID {
		c.t.Fatalf("packet %d: clock on PID %d, the map says %d", n, pid, c.pcrPID)
	}
	if c.pcr >= 0 && (pcr < c.pcr || pcr-c.pcr > 9000) {
		c.t.Fatalf("packet %d: clock goes from %d to %d", n, c.pcr, pcr)
	}
	c.pcr = pcr
}

func (c *checker) section(n, pid int, b []byte) {
	b = b[1+int(b[0]):]
	size := 3 + int(b[1]&15)<<8 + int(b[2])
	crc := uint32(0xFFFFFFFF)
	for _, x := range b[:size] { // bit by bit, unlike the code under test
		crc ^= uint32(x) << 24
		for range 8 {
			top := crc >> 31
			crc = crc<<1 ^ top*0x04C11DB7
		}
	}
	if crc != 0 {
		c.t.Fatalf("packet %d: wrong CRC of the table on PID %d", n, pid)
	}
	if pid == 0 {
		c.pats++
		return
	}
	c.pmts++
	c.pcrPID = int(b[8]&0x1F)<<8 | int(b[9])
}

func (c *checker) begin(n, pid int, b []byte) {
	if b[0] != 0 || b[1] != 0 || b[2] != 1 {
		c.t.Fatalf("packet %d PID %d: no PES start code", n, pid)
	}
	pts := stamp(b[9:])
	dts := pts
	if b[7]>>6 == 3 {
		dts = stamp(b[14:])
	}
	if dts > pts {
		c.t.Fatalf("packet %d PID %d: DTS %d after PTS %d", n, pid, dts, pts)
	}
	if c.pcr >= 0 && dts < c.pcr {
		c.t.Fatalf("packet %d PID %d: DTS %d before the clock %d", n, pid, dts, c.pcr)
	}
	c.pes[pid] = append([]byte(nil), b...)
}

func stamp(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

func (c *checker) end(pid int) {
	b := c.pes[pid]
	if b == nil {
		return
	}
	if want := int(b[4])<<8 | int(b[5]); want != len(b)-6 && (want != 0 || b[3]&0xF0 != 0xE0) {
		c.t.Fatalf("PID %d: PES says %d bytes, has %d", pid, want, len(b)-6)
	}
}

func (c *checker) endPES() {
	for pid := range c.pes {
		c.end(pid)
	}
}

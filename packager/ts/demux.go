package ts

import (
	"bytes"
	"fmt"

	"sluice/packager"
)

// Unit is one access unit or audio frame.
type Unit struct {
	// DTS and PTS are in 90 kHz ticks, unwrapped from 33 bits. An audio frame that starts inside a PES packet has the time
	// of the frame before it plus that frame's duration.
	DTS, PTS int64
	// Samples is the number of audio samples in the frame, at the stream's Media.SampleRate; 0 for video.
	Samples int
	// Sync marks a picture that decoding can start at: IDR, IRAP, or one with a recovery point.
	Sync bool
	// Lost says that data was lost right before the unit or inside it.
	Lost bool
	// Data is NAL units behind 4-byte lengths without parameter sets, delimiters and filler, or one bare audio frame. It is
	// valid until the handler returns.
	Data []byte
}

// Stream is one elementary stream of the program.
type Stream struct {
	PID uint16
	// Type is the stream_type of the program map.
	Type byte
	// Media describes the track: entry, configuration, size. Its timescale is 90000 for video and the sample rate for audio.
	// It is complete when the first unit is handed out; Generation counts the changes since.
	Media      packager.Media
	Generation int

	pid *pid
}

// Handler takes units in the order of the stream. An error ends demuxing and comes back from Write or Flush.
type Handler func(s *Stream, u Unit) error

// Stats counts what a Demuxer saw.
type Stats struct {
	Packets     int64    `json:"packets"`
	Lost        int64    `json:"continuity_errors"` // jumps of a continuity counter
	Resyncs     int64    `json:"resyncs"`           // times that the packet grid was lost and found
	Corrupt     int64    `json:"corrupt_units"`     // units dropped because they could not be read
	Scrambled   int64    `json:"scrambled_packets"`
	Unsupported []string `json:"unsupported,omitempty"` // streams that are left out, once each
}

// Demuxer takes a transport stream in chunks of any size and hands out units. Packets of 188, 192 and 204 bytes are recognised.
// Of several programs the first is read. It allocates nothing per packet or unit once its buffers have grown. It is not safe for
// concurrent use. Hot path: BenchmarkDemux.
type Demuxer struct {
	// SkipVideo drops video packets before they are put together.
	SkipVideo bool

	handle Handler
	stats  Stats
	pids   [8192]*pid
	pmtPID int
	pat    section
	pmt    section
	// versions of the tables in force, as the CRC of their bytes
	patCRC, pmtCRC uint32

	streams []*Stream
	size    int // of a packet; 0 while out of sync
	carry   []byte
	junk    int
	last    int    // PID of the packet before
	early   []byte // packets that came before the first program map
	ref     int64  // last unwrapped time, to unwrap the next against
	hasRef  bool
}

// maxPES bounds one PES packet and so the memory of a stream.
const maxPES = 24 << 20

// maxJunk bounds how much is searched for the packet grid.
const maxJunk = 4 << 20

// earlyBytes bounds the packets kept until the first program map.
const earlyBytes = 2 << 20

// maxStreams bounds the elementary streams of a program.
const maxStreams = 64

// NewDemuxer returns a Demuxer that hands units to h.
func NewDemuxer(h Handler) *Demuxer { return &Demuxer{handle: h, pmtPID: -1} }

// Streams are the supported streams of the program map in force, in its order.
func (d *Demuxer) Streams() []*Stream { return d.streams }

// Stats returns the counts so far.
func (d *Demuxer) Stats() Stats { return d.stats }

// Write takes the next bytes. Errors are those of the handler, or wrap ErrCorrupt when there is no transport stream in
// the first megabytes or a PES packet is larger than any picture.
func (d *Demuxer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		var err error
		switch {
		case d.size == 0:
			k := min(len(p), huntBytes)
			d.carry = append(d.carry, p[:k]...)
			p, err = p[k:], d.search(false)
		case len(d.carry) > 0:
			p, err = d.join(p)
		default:
			if p, err = d.packets(p); d.size > 0 {
				d.carry, p = append(d.carry, p...), nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// join completes the packet in carry and reads it.
func (d *Demuxer) join(p []byte) ([]byte, error) {
	k := min(d.size-len(d.carry), len(p))
	d.carry = append(d.carry, p[:k]...)
	p = p[k:]
	if len(d.carry) < d.size {
		return p, nil
	}
	if d.carry[0] != syncByte {
		d.lose()
		return p, d.search(false)
	}
	b := d.carry[:packetSize:packetSize]
	d.carry = d.carry[:0]
	return p, d.packet(b)
}

// packets reads whole packets and returns what is left over: less than a packet, or more when the grid is lost.
func (d *Demuxer) packets(p []byte) ([]byte, error) {
	for len(p) >= d.size {
		if p[0] != syncByte {
			d.lose()
			return p, nil
		}
		if err := d.packet(p[:packetSize:packetSize]); err != nil {
			return nil, err
		}
		p = p[d.size:]
	}
	return p, nil
}

// lose notes that the packet grid is lost. The last packet on it may have ended early: its PES packet is not to be trusted.
func (d *Demuxer) lose() {
	d.size = 0
	d.stats.Resyncs++
	if p := d.pids[d.last]; p != nil {
		p.lose(d)
	}
}

// huntBytes is how much is copied to carry at a time to search it. What lies behind a lost and found grid is moved each time,
// so it must not be much.
const huntBytes = 4 << 10

// search looks for the packet grid in carry, three sync bytes at equal distance, or as many as there are at the end of input,
// and reads the packets on it.
func (d *Demuxer) search(atEnd bool) (err error) {
	b := d.carry
	for d.size == 0 {
		j := bytes.IndexByte(b, syncByte)
		if j < 0 {
			j = len(b)
		}
		d.junk += j
		if b = b[j:]; len(b) == 0 || !atEnd && len(b) <= 2*204 {
			break
		}
		if size := grid(b); size > 0 {
			d.size, d.junk = size, 0
			if b, err = d.packets(b); err != nil {
				return err
			}
			continue
		}
		d.junk++
		b = b[1:]
	}
	d.carry = d.carry[:copy(d.carry, b)]
	return d.tooMuchJunk()
}

func (d *Demuxer) tooMuchJunk() error {
	if d.junk > maxJunk {
		return fmt.Errorf("no transport stream packets in %d bytes: %w", d.junk, ErrCorrupt)
	}
	return nil
}

// grid returns the packet size that puts sync bytes at the start of b and of the two packets after it, as far as b reaches.
func grid(b []byte) int {
	for _, size := range []int{packetSize, 204, 192} {
		ok := len(b) >= packetSize
		for k := 1; k <= 2 && ok; k++ {
			ok = k*size >= len(b) || b[k*size] == syncByte
		}
		if ok {
			return size
		}
	}
	return 0
}

// Flush ends the stream: what is still being put together is handed out. The Demuxer can go on with another stream after it,
// whose first times are unwrapped to be near the last ones.
func (d *Demuxer) Flush() error {
	if len(d.carry) > 0 && d.size == 0 {
		if err := d.search(true); err != nil {
			return err
		}
	}
	if len(d.carry) >= packetSize && d.carry[0] == syncByte { // the last packet of a 192 or 204 grid, cut
		if err := d.packet(d.carry[:packetSize]); err != nil {
			return err
		}
	}
	d.carry = d.carry[:0]
	for _, s := range d.streams {
		if err := s.pid.end(d); err != nil {
			return err
		}
		if f := s.pid.framer; f != nil {
			if err := f.frames(d, s.pid, nil); err != nil {
				return err
			}
		}
		s.pid.reset()
	}
	d.size, d.junk = 0, 0
	return nil
}

// Boundary tells that a new segment of the same stream begins: packet counters may jump here without loss.
func (d *Demuxer) Boundary() {
	for _, s := range d.streams {
		s.pid.cc = -1
	}
	d.pat.reset()
	d.pmt.reset()
}

// packet reads one packet of 188 bytes.
func (d *Demuxer) packet(b []byte) error {
	d.stats.Packets++
	id := int(b[1]&0x1F)<<8 | int(b[2])
	d.last = id
	start := b[1]&0x40 != 0
	if id == pidNull || b[1]&0x80 != 0 { // null, or marked broken by the transport
		return nil
	}
	at, jump := 4, false
	if b[3]&0x20 != 0 {
		at += 1 + int(b[4])
		jump = b[4] > 0 && b[5]&0x80 != 0
	}
	if b[3]&0x10 == 0 || at >= packetSize {
		return nil
	}
	if p := d.pids[id]; p != nil {
		if b[3]&0xC0 != 0 {
			d.stats.Scrambled++
			return nil
		}
		return p.packet(d, b[at:], b[3]&15, start, jump)
	}
	switch id {
	case pidPAT:
		return d.pat.add(b[at:], start, d.readPAT)
	case d.pmtPID:
		return d.pmt.add(b[at:], start, d.readPMT)
	}
	if d.pmtCRC == 0 && len(d.early) < earlyBytes {
		d.early = append(d.early, b...)
	}
	return nil
}

// replay reads the packets that came before the first program map.
func (d *Demuxer) replay() error {
	early := d.early
	d.early = nil
	for ; len(early) >= packetSize; early = early[packetSize:] {
		if id := int(early[1]&0x1F)<<8 | int(early[2]); d.pids[id] != nil {
			if err := d.packet(early[:packetSize]); err != nil {
				return err
			}
			d.stats.Packets--
		}
	}
	return nil
}

// unwrap turns a 33-bit time into one that continues the times before it.
func (d *Demuxer) unwrap(v int64) int64 {
	if !d.hasRef {
		d.ref, d.hasRef = v, true
		return v
	}
	return d.ref + (v-d.ref+wrap/2)&(wrap-1) - wrap/2
}

package ts

import (
	"bytes"
	"fmt"
)

// headroom is kept free in front of a PES payload, so that 3-byte start codes can become 4-byte lengths in place.
const headroom = 256

// pid puts the PES packets of one stream together.
type pid struct {
	s      *Stream
	cc     int // last continuity counter, -1 when any may come
	video  *pictures
	framer framer

	buf    []byte // headroom, then payload
	active bool   // a PES packet is under way
	want   int    // its payload bytes as declared; 0 unknown
	lost   bool   // data was lost before or inside the packet under way
	hasPTS bool
	pts    int64
	dts    int64
}

func (p *pid) reset() {
	p.active, p.lost, p.hasPTS, p.cc = false, false, false, -1
	if p.framer != nil {
		p.framer.reset()
	}
	if p.video != nil {
		p.video.reset()
	}
}

// packet takes the payload of one transport packet.
func (p *pid) packet(d *Demuxer, b []byte, cc byte, start, jump bool) error {
	if p.cc >= 0 && !jump {
		if int(cc) == p.cc {
			return nil // sent twice (§2.4.3.3)
		}
		if int(cc) != (p.cc+1)&15 {
			d.stats.Lost++
			if !start || p.want == 0 || len(p.buf)-headroom < p.want { // else what is missing lies between two PES packets
				p.lose(d)
			}
		}
	}
	p.cc = int(cc)
	if start {
		return p.start(d, b)
	}
	if !p.active {
		return nil
	}
	if len(p.buf)+len(b) > maxPES {
		return fmt.Errorf("PES packet of PID %d is over %d bytes: %w", p.s.PID, maxPES, ErrCorrupt)
	}
	p.buf = append(p.buf, b...)
	return nil
}

// lose drops the PES packet under way, because a part of it is missing.
func (p *pid) lose(d *Demuxer) {
	if p.active {
		d.stats.Corrupt++
	}
	p.active, p.lost = false, true
	if p.framer != nil {
		p.framer.reset()
	}
}

// start begins a PES packet (§2.4.3.6), after the one before it has been handed out.
func (p *pid) start(d *Demuxer, b []byte) error {
	if len(b) < 9 || b[0] != 0 || b[1] != 0 || b[2] != 1 {
		p.lose(d)
		return nil
	}
	head := 9 + int(b[8])
	if head > len(b) || b[6]&0xC0 != 0x80 {
		p.lose(d)
		return nil
	}
	body := b[head:]
	hasPTS := b[7]&0x80 != 0 && head >= 14
	if p.active && p.video != nil && (!hasPTS || p.video.continues(body)) {
		p.buf = append(p.buf, body...) // one access unit in several PES packets
		return nil
	}
	if err := p.end(d); err != nil {
		return err
	}
	p.active = true
	p.want = max(0, int(b[4])<<8+int(b[5])+6-head)
	if cap(p.buf) < headroom {
		p.buf = make([]byte, headroom, 64<<10)
	}
	p.buf = append(p.buf[:headroom], body...)
	if p.hasPTS = hasPTS; hasPTS {
		p.pts = timestamp(b[9:])
		p.dts = p.pts
		if b[7]&0xC0 == 0xC0 && head >= 19 {
			p.dts = timestamp(b[14:])
		}
		p.dts = d.unwrap(p.dts)
		p.pts = p.dts + (p.pts-p.dts+wrap/2)&(wrap-1) - wrap/2
		d.ref = p.dts
	}
	return nil
}

func timestamp(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

// end hands out the PES packet under way.
func (p *pid) end(d *Demuxer) error {
	if !p.active {
		return nil
	}
	p.active = false
	if p.video != nil {
		return p.video.units(d, p)
	}
	return p.framer.frames(d, p, p.buf[headroom:])
}

// emit hands one unit to the handler.
func (p *pid) emit(d *Demuxer, u Unit) error {
	u.Lost = p.lost
	p.lost = false
	return d.handle(p.s, u)
}

// setConfig notes a decoder configuration; a changed one starts a new generation.
func (s *Stream) setConfig(entry string, config []byte) bool {
	if s.Media.Entry == entry && bytes.Equal(s.Media.Config, config) {
		return false
	}
	if s.Media.Entry != "" {
		s.Generation++
	}
	s.Media.Entry, s.Media.Config = entry, bytes.Clone(config)
	return true
}

// framer cuts the payload of audio PES packets into frames, which may straddle them.
type framer interface {
	frames(d *Demuxer, p *pid, b []byte) error
	reset()
}

package ts

import "fmt"

// adtsFramer cuts ADTS streams (ISO/IEC 13818-7 §6.2) into raw AAC frames.
type adtsFramer struct {
	cutter
}

func (f *adtsFramer) reset() { f.cutter.reset() }

func (f *adtsFramer) frames(d *Demuxer, p *pid, b []byte) error { return f.cut(d, p, b, f) }

// header reads an ADTS header: the frame's size, or 0 when there is none at b, or -1 when b is too short to tell.
func (f *adtsFramer) header(b []byte, _ bool) int {
	if len(b) < 7 {
		return -1
	}
	if b[0] != 0xFF || b[1]&0xF6 != 0xF0 || b[2]>>2&15 > 12 {
		return 0
	}
	size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
	if size < 7 {
		return 0
	}
	return size
}

func (f *adtsFramer) frame(d *Demuxer, p *pid, b []byte) (data []byte, samples int, rate uint32, err error) {
	skip := 9
	if b[1]&1 == 1 {
		skip = 7
	}
	if len(b) <= skip {
		return nil, 0, 0, nil // an empty frame
	}
	if b[6]&3 != 0 {
		return nil, 0, 0, fmt.Errorf("ADTS with %d raw data blocks a frame on PID %d: %w", b[6]&3+1, p.s.PID, ErrUnsupported)
	}
	data = b[skip:]
	asc := [2]byte{(b[2]>>6+1)<<3 | b[2]>>3&7, b[2]<<5&0x80 | (b[2]<<2|b[3]>>6)&7<<3}
	m := &p.s.Media
	if len(m.Config) < 2 || m.Config[0] != asc[0] || m.Config[1]&0xF8 != asc[1] {
		config := asc[:]
		if asc[1]&0x78 == 0 {
			if config = ascWithPCE(asc, data); config == nil {
				return nil, 0, 0, nil // its first frame names the channels; without it nothing can be decoded
			}
		}
		a, err := ParseASC(config)
		if err != nil {
			return nil, 0, 0, nil //nolint:nilerr // one frame that nothing can decode is left out; the stream goes on
		}
		if p.s.setConfig("mp4a", config) {
			m.SampleRate, m.Timescale, m.Channels = a.SampleRate, a.SampleRate, a.Channels
		}
	}
	return data, 1024, m.SampleRate, nil
}

// ascWithPCE builds the AudioSpecificConfig of channel configuration 0 from the program config element at the start of a raw
// data block.
func ascWithPCE(asc [2]byte, data []byte) []byte {
	r := bits{b: data}
	if r.read(3) != 5 {
		return nil
	}
	w := bitWriter{}
	w.put(uint32(asc[0])<<8|uint32(asc[1]), 16)
	r.copyPCE(&w)
	if r.over {
		return nil
	}
	return w.b
}

// cutter holds what frames that straddle PES packets need: the carry, and the time of the frame under way.
type cutter struct {
	carry []byte
	pts   int64
	num   int64 // samples since pts
	timed bool
	lost  bool
	// locked is set while one frame follows the other; without it a frame counts only when another comes behind it, since its
	// first bytes may stand anywhere in the data.
	locked bool
}

func (c *cutter) reset() { c.carry, c.timed, c.locked, c.num = c.carry[:0], false, false, 0 }

// frameReader knows one audio framing.
type frameReader interface {
	// header returns the size of the frame at the start of b: 0 when there is none, -1 when more bytes are needed to
	// tell, of which there are none at the end.
	header(b []byte, atEnd bool) int
	// frame returns the payload of a whole frame, its samples and their rate; nil data drops the frame.
	frame(d *Demuxer, p *pid, b []byte) (data []byte, samples int, rate uint32, err error)
}

// cut hands out the frames of a PES payload, or what is left when it is empty. The packet's time is that of the first frame that
// starts in it; frames after it follow by their length.
func (c *cutter) cut(d *Demuxer, p *pid, b []byte, f frameReader) error {
	atEnd := len(b) == 0
	old := len(c.carry)
	if old > 0 {
		c.carry = append(c.carry, b...)
		b = c.carry
	}
	at := 0
	stamped := !p.hasPTS || atEnd
	for at < len(b) {
		size := f.header(b[at:], atEnd)
		if size > 0 && !c.locked && at+size < len(b) && f.header(b[at+size:], atEnd) == 0 {
			size = 0
		}
		if size == 0 {
			at++
			c.locked = false
			if !c.lost {
				c.lost = true
				d.stats.Corrupt++
				p.lost = true
			}
			continue
		}
		if size < 0 || at+size > len(b) {
			break
		}
		c.lost, c.locked = false, true
		if !stamped && at >= old {
			stamped = true
			c.pts, c.num, c.timed = p.pts, 0, true
		}
		if err := c.one(d, p, b[at:at+size:at+size], f); err != nil {
			return err
		}
		at += size
	}
	if !stamped && at >= old { // the frame that starts here ends in a later packet
		c.pts, c.num, c.timed = p.pts, 0, true
	}
	rest := b[at:]
	if len(rest) > maxAudioCarry {
		rest = nil
		d.stats.Corrupt++
	}
	c.carry = append(c.carry[:0], rest...)
	return nil
}

// maxAudioCarry bounds a frame that waits for its end.
const maxAudioCarry = 64 << 10

func (c *cutter) one(d *Demuxer, p *pid, b []byte, f frameReader) error {
	data, samples, rate, err := f.frame(d, p, b)
	if err != nil || data == nil || rate == 0 || p.s.Media.Entry == "" {
		return err
	}
	if !c.timed {
		d.stats.Corrupt++
		return nil
	}
	pts := c.pts + c.num*clock/int64(rate)
	c.num += int64(samples)
	return p.emit(d, Unit{DTS: pts, PTS: pts, Samples: samples, Sync: true, Data: data})
}

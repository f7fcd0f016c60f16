package ts

import "fmt"

// latmFramer cuts LOAS/LATM streams (ISO/IEC 14496-3 §1.7) into raw AAC frames. One program with one layer and one frame an
// element is what broadcasters send; anything else is refused.
type latmFramer struct {
	cutter
	configured bool
	frameLen   int
	out        []byte
}

func (f *latmFramer) reset() { f.cutter.reset() }

func (f *latmFramer) frames(d *Demuxer, p *pid, b []byte) error { return f.cut(d, p, b, f) }

func (f *latmFramer) header(b []byte, _ bool) int {
	if len(b) < 3 {
		return -1
	}
	if b[0] != 0x56 || b[1]&0xE0 != 0xE0 {
		return 0
	}
	return 3 + int(b[1]&0x1F)<<8 + int(b[2])
}

func (f *latmFramer) frame(d *Demuxer, p *pid, b []byte) (data []byte, samples int, rate uint32, err error) {
	r := &bits{b: b[3:]}
	if r.read(1) == 0 {
		if err := f.config(p.s, r); err != nil {
			return nil, 0, 0, err
		}
	}
	if !f.configured {
		return nil, 0, 0, nil // joined in the middle: the configuration comes with a later element
	}
	size := 0
	for {
		n := r.read(8)
		if size += int(n); n != 255 || r.over {
			break
		}
	}
	if r.over || size == 0 || r.left() < size*8 {
		d.stats.Corrupt++
		return nil, 0, 0, nil
	}
	f.out = append(f.out[:0], make([]byte, size)...)
	shift, at := r.pos&7, r.pos>>3
	for i := range f.out {
		f.out[i] = r.b[at+i] << shift
		if shift > 0 && at+i+1 < len(r.b) {
			f.out[i] |= r.b[at+i+1] >> (8 - shift)
		}
	}
	return f.out, f.frameLen, p.s.Media.SampleRate, nil
}

// config reads a StreamMuxConfig (§1.7.3).
func (f *latmFramer) config(s *Stream, r *bits) error {
	refuse := func(what string) error {
		return fmt.Errorf("LATM with %s on PID %d: %w", what, s.PID, ErrUnsupported)
	}
	version := r.read(1)
	if version == 1 {
		if r.read(1) == 1 {
			return refuse("audio mux version A")
		}
		r.latmValue() // taraBufferFullness
	}
	if r.read(1) != 1 || r.read(6) != 0 || r.read(4) != 0 || r.read(3) != 0 {
		return refuse("several subframes, programs or layers")
	}
	length := -1
	if version == 1 {
		length = int(r.latmValue())
	}
	if r.over {
		return nil
	}
	start := r.pos
	rest := bitWriter{}
	tail := *r
	for range min(r.left(), 64*8) {
		rest.put(tail.read(1), 1)
	}
	a, n, err := parseASC(rest.b)
	if err != nil {
		return fmt.Errorf("LATM on PID %d: %w", s.PID, err)
	}
	if length >= n {
		n = length
	}
	r.pos = start + n
	if kind := r.read(3); kind != 0 {
		return refuse(fmt.Sprintf("frame length type %d", kind))
	}
	r.read(8) // buffer fullness
	if r.read(1) == 1 {
		if version == 1 {
			r.latmValue()
		} else {
			for more := true; more && !r.over; {
				more = r.read(1) == 1
				r.read(8)
			}
		}
	}
	if r.read(1) == 1 {
		r.read(8) // CRC
	}
	if r.over {
		return nil
	}
	config := make([]byte, (n+7)/8)
	copy(config, rest.b)
	if pad := len(config)*8 - n; pad > 0 {
		config[len(config)-1] &^= 1<<pad - 1
	}
	f.configured, f.frameLen = true, a.FrameLength
	if s.setConfig("mp4a", config) {
		s.Media.SampleRate, s.Media.Timescale, s.Media.Channels = a.SampleRate, a.SampleRate, a.Channels
	}
	return nil
}

func (r *bits) latmValue() (v uint32) {
	for range r.read(2) + 1 {
		v = v<<8 | r.read(8)
	}
	return v
}

package ts

// ac3Framer cuts AC-3 and E-AC-3 (ETSI TS 102 366). A sample of E-AC-3 is six blocks of the independent substreams with their
// dependent ones, as its carriage in MP4 has it (annex F.6).
type ac3Framer struct {
	cutter
	enhanced bool
}

var (
	ac3Rates    = [4]uint32{48000, 44100, 32000, 0}
	ac3Kbps     = [...]int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640}
	ac3Channels = [8]uint8{2, 1, 2, 3, 3, 4, 4, 5}
)

// ac3Frame is what one syncframe says of itself.
type ac3Frame struct {
	size       int
	rate       uint32
	fscod      byte
	bsid       byte
	bsmod      byte
	acmod      byte
	lfe        byte
	code       byte // bit_rate_code of AC-3
	dependent  bool
	substream  byte
	blocks     int
	chanmap    uint16 // of a dependent substream
	isEnhanced bool
}

const ac3Header = 8

func parseAC3(b []byte) (f ac3Frame, ok bool) {
	if len(b) < ac3Header || b[0] != 0x0B || b[1] != 0x77 {
		return f, false
	}
	f.bsid = b[5] >> 3
	if f.bsid > 10 {
		return parseEAC3(b, f)
	}
	f.fscod, f.code = b[4]>>6, b[4]>>1&0x1F
	if f.fscod == 3 || int(f.code) >= len(ac3Kbps) {
		return f, false
	}
	f.rate, f.blocks = ac3Rates[f.fscod], 6
	kbps := ac3Kbps[f.code]
	switch f.fscod {
	case 0:
		f.size = 4 * kbps
	case 1:
		f.size = 2 * (320*kbps/147 + int(b[4]&1))
	case 2:
		f.size = 6 * kbps
	}
	if f.bsid > 8 { // half and quarter rates
		f.rate >>= f.bsid - 8
	}
	r := bits{b: b[5:]}
	r.read(5)
	f.bsmod, f.acmod = byte(r.read(3)), byte(r.read(3))
	if f.acmod&1 != 0 && f.acmod != 1 {
		r.read(2)
	}
	if f.acmod&4 != 0 {
		r.read(2)
	}
	if f.acmod == 2 {
		r.read(2)
	}
	f.lfe = byte(r.read(1))
	return f, true
}

func parseEAC3(b []byte, f ac3Frame) (ac3Frame, bool) {
	if f.bsid > 16 {
		return f, false
	}
	f.isEnhanced = true
	r := bits{b: b[2:]}
	kind := r.read(2)
	f.dependent = kind == 1
	f.substream = byte(r.read(3))
	f.size = int(r.read(11)+1) * 2
	f.fscod = byte(r.read(2))
	if f.fscod == 3 {
		half := r.read(2)
		f.rate, f.blocks = ac3Rates[half]/2, 6
	} else {
		f.rate, f.blocks = ac3Rates[f.fscod], [4]int{1, 2, 3, 6}[r.read(2)]
	}
	f.acmod, f.lfe = byte(r.read(3)), byte(r.read(1))
	r.read(5 + 5) // bsid, dialnorm
	if r.read(1) == 1 {
		r.read(8)
	}
	if f.acmod == 0 {
		r.read(5)
		if r.read(1) == 1 {
			r.read(8)
		}
	}
	if f.dependent && r.read(1) == 1 {
		f.chanmap = uint16(r.read(16))
	}
	return f, kind != 3 && f.rate != 0 && f.size >= ac3Header
}

func (f *ac3Framer) reset() { f.cutter.reset() }

func (f *ac3Framer) frames(d *Demuxer, p *pid, b []byte) error { return f.cut(d, p, b, f) }

// header returns the size of the sample at b: one AC-3 frame, or the E-AC-3 frames that belong together.
func (f *ac3Framer) header(b []byte, atEnd bool) int {
	if len(b) < ac3Header {
		return -1
	}
	first, ok := parseAC3(b)
	if !ok || first.dependent || first.substream != 0 {
		return 0
	}
	if !first.isEnhanced {
		return first.size
	}
	size, blocks := first.size, first.blocks
	for {
		if len(b) < size+ac3Header {
			if atEnd && len(b) >= size {
				return size
			}
			return -1
		}
		next, ok := parseAC3(b[size:])
		switch {
		case !ok, !next.isEnhanced:
			return size
		case next.dependent || next.substream != 0:
		case blocks < 6:
			blocks += next.blocks
		default:
			return size
		}
		if size += next.size; size > maxAudioCarry {
			return first.size // not one that anybody made: go on frame by frame
		}
	}
}

func (f *ac3Framer) frame(_ *Demuxer, p *pid, b []byte) (data []byte, samples int, rate uint32, err error) {
	first, _ := parseAC3(b)
	m := &p.s.Media
	if !first.isEnhanced {
		channels := ac3Channels[first.acmod] + first.lfe
		w := bitWriter{}
		w.put(uint32(first.fscod), 2)
		w.put(uint32(first.bsid), 5)
		w.put(uint32(first.bsmod), 3)
		w.put(uint32(first.acmod), 3)
		w.put(uint32(first.lfe), 1)
		w.put(uint32(first.code), 5)
		w.put(0, 5)
		if p.s.setConfig("ac-3", w.b) {
			m.SampleRate, m.Timescale, m.Channels = first.rate, first.rate, channels
		}
		return b, 1536, first.rate, nil
	}
	blocks := 0
	for at := 0; at < len(b); {
		x, ok := parseAC3(b[at:])
		if !ok {
			break
		}
		if !x.dependent && x.substream == 0 {
			blocks += x.blocks
		}
		at += x.size
	}
	// The data rate is that of the first sample: a nominal figure, which must not make a new configuration of each sample.
	if m.Entry != "ec-3" || !sameDec3(m.Config, dec3(b, blocks)) {
		config, channels := dec3(b, blocks), eac3Channels(b)
		if p.s.setConfig("ec-3", config) {
			m.SampleRate, m.Timescale, m.Channels = first.rate, first.rate, channels
		}
	}
	return b, blocks * 256, first.rate, nil
}

// sameDec3 compares two payloads but for the data rate.
func sameDec3(a, b []byte) bool {
	if len(a) != len(b) || len(a) < 2 || a[1]&7 != b[1]&7 {
		return false
	}
	return string(a[2:]) == string(b[2:])
}

// dec3 builds the payload of an EC3SpecificBox (annex F.6.2) from the frames of one sample.
func dec3(b []byte, blocks int) []byte {
	type sub struct {
		f        ac3Frame
		deps     uint32
		location uint32
	}
	var subs []sub
	for at := 0; at < len(b); {
		x, ok := parseAC3(b[at:])
		if !ok {
			break
		}
		at += x.size
		switch {
		case x.dependent && len(subs) > 0:
			s := &subs[len(subs)-1]
			s.deps++
			s.location |= chanLocation(x.chanmap)
		case !x.dependent && int(x.substream) == len(subs) && len(subs) < 8:
			subs = append(subs, sub{f: x})
		}
	}
	w := bitWriter{}
	kbps := 0
	if blocks > 0 && len(subs) > 0 {
		kbps = len(b) * 8 * int(subs[0].f.rate) / (blocks * 256) / 1000
	}
	w.put(uint32(min(kbps, 8191)), 13)
	w.put(uint32(len(subs)-1), 3)
	for _, s := range subs {
		w.put(uint32(s.f.fscod), 2)
		w.put(uint32(s.f.bsid), 5)
		w.put(0, 1+1) // reserved, asvc
		w.put(uint32(s.f.bsmod), 3)
		w.put(uint32(s.f.acmod), 3)
		w.put(uint32(s.f.lfe), 1)
		w.put(0, 3)
		w.put(min(s.deps, 15), 4)
		if s.deps > 0 {
			w.put(s.location, 9)
		} else {
			w.put(0, 1)
		}
	}
	return w.b
}

// chanLocation maps a dependent substream's channel map (bit 15 is Left) to chan_loc of dec3 (bit 0 is Lc/Rc, bit 8 LFE2).
func chanLocation(m uint16) (loc uint32) {
	for i, bit := range [...]int{5, 6, 7, 8, 9, 10, 11, 12, 14} {
		if m&(1<<(15-bit)) != 0 {
			loc |= 1 << i
		}
	}
	return loc
}

func eac3Channels(b []byte) (n uint8) {
	for at := 0; at < len(b); {
		x, ok := parseAC3(b[at:])
		if !ok {
			break
		}
		at += x.size
		if !x.dependent && x.substream == 0 {
			n = ac3Channels[x.acmod] + x.lfe
			continue
		}
		for i, bit := range [...]int{5, 6, 7, 8, 9, 10, 11, 12, 14} { // pairs and single places beyond 5.1
			if x.chanmap&(1<<(15-bit)) != 0 {
				n += [...]uint8{2, 2, 1, 1, 2, 2, 2, 1, 1}[i]
			}
		}
	}
	return n
}

package ts

// mpaFramer cuts MPEG audio layer II and III (ISO/IEC 11172-3 §2.4.1, 13818-3).
type mpaFramer struct {
	cutter
}

var (
	mpaRates = [3]uint32{44100, 48000, 32000}
	// kilobits a second by index: MPEG-1 layer II, MPEG-1 layer III, MPEG-2 layers II and III.
	mpaKbps = [3][16]int{
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
)

// mpaFrame is what a frame header says.
type mpaFrame struct {
	layer    int
	rate     uint32
	samples  int
	size     int
	channels uint8
}

func parseMPA(b []byte) (f mpaFrame, ok bool) {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return f, false
	}
	version, index, rate := b[1]>>3&3, b[2]>>4, b[2]>>2&3
	f.layer = 4 - int(b[1]>>1&3)
	if version == 1 || f.layer == 1 || f.layer == 4 || index == 0 || index == 15 || rate == 3 {
		return f, false
	}
	f.rate, f.samples = mpaRates[rate], 1152
	table := f.layer - 2
	if version != 3 {
		table = 2
		f.rate /= 2
		if version == 0 {
			f.rate /= 2
		}
		if f.layer == 3 {
			f.samples = 576
		}
	}
	f.size = f.samples/8*1000*mpaKbps[table][index]/int(f.rate) + int(b[2]>>1&1)
	f.channels = 2
	if b[3]>>6 == 3 {
		f.channels = 1
	}
	return f, true
}

func (f *mpaFramer) reset() { f.cutter.reset() }

func (f *mpaFramer) frames(d *Demuxer, p *pid, b []byte) error { return f.cut(d, p, b, f) }

func (f *mpaFramer) header(b []byte, _ bool) int {
	if len(b) < 4 {
		return -1
	}
	h, ok := parseMPA(b)
	if !ok {
		return 0
	}
	return h.size
}

func (f *mpaFramer) frame(_ *Demuxer, p *pid, b []byte) (data []byte, samples int, rate uint32, err error) {
	h, _ := parseMPA(b)
	m := &p.s.Media
	entry := ".mp3"
	if h.layer == 2 {
		entry = ".mp2"
	}
	// The rate and the channels are all the configuration there is.
	config := []byte{byte(h.rate >> 16), byte(h.rate >> 8), byte(h.rate), h.channels}
	if p.s.setConfig(entry, config) {
		m.SampleRate, m.Timescale, m.Channels = h.rate, h.rate, h.channels
	}
	return b, h.samples, h.rate, nil
}

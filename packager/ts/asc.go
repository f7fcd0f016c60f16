package ts

import (
	"fmt"

	"sluice/packager"
)

// ASC is what an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) says about AAC.
type ASC struct {
	// ObjectType is that of the core coder: 2 (LC) also for HE-AAC.
	ObjectType    int
	SampleRate    uint32 // of the core coder, Hz
	ChannelConfig int    // 0: a program config element gives the channels
	Channels      uint8  // of the core coder; 0 unknown
	// FrameLength is samples a frame: 1024 or 960.
	FrameLength int
	// Extension is 5 for explicit SBR, 29 for explicit parametric stereo, else 0.
	Extension     int
	ExtensionRate uint32 // Hz; 0 without an extension

	rateIndex int
	pce       []byte // ready to stand in front of a raw data block
}

var aacRates = [...]uint32{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

var aacChannels = [...]uint8{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8}

// ParseASC reads an AudioSpecificConfig. Object types without the general audio coder's syntax give ErrUnsupported.
func ParseASC(b []byte) (ASC, error) {
	a, _, err := parseASC(b)
	return a, err
}

func parseASC(b []byte) (a ASC, bitLen int, err error) {
	r := bits{b: b}
	a.ObjectType = r.objectType()
	a.rateIndex, a.SampleRate = r.rate()
	a.ChannelConfig = int(r.read(4))
	if a.ObjectType == 5 || a.ObjectType == 29 {
		a.Extension = a.ObjectType
		_, a.ExtensionRate = r.rate()
		a.ObjectType = r.objectType()
	}
	switch a.ObjectType {
	case 1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23:
	default:
		return a, 0, fmt.Errorf("AAC object type %d: %w", a.ObjectType, ErrUnsupported)
	}
	if a.ChannelConfig < len(aacChannels) {
		a.Channels = aacChannels[a.ChannelConfig]
	}
	a.FrameLength = 1024
	if r.read(1) == 1 {
		a.FrameLength = 960
	}
	if r.read(1) == 1 {
		r.read(14) // coreCoderDelay
	}
	r.read(1) // extensionFlag
	if a.ChannelConfig == 0 {
		a.pce, a.Channels = r.pce()
	}
	if r.over || a.SampleRate == 0 {
		return a, 0, fmt.Errorf("AudioSpecificConfig of %d bytes: %w", len(b), ErrCorrupt)
	}
	bitLen = r.pos
	// Backward compatible signalling of SBR and PS (§1.6.6.1).
	if a.Extension == 0 && len(b)*8-r.pos >= 16 && r.read(11) == 0x2B7 {
		if r.objectType() == 5 && r.read(1) == 1 {
			a.Extension = 5
			_, a.ExtensionRate = r.rate()
			if r.left() >= 12 && r.read(11) == 0x548 && r.read(1) == 1 {
				a.Extension = 29
			}
		}
	}
	return a, bitLen, nil
}

// bits reads big-endian bit fields; reading past the end gives zeros and sets over.
type bits struct {
	b    []byte
	pos  int
	over bool
}

func (r *bits) left() int { return len(r.b)*8 - r.pos }

func (r *bits) read(n int) (v uint32) {
	for range n {
		v <<= 1
		if i := r.pos >> 3; i < len(r.b) {
			v |= uint32(r.b[i]>>(7-r.pos&7)) & 1
		} else {
			r.over = true
		}
		r.pos++
	}
	return v
}

func (r *bits) objectType() int {
	if t := r.read(5); t != 31 {
		return int(t)
	}
	return 32 + int(r.read(6))
}

func (r *bits) rate() (index int, hz uint32) {
	index = int(r.read(4))
	if index == 15 {
		hz = r.read(24)
		for i, x := range aacRates {
			if x == hz {
				return i, hz
			}
		}
		return 15, hz
	}
	if index < len(aacRates) {
		return index, aacRates[index]
	}
	return index, 0
}

// pce reads a program config element (ISO/IEC 14496-3 §4.4.1.1) and returns it as it stands at the start of a raw data
// block, with its element id, and the number of channels that it names.
func (r *bits) pce() (elem []byte, channels uint8) {
	w := bitWriter{}
	w.put(5, 3) // ID_PCE
	channels = r.copyPCE(&w)
	if r.over {
		return nil, 0
	}
	return w.b, channels
}

// copyPCE copies a program config element to w, whose byte alignment counts from w's own start.
func (r *bits) copyPCE(w *bitWriter) (channels uint8) {
	cp := func(n int) uint32 {
		v := r.read(n)
		w.put(v, n)
		return v
	}
	cp(4 + 2 + 4) // tag, object type, rate
	front, side, back, lfe := cp(4), cp(4), cp(4), cp(2)
	assoc, cc := cp(3), cp(4)
	for _, n := range []int{4, 4, 3} { // mono, stereo and matrix mixdown
		if cp(1) == 1 {
			cp(n)
		}
	}
	for range front + side + back {
		channels += 1 + uint8(cp(1))
		cp(4)
	}
	channels += uint8(lfe)
	for range lfe + assoc {
		cp(4)
	}
	for range cc {
		cp(5)
	}
	r.pos = (r.pos + 7) &^ 7
	w.align()
	for range cp(8) { // comment
		cp(8)
	}
	return channels
}

// bitWriter appends big-endian bit fields.
type bitWriter struct {
	b []byte
	n int // bits used
}

func (w *bitWriter) put(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n&7 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n>>3] |= byte(v>>i&1) << (7 - w.n&7)
		w.n++
	}
}

func (w *bitWriter) align() { w.n = (w.n + 7) &^ 7 }

// AudioMedia returns the track description of AAC with this configuration, asc.
func AudioMedia(asc []byte) (packager.Media, error) {
	a, err := ParseASC(asc)
	if err != nil {
		return packager.Media{}, err
	}
	return packager.Media{
		Kind: packager.Audio, Entry: "mp4a", Config: asc, Timescale: a.SampleRate, SampleRate: a.SampleRate, Channels: a.Channels,
	}, nil
}

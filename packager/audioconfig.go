package packager

// Audio object types (ISO/IEC 14496-3 §1.5.1.1).
const (
	aotLC  = 2
	aotSBR = 5
	aotPS  = 29
)

// aacRates are the sampling frequencies by index (ISO/IEC 14496-3 §1.6.3.4).
var aacRates = [...]uint32{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// aacObjectType is the audio object type that a player must support: 5 or 29 when SBR or PS is signalled explicitly, by the
// backward-compatible extension at the end of the AudioSpecificConfig, or only by a track that runs at twice the core's
// rate. An unreadable config counts as AAC-LC.
func (m *Media) aacObjectType() int {
	r := bitReader{b: m.Config}
	aot := r.objectType()
	core := r.rate()
	channels := r.bits(4)
	if r.bad || aot == 0 {
		return aotLC
	}
	if aot == aotSBR || aot == aotPS {
		return aot
	}
	if aot != aotLC {
		return aot
	}
	if ext := r.extension(); ext != 0 {
		return ext
	}
	if core != 0 && m.SampleRate == 2*core {
		if channels == 1 && m.Channels == 2 {
			return aotPS
		}
		return aotSBR
	}
	return aot
}

// extension looks for the backward-compatible SBR and PS extensions after a GASpecificConfig with a plain channel
// configuration (ISO/IEC 14496-3 §1.6.2.1, syncExtensionType 0x2b7 and 0x548).
func (r *bitReader) extension() int {
	r.bits(1) // frameLengthFlag
	if r.bits(1) == 1 {
		r.bits(14) // coreCoderDelay
	}
	r.bits(1) // extensionFlag
	if r.bad || r.bits(11) != 0x2b7 || r.objectType() != aotSBR || r.bits(1) != 1 || r.bad {
		return 0
	}
	r.rate()
	if r.bits(11) == 0x548 && r.bits(1) == 1 && !r.bad {
		return aotPS
	}
	return aotSBR
}

// bitReader reads big-endian bit fields; past the end it yields zeros and sets bad.
type bitReader struct {
	b   []byte
	pos int
	bad bool
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v <<= 1
		if r.pos>>3 >= len(r.b) {
			r.bad = true
			continue
		}
		v |= uint32(r.b[r.pos>>3]>>(7-r.pos&7)) & 1
		r.pos++
	}
	return v
}

func (r *bitReader) objectType() int {
	if t := r.bits(5); t != 31 {
		return int(t)
	}
	return 32 + int(r.bits(6))
}

func (r *bitReader) rate() uint32 {
	i := r.bits(4)
	if i == 15 {
		return r.bits(24)
	}
	if int(i) < len(aacRates) {
		return aacRates[i]
	}
	return 0
}

//go:build cgo

package av

import "fmt"

// aacRates are the sampling frequencies by index (ISO/IEC 14496-3 §1.6.3.4).
var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// aacProfile names the profile of an AudioSpecificConfig the way libav does: LC, HE-AAC, HE-AACv2, Main, SSR, LTP.
func aacProfile(asc []byte) string {
	if len(asc) < 2 {
		return ""
	}
	switch asc[0] >> 3 {
	case 1:
		return "Main"
	case 2:
		if ascHasSBR(asc) {
			return "HE-AAC"
		}
		return "LC"
	case 3:
		return "SSR"
	case 4:
		return "LTP"
	case 5:
		return "HE-AAC"
	case 29:
		return "HE-AACv2"
	}
	return ""
}

// ascHasSBR looks for the backward compatible SBR signal: sync extension 0x2b7 with object type 5, at any bit.
func ascHasSBR(asc []byte) bool {
	for i := 16; i+17 <= len(asc)*8; i++ {
		if bitsAt(asc, i, 11) == 0x2b7 && bitsAt(asc, i+11, 5) == 5 {
			return bitsAt(asc, i+16, 1) == 1
		}
	}
	return false
}

func bitsAt(b []byte, pos, n int) int {
	v := 0
	for i := pos; i < pos+n; i++ {
		v = v<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return v
}

// adts is the header of an AAC frame in a byte stream (ISO/IEC 13818-7 §6.2).
type adts struct {
	object, rateIndex, channels int
	header, frame               int // sizes in bytes
}

// parseADTS reads the header at the start of b.
func parseADTS(b []byte) (adts, error) {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return adts{}, fmt.Errorf("no ADTS header")
	}
	h := adts{
		object: int(b[2]>>6) + 1, rateIndex: int(b[2] >> 2 & 15),
		channels: int(b[2]&1)<<2 | int(b[3]>>6), header: 7,
		frame: int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5),
	}
	if b[1]&1 == 0 {
		h.header = 9
	}
	if h.frame < h.header || h.frame > len(b) || h.rateIndex >= len(aacRates) {
		return adts{}, fmt.Errorf("damaged ADTS header")
	}
	return h, nil
}

// config makes the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
func (h adts) config() []byte {
	return []byte{byte(h.object<<3 | h.rateIndex>>1), byte(h.rateIndex<<7 | h.channels<<3)}
}

// ascDeniesSBR says whether the configuration carries the sync extension with SBR switched off.
func ascDeniesSBR(asc []byte) bool {
	for i := 16; i+17 <= len(asc)*8; i++ {
		if bitsAt(asc, i, 11) == 0x2b7 && bitsAt(asc, i+11, 5) == 5 {
			return bitsAt(asc, i+16, 1) == 0
		}
	}
	return false
}

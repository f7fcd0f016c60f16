package ts

import "fmt"

// avcSets returns the NAL unit length size of an avcC payload (ISO/IEC 14496-15 §5.3.3.1) and its parameter sets with start
// codes.
func avcSets(c []byte) (lengthSize int, sets []byte, err error) {
	if len(c) < 7 || c[0] != 1 {
		return 0, nil, fmt.Errorf("avcC of %d bytes: %w", len(c), ErrCorrupt)
	}
	lengthSize = int(c[4]&3) + 1
	rest := c[6:]
	if sets, rest, err = appendSets(nil, rest, int(c[5]&31)); err != nil {
		return 0, nil, fmt.Errorf("avcC: %w", err)
	}
	if len(rest) == 0 {
		return 0, nil, fmt.Errorf("avcC: no picture parameter sets: %w", ErrCorrupt)
	}
	if sets, _, err = appendSets(sets, rest[1:], int(rest[0])); err != nil {
		return 0, nil, fmt.Errorf("avcC: %w", err)
	}
	return lengthSize, sets, nil
}

// hevcSets does the same for hvcC (ISO/IEC 14496-15 §8.3.3.1).
func hevcSets(c []byte) (lengthSize int, sets []byte, err error) {
	if len(c) < 23 || c[0] != 1 {
		return 0, nil, fmt.Errorf("hvcC of %d bytes: %w", len(c), ErrCorrupt)
	}
	lengthSize = int(c[21]&3) + 1
	rest := c[23:]
	for range int(c[22]) {
		if len(rest) < 3 {
			return 0, nil, fmt.Errorf("hvcC: array cut short: %w", ErrCorrupt)
		}
		if sets, rest, err = appendSets(sets, rest[3:], int(rest[1])<<8|int(rest[2])); err != nil {
			return 0, nil, fmt.Errorf("hvcC: %w", err)
		}
	}
	return lengthSize, sets, nil
}

// appendSets moves n NAL units that stand behind 16-bit lengths from b to dst, with start codes.
func appendSets(dst, b []byte, n int) (sets, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, fmt.Errorf("parameter set cut short: %w", ErrCorrupt)
		}
		size := int(b[0])<<8 | int(b[1])
		if len(b) < 2+size {
			return nil, nil, fmt.Errorf("parameter set of %d bytes in %d: %w", size, len(b)-2, ErrCorrupt)
		}
		dst = append(append(dst, 0, 0, 0, 1), b[2:2+size]...)
		b = b[2+size:]
	}
	return dst, b, nil
}

// adtsHead returns the ADTS header (ISO/IEC 13818-7 §6.2) of frames whose AudioSpecificConfig is asc, with the frame length
// left 0, and the program config element that stands for channel configuration 0.
func adtsHead(asc []byte) (head, pce []byte, err error) {
	a, err := ParseASC(asc)
	if err != nil {
		return nil, nil, err
	}
	if a.ObjectType < 1 || a.ObjectType > 4 {
		return nil, nil, fmt.Errorf("AAC object type %d in ADTS: %w", a.ObjectType, ErrUnsupported)
	}
	if a.rateIndex > 12 {
		return nil, nil, fmt.Errorf("AAC at %d Hz in ADTS: %w", a.SampleRate, ErrUnsupported)
	}
	if a.ChannelConfig > 7 {
		return nil, nil, fmt.Errorf("AAC channel configuration %d in ADTS: %w", a.ChannelConfig, ErrUnsupported)
	}
	head = []byte{
		0xFF, 0xF1, // MPEG-4, no CRC
		byte(a.ObjectType-1)<<6 | byte(a.rateIndex)<<2 | byte(a.ChannelConfig)>>2,
		byte(a.ChannelConfig) << 6, 0, 0x1F, 0xFC, // length to come, buffer fullness 0x7FF
	}
	if a.ChannelConfig == 0 {
		pce = a.pce
	}
	return head, pce, nil
}

// putADTSLength sets the frame length, header included, of an ADTS header.
func putADTSLength(h []byte, n int) {
	h[3] = h[3]&0xFC | byte(n>>11)
	h[4] = byte(n >> 3)
	h[5] = h[5]&0x1F | byte(n<<5)
}

// maxADTS is the longest frame that ADTS can carry, header included.
const maxADTS = 1<<13 - 1

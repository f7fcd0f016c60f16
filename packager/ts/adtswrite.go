package ts

import "fmt"

// ADTS puts headers in front of raw AAC frames (ISO/IEC 13818-7 §6.2).
type ADTS struct {
	head, pce []byte
}

// NewADTS returns the headers of frames whose AudioSpecificConfig is asc; ErrUnsupported when ADTS cannot say what it says.
func NewADTS(asc []byte) (*ADTS, error) {
	head, pce, err := adtsHead(asc)
	if err != nil {
		return nil, err
	}
	return &ADTS{head, pce}, nil
}

// Append appends frame with its header to dst. With channels, the program config element of channel configuration 0 goes in front,
// as the first frame of a stream needs it.
func (a *ADTS) Append(dst, frame []byte, channels bool) ([]byte, error) {
	var pce []byte
	if channels {
		pce = a.pce
	}
	n := len(a.head) + len(pce) + len(frame)
	if n > maxADTS {
		return dst, fmt.Errorf("AAC frame of %d bytes, ADTS has room for %d: %w", len(frame), maxADTS-len(a.head)-len(pce), ErrUnsupported)
	}
	at := len(dst)
	dst = append(dst, a.head...)
	putADTSLength(dst[at:], n)
	return append(append(dst, pce...), frame...), nil
}

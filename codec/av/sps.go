//go:build cgo

package av

import "github.com/Eyevinn/mp4ff/avc"

// parseSPS reads an H.264 sequence parameter set, nil when it is damaged.
func parseSPS(n []byte) (sps *avc.SPS) {
	defer func() { // the parser may meet hostile bits
		if recover() != nil {
			sps = nil
		}
	}()
	s, err := avc.ParseSPSNALUnit(n, true)
	if err != nil {
		return nil
	}
	return s
}

package ts

import (
	"bytes"
	"encoding/binary"

	mp4hevc "github.com/Eyevinn/mp4ff/hevc"

	"sluice/packager"
)

// sets are the parameter sets seen so far, the latest of each id, in order of id.
type sets struct {
	vps, sps, pps []paramSet
}

type paramSet struct {
	id  uint32
	nal []byte
}

// maxSet bounds one parameter set; real ones take tens of bytes.
const maxSet = 4096

// put stores a parameter set and reports whether that changed anything.
func (s *sets) put(typ int, nal []byte, hevc bool) bool {
	if len(nal) > maxSet {
		return false
	}
	list := &s.pps
	var id uint32
	if hevc {
		r := bits{b: unescape(nal[2:])}
		switch typ {
		case hevcVPS:
			list, id = &s.vps, r.read(4)
		case hevcSPS:
			list, id = &s.sps, 0 // more than one active SPS does not occur in a broadcast stream
		default:
			id = r.ue()
		}
		if r.over {
			return false
		}
	} else {
		r := bits{b: unescape(nal[1:])}
		if typ == avcSPS {
			list = &s.sps
			r.read(24)
		}
		id = r.ue()
		if r.over {
			return false
		}
	}
	if id > 255 {
		return false
	}
	at := 0
	for at < len(*list) && (*list)[at].id < id {
		at++
	}
	if at < len(*list) && (*list)[at].id == id {
		if bytes.Equal((*list)[at].nal, nal) {
			return false
		}
		(*list)[at].nal = bytes.Clone(nal)
		return true
	}
	*list = append(*list, paramSet{})
	copy((*list)[at+1:], (*list)[at:])
	(*list)[at] = paramSet{id: id, nal: bytes.Clone(nal)}
	return true
}

// config makes an avcC or hvcC payload of the sets; ok is false while some are missing or unreadable.
func (s *sets) config(hevc bool) (info videoInfo, entry string, config []byte, ok bool) {
	if len(s.sps) == 0 || len(s.pps) == 0 {
		return info, "", nil, false
	}
	if hevc {
		if info, ok = parseHEVCSPS(s.sps[0].nal); !ok {
			return info, "", nil, false
		}
		return info, "hvc1", s.hvcC(), true
	}
	if info, ok = parseAVCSPS(s.sps[0].nal); !ok {
		return info, "", nil, false
	}
	return info, "avc1", s.avcC(info), true
}

func (s *sets) avcC(info videoInfo) []byte {
	sps := s.sps[0].nal
	nsps, npps := min(len(s.sps), 31), min(len(s.pps), 255)
	b := []byte{1, sps[1], sps[2], sps[3], 0xFF, 0xE0 | byte(nsps)}
	for _, p := range s.sps[:nsps] {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.nal))), p.nal...)
	}
	b = append(b, byte(npps))
	for _, p := range s.pps[:npps] {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.nal))), p.nal...)
	}
	switch sps[1] {
	case 100, 110, 122, 144, 244:
		b = append(b, 0xFC|info.chroma, 0xF8|info.lumaDepth, 0xF8|info.chromaDepth, 0)
	}
	return b
}

func (s *sets) hvcC() []byte {
	sps := unescape(s.sps[0].nal[2:])
	info, _ := parseHEVCSPS(s.sps[0].nal)
	b := append([]byte{1}, sps[1:13]...) // profile_tier_level as it stands
	b = append(b, 0xF0, 0, 0xFC, 0xFC|info.chroma, 0xF8|info.lumaDepth, 0xF8|info.chromaDepth, 0, 0)
	layers, nested := sps[0]>>1&7+1, sps[0]&1
	b = append(b, layers<<3|nested<<2|3)
	lists := [][]paramSet{s.vps, s.sps, s.pps}
	types := []byte{hevcVPS, hevcSPS, hevcPPS}
	at := len(b)
	b = append(b, 0)
	for i, list := range lists {
		if len(list) == 0 {
			continue
		}
		b[at]++
		b = append(b, 0x80|types[i]) // complete: none is left in the samples
		b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
		for _, p := range list {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.nal))), p.nal...)
		}
	}
	return b
}

// unescape removes emulation prevention bytes.
func unescape(b []byte) []byte {
	if !bytes.Contains(b, []byte{0, 0, 3}) {
		return b
	}
	out := make([]byte, 0, len(b))
	zeros := 0
	for _, x := range b {
		if zeros >= 2 && x == 3 {
			zeros = 0
			continue
		}
		if x == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, x)
	}
	return out
}

// ue reads an unsigned Exp-Golomb code.
func (r *bits) ue() uint32 {
	n := 0
	for r.read(1) == 0 {
		if n++; n > 31 || r.over {
			r.over = true
			return 0
		}
	}
	return 1<<n - 1 + r.read(n)
}

// parseHEVCSPS reads what an init segment needs of an H.265 sequence parameter set.
func parseHEVCSPS(nal []byte) (info videoInfo, ok bool) {
	if rbsp := unescape(nal[2:]); len(rbsp) < 15 {
		return info, false
	}
	defer func() {
		if recover() != nil { // a hostile set must not end the process
			ok = false
		}
	}()
	sps, err := mp4hevc.ParseSPSNALUnit(nal)
	if err != nil || sps == nil {
		return info, false
	}
	w, h := sps.ImageSize()
	if w == 0 || h == 0 || w > 65535 || h > 65535 {
		return info, false
	}
	info = videoInfo{
		width: uint16(w), height: uint16(h), chroma: sps.ChromaFormatIDC & 3,
		lumaDepth: sps.BitDepthLumaMinus8 & 7, chromaDepth: sps.BitDepthChromaMinus8 & 7, framesOnly: true,
	}
	if v := sps.VUI; v != nil {
		info.setSAR(uint32(v.SampleAspectRatioWidth), uint32(v.SampleAspectRatioHeight))
		if v.ColourDescriptionFlag {
			info.color = packager.Color{Primaries: v.ColourPrimaries, Transfer: v.TransferCharacteristics, Matrix: v.MatrixCoefficients}
		}
		info.color.FullRange = v.VideoFullRangeFlag
		if v.TimingInfoPresentFlag {
			info.setRate(uint32(v.TimeScale), uint32(v.NumUnitsInTick))
		}
	}
	return info, true
}

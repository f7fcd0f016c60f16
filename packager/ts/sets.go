package ts

import (
	"bytes"
	"encoding/binary"
)

// sets are the parameter sets seen so far, the latest of each id, in order of id.
type sets struct {
	vps, sps, pps []paramSet
	bytes         int // of all
}

type paramSet struct {
	id  uint32
	nal []byte
}

// maxSet bounds one parameter set; real ones take tens of bytes.
const maxSet = 4096

// maxSetBytes bounds all of a stream together, and with that the work that each change of one of them makes.
const maxSetBytes = 64 << 10

// put stores a parameter set and reports whether that changed anything.
func (s *sets) put(typ int, nal []byte, hevc bool) bool {
	if len(nal) > maxSet {
		return false
	}
	list := &s.pps
	var id uint32
	if hevc {
		if nal[0]&1 != 0 || nal[1]>>3 != 0 { // of another layer than the base, which players leave out
			return false
		}
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
		return s.replace(&(*list)[at], nal)
	}
	if s.bytes+len(nal) > maxSetBytes {
		return false
	}
	s.bytes += len(nal)
	*list = append(*list, paramSet{})
	copy((*list)[at+1:], (*list)[at:])
	(*list)[at] = paramSet{id: id, nal: bytes.Clone(nal)}
	return true
}

// replace puts another set in the place of one with its id, and reports whether that changed anything.
func (s *sets) replace(p *paramSet, nal []byte) bool {
	n := s.bytes - len(p.nal) + len(nal)
	if bytes.Equal(p.nal, nal) || n > maxSetBytes {
		return false
	}
	p.nal, s.bytes = bytes.Clone(nal), n
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
		return info, "hvc1", s.hvcC(info), true
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

func (s *sets) hvcC(info videoInfo) []byte {
	sps := unescape(s.sps[0].nal[2:])
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

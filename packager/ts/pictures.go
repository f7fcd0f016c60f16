package ts

import (
	"bytes"
	"encoding/binary"

	"sluice/packager"
)

// pictures cuts the Annex B bytes of PES packets into access units (ITU-T H.264 §7.4.1.2.3, H.265 §7.4.2.4.4) and gathers
// parameter sets.
type pictures struct {
	hevc bool
	sets sets
	info videoInfo

	nals   []span
	prefix []byte // NAL units of an access unit without a picture, for the next one
	out    []byte // when a unit does not fit in place
	aus    int    // units of the PES packet under way

	lastDTS int64 // of the last PES packet with a time
	lastOff int64 // its composition offset
	timed   bool
	step    int64 // frame duration where only the stream's times tell
}

// span is a NAL unit in a buffer.
type span struct{ from, to int }

// maxNALs bounds the NAL units of one PES packet.
const maxNALs = 1 << 16

func newPictures(hevc bool) *pictures { return &pictures{hevc: hevc} }

func (v *pictures) reset() { v.timed, v.prefix = false, v.prefix[:0] }

// H.264 and H.265 NAL unit types that matter here.
const (
	avcSlice, avcPartition, avcIDR, avcSEI, avcSPS, avcPPS, avcAUD = 1, 2, 5, 6, 7, 8, 9
	avcEndSeq, avcEndStream, avcFiller                             = 10, 11, 12
	hevcBLA, hevcIRAPEnd, hevcVPS, hevcSPS, hevcPPS, hevcAUD       = 16, 23, 32, 33, 34, 35
	hevcEndSeq, hevcEndStream, hevcFiller, hevcPrefixSEI           = 36, 37, 38, 39
)

func (v *pictures) typeOf(nal []byte) int {
	if v.hevc {
		return int(nal[0] >> 1 & 0x3F)
	}
	return int(nal[0] & 0x1F)
}

func (v *pictures) isVCL(typ int) bool {
	if v.hevc {
		return typ < 32
	}
	return typ >= avcSlice && typ <= avcIDR
}

// firstSlice reports whether a VCL unit starts a picture: first_mb_in_slice 0, first_slice_segment_in_pic_flag 1.
func (v *pictures) firstSlice(nal []byte) bool {
	if v.hevc {
		return len(nal) < 3 || nal[2]&0x80 != 0
	}
	return len(nal) < 2 || nal[1]&0x80 != 0
}

// opensUnit reports whether a unit of this type, after a picture, belongs to the next access unit.
func (v *pictures) opensUnit(typ int, nal []byte) bool {
	if v.hevc {
		switch {
		case typ < 32:
			return v.firstSlice(nal)
		case typ >= hevcVPS && typ <= hevcAUD, typ == hevcPrefixSEI, typ >= 41 && typ <= 44, typ >= 48 && typ <= 55:
			return true
		}
		return false
	}
	switch typ {
	case avcSlice, avcPartition, avcIDR:
		return v.firstSlice(nal) && !v.secondField(nal)
	case avcSEI, avcSPS, avcPPS, avcAUD, 15, 16, 17, 18:
		return true
	}
	return false
}

// secondField reports whether a slice belongs to the second field of the frame whose first field came before it, which shares
// its sample. Only streams with field pictures have them.
func (v *pictures) secondField(nal []byte) bool {
	f, ok := v.info.field(nal)
	return ok && f.bottom != v.info.last.bottom && f.frame == v.info.last.frame
}

// continues reports whether a PES payload goes on with the access unit before it.
func (v *pictures) continues(b []byte) bool {
	i := bytes.IndexByte(b, 1)
	if i < 2 || b[i-1] != 0 || b[i-2] != 0 || i+2 >= len(b) {
		return true // no start code at the start: the rest of a NAL unit
	}
	if len(bytes.Trim(b[:i], "\x00")) > 0 {
		return true
	}
	nal := b[i+1:]
	return v.isVCL(v.typeOf(nal)) && !v.firstSlice(nal)
}

// scan lists the NAL units of b from offset at on: between start codes, without trailing zeros.
func (v *pictures) scan(b []byte, at int) {
	v.nals = v.nals[:0]
	open := -1
	for i := at + 2; i < len(b); {
		j := bytes.IndexByte(b[i:], 1)
		if j < 0 {
			break
		}
		i += j
		if b[i-1] != 0 || b[i-2] != 0 {
			i++
			continue
		}
		if open >= 0 {
			v.add(b, open, i-2)
		}
		open = i + 1
		i += 3
	}
	if open >= 0 {
		v.add(b, open, len(b))
	}
}

func (v *pictures) add(b []byte, from, to int) {
	for to > from && b[to-1] == 0 {
		to--
	}
	least := from + 1
	if v.hevc {
		least++
	}
	if to >= least && len(v.nals) < maxNALs {
		v.nals = append(v.nals, span{from, to})
	}
}

// units hands out the access units of a PES packet.
func (v *pictures) units(d *Demuxer, p *pid) error {
	v.scan(p.buf, headroom)
	if p.hasPTS {
		if v.timed && v.aus > 0 && p.dts > v.lastDTS && p.dts-v.lastDTS < 5*clock {
			v.step = (p.dts - v.lastDTS) / int64(v.aus)
		}
		v.lastDTS, v.lastOff, v.timed, v.aus = p.dts, p.pts-p.dts, true, 0
	}
	first, picture := 0, false
	for i, n := range v.nals {
		nal := p.buf[n.from:n.to]
		typ := v.typeOf(nal)
		if picture && v.opensUnit(typ, nal) {
			if err := v.unit(d, p, v.nals[first:i]); err != nil {
				return err
			}
			first, picture = i, false
		}
		if v.isVCL(typ) {
			picture = true
			if f, ok := v.info.field(nal); ok {
				v.info.last = f
			}
		}
	}
	return v.unit(d, p, v.nals[first:])
}

// unit hands out one access unit.
func (v *pictures) unit(d *Demuxer, p *pid, nals []span) error {
	u := Unit{}
	picture, changed := false, false
	keep := nals[:0]
	for _, n := range nals {
		nal := p.buf[n.from:n.to]
		typ := v.typeOf(nal)
		switch v.role(typ) {
		case parameters:
			changed = v.sets.put(typ, nal, v.hevc) || changed
			continue
		case dropped:
			continue
		}
		switch {
		case v.isVCL(typ):
			picture = true
			u.Sync = u.Sync || v.hevc && typ >= hevcBLA && typ <= hevcIRAPEnd || !v.hevc && typ == avcIDR
		case !v.hevc && typ == avcSEI:
			u.Sync = u.Sync || hasRecoveryPoint(nal)
		}
		keep = append(keep, n)
	}
	if changed {
		v.configure(p.s)
	}
	if !picture {
		for _, n := range keep {
			if len(v.prefix)+n.to-n.from < 1<<20 {
				v.prefix = binary.BigEndian.AppendUint32(v.prefix, uint32(n.to-n.from))
				v.prefix = append(v.prefix, p.buf[n.from:n.to]...)
			}
		}
		return nil
	}
	if !v.timed || p.s.Media.Entry == "" {
		d.stats.Corrupt++ // no time yet, or nothing to decode it with
		p.lost = true
		return nil
	}
	u.DTS = v.lastDTS + int64(v.aus)*v.frame()
	u.PTS = u.DTS + v.lastOff
	v.aus++
	u.Data = v.pack(p.buf, keep)
	return p.emit(d, u)
}

type role int

const (
	kept role = iota
	parameters
	dropped
)

func (v *pictures) role(typ int) role {
	if v.hevc {
		switch typ {
		case hevcVPS, hevcSPS, hevcPPS:
			return parameters
		case hevcAUD, hevcEndSeq, hevcEndStream, hevcFiller:
			return dropped
		}
		return kept
	}
	switch typ {
	case avcSPS, avcPPS:
		return parameters
	case avcAUD, avcEndSeq, avcEndStream, avcFiller:
		return dropped
	}
	return kept
}

// frame is the duration of a picture without a time of its own.
func (v *pictures) frame() int64 {
	switch {
	case v.step > 0:
		return v.step
	case v.info.rateNum > 0:
		return clock * int64(v.info.rateDen) / int64(v.info.rateNum)
	}
	return clock / 25
}

// pack puts lengths in front of NAL units, in place where it can: the last unit, which is the big one when there are several,
// stays where it is, and those in front move left into the room of what was dropped.
func (v *pictures) pack(b []byte, nals []span) []byte {
	end := nals[len(nals)-1].to
	start, fits := end, len(v.prefix) == 0
	for i := len(nals) - 1; i >= 0; i-- {
		start -= nals[i].to - nals[i].from
		fits = fits && start <= nals[i].from // a move to the right would run over what has not moved yet
		start -= 4
	}
	if !fits || start < 0 {
		v.out = append(v.out[:0], v.prefix...)
		v.prefix = v.prefix[:0]
		for _, n := range nals {
			v.out = binary.BigEndian.AppendUint32(v.out, uint32(n.to-n.from))
			v.out = append(v.out, b[n.from:n.to]...)
		}
		return v.out
	}
	at := start
	for _, n := range nals {
		size := n.to - n.from
		binary.BigEndian.PutUint32(b[at:], uint32(size))
		if at += 4; at != n.from {
			copy(b[at:at+size], b[n.from:n.to])
		}
		at += size
	}
	return b[start:end]
}

// configure makes the decoder configuration of the parameter sets so far.
func (v *pictures) configure(s *Stream) {
	info, entry, config, ok := v.sets.config(v.hevc)
	if !ok || !s.setConfig(entry, config) {
		return
	}
	info.last = v.info.last
	v.info = info
	m := &s.Media
	m.Width, m.Height, m.SARNum, m.SARDen = info.width, info.height, info.sarNum, info.sarDen
	m.Color, m.RateNum, m.RateDen = info.color, info.rateNum, info.rateDen
	m.Kind, m.Timescale = packager.Video, clock
}

// hasRecoveryPoint finds a recovery point message (ITU-T H.264 §D.1.8) in an SEI unit.
func hasRecoveryPoint(nal []byte) bool {
	b := nal[1:]
	for len(b) >= 2 && b[0] != 0x80 {
		typ, size := 0, 0
		for len(b) > 0 && b[0] == 0xFF {
			typ, b = typ+255, b[1:]
		}
		if len(b) == 0 {
			return false
		}
		typ, b = typ+int(b[0]), b[1:]
		for len(b) > 0 && b[0] == 0xFF {
			size, b = size+255, b[1:]
		}
		if len(b) == 0 {
			return false
		}
		size, b = size+int(b[0]), b[1:]
		if typ == 6 {
			return true
		}
		if size > len(b) {
			return false
		}
		b = b[size:]
	}
	return false
}

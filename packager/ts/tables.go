package ts

import (
	"fmt"

	"sluice/packager"
)

// section puts a table together from packets (ISO/IEC 13818-1 §2.4.4).
type section struct {
	b      []byte
	active bool
}

func (s *section) reset() { s.b, s.active = s.b[:0], false }

// add takes a packet's payload and calls read for each complete section whose CRC is right.
func (s *section) add(p []byte, start bool, read func(b []byte) error) error {
	if start {
		skip := 1 + int(p[0])
		if skip > len(p) {
			s.reset()
			return nil
		}
		if s.active {
			s.b = append(s.b, p[1:skip]...)
			if err := s.finish(read); err != nil {
				return err
			}
		}
		s.reset()
		s.active = true
		p = p[skip:]
	}
	if !s.active {
		return nil
	}
	s.b = append(s.b, p...)
	return s.finish(read)
}

func (s *section) finish(read func(b []byte) error) error {
	for len(s.b) >= 3 && s.b[0] != 0xFF {
		n := 3 + int(s.b[1]&0x0F)<<8 + int(s.b[2])
		if len(s.b) < n {
			return nil
		}
		if n >= 12 && sectionCRC(s.b[:n]) == 0 && s.b[5]&1 == 1 {
			if err := read(s.b[:n]); err != nil {
				return err
			}
		}
		s.b = s.b[:copy(s.b, s.b[n:])]
	}
	s.reset()
	return nil
}

func crcOf(b []byte) uint32 {
	b = b[len(b)-4:]
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func (d *Demuxer) readPAT(b []byte) error {
	crc := crcOf(b)
	if b[0] != 0 || crc == d.patCRC && d.pmtPID >= 0 {
		return nil
	}
	for e := b[8 : len(b)-4]; len(e) >= 4; e = e[4:] {
		if e[0]|e[1] == 0 {
			continue // network PID
		}
		id := int(e[2]&0x1F)<<8 | int(e[3])
		if id != d.pmtPID {
			d.pmtPID, d.pmtCRC = id, 0
			d.pmt.reset()
		}
		d.patCRC = crc
		return nil
	}
	return nil
}

func (d *Demuxer) readPMT(b []byte) error {
	crc := crcOf(b)
	if b[0] != 2 || len(b) < 16 || crc == d.pmtCRC && len(d.streams) > 0 {
		return nil
	}
	d.pmtCRC = crc
	body := b[12 : len(b)-4]
	if n := int(b[10]&0x0F)<<8 | int(b[11]); n <= len(body) {
		body = body[n:]
	} else {
		return nil
	}
	var streams []*Stream
	for len(body) >= 5 && len(streams) < maxStreams {
		typ, id := body[0], uint16(body[1]&0x1F)<<8|uint16(body[2])
		n := int(body[3]&0x0F)<<8 | int(body[4])
		if len(body) < 5+n {
			break
		}
		s, err := d.elementary(typ, id, body[5:5+n])
		if err != nil {
			return err
		}
		if s != nil {
			streams = append(streams, s)
		}
		body = body[5+n:]
	}
	if err := d.replace(streams); err != nil {
		return err
	}
	return d.replay()
}

// elementary returns the stream that the map names: the one in force when it is the same, else a new one; nil when it is of no
// use here.
func (d *Demuxer) elementary(typ byte, id uint16, descriptors []byte) (*Stream, error) {
	typ = realType(typ, descriptors)
	if p := d.pids[id]; p != nil && p.s.Type == typ {
		return p.s, nil
	}
	s := &Stream{PID: id, Type: typ, Media: packager.Media{Kind: packager.Audio}}
	p := &pid{s: s, cc: -1}
	s.pid = p
	switch typ {
	case typeH264, typeHEVC:
		if d.SkipVideo {
			return nil, nil
		}
		s.Media.Kind, s.Media.Timescale = packager.Video, clock
		p.video = newPictures(typ == typeHEVC)
	case typeAAC:
		p.framer = &adtsFramer{}
	case typeLATM:
		p.framer = &latmFramer{}
	case typeAC3:
		p.framer = &ac3Framer{}
	case typeEAC3:
		p.framer = &ac3Framer{enhanced: true}
	case typeMPEG1Audio, typeMPEG2Audio:
		p.framer = &mpaFramer{}
	case typeID3, 0x05, 0x86, 0x06, 0x0B: // metadata, private sections, SCTE-35, other private data
		return nil, nil
	default:
		d.unsupported(fmt.Sprintf("stream type 0x%02X on PID %d (%s)", typ, id, typeName(typ)))
		return nil, nil
	}
	s.Media.Language = languageOf(descriptors)
	return s, nil
}

func (d *Demuxer) unsupported(what string) {
	for _, u := range d.stats.Unsupported {
		if u == what {
			return
		}
	}
	if len(d.stats.Unsupported) < maxStreams {
		d.stats.Unsupported = append(d.stats.Unsupported, what)
	}
}

// replace puts a new program map in force: streams that went away are handed out to their end first.
func (d *Demuxer) replace(streams []*Stream) error {
	for _, old := range d.streams {
		kept := false
		for _, s := range streams {
			kept = kept || s == old
		}
		if !kept {
			if err := old.pid.end(d); err != nil {
				return err
			}
		}
		d.pids[old.PID] = nil
	}
	d.streams = streams
	for _, s := range streams {
		d.pids[s.PID] = s.pid
	}
	return nil
}

// realType resolves private streams by their descriptors (ETSI EN 300 468 annex D, SMPTE registrations).
func realType(typ byte, descriptors []byte) byte {
	if typ != typePrivate {
		return typ
	}
	for len(descriptors) >= 2 && len(descriptors) >= 2+int(descriptors[1]) {
		body := descriptors[2 : 2+int(descriptors[1])]
		switch descriptors[0] {
		case 0x6A:
			return typeAC3
		case 0x7A:
			return typeEAC3
		case 0x7B:
			return 0x8A
		case 5:
			switch {
			case len(body) < 4:
			case string(body[:4]) == "AC-3":
				return typeAC3
			case string(body[:4]) == "EAC3":
				return typeEAC3
			case string(body[:4]) == "HEVC":
				return typeHEVC
			case string(body[:4]) == "Opus":
				return typeOpus
			}
		}
		descriptors = descriptors[2+len(body):]
	}
	return typ
}

// typeOpus stands for Opus in private data, which has no stream type of its own.
const typeOpus = 0xFE

func typeName(typ byte) string {
	switch typ {
	case typeMPEG1Video, typeMPEG2Video:
		return "MPEG-2 video"
	case 0x10:
		return "MPEG-4 part 2 video"
	case 0x33:
		return "VVC"
	case 0x82, 0x85, 0x8A:
		return "DTS"
	case 0xDB, 0xCF, 0xC1, 0xC2:
		return "SAMPLE-AES"
	case 0xEA:
		return "VC-1"
	case typeOpus:
		return "Opus"
	}
	return "unknown"
}

func languageOf(descriptors []byte) string {
	for len(descriptors) >= 2 && len(descriptors) >= 2+int(descriptors[1]) {
		body := descriptors[2 : 2+int(descriptors[1])]
		if descriptors[0] == 0x0A && len(body) >= 3 {
			for _, c := range body[:3] {
				if c < 'a' || c > 'z' {
					return ""
				}
			}
			if lang := string(body[:3]); lang != "und" {
				return lang
			}
			return ""
		}
		descriptors = descriptors[2+len(body):]
	}
	return ""
}

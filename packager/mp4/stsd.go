package mp4

import (
	"fmt"

	"sluice/packager"
)

// stsd reads the first sample entry. More than one would need a track each; the rest is refused with their samples in
// readTables.
func (t *trak) stsd(body []byte) error {
	if len(body) < 8 {
		return fmt.Errorf("%w: no sample description", ErrCorrupt)
	}
	for e := range children(body[8:]) {
		if e.name == "encv" || e.name == "enca" {
			return fmt.Errorf("%w: sample entry %q", ErrEncrypted, e.name)
		}
		t.media.Entry = e.name
		if t.media.Kind == packager.Video {
			return t.visual(e)
		}
		return t.audio(e)
	}
	return fmt.Errorf("%w: empty sample description", ErrCorrupt)
}

func (t *trak) visual(e box) error {
	m := &t.media
	config, known := packager.ConfigBox(e.name)
	if !known {
		return fmt.Errorf("%w %q", ErrUnsupported, e.name)
	}
	if len(e.body) < 78 {
		return fmt.Errorf("%w: sample entry %q of %d bytes", ErrCorrupt, e.name, len(e.body))
	}
	f := fields{b: e.body[24:]}
	m.Width, m.Height = f.u16(), f.u16()
	for c := range children(e.body[78:]) {
		f := fields{b: c.body}
		switch c.name {
		case config:
			m.Config = append([]byte(nil), c.body...)
		case "pasp":
			setSAR(m, f.u32(), f.u32())
		case "colr":
			if kind := string(f.take(4)); kind == "nclx" || kind == "nclc" {
				m.Color = packager.Color{Primaries: uint8(f.u16()), Transfer: uint8(f.u16()), Matrix: uint8(f.u16())}
				m.Color.FullRange = kind == "nclx" && f.u8()&0x80 != 0
			}
		}
	}
	if len(m.Config) == 0 {
		return fmt.Errorf("%w: sample entry %q has no %s box", ErrCorrupt, e.name, config)
	}
	return nil
}

// setSAR keeps ratios that fit 16 bits, as all sensible ones do.
func setSAR(m *packager.Media, h, v uint32) {
	for h > 0xFFFF || v > 0xFFFF {
		h, v = h/2, v/2
	}
	if h > 0 && v > 0 && h != v {
		m.SARNum, m.SARDen = uint16(h), uint16(v)
	}
}

func (t *trak) audio(e box) error {
	m := &t.media
	if len(e.body) < 28 {
		return fmt.Errorf("%w: sample entry %q of %d bytes", ErrCorrupt, e.name, len(e.body))
	}
	f := fields{b: e.body[8:]}
	version := f.u16()
	f.skip(6)
	m.Channels = uint8(min(f.u16(), 255))
	f.skip(6)
	m.SampleRate = f.u32() >> 16
	rest := e.body[28:]
	switch version { // QuickTime's longer descriptions
	case 1:
		rest = rest[min(16, len(rest)):]
	case 2:
		rest = rest[min(36, len(rest)):]
	}
	config, known := packager.ConfigBox(e.name)
	if !known {
		return fmt.Errorf("%w %q", ErrUnsupported, e.name)
	}
	body := find(rest, config)
	if body == nil && config == "esds" { // QuickTime hides it in a wave box
		body = find(rest, "wave", "esds")
	}
	if body == nil && config != "" {
		return fmt.Errorf("%w: sample entry %q has no %s box", ErrCorrupt, e.name, config)
	}
	if config == "esds" {
		return t.esds(body)
	}
	m.Config = append([]byte(nil), body...)
	return nil
}

// Sampling rates by index in an AudioSpecificConfig (ISO/IEC 14496-3 table 1.18).
var aacRates = [...]uint32{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// esds finds object type and decoder-specific information in the descriptors (ISO/IEC 14496-1 §7.2.6).
func (t *trak) esds(body []byte) error {
	objectType, config := decoderConfig(body)
	m := &t.media
	switch objectType {
	case packager.ObjectTypeAAC, 0x66, 0x67, 0x68: // MPEG-4 and MPEG-2 AAC
		if len(config) < 2 {
			return fmt.Errorf("%w: AAC without an AudioSpecificConfig", ErrCorrupt)
		}
		m.Config = append([]byte(nil), config...)
		// The configuration is right where the sample entry is not.
		if i := int(config[0]&7)<<1 | int(config[1]>>7); i < len(aacRates) && m.SampleRate == 0 {
			m.SampleRate = aacRates[i]
		}
		if ch := config[1] >> 3 & 15; config[0]>>3 == 2 && ch > 0 && ch < 8 {
			m.Channels = ch
			if ch == 7 {
				m.Channels = 8
			}
		}
		return nil
	case packager.ObjectTypeMPEG, 0x69:
		m.Entry, m.Config = ".mp3", nil
		return nil
	}
	return fmt.Errorf("%w: mp4a with object type %#x", ErrUnsupported, objectType)
}

func decoderConfig(body []byte) (objectType uint8, config []byte) {
	f := fields{b: body}
	f.full()
	if tag, es := descriptor(&f); tag == 3 {
		e := fields{b: es}
		e.skip(2)
		flags := e.u8()
		if flags&0x80 != 0 {
			e.skip(2)
		}
		if flags&0x40 != 0 {
			e.skip(int(e.u8()))
		}
		if flags&0x20 != 0 {
			e.skip(2)
		}
		f = e
	}
	tag, dec := descriptor(&f)
	if tag != 4 {
		return 0, nil
	}
	d := fields{b: dec}
	objectType = d.u8()
	d.skip(12)
	if tag, specific := descriptor(&d); tag == 5 {
		config = specific
	}
	return objectType, config
}

// descriptor reads a tag, an expandable size and that many bytes, or what is left of them.
func descriptor(f *fields) (tag uint8, body []byte) {
	tag = f.u8()
	n := 0
	for range 4 {
		b := f.u8()
		n = n<<7 | int(b&0x7F)
		if b&0x80 == 0 {
			break
		}
	}
	return tag, f.take(min(n, len(f.b)))
}

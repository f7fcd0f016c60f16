//go:build cgo

package av

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sluice/codec"
)

// sound places one audio packet on the output timeline.
func (c *copier) sound(p *packet) error {
	data := p.data()
	rate := int64(c.audio.SampleRate)
	if c.s.sampleRate > 0 {
		rate = int64(c.s.sampleRate)
	}
	raw, config, err := c.soundData(data)
	if err != nil {
		return nil //nolint:nilerr // a damaged frame is left out
	}
	if p.pts == noPTS {
		return nil
	}
	pts := mulDiv(p.pts-c.origin, c.s.tb.Num*rate, c.s.tb.Den)
	dur := mulDiv(p.dur, c.s.tb.Num*rate, c.s.tb.Den)
	if c.s.frameSize > 0 {
		dur = int64(c.s.frameSize)
	}
	if !c.begun {
		c.priming = int64(p.skipStart)
		if pts < 0 && c.priming == 0 {
			c.priming = -pts // starts before the picture's origin: what is before it is not shown
		}
		if pts+dur <= -c.priming {
			return nil
		}
		if err := c.beginSound(config, rate); err != nil {
			return err
		}
	} else if abs64(pts-c.next) <= max(dur/2, rate/500) {
		pts = c.next // the container's rounding
	} else if pts < c.next {
		return nil
	}
	if us := c.audio.DurationUS; us > 0 && pts >= mulDiv(us, rate, 1_000_000) {
		c.ended = true
		return nil
	}
	c.next = pts + dur
	return c.hold(codec.Sample{PTS: pts, DTS: pts, Dur: max(1, dur), Key: true}, raw)
}

func (c *copier) beginSound(config []byte, rate int64) error {
	c.begun = true
	a := c.audio
	return c.d.track(codec.Track{ID: c.id, Name: a.Name, Kind: codec.Audio, Codec: c.s.codec, Config: config, Timescale: rate,
		SampleRate: int(rate), Channels: c.s.channels, Priming: int(c.priming), Language: a.Language, Title: a.Title, Default: a.Default, Copied: true})
}

// soundData returns the stored form of an audio packet and the track's configuration.
func (c *copier) soundData(data []byte) (raw, config []byte, err error) {
	switch c.s.codec {
	case "aac":
		if len(c.s.extradata) >= 2 && !(len(data) >= 2 && data[0] == 0xff && data[1]&0xf6 == 0xf0) {
			return data, c.s.extradata, nil
		}
		h, err := parseADTS(data)
		if err != nil {
			return nil, nil, err
		}
		return data[h.header:h.frame], h.config(), nil
	case "mp3":
		return data, nil, nil
	case "opus":
		config, _, err := opusConfig(c.s.extradata)
		return data, config, err
	case "flac":
		if len(c.s.extradata) != 34 {
			return nil, nil, errors.New("no STREAMINFO")
		}
		// dfLa: version and flags, then the block as the last one (FLAC in ISOBMFF §3.3.2).
		config := append([]byte{0, 0, 0, 0, 0x80, 0, 0, 34}, c.s.extradata...)
		return data, config, nil
	case "ac3":
		config, err := ac3Config(data)
		return data, config, err
	case "eac3":
		config, err := eac3Config(data, c.s.bitRate)
		return data, config, err
	}
	return nil, nil, fmt.Errorf("audio of codec %q cannot be copied", c.s.codec)
}

// ac3Config makes the dac3 payload from a frame's header (ETSI TS 102 366 §F.4).
func ac3Config(b []byte) ([]byte, error) {
	if len(b) < 8 || binary.BigEndian.Uint16(b) != 0x0b77 {
		return nil, errors.New("no AC-3 frame")
	}
	fscod, rate, bsid, bsmod, acmod := b[4]>>6, b[4]&63>>1, b[5]>>3, b[5]&7, b[6]>>5
	bit := 3
	if acmod&1 != 0 && acmod != 1 {
		bit += 2
	}
	if acmod&4 != 0 {
		bit += 2
	}
	if acmod == 2 {
		bit += 2
	}
	lfe := byte(bitsAt(b[6:], bit, 1))
	v := uint32(fscod)<<22 | uint32(bsid)<<17 | uint32(bsmod)<<14 | uint32(acmod)<<11 | uint32(lfe)<<10 | uint32(rate)<<5
	return []byte{byte(v >> 16), byte(v >> 8), byte(v)}, nil
}

// eac3Config makes the dec3 payload for one independent substream (ETSI TS 102 366 §F.6).
func eac3Config(b []byte, bitRate int64) ([]byte, error) {
	if len(b) < 6 || binary.BigEndian.Uint16(b) != 0x0b77 {
		return nil, errors.New("no E-AC-3 frame")
	}
	fscod, acmod, lfe, bsid := b[4]>>6, b[4]>>1&7, b[4]&1, b[5]>>3
	v := uint64(min(bitRate/1000, 8191))<<27 | uint64(fscod)<<22 | uint64(bsid)<<17 | uint64(acmod)<<9 | uint64(lfe)<<8
	return []byte{byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, nil
}

package packager

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// configBoxes names the box that carries Media.Config in the sample entry of each codec.
var configBoxes = map[string]string{
	"avc1": "avcC", "avc3": "avcC", "hvc1": "hvcC", "hev1": "hvcC", "av01": "av1C", "vp08": "vpcC", "vp09": "vpcC",
	"Opus": "dOps", "ac-3": "dac3", "ec-3": "dec3", "fLaC": "dfLa", "mp4a": "esds", ".mp3": "",
}

// ConfigBox returns the name of the box that carries the decoder configuration of sample entry entry, "" when it has none,
// and whether the entry is one that tracks can have.
func ConfigBox(entry string) (name string, known bool) {
	name, known = configBoxes[entry]
	return name, known
}

// Object types of the DecoderConfigDescriptor (ISO/IEC 14496-1 §7.2.6.6.2 and the MP4 registration authority).
const (
	ObjectTypeAAC  = 0x40
	ObjectTypeMPEG = 0x6B // MPEG-1 audio: MP3
)

// SampleEntry builds the sample entry of m (ISO/IEC 14496-12 §8.5.2, ISO/IEC 14496-15 and the codecs' own bindings). rate
// adds a btrt box when it is known. An error names what m lacks.
func SampleEntry(m *Media, rate BitRate) (mp4.Box, error) {
	config, known := configBoxes[m.Entry]
	switch {
	case !known:
		return nil, fmt.Errorf("sample entry %q: codec cannot be stored in MP4", m.Entry)
	case config != "" && len(m.Config) == 0:
		return nil, fmt.Errorf("sample entry %q: no decoder configuration", m.Entry)
	}
	switch m.Kind {
	case Video:
		return visualEntry(m, config, rate), nil
	case Audio:
		return audioEntry(m, config, rate)
	}
	return nil, fmt.Errorf("sample entry %q: neither video nor audio", m.Entry)
}

// BitRate is what a btrt box tells: the largest sample, and the peak and mean rate in bits per second.
type BitRate struct {
	Buffer, Max, Avg uint32
}

func (r BitRate) box() mp4.Box {
	return &mp4.BtrtBox{BufferSizeDB: r.Buffer, MaxBitrate: r.Max, AvgBitrate: r.Avg}
}

// rawBox wraps a payload that is stored as it came.
func rawBox(name string, payload []byte) mp4.Box {
	return mp4.CreateUnknownBox(name, uint64(8+len(payload)), payload)
}

func visualEntry(m *Media, config string, rate BitRate) mp4.Box {
	e := mp4.CreateVisualSampleEntryBox(m.Entry, m.Width, m.Height, rawBox(config, m.Config))
	e.CompressorName = ""
	if c := m.Color; c != (Color{}) {
		e.AddChild(&mp4.ColrBox{
			ColorType: mp4.ColorTypeOnScreenColors, ColorPrimaries: cicp(c.Primaries),
			TransferCharacteristics: cicp(c.Transfer), MatrixCoefficients: cicp(c.Matrix), FullRangeFlag: c.FullRange,
		})
	}
	if m.SARNum != 0 && m.SARDen != 0 {
		e.AddChild(&mp4.PaspBox{HSpacing: uint32(m.SARNum), VSpacing: uint32(m.SARDen)})
	}
	if rate != (BitRate{}) {
		e.AddChild(rate.box())
	}
	return e
}

// cicp writes 0, our "not given", as 2, the standard's "unspecified".
func cicp(v uint8) uint16 {
	if v == 0 {
		return 2
	}
	return uint16(v)
}

func audioEntry(m *Media, config string, rate BitRate) (mp4.Box, error) {
	name := m.Entry
	var child mp4.Box
	switch {
	case config == "esds":
		child = esds(ObjectTypeAAC, m.Config, rate)
	case m.Entry == ".mp3":
		// The entry ".mp3" is QuickTime's own; ISO files carry MP3 as mp4a with an object type.
		name, child = "mp4a", esds(ObjectTypeMPEG, nil, rate)
	default:
		child = rawBox(config, m.Config)
	}
	// The field is 16.16: a rate beyond 65535 Hz does not fit, and decoders take it from the configuration.
	sampleRate := uint16(0)
	if m.SampleRate <= 0xFFFF {
		sampleRate = uint16(m.SampleRate)
	}
	if m.Entry == "Opus" {
		sampleRate = 48000 // Opus in ISOBMFF §4.3.1
	}
	e := mp4.CreateAudioSampleEntryBox(name, uint16(max(1, m.Channels)), 16, sampleRate, nil)
	e.Children = append(e.Children, child) // not AddChild, which takes mp4ff's own esds only
	if rate != (BitRate{}) {
		e.AddChild(rate.box())
	}
	return e, nil
}

// esds builds the elementary stream descriptor (ISO/IEC 14496-1 §7.2.6.5): AudioStream, an object type, and the
// decoder-specific information when there is any.
func esds(objectType byte, config []byte, rate BitRate) mp4.Box {
	var specific []byte
	if len(config) > 0 {
		specific = descriptor(mp4.DecSpecificInfoTag, config)
	}
	decoder := []byte{objectType, 0x05<<2 | 1, byte(rate.Buffer >> 16), byte(rate.Buffer >> 8), byte(rate.Buffer)}
	decoder = append(decoder, byte(rate.Max>>24), byte(rate.Max>>16), byte(rate.Max>>8), byte(rate.Max))
	decoder = append(decoder, byte(rate.Avg>>24), byte(rate.Avg>>16), byte(rate.Avg>>8), byte(rate.Avg))
	decoder = append(decoder, specific...)
	es := append([]byte{0, 0, 0}, descriptor(mp4.DecoderConfigDescrTag, decoder)...)
	es = append(es, descriptor(mp4.SLConfigDescrTag, []byte{2})...)
	return rawBox("esds", append([]byte{0, 0, 0, 0}, descriptor(mp4.ES_DescrTag, es)...))
}

// descriptor writes a tag, a size of four expandable bytes, and the payload (ISO/IEC 14496-1 §8.3.3).
func descriptor(tag byte, payload []byte) []byte {
	n := len(payload)
	head := []byte{tag, 0x80 | byte(n>>21), 0x80 | byte(n>>14)&0xFF, 0x80 | byte(n>>7)&0xFF, byte(n) & 0x7F}
	return append(head, payload...)
}

// SameConfig reports whether samples of a and b decode with one sample entry, so that they can share a track.
func SameConfig(a, b *Media) bool {
	return a.Kind == b.Kind && a.Entry == b.Entry && bytes.Equal(a.Config, b.Config) && a.Timescale == b.Timescale &&
		a.Width == b.Width && a.Height == b.Height && a.SampleRate == b.SampleRate && a.Channels == b.Channels
}

// EncodeBoxes returns the boxes one after the other.
func EncodeBoxes(boxes ...mp4.Box) ([]byte, error) {
	var size uint64
	for _, b := range boxes {
		size += b.Size()
	}
	sw := bits.NewFixedSliceWriter(int(size))
	for _, b := range boxes {
		if err := b.EncodeSW(sw); err != nil {
			return nil, fmt.Errorf("encode %s box: %w", b.Type(), err)
		}
	}
	return slices.Clip(sw.Bytes()), nil
}

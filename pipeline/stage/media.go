package stage

import (
	"fmt"

	"sluice/codec"
	"sluice/packager"
)

// sampleEntries maps the engine's codec names to sample entry codes (ISO/IEC 14496-12 §8.5.2 and the codecs' bindings).
var sampleEntries = map[string]string{
	"h264": "avc1", "hevc": "hvc1", "av1": "av01", "vp9": "vp09",
	"aac": "mp4a", "opus": "Opus", "ac3": "ac-3", "eac3": "ec-3", "mp3": ".mp3", "flac": "fLaC",
}

// Media describes a track of the engine to the packager.
func Media(t codec.Track) (packager.Media, error) {
	entry, ok := sampleEntries[t.Codec]
	if !ok {
		return packager.Media{}, codec.NewError(codec.EngineBug, "write", fmt.Sprintf("track %q: no sample entry for codec %q", t.Name, t.Codec), nil)
	}
	if t.Timescale <= 0 || t.Timescale > 1<<31 {
		return packager.Media{}, codec.NewError(codec.EngineBug, "write", fmt.Sprintf("track %q: timescale %d", t.Name, t.Timescale), nil)
	}
	m := packager.Media{
		Entry: entry, Config: t.Config, Timescale: uint32(t.Timescale),
		Language: t.Language, Name: t.Title, Default: t.Default,
	}
	if t.Kind == codec.Video {
		m.Kind = packager.Video
		m.Width, m.Height = uint16(t.Width), uint16(t.Height)
		if !t.SAR.IsZero() {
			m.SARNum, m.SARDen = uint16(t.SAR.Num), uint16(t.SAR.Den)
		}
		m.RateNum, m.RateDen = uint32(t.FrameRate.Num), uint32(t.FrameRate.Den)
		m.Color = color(t.Color)
		return m, nil
	}
	m.Kind = packager.Audio
	m.SampleRate, m.Channels = uint32(t.SampleRate), uint8(t.Channels)
	if t.SampleRate > 0 {
		m.Priming = uint32(int64(t.Priming) * t.Timescale / int64(t.SampleRate))
	}
	return m, nil
}

// Code points of ISO/IEC 23091-2 by the names that libav prints.
var (
	primaries = map[string]uint8{"bt709": 1, "bt470m": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "film": 8, "bt2020": 9, "smpte428": 10, "smpte431": 11, "smpte432": 12, "jedec-p22": 22, "ebu3213": 22}
	transfers = map[string]uint8{"bt709": 1, "gamma22": 4, "bt470m": 4, "gamma28": 5, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "linear": 8, "log100": 9, "log316": 10, "iec61966-2-4": 11, "bt1361e": 12, "iec61966-2-1": 13, "bt2020-10": 14, "bt2020-12": 15, "smpte2084": 16, "smpte428": 17, "arib-std-b67": 18}
	matrices  = map[string]uint8{"gbr": 0, "bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "ycgco": 8, "bt2020nc": 9, "bt2020c": 10, "smpte2085": 11, "chroma-derived-nc": 12, "chroma-derived-c": 13, "ictcp": 14}
)

// color returns code points, all zero when the source says nothing.
func color(c codec.Color) packager.Color {
	point := func(m map[string]uint8, name string) uint8 {
		if v, ok := m[name]; ok {
			return v
		}
		return 2 // unspecified
	}
	if c.Primaries == "" && c.Transfer == "" && c.Matrix == "" {
		return packager.Color{}
	}
	return packager.Color{
		Primaries: point(primaries, c.Primaries), Transfer: point(transfers, c.Transfer), Matrix: point(matrices, c.Matrix),
		FullRange: c.Range == "pc",
	}
}

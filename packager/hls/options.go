package hls

import (
	"errors"

	"sluice/packager"
	"sluice/packager/uri"
)

// ErrNothing says that a playlist would be empty.
var ErrNothing = errors.New("nothing to play yet")

// Options is what every playlist is made from.
type Options struct {
	Table *packager.Table
	// FMP4 selects fragmented MP4 segments instead of MPEG-TS.
	FMP4 bool
	// Version, when set, is the -x item of every child URL.
	Version string
	// Query, when set, is appended to every child URL; it starts with "?".
	Query string
	// Size returns the exact bytes of segment k (from 0) that muxes refs.
	Size func(refs []packager.Ref, k int) (int64, error)
	// IFrames returns where the key frames of a video track can be fetched; nil or empty means nowhere.
	IFrames func(ref packager.Ref) ([]IFrame, error)
}

// IFrame is a byte range that holds one key frame.
type IFrame struct {
	// Segment is the number (from 1) of the segment that the range lies in; 0 means the stored track file.
	Segment int
	Off, N  int64
	// Start and Dur are ticks of the track; Dur lasts until the next key frame.
	Start, Dur int64
}

func (o *Options) set() *packager.Set { return o.Table.Set }

func (o *Options) single() bool { return len(o.set().Files) == 1 }

// segmentTicks is the target duration of a segment in ticks of scale.
func (o *Options) segmentTicks(scale uint32) int64 {
	s := o.set()
	if s.SegmentTicks == 0 || s.SegmentScale == 0 {
		return packager.DefaultSegmentSeconds * int64(scale)
	}
	return int64(s.SegmentTicks) * int64(scale) / int64(s.SegmentScale)
}

// bandwidth measures the rendition that muxes refs; the first of them gives the durations.
func (o *Options) bandwidth(refs ...packager.Ref) (packager.Bandwidth, error) {
	t := o.set().Track(refs[0])
	segs := o.Table.Segments(refs[0])
	segs = segs[:min(len(segs), o.Table.Ready)]
	return packager.Measure(segs, t.Timescale, o.segmentTicks(t.Timescale), func(k int) (int64, error) {
		return o.Size(refs, k)
	})
}

// InTS reports whether every track of the set may go in MPEG-TS segments; HLS allows H.264 with AAC, AC-3, E-AC-3 and MP3.
func InTS(s *packager.Set) bool {
	for i := range s.Files {
		for _, t := range s.Files[i].Tracks {
			switch t.Entry {
			case "avc1", "avc3", "mp4a", "ac-3", "ec-3", ".mp3":
			default:
				return false
			}
		}
	}
	return true
}

// UseFMP4 decides the container of a set: the one asked for, else TS where every track may go in TS.
func UseFMP4(s *packager.Set, c uri.Container) bool {
	return c == uri.FMP4 || c == uri.Auto && !InTS(s)
}

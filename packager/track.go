package packager

import "io"

// Kind of a track.
type Kind uint8

// Kinds of tracks. The letters v, a and s name them in URLs.
const (
	Video Kind = iota + 1
	Audio
	Text
)

// Media describes a track independently of its samples.
type Media struct {
	Kind Kind
	// Entry is the sample entry's four-character code: avc1, hvc1, av01, vp09, mp4a, Opus, ac-3, ec-3, fLaC, .mp3, wvtt.
	Entry string
	// Config is the decoder configuration: the payload of avcC, hvcC, av1C, vpcC, dOps, dac3, dec3 or dfLa; for mp4a the
	// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
	Config    []byte
	Timescale uint32 // ticks per second of every time of the track

	Width, Height  uint16 // pixels
	SARNum, SARDen uint16 // 0 means square
	RateNum        uint32 // nominal frame rate RateNum/RateDen; 0 unknown
	RateDen        uint32
	// Color is the CICP code points (ISO/IEC 23091-2); zero values mean unspecified (2).
	Color Color

	SampleRate uint32
	Channels   uint8
	// Priming counts ticks at the start of the media timeline that players must skip (encoder delay). It becomes the edit
	// list's media_time. A sample's presentation time is its PTS minus Priming.
	Priming uint32

	Language string // BCP 47; "" or "und" unknown
	Name     string // for people
	Default  bool
	Forced   bool
	Roles    []string // DASH roles: main, alternate, commentary, description, caption, subtitle, forced-subtitle
}

// Color is the coding-independent code points of a video track (ISO/IEC 23091-2 §8).
type Color struct {
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
}

// Sample is one coded frame of a track and where its bytes lie.
type Sample struct {
	DTS  int64 // decode time, ticks, from 0
	PTS  int64 // composition time, ticks; may be below DTS (signed composition offsets)
	Dur  uint32
	Size uint32
	Sync bool
	// File indexes Track.Files; Offset is absolute in that file.
	File   int
	Offset int64
}

// File gives the bytes that a track's samples lie in. Implementations are safe for concurrent use.
type File interface {
	io.ReaderAt
	Size() int64
	// Bytes is a read-only mapping of the whole file, or nil when there is none (remote objects, mapping switched off).
	Bytes() []byte
	// FD is a descriptor for sendfile, or -1.
	FD() int
	// ETag identifies the content: it changes when the content does.
	ETag() string
}

// Segment is a run of samples of one track, and one HTTP object of a playlist.
type Segment struct {
	First, Count int   // samples [First, First+Count)
	Start        int64 // presentation time of the first sample in ticks, after Priming; ≥ 0
	Dur          int64 // ticks; the segments of a track sum to its duration
	Bytes        int64 // sum of the sample sizes
}

// Set is one playable presentation: the files of an adaptive set in URL order, so that files[0] is f1.
// It is immutable; a changed presentation is a new Set with a new Version.
type Set struct {
	ID string
	// Version changes whenever any byte of the presentation would; it is the -x item of URLs and part of ETags.
	Version string
	Files   []SetFile
	// Complete is false while renditions are still growing: playlists are then EVENT playlists without an end.
	Complete bool
	// SegmentTicks over SegmentScale is the target segment duration; 0 means 6 s.
	SegmentTicks, SegmentScale uint32
	// Storyboard is nil when there is none.
	Storyboard *Storyboard
	Title      string
	// DurationMS is the length of the presentation in milliseconds.
	DurationMS int64
}

// SetFile is one file of a set: its tracks in order, so that the n-th video track is v<n>.
type SetFile struct {
	ID     string // stable id, e.g. the flavor asset's
	Tracks []*Track
	// Cues holds the text of a subtitle file; such a file has no Tracks.
	Cues *TextTrack
}

// TextTrack is a subtitle rendition as cues (package vtt reads and writes them).
type TextTrack struct {
	Media
	Cues []Cue
}

// Cue is one timed text. Times are milliseconds on the presentation timeline.
type Cue struct {
	ID         string
	Start, End int64
	Settings   string // WebVTT cue settings, as they stand after the timing line
	Text       string // WebVTT cue payload
}

// Storyboard is a set of sprites of equal tiles over the presentation.
type Storyboard struct {
	TileWidth, TileHeight int
	Columns, Rows         int   // tiles of a full sprite
	IntervalMS            int64 // time that one tile stands for
	Tiles                 int   // in all sprites together
	Sprites               []File
}

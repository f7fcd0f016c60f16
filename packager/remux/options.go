package remux

import (
	"io"
	"time"
)

// Format of the output.
type Format string

// Formats. The zero value is taken from the output's extension: .m4a, .aac; anything else is MP4.
const (
	MP4  Format = "mp4"
	M4A  Format = "m4a"  // audio only, with the priming edit and iTunSMPB
	ADTS Format = "adts" // audio only, AAC
	CMAF Format = "cmaf" // Output is a folder: one fragmented file and one index a track
)

// GapPolicy says what to do about a segment that is marked as a gap, missing or unreadable.
type GapPolicy string

// Gap policies.
const (
	// GapFill goes on: the last picture is held and AAC silence put in, so that later media keep their place. It is the default.
	GapFill GapPolicy = "fill"
	// GapFail ends the remux with MissingSegment. Segments that the playlist itself marks with EXT-X-GAP are filled.
	GapFail GapPolicy = "fail"
)

// Options of Run. The zero value of every field but Input and Output or Out is its default.
type Options struct {
	// Input is a path or an http(s) URL of a playlist, or of one TS, MP4 or ADTS file.
	Input string
	// Output is the path of the file to make; it appears there when it is complete. For CMAF it is a folder.
	Output string
	// Out takes the output instead of Output; for ADTS only, since the other formats write their head last.
	Out    io.Writer
	Format Format
	// AudioOnly leaves out video; its packets are skipped, not put together.
	AudioOnly bool

	// MaxHeight takes the best variant of at most so many lines; 0 means the best of all. Where none fits, the lowest.
	MaxHeight int
	// Language takes the audio rendition of this language, else the default one.
	Language string

	// Fetch opens remote references instead of the built-in HTTP client, which does what AllowPrivate says. It sees URLs whose
	// scheme is checked, and must itself refuse addresses that are not for strangers.
	Fetch Fetcher
	// AllowPrivate permits loopback, private and link-local addresses.
	AllowPrivate bool
	// AllowRemote permits a local playlist to refer to http(s) URLs.
	AllowRemote bool
	// AllowOpen takes a playlist without EXT-X-ENDLIST as it stands. It is never polled.
	AllowOpen bool

	// Parallel is how many segments are fetched at once; 0 means 4 for remote and 2 for local input.
	Parallel int
	OnGap    GapPolicy
	Limits   Limits
	// Priming is the encoder delay of the audio in samples, for inputs that do not tell (TS, packed audio).
	Priming uint32
	// Progress is called at most ten times a second and once at the end, from one goroutine.
	Progress func(Progress)

	// Durable returns only when the output and its name are on disk: after a power cut there is the whole output or none.
	Durable bool

	// For tests of the ways in which moov comes first: the room to leave for it, no shifting within the file, and a hole in front of
	// the media that makes the file large.
	reserve  int64
	noInsert bool
	hole     int64
}

// Limits bound what a stranger's playlist can make us do. 0 means the default.
type Limits struct {
	PlaylistBytes int64         // 16 MiB
	LineBytes     int           // 64 KiB
	Segments      int           // 200,000
	SegmentBytes  int64         // 1 GiB; of one TS or packed audio segment, or of the whole file given as Input: none
	FragmentBytes int64         // 128 MiB; of one fMP4 segment, which is held in memory
	InitBytes     int64         // 8 MiB
	TotalBytes    int64         // 1 TiB
	Samples       int           // 20 million a track
	Redirects     int           // 5
	FetchTimeout  time.Duration // 30 s without a byte
}

func (l *Limits) fill() {
	set(&l.PlaylistBytes, 16<<20)
	set(&l.LineBytes, 64<<10)
	set(&l.Segments, 200_000)
	set(&l.SegmentBytes, 1<<30)
	set(&l.FragmentBytes, 128<<20)
	set(&l.InitBytes, 8<<20)
	set(&l.TotalBytes, 1<<40)
	set(&l.Samples, 20_000_000)
	set(&l.Redirects, 5)
	set(&l.FetchTimeout, 30*time.Second)
}

func set[T ~int | ~int64](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}

// Progress of a run.
type Progress struct {
	Segments      int   `json:"segments"` // done
	TotalSegments int   `json:"total_segments"`
	Bytes         int64 `json:"bytes"` // read
	// Media90k and Total90k are 90 kHz ticks of the presentation done and in all; Total90k is 0 when unknown.
	Media90k int64 `json:"media_90k"`
	Total90k int64 `json:"total_90k"`
}

// Report says what a run did.
type Report struct {
	Format   Format        `json:"format"`
	Output   string        `json:"output,omitempty"`
	Bytes    int64         `json:"bytes"`      // written
	Read     int64         `json:"bytes_read"` // fetched
	Segments int           `json:"segments"`
	Tracks   []TrackReport `json:"tracks"`
	// Duration90k is the length of the presentation in 90 kHz ticks; Playlist90k the sum of EXTINF.
	Duration90k int64 `json:"duration_90k"`
	Playlist90k int64 `json:"playlist_90k,omitempty"`

	Discontinuities int      `json:"discontinuities,omitempty"`
	Gaps            []Gap    `json:"gaps,omitempty"`
	Retries         int64    `json:"retries,omitempty"`
	Continuity      int64    `json:"continuity_errors,omitempty"` // of TS packets
	Resyncs         int64    `json:"resyncs,omitempty"`
	CorruptUnits    int64    `json:"corrupt_units,omitempty"`
	Variant         string   `json:"variant,omitempty"` // chosen from a multivariant playlist
	Skipped         []string `json:"skipped,omitempty"` // streams that cannot be remuxed
	Warnings        []string `json:"warnings,omitempty"`
	// FastStart says how moov came first: "reserved", "inserted", "copied".
	FastStart string `json:"fast_start,omitempty"`
	// Verified is true when the file was read back and its samples, duration and sync samples were as written.
	Verified bool `json:"verified"`
}

// TrackReport is one track of the output.
type TrackReport struct {
	Kind      string `json:"kind"`
	Codec     string `json:"codec"` // sample entry
	Timescale uint32 `json:"timescale"`
	Samples   int    `json:"samples"`
	Sync      int    `json:"sync_samples"`
	Duration  int64  `json:"duration"` // ticks
	Bytes     int64  `json:"bytes"`
	Entries   int    `json:"sample_entries"`
	Silent    int    `json:"silent_frames,omitempty"`    // put in
	Dropped   int    `json:"dropped_samples,omitempty"`  // overlapping, or before the first sync sample
	Adjusted  int    `json:"adjusted_samples,omitempty"` // whose decode time had to be moved to rise
	Language  string `json:"language,omitempty"`
	File      string `json:"file,omitempty"` // of CMAF output
}

// Gap is a segment that gave no media.
type Gap struct {
	Segment int    `json:"segment"` // counted from 0
	Reason  string `json:"reason"`
}

const maxWarnings = 100

func (r *Report) warn(s string) {
	for _, w := range r.Warnings {
		if w == s {
			return
		}
	}
	if len(r.Warnings) < maxWarnings {
		r.Warnings = append(r.Warnings, s)
	}
}

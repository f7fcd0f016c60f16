package cmaf

import (
	"errors"
	"io"

	"sluice/packager"
)

var errPending = errors.New("cmaf: not yet built")

// Unit is one coded access unit to be written, with the times of codec.Sample: ticks of the track's timescale on the
// presentation timeline, so that audio PTS starts at minus Priming.
type Unit struct {
	DTS, PTS, Dur int64
	Sync          bool
	Data          []byte
}

// Options steers a Writer. The zero value writes a file that plays alone.
type Options struct {
	// NoHead leaves out ftyp and moov.
	NoHead bool
	// Chunk numbers the chunk among those that will be joined; fragment sequence numbers are derived from it.
	Chunk int
	// Slices are presentation times, ticks of the track's timescale, at which audio fragments start; nil means every 2 s.
	Slices []int64
	// MaxFragment bounds the bytes of one fragment; 0 means DefaultMaxFragment.
	MaxFragment int64
}

// Result is what a Writer made.
type Result struct {
	Track *packager.Track // Files is empty
	Index []byte          // the .idx
	Bytes int64           // length of what was written
}

// Writer writes the samples of one track as fragments.
type Writer struct{}

// NewWriter returns a writer of track m to w.
func NewWriter(w io.Writer, m packager.Media, opts Options) *Writer { return &Writer{} }

// Write appends a unit, in decode order. It keeps no reference to u.Data.
func (w *Writer) Write(u Unit) error { return errPending }

// Close writes what is pending and returns what was made.
func (w *Writer) Close() (Result, error) { return Result{}, errPending }

// ByteRange is bytes of a stored file and the time they stand for, in ticks after Priming.
type ByteRange struct {
	Off, N     int64
	Start, Dur int64
}

// Head returns ftyp and moov of a track file.
func Head(m packager.Media) ([]byte, error) { return nil, errPending }

// Joined says how chunk objects become one track file: Head, then Parts[i] of chunk i's file.
type Joined struct {
	Head  []byte
	Parts []ByteRange
	Track *packager.Track // of the joined file; Files is empty
	Index []byte          // its .idx
}

// JoinPlan plans the join of chunks, in order, without touching media bytes.
func JoinPlan(parts []*packager.Track) (Joined, error) { return Joined{}, errPending }

// MarshalIndex returns the .idx of t.
func MarshalIndex(t *packager.Track) []byte { return nil }

// ParseIndex reads an .idx of a track whose bytes lie in files.
func ParseIndex(b []byte, files ...packager.File) (*packager.Track, error) { return nil, errPending }

// Chunks returns one track over the files of parts, in order.
func Chunks(parts []*packager.Track) (*packager.Track, error) { return nil, errPending }

// InitSegment returns the init segment (ftyp moov) of tracks; several make a muxed one, with track ids 1, 2, ….
func InitSegment(tracks ...*packager.Media) ([]byte, error) { return nil, errPending }

// Segment returns a media segment: segs[i] of tracks[i]. seq is the sequence number of the fragment where one is made.
func Segment(tracks []*packager.Track, segs []packager.Segment, seq uint32) (packager.Body, error) {
	return nil, errPending
}

// IFrames returns, for each fragment that starts with a sync sample, the range of its moof and first sample.
func IFrames(t *packager.Track) []ByteRange { return nil }

// InitRange returns the range of ftyp and moov in t's only file; ok is false when t is not a single CMAF file.
func InitRange(t *packager.Track) (r ByteRange, ok bool) { return r, false }

// SidxRange returns the range of the sidx box in t's only file; ok is false when there is none.
func SidxRange(t *packager.Track) (r ByteRange, ok bool) { return r, false }

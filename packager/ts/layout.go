package ts

import (
	"context"
	"fmt"
	"io"
	"sync"

	"sluice/packager"
)

// Options of a Layout; the zero value is the default.
type Options struct {
	// AudioFrames is how many audio frames share a PES packet; 0 means 8 (171 ms of AAC at 48 kHz). More is smaller and
	// delays the audio by as much. At most 16.
	AudioFrames int
	// Before is what came before the first segment, for a Layout of the tail of a presentation.
	Before Counts
}

// Counts is the state in which a segment starts: how many segments and packets of each track came before it. The continuity
// counters follow from it.
type Counts struct {
	Segments int64
	Packets  []int64 // per track, packets with a payload
}

// Layout knows the exact shape of every TS segment of some tracks played together, from the sample index alone. It takes 8
// bytes a segment plus one a track. It is immutable and safe for concurrent use; build it once per (set version, tracks) and keep
// it: Segment then allocates nothing.
type Layout struct {
	streams  []stream
	segs     [][]packager.Segment
	group    int
	pcr      int   // index of the stream that carries the clock
	pcrDelay int64 // by how much the clock runs behind decode times, 90 kHz
	pat, pmt [packetSize]byte
	bodies   []segment
	after    Counts
}

// NewLayout lays out tracks, whose segments are segs[i] for tracks[i]; all tracks have the same number of them. It reads no
// media, save for video whose NAL unit lengths are not four bytes long, where it counts the units. Errors wrap ErrUnsupported or
// ErrCorrupt.
func NewLayout(tracks []*packager.Track, segs [][]packager.Segment, o Options) (*Layout, error) {
	if len(tracks) == 0 || len(tracks) > 16 || len(segs) != len(tracks) {
		return nil, fmt.Errorf("%d tracks with segments of %d: %w", len(tracks), len(segs), ErrCorrupt)
	}
	l := &Layout{segs: segs, group: o.AudioFrames}
	if l.group <= 0 {
		l.group = 8
	}
	l.group = min(l.group, 16)
	hasVideo := false
	for i, t := range tracks {
		if len(segs[i]) != len(segs[0]) {
			return nil, fmt.Errorf("track %d has %d segments, track 1 has %d: %w", i+1, len(segs[i]), len(segs[0]), ErrCorrupt)
		}
		for _, g := range segs[i] {
			if g.First < 0 || g.Count < 0 || g.First+g.Count > t.Len() {
				return nil, fmt.Errorf("track %d: segment of samples %d+%d of %d: %w", i+1, g.First, g.Count, t.Len(), ErrCorrupt)
			}
		}
		s, err := newStream(t, i)
		if err != nil {
			return nil, err
		}
		if t.Kind == packager.Video && !hasVideo {
			hasVideo, l.pcr = true, i
		}
		l.streams = append(l.streams, s)
	}
	pmt := pmtSection(l.streams, l.pcr)
	if len(pmt)+4 > payloadSize-1 {
		return nil, fmt.Errorf("program map of %d tracks does not fit a packet: %w", len(tracks), ErrUnsupported)
	}
	l.pat, l.pmt = sectionPacket(pidPAT, patSection()), sectionPacket(pidPMT, pmt)
	return l, l.count(o.Before)
}

// count fills bodies: sizes, continuity counters, and the delay of the clock.
func (l *Layout) count(before Counts) error {
	n := len(l.streams)
	packets := make([]int64, n)
	copy(packets, before.Packets)
	l.bodies = make([]segment, len(l.segs[0]))
	counters := make([]byte, n*len(l.bodies))
	m := newMuxer(l)
	defer m.release()
	earliest := int64(1<<62 - 1)
	for k := range l.bodies {
		b := &l.bodies[k]
		*b = segment{l: l, k: k, tables: byte(before.Segments+int64(k)) & 15, counters: counters[k*n : k*n+n], size: HeadSize}
		for i := range l.streams {
			b.counters[i] = byte(packets[i]) & 15
			c := &m.cursors[i]
			for c.reset(&l.streams[i], l.segs[i][k], i == l.pcr, l.group); c.ok; c.advance() {
				earliest = min(earliest, c.cur.dts)
				b.size += int64(c.cur.packets) * packetSize
				if c.cur.count > 0 {
					packets[i] += int64(c.cur.packets)
				}
			}
		}
	}
	l.pcrDelay = min(max(earliest+PTSOffset, 0), PTSOffset/2)
	l.after = Counts{Segments: before.Segments + int64(len(l.bodies)), Packets: packets}
	return nil
}

// Len is the number of segments.
func (l *Layout) Len() int { return len(l.bodies) }

// Counts is the state after the last segment, to continue with in a Layout of what follows.
func (l *Layout) Counts() Counts { return l.after }

// Segment returns segment k, counted from 0. The body can be written any number of times, at once and in ranges.
func (l *Layout) Segment(k int) (packager.Body, error) {
	if k < 0 || k >= len(l.bodies) {
		return nil, fmt.Errorf("segment %d of %d: %w", k, len(l.bodies), ErrCorrupt)
	}
	return &l.bodies[k], nil
}

// Segment returns one segment of tracks played together, segs[i] of tracks[i], by itself. Where several segments of a
// presentation are served, a Layout does it at a fraction of the cost.
func Segment(tracks []*packager.Track, segs []packager.Segment, o Options) (packager.Body, error) {
	cut := make([][]packager.Segment, len(segs))
	for i := range segs {
		cut[i] = segs[i : i+1]
	}
	l, err := NewLayout(tracks, cut, o)
	if err != nil {
		return nil, err
	}
	return l.Segment(0)
}

// segment is the body of one segment.
type segment struct {
	l        *Layout
	k        int
	tables   byte   // continuity counter of PAT and PMT
	counters []byte // of the streams
	size     int64
}

func (s *segment) Size() int64 { return s.size }

// Extents appends where the samples of the segment lie, neighbours joined, for one who reads ahead of WriteRange.
func (s *segment) Extents(dst []packager.Piece) []packager.Piece {
	for i := range s.l.streams {
		t, seg := s.l.streams[i].track, s.l.segs[i][s.k]
		first := len(dst)
		t.Walk(seg.First, seg.Count, func(_ int, x packager.Sample) bool {
			f, n := t.Files[x.File], int64(x.Size)
			if k := len(dst) - 1; k >= first && dst[k].File == f && dst[k].Off+dst[k].N == x.Offset {
				dst[k].N += n
			} else {
				dst = append(dst, packager.Piece{File: f, Off: x.Offset, N: n})
			}
			return true
		})
	}
	return dst
}

// WriteRange muxes bytes [off, off+n) of the segment; what lies before is counted, not produced. Hot path: BenchmarkSegment.
func (s *segment) WriteRange(ctx context.Context, w io.Writer, off, n int64) error {
	if off < 0 || n < 0 || off+n > s.size {
		return fmt.Errorf("range %d+%d of a TS segment of %d bytes: %w", off, n, s.size, io.ErrUnexpectedEOF)
	}
	if n == 0 {
		return ctx.Err()
	}
	m := newMuxer(s.l)
	defer m.release()
	m.start(ctx, w, s, off, n)
	return m.run()
}

var muxers = sync.Pool{New: func() any { return &muxer{buf: make([]byte, bufferSize)} }}

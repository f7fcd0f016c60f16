package cmaf

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"sluice/packager"
)

// ErrRange marks a request for samples that a track does not have.
var ErrRange = errors.New("samples out of range")

// Segment returns a media segment: samples segs[i] of tracks[i], as one body whose size is known without reading media.
//
// A single track whose samples fill whole stored fragments is returned as those bytes, untouched, whatever seq says. Else
// one fragment is made in memory, numbered seq, with track ids 1, 2, … as InitSegment gives them, and points at the media
// bytes where they lie. BenchmarkSegmentStored and BenchmarkSegmentProgressive measure it.
func Segment(tracks []*packager.Track, segs []packager.Segment, seq uint32) (packager.Body, error) {
	if len(tracks) == 0 || len(tracks) != len(segs) {
		return nil, fmt.Errorf("segment: %d tracks for %d ranges: %w", len(tracks), len(segs), ErrRange)
	}
	for i, t := range tracks {
		if s := segs[i]; s.First < 0 || s.Count < 0 || s.Count > t.Len()-s.First {
			return nil, fmt.Errorf("segment: samples %d+%d of %d: %w", s.First, s.Count, t.Len(), ErrRange)
		}
	}
	if len(tracks) == 1 {
		if pieces := stored(tracks[0], segs[0]); pieces != nil {
			return packager.Gather(pieces), nil
		}
	}
	return build(tracks, segs, seq), nil
}

// stored returns the extents of the whole fragments that make up seg, or nil when it is not made of such.
func stored(t *packager.Track, seg packager.Segment) []packager.Piece {
	k, end := t.FragmentAt(seg.First), t.FragmentAt(seg.First+seg.Count)
	if k < 0 || end <= k {
		return nil
	}
	if t.Seamless() {
		first, last := t.Fragment(k), t.Fragment(end-1)
		return []packager.Piece{{File: t.Files[first.File], Off: first.Off, N: last.Off + last.N - first.Off}}
	}
	pieces := make([]packager.Piece, 0, 2)
	for ; k < end; k++ {
		f := t.Fragment(k)
		if n := len(pieces); n > 0 && pieces[n-1].File == t.Files[f.File] && pieces[n-1].Off+pieces[n-1].N == f.Off {
			pieces[n-1].N += f.N
			continue
		}
		pieces = append(pieces, packager.Piece{File: t.Files[f.File], Off: f.Off, N: f.N})
	}
	return pieces
}

// scratch is what build needs only while it runs.
type scratch struct {
	samples []packager.Sample
	trafs   []traf
	pieces  []packager.Piece
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func build(tracks []*packager.Track, segs []packager.Segment, seq uint32) packager.Body {
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	sc.samples, sc.trafs, sc.pieces = sc.samples[:0], sc.trafs[:0], append(sc.pieces[:0], packager.Piece{})
	for i, t := range tracks {
		first := len(sc.samples)
		sc.samples = slices.Grow(sc.samples, segs[i].Count)
		file, next := -1, int64(-1)
		t.Walk(segs[i].First, segs[i].Count, func(_ int, s packager.Sample) bool {
			sc.samples = append(sc.samples, s)
			if s.File == file && s.Offset == next {
				sc.pieces[len(sc.pieces)-1].N += int64(s.Size)
			} else {
				sc.pieces = append(sc.pieces, packager.Piece{File: t.Files[s.File], Off: s.Offset, N: int64(s.Size)})
				file = s.File
			}
			next = s.Offset + int64(s.Size)
			return true
		})
		// A later track may move sc.samples; the traf then keeps the old array, whose content stays right.
		sc.trafs = append(sc.trafs, newTraf(uint32(i+1), sc.samples[first:len(sc.samples):len(sc.samples)],
			segs[i].Start+int64(t.Priming)))
	}
	moof, mdat, _ := fragmentHead(sc.trafs)
	sc.pieces[0] = packager.MemPiece(appendFragmentHead(make([]byte, 0, moof+mdat), seq, sc.trafs))
	pieces := append(make([]packager.Piece, 0, len(sc.pieces)), sc.pieces...)
	clear(sc.pieces) // keep no file alive from the pool
	return packager.Gather(pieces)
}

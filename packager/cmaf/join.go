package cmaf

import (
	"errors"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// ErrJoin marks chunks that do not fit each other.
var ErrJoin = errors.New("chunks do not join")

// Joined says how chunk objects become one track file: Head, then the bytes Parts[i] of chunk i, nothing changed.
type Joined struct {
	Head  []byte // ftyp moov sidx
	Parts []ByteRange
	Track *packager.Track // of the joined file; Files is empty
	Index []byte          // its .idx
	Bytes int64           // length of the joined file
}

// JoinPlan plans the join of the chunks of a track, in order, from their indexes alone. Chunks must have the same
// configuration and follow each other in time; an error wraps ErrJoin and names the chunk.
func JoinPlan(parts []*packager.Track) (Joined, error) {
	if err := joinable(parts); err != nil {
		return Joined{}, err
	}
	sum, err := concat(parts, func(int) int { return 0 }, chunkShift(parts))
	if err != nil {
		return Joined{}, err
	}
	m := sum.Media
	h, err := head([]*packager.Media{&m}, sum.Duration(), bitRate(sum))
	if err != nil {
		return Joined{}, err
	}
	index, err := sidx(sum)
	if err != nil {
		return Joined{}, err
	}
	j := Joined{Head: append(h, index...), Parts: make([]ByteRange, len(parts))}
	j.Bytes = int64(len(j.Head))
	for i, p := range parts {
		j.Parts[i] = mediaRange(p)
		j.Bytes += j.Parts[i].N
	}
	// The samples were placed as if there were no head: it is known only now, because sidx lists them.
	shift := make([]int64, len(parts))
	for i, d := range chunkShift(parts) {
		shift[i] = d + int64(len(j.Head))
	}
	if j.Track, err = concat(parts, func(int) int { return 0 }, shift); err != nil {
		return Joined{}, err
	}
	j.Track.Layout = packager.Layout{Init: int64(len(h)), Sidx: int64(len(index))}
	j.Index = MarshalIndex(j.Track)
	return j, nil
}

// Chunks returns one track over the files of parts, in order: a rendition that still grows. The parts must fit each other as
// for JoinPlan, and each has its own file.
func Chunks(parts []*packager.Track) (*packager.Track, error) {
	if err := joinable(parts); err != nil {
		return nil, err
	}
	first := make([]int, len(parts))
	var files []packager.File
	for i, p := range parts {
		first[i] = len(files)
		files = append(files, p.Files...)
	}
	t, err := concat(parts, func(i int) int { return first[i] }, make([]int64, len(parts)))
	if err != nil {
		return nil, err
	}
	t.Files = files
	return t, nil
}

func joinable(parts []*packager.Track) error {
	if len(parts) == 0 {
		return fmt.Errorf("%w: there are none", ErrJoin)
	}
	for i, p := range parts {
		switch {
		case p.FragmentCount() == 0:
			return fmt.Errorf("%w: chunk %d holds no fragments", ErrJoin, i)
		case !packager.SameConfig(&p.Media, &parts[0].Media) || p.Priming != parts[0].Priming:
			return fmt.Errorf("%w: chunk %d differs in codec configuration from chunk 0", ErrJoin, i)
		}
	}
	return nil
}

// mediaRange is the fragments of a chunk object, without its head.
func mediaRange(p *packager.Track) ByteRange {
	first, last := p.Fragment(0), p.Fragment(p.FragmentCount()-1)
	return ByteRange{Off: first.Off, N: last.Off + last.N - first.Off, Start: p.Start(), Dur: p.Duration() - p.Start()}
}

// chunkShift is what to add to the offsets of each chunk when their fragments follow each other from 0.
func chunkShift(parts []*packager.Track) []int64 {
	shift, at := make([]int64, len(parts)), int64(0)
	for i, p := range parts {
		r := mediaRange(p)
		shift[i] = at - r.Off
		at += r.N
	}
	return shift
}

// concat makes one track of the samples of parts; file gives the number of part i's first file, shift what to add to its
// offsets.
func concat(parts []*packager.Track, file func(int) int, shift []int64) (*packager.Track, error) {
	b := packager.NewBuilder(parts[0].Media)
	n := 0
	for _, p := range parts {
		n += p.Len()
	}
	if n > math.MaxInt32 {
		return nil, fmt.Errorf("%w: %d samples are more than a track can hold", ErrJoin, n)
	}
	b.Grow(n)
	for i, p := range parts {
		if start := p.Sample(0).DTS; i > 0 && start < b.End() {
			return nil, fmt.Errorf("%w: chunk %d starts at %d, before the end of the one before it, %d", ErrJoin, i, start, b.End())
		}
		k, next := 0, p.Fragment(0)
		p.Walk(0, p.Len(), func(j int, s packager.Sample) bool {
			if j == next.First {
				b.Fragment(file(i)+next.File, next.Off+shift[i])
				if k++; k < p.FragmentCount() {
					next = p.Fragment(k)
				}
			}
			s.File += file(i)
			s.Offset += shift[i]
			b.Add(s)
			return true
		})
	}
	return b.Track(), nil
}

// bitRate measures t: the mean, and the largest mean over about a second.
func bitRate(t *packager.Track) packager.BitRate {
	var r packager.BitRate
	var start, window, peak int64
	t.Walk(0, t.Len(), func(_ int, s packager.Sample) bool {
		r.Buffer = max(r.Buffer, min(s.Size, 1<<24-1))
		window += int64(s.Size)
		if d := s.DTS + int64(s.Dur) - start; d >= int64(t.Timescale) {
			peak = max(peak, window*8*int64(t.Timescale)/d)
			start, window = s.DTS+int64(s.Dur), 0
		}
		return true
	})
	if d := t.End() - t.Sample(0).DTS; d > 0 {
		avg := int64(float64(t.MediaBytes()) * 8 * float64(t.Timescale) / float64(d))
		r.Avg = uint32(min(avg, math.MaxUint32))
		r.Max = uint32(min(max(peak, avg), math.MaxUint32))
	}
	return r
}

// sidx builds the segment index of t (ISO/IEC 14496-12 §8.16.3): a reference for each fragment, or for each few when there
// would be more than its 16-bit count allows.
func sidx(t *packager.Track) ([]byte, error) {
	n := t.FragmentCount()
	per := (n + math.MaxUint16 - 1) / math.MaxUint16
	box := mp4.CreateSidx(uint64(t.Sample(0).DTS))
	box.Version, box.ReferenceID, box.Timescale = 1, 1, t.Timescale
	for k := 0; k < n; k += per {
		ref, err := sidxRef(t, k, min(n, k+per))
		if err != nil {
			return nil, err
		}
		box.SidxRefs = append(box.SidxRefs, ref)
	}
	return packager.EncodeBoxes(box)
}

func sidxRef(t *packager.Track, k, end int) (mp4.SidxRef, error) {
	first, last := t.Fragment(k), t.Fragment(end-1)
	s := t.Sample(first.First)
	until := t.End()
	if end < t.FragmentCount() {
		until = t.Sample(t.Fragment(end).First).DTS
	}
	size, dur := last.Off+last.N-first.Off, until-s.DTS
	if size > math.MaxInt32 || dur > math.MaxUint32 {
		return mp4.SidxRef{}, fmt.Errorf("%w: fragment at %d is too large to index: %d bytes, %d ticks", ErrJoin, s.DTS, size, dur)
	}
	ref := mp4.SidxRef{ReferencedSize: uint32(size), SubSegmentDuration: uint32(dur)}
	if s.Sync {
		ref.StartsWithSAP, ref.SAPType = 1, 1
	}
	return ref, nil
}

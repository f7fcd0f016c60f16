package packager

import (
	"math"
	"slices"
)

// Builder makes a Track from samples in decode order.
type Builder struct {
	t       *Track
	sizes   []uint32
	offs    []int32
	nonSync bool
	next    int64 // offset after the last sample
	last    int   // file of the last sample
	ended   bool  // EndFragments was called
	since   int   // first sample of the current extent
}

// NewBuilder returns a builder of a track of m whose bytes lie in files.
func NewBuilder(m Media, files ...File) *Builder {
	return &Builder{t: &Track{Media: m, Files: files, minPTS: math.MaxInt64}}
}

// Grow makes room for n more samples.
func (b *Builder) Grow(n int) {
	b.sizes = slices.Grow(b.sizes, n)
	b.offs = slices.Grow(b.offs, n)
}

// Len is the number of samples added.
func (b *Builder) Len() int { return len(b.sizes) }

// End is the decode time after the last sample added.
func (b *Builder) End() int64 { return b.t.times.end }

// Fragment says that the samples added from now on lie in a stored fragment whose moof starts at off of file.
func (b *Builder) Fragment(file int, off int64) {
	if len(b.t.frags) > 0 && (off != b.next || file != b.last) {
		b.t.torn = true
	}
	b.t.frags = append(b.t.frags, frag{first: int32(len(b.sizes)), file: int32(file), off: off})
}

// EndFragments says that the samples added from now on lie in no stored fragment.
func (b *Builder) EndFragments() {
	b.t.fragged, b.ended = int32(len(b.sizes)), true
}

// Add appends a sample. DTS may jump forward from the end of the sample before it; it must not go back. PTS must lie
// within 2³¹ ticks of DTS.
func (b *Builder) Add(s Sample) {
	t, n := b.t, len(b.sizes)
	if l := len(t.times.runs); l == 0 || t.times.runs[l-1].dur != s.Dur || t.times.end != s.DTS {
		t.times.runs = append(t.times.runs, run{first: int32(n), dur: s.Dur, dts: s.DTS})
	}
	if n == 0 || b.next != s.Offset || b.last != s.File || n-b.since >= maxExtentSamples {
		t.extents.add(n, s.File, s.Offset)
		b.since = n
	}
	b.next, b.last = s.Offset+int64(s.Size), s.File
	b.sizes = append(b.sizes, s.Size)
	t.bytes += int64(s.Size)
	b.offs = append(b.offs, int32(s.PTS-s.DTS))
	if s.Sync {
		t.syncs = append(t.syncs, int32(n))
	} else {
		b.nonSync = true
	}
	t.times.end = s.DTS + int64(s.Dur)
	t.maxPTS = max(t.maxPTS, s.PTS+int64(s.Dur))
	t.minPTS = min(t.minPTS, s.PTS)
}

// Track returns the finished track; the builder must not be used after it.
func (b *Builder) Track() *Track {
	t, n := b.t, len(b.sizes)
	if n == 0 {
		t.allSync = true
		return t
	}
	t.sizes = newColumn(b.sizes)
	if lo, hi := slices.Min(b.offs), slices.Max(b.offs); lo != 0 || hi != 0 {
		t.offBase = lo
		rel := b.sizes // the column is built: its source can be reused
		for i, o := range b.offs {
			rel[i] = uint32(int64(o) - int64(lo))
		}
		t.offs = newColumn(rel)
	}
	if t.allSync = !b.nonSync; t.allSync {
		t.syncs = nil
	}
	t.syncs = slices.Clip(t.syncs)
	t.times.compact(n)
	t.extents.compact(n)
	if t.frags = slices.Clip(t.frags); !b.ended {
		t.fragged = int32(n)
	}
	b.sizes, b.offs = nil, nil
	return t
}

package packager

import (
	"math"
	"slices"
	"sort"
)

// Track is one elementary stream and the compact index of its samples: about five bytes a sample in memory. It is
// immutable once built and safe for concurrent use.
type Track struct {
	Media
	Files []File

	sizes   []uint32
	runs    []run    // durations, run-length coded, with the decode time at which each run starts
	offsets []int32  // composition offsets; nil when all are zero
	syncs   []int32  // numbers of the sync samples, ascending; nil when every sample is one
	extents []extent // where the bytes lie
	end     int64    // decode time after the last sample
	bytes   int64
	maxPTS  int64 // composition end of the presentation
	minPTS  int64
}

type run struct {
	first int32
	dur   uint32
	dts   int64
}

type extent struct {
	first  int32
	file   int32
	offset int64
}

// maxExtentSamples bounds the walk from an extent's start to a sample; longer runs of contiguous samples are split.
const maxExtentSamples = 256

// Builder makes a Track from samples in decode order.
type Builder struct {
	t       *Track
	hasOff  bool
	nonSync bool
	next    int64 // offset after the last sample
}

// NewBuilder returns a builder of a track of m whose bytes lie in files.
func NewBuilder(m Media, files ...File) *Builder {
	return &Builder{t: &Track{Media: m, Files: files, minPTS: math.MaxInt64}}
}

// Add appends a sample. DTS may jump forward from the end of the sample before it; it must not go back.
func (b *Builder) Add(s Sample) {
	t, n := b.t, int32(len(b.t.sizes))
	if l := len(t.runs); l == 0 || t.runs[l-1].dur != s.Dur || t.end != s.DTS {
		t.runs = append(t.runs, run{first: n, dur: s.Dur, dts: s.DTS})
	}
	if l := len(t.extents); l == 0 || b.next != s.Offset || t.extents[l-1].file != int32(s.File) ||
		n-t.extents[l-1].first >= maxExtentSamples {
		t.extents = append(t.extents, extent{first: n, file: int32(s.File), offset: s.Offset})
	}
	b.next = s.Offset + int64(s.Size)
	t.sizes = append(t.sizes, s.Size)
	t.bytes += int64(s.Size)
	off := int32(s.PTS - s.DTS)
	t.offsets = append(t.offsets, off)
	b.hasOff = b.hasOff || off != 0
	if s.Sync {
		t.syncs = append(t.syncs, n)
	} else {
		b.nonSync = true
	}
	t.end = s.DTS + int64(s.Dur)
	t.maxPTS = max(t.maxPTS, s.PTS+int64(s.Dur))
	t.minPTS = min(t.minPTS, s.PTS)
}

// Track returns the finished track; the builder must not be used after it.
func (b *Builder) Track() *Track {
	t := b.t
	if !b.hasOff {
		t.offsets = nil
	}
	if !b.nonSync {
		t.syncs = nil
	}
	t.sizes = slices.Clip(t.sizes)
	t.runs = slices.Clip(t.runs)
	t.extents = slices.Clip(t.extents)
	return t
}

// Len is the number of samples.
func (t *Track) Len() int { return len(t.sizes) }

// MediaBytes is the sum of the sample sizes.
func (t *Track) MediaBytes() int64 { return t.bytes }

// Duration is the length of the presentation in ticks: from 0 to the end of the last frame shown, after Priming.
func (t *Track) Duration() int64 {
	if len(t.sizes) == 0 {
		return 0
	}
	return max(0, t.maxPTS-int64(t.Priming))
}

// Start is the presentation time of the first frame shown, in ticks after Priming, never negative.
func (t *Track) Start() int64 {
	if len(t.sizes) == 0 {
		return 0
	}
	return max(0, t.minPTS-int64(t.Priming))
}

// IsSync reports whether sample i is a sync sample.
func (t *Track) IsSync(i int) bool {
	if t.syncs == nil {
		return true
	}
	_, ok := slices.BinarySearch(t.syncs, int32(i))
	return ok
}

// NextSync returns the first sync sample at or after i, or Len when there is none.
func (t *Track) NextSync(i int) int {
	if t.syncs == nil {
		return min(i, t.Len())
	}
	k, _ := slices.BinarySearch(t.syncs, int32(i))
	if k == len(t.syncs) {
		return t.Len()
	}
	return int(t.syncs[k])
}

// SyncBefore returns the last sync sample at or before i, or 0.
func (t *Track) SyncBefore(i int) int {
	if t.syncs == nil {
		return i
	}
	k := sort.Search(len(t.syncs), func(k int) bool { return int(t.syncs[k]) > i })
	if k == 0 {
		return 0
	}
	return int(t.syncs[k-1])
}

// SyncCount is the number of sync samples.
func (t *Track) SyncCount() int {
	if t.syncs == nil {
		return t.Len()
	}
	return len(t.syncs)
}

// AllSync reports whether every sample is a sync sample.
func (t *Track) AllSync() bool { return t.syncs == nil }

// HasOffsets reports whether any sample's composition time differs from its decode time.
func (t *Track) HasOffsets() bool { return t.offsets != nil }

// Sample returns sample i; it panics when i is out of range, like a slice does.
func (t *Track) Sample(i int) (s Sample) {
	t.Walk(i, 1, func(_ int, x Sample) bool { s = x; return false })
	return s
}

// At returns the first sample whose decode time is at or after dts, or Len.
func (t *Track) At(dts int64) int {
	k := sort.Search(len(t.runs), func(k int) bool { return t.runs[k].dts > dts }) - 1
	if k < 0 {
		return 0
	}
	r := t.runs[k]
	last := t.Len()
	if k+1 < len(t.runs) {
		last = int(t.runs[k+1].first)
	}
	if r.dur == 0 {
		if r.dts >= dts {
			return int(r.first)
		}
		return last
	}
	return min(last, int(r.first)+int((dts-r.dts+int64(r.dur)-1)/int64(r.dur)))
}

// Walk calls yield for count samples from first, until it returns false. It allocates nothing; it is on the hot path of
// every muxer (benchmarks segments-fmp4 and segments-ts).
func (t *Track) Walk(first, count int, yield func(i int, s Sample) bool) {
	if count <= 0 {
		return
	}
	_ = t.sizes[first+count-1]
	e := sort.Search(len(t.extents), func(k int) bool { return int(t.extents[k].first) > first }) - 1
	r := sort.Search(len(t.runs), func(k int) bool { return int(t.runs[k].first) > first }) - 1
	off := t.extents[e].offset
	for i := int(t.extents[e].first); i < first; i++ {
		off += int64(t.sizes[i])
	}
	y := 0
	if t.syncs != nil {
		y, _ = slices.BinarySearch(t.syncs, int32(first))
	}
	for i := first; i < first+count; i++ {
		if e+1 < len(t.extents) && int(t.extents[e+1].first) == i {
			e++
			off = t.extents[e].offset
		}
		if r+1 < len(t.runs) && int(t.runs[r+1].first) == i {
			r++
		}
		s := Sample{
			DTS: t.runs[r].dts + int64(i-int(t.runs[r].first))*int64(t.runs[r].dur), Dur: t.runs[r].dur,
			Size: t.sizes[i], Sync: true, File: int(t.extents[e].file), Offset: off,
		}
		s.PTS = s.DTS
		if t.offsets != nil {
			s.PTS += int64(t.offsets[i])
		}
		if t.syncs != nil {
			if s.Sync = y < len(t.syncs) && int(t.syncs[y]) == i; s.Sync {
				y++
			}
		}
		off += int64(s.Size)
		if !yield(i, s) {
			return
		}
	}
}

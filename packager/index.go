package packager

import (
	"slices"
	"sort"
)

// Track is one elementary stream and the compact index of its samples: at most 8 bytes a sample in memory for tracks of
// the store and for ordinary MP4 files. It is immutable once built and safe for concurrent use.
type Track struct {
	Media
	Files []File
	// Layout says where the head of a track file lies; it is zero for a track that is not one whole CMAF file.
	Layout Layout

	sizes   column
	times   times
	offBase int32  // composition offset of sample i is offBase + offs[i]
	offs    column // empty when all offsets are zero
	syncs   []int32
	allSync bool
	extents extents
	frags   []frag
	fragged int32 // samples before this one lie in frags
	torn    bool  // the frags do not follow each other in one file
	bytes   int64
	maxPTS  int64 // composition end of the presentation
	minPTS  int64
}

// Layout gives the lengths of the boxes before the first fragment: ftyp and moov from the start of the file, then sidx.
type Layout struct {
	Init, Sidx int64
}

// Len is the number of samples.
func (t *Track) Len() int { return t.sizes.len() }

// MediaBytes is the sum of the sample sizes.
func (t *Track) MediaBytes() int64 { return t.bytes }

// SampleBytes is the sum of the sizes of samples [first, first+count).
func (t *Track) SampleBytes(first, count int) int64 { return t.sizes.sum(first, count) }

// Duration is the length of the presentation in ticks: from 0 to the end of the last frame shown, after Priming.
func (t *Track) Duration() int64 {
	if t.Len() == 0 {
		return 0
	}
	return max(0, t.maxPTS-int64(t.Priming))
}

// Start is the presentation time of the first frame shown, in ticks after Priming, never negative.
func (t *Track) Start() int64 {
	if t.Len() == 0 {
		return 0
	}
	return max(0, t.minPTS-int64(t.Priming))
}

// End is the decode time after the last sample.
func (t *Track) End() int64 { return t.times.end }

// IsSync reports whether sample i is a sync sample.
func (t *Track) IsSync(i int) bool {
	if t.allSync {
		return true
	}
	_, ok := slices.BinarySearch(t.syncs, int32(i))
	return ok
}

// NextSync returns the first sync sample at or after i, or Len when there is none.
func (t *Track) NextSync(i int) int {
	if t.allSync {
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
	if t.allSync {
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
	if t.allSync {
		return t.Len()
	}
	return len(t.syncs)
}

// AllSync reports whether every sample is a sync sample.
func (t *Track) AllSync() bool { return t.allSync }

// HasOffsets reports whether any sample's composition time differs from its decode time.
func (t *Track) HasOffsets() bool { return t.offs.len() > 0 }

// MinOffset is the smallest composition offset: how far a presentation time lies before its decode time at most, when
// negative.
func (t *Track) MinOffset() int64 { return int64(t.offBase) }

// Sample returns sample i; it panics when i is out of range, like a slice does.
func (t *Track) Sample(i int) (s Sample) {
	t.Walk(i, 1, func(_ int, x Sample) bool { s = x; return false })
	return s
}

// At returns the first sample whose decode time is at or after dts, or Len.
func (t *Track) At(dts int64) int { return t.times.at(dts, t.Len()) }

// Memory is the bytes the sample index holds.
func (t *Track) Memory() int {
	return t.sizes.memory() + t.offs.memory() + t.times.memory() + 4*len(t.syncs) + t.extents.memory() + 16*len(t.frags)
}

// Walk calls yield for count samples from first, until it returns false. It allocates nothing; it is on the hot path of
// every muxer (BenchmarkWalk). It panics when the samples are out of range.
func (t *Track) Walk(first, count int, yield func(i int, s Sample) bool) {
	if count <= 0 {
		return
	}
	_ = t.sizes.at(first + count - 1)
	c := t.cursorAt(first)
	c.walk(first+count, yield)
}

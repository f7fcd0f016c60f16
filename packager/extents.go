package packager

import (
	"slices"
	"sort"
)

// extents says where runs of contiguous samples start: eight bytes an extent, four when each sample is one.
type extents struct {
	firsts []int32  // first sample of each extent; nil when extent k is sample k
	low    []uint32 // low half of each extent's offset
	high   []highRun
}

// highRun is the file and the high half of the offsets of extents from number first on.
type highRun struct {
	first, file int32
	high        uint32
}

// maxExtentSamples bounds the walk from an extent's start to a sample; longer runs of contiguous samples are split.
const maxExtentSamples = 256

func (x *extents) add(first, file int, off int64) {
	k, hi := int32(len(x.low)), uint32(off>>32)
	if l := len(x.high); l == 0 || x.high[l-1].file != int32(file) || x.high[l-1].high != hi {
		x.high = append(x.high, highRun{first: k, file: int32(file), high: hi})
	}
	x.firsts = append(x.firsts, int32(first))
	x.low = append(x.low, uint32(off))
}

// compact is called once all of n samples are added.
func (x *extents) compact(n int) {
	if len(x.firsts) == n {
		x.firsts = nil
	}
	x.firsts, x.low, x.high = slices.Clip(x.firsts), slices.Clip(x.low), slices.Clip(x.high)
}

// find returns the extent that holds sample i.
func (x *extents) find(i int) int {
	if x.firsts == nil {
		return i
	}
	return sort.Search(len(x.firsts), func(k int) bool { return int(x.firsts[k]) > i }) - 1
}

// first returns the first sample of extent k, or n after the last.
func (x *extents) first(k, n int) int {
	switch {
	case k >= len(x.low):
		return n
	case x.firsts == nil:
		return k
	}
	return int(x.firsts[k])
}

func (x *extents) get(k int) (first, file int, off int64) {
	h := len(x.high) - 1
	if h > 0 {
		h = sort.Search(len(x.high), func(j int) bool { return int(x.high[j].first) > k }) - 1
	}
	return x.first(k, 0), int(x.high[h].file), int64(x.high[h].high)<<32 | int64(x.low[k])
}

func (x *extents) memory() int { return 4*len(x.firsts) + 4*len(x.low) + 12*len(x.high) }

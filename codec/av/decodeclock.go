//go:build cgo

package av

import "slices"

// decodeClock gives pictures in decode order their decode times: with a reorder delay of d pictures, the i-th is decoded when
// the (i-d)-th is shown. It needs no decode times of the container, which are often missing or rounded.
type decodeClock struct {
	delay   int
	count   int
	first   int64
	step    int64
	last    int64
	pending []int64 // presentation times not used as decode times yet, ascending
}

func (k *decodeClock) start(pts int64, delay int, step int64) {
	*k = decodeClock{delay: delay, first: pts, step: step, last: noPTS}
}

// next returns the decode time for the next picture; false when the pictures are in no decodable order.
func (k *decodeClock) next(pts int64) (int64, bool) {
	i, _ := slices.BinarySearch(k.pending, pts)
	k.pending = slices.Insert(k.pending, i, pts)
	var dts int64
	if k.count < k.delay {
		dts = k.first - int64(k.delay-k.count)*k.step
	} else {
		dts = k.pending[0]
		k.pending = k.pending[1:]
	}
	k.count++
	if dts > pts { // the stream reorders more than it said
		dts = pts
	}
	if k.last != noPTS && dts <= k.last {
		if dts = k.last + 1; dts > pts {
			return 0, false
		}
	}
	k.last = dts
	return dts, true
}

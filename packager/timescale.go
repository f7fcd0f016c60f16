package packager

import (
	"math"
	"math/bits"
)

// Rescale converts a time in ticks of from to ticks of to, rounding to nearest, without overflow in between. Negative times
// become 0, and a time beyond what int64 holds its largest value. Neither timescale may be 0.
func Rescale(v int64, from, to uint32) int64 {
	v = max(0, v)
	if from == to {
		return v
	}
	hi, lo := bits.Mul64(uint64(v), uint64(to))
	lo, carry := bits.Add64(lo, uint64(from)/2, 0)
	hi += carry
	if hi >= uint64(from) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(from))
	return int64(min(q, math.MaxInt64))
}

//go:build cgo

package av

import (
	"math/bits"

	"sluice/codec"
)

// mulDiv returns a*b/c rounded to the nearest integer, halves up, with a 128-bit product. b and c are positive; a result
// that does not fit saturates.
func mulDiv(a, b, c int64) int64 {
	if c <= 0 || b <= 0 {
		return 0
	}
	neg := a < 0
	ua := uint64(a)
	if neg {
		ua = -ua
	}
	hi, lo := bits.Mul64(ua, uint64(b))
	half := uint64(c) / 2
	if neg && c%2 == 0 { // halves go up, that is towards zero here
		half--
	}
	var carry uint64
	lo, carry = bits.Add64(lo, half, 0)
	hi += carry
	const most = int64(1<<63 - 1)
	if hi >= uint64(c) {
		if neg {
			return -most
		}
		return most
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	if q > uint64(most) {
		q = uint64(most)
	}
	if neg {
		return -int64(q)
	}
	return int64(q)
}

// toUS converts ticks of tb to microseconds.
func toUS(t int64, tb codec.Rational) int64 { return mulDiv(t, tb.Num*1_000_000, tb.Den) }

// fromUS converts microseconds to ticks of tb.
func fromUS(us int64, tb codec.Rational) int64 { return mulDiv(us, tb.Den, tb.Num*1_000_000) }

// slotOf returns the output frame that a picture at rel ticks of tb after the origin belongs to.
func slotOf(rel int64, tb, fps codec.Rational) int64 {
	return mulDiv(rel, tb.Num*fps.Num, tb.Den*fps.Den)
}

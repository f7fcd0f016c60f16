package client

import "time"

// halver keeps a fixed rate from drowning a line that cannot carry it: who sends on whatever is lost leaves nobody anything, and gets
// little of it himself. It is half as fast after each halveAfter in which more than halveLoss of what was sent was lost, and twice as
// fast again, up to the rate, after each doubleAfter in which next to nothing was.
type halver struct {
	rate  float64 // bytes a second that were asked for
	limit float64
	bad   time.Duration // how long too much is lost
	good  time.Duration // how long next to nothing is
}

const (
	halveLoss   = 0.2
	halveAfter  = 10 * time.Second
	doubleLoss  = 0.02
	doubleAfter = time.Minute
	// halveLeast is a rate that is not halved any more: something must go to see whether the line is better.
	halveLeast = 64 << 10
)

// newHalver returns what bounds a fixed rate in bytes a second.
func newHalver(rate int64) *halver { return &halver{rate: float64(rate), limit: float64(rate)} }

// measured takes a measurement in and returns what may be sent, in bytes a second.
func (h *halver) measured(f flow) float64 {
	switch {
	case f.loss > halveLoss:
		h.bad, h.good = h.bad+f.took, 0
	case f.loss < doubleLoss:
		h.bad, h.good = 0, h.good+f.took
	default:
		h.bad, h.good = 0, 0
	}
	switch {
	case h.bad >= halveAfter:
		h.limit, h.bad = max(h.limit/2, min(halveLeast, h.rate)), 0
	case h.good >= doubleAfter:
		h.limit, h.good = min(h.limit*2, h.rate), 0
	}
	return h.limit
}

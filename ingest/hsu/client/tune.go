package client

// maxStreams bounds the connections of an upload.
const (
	firstStreams = 4
	maxStreams   = 32
)

// tuner finds how many streams achieve the most: it doubles them while that brings a seventh more, drops back to what the last
// doubling began with when it does not, and begins anew when much less is achieved than once was.
type tuner struct {
	streams, most int
	base          float64 // what the streams before the last doubling achieved; 0 when nothing was measured
	best          float64
	settled       bool
	bad           int // measurements in a row that were much worse than the best
}

func newTuner(most int) *tuner { return &tuner{streams: min(firstStreams, most), most: most} }

const (
	worthIt = 1.15
	worse   = 0.6
	// patience is how many bad measurements make the tuner begin anew.
	patience = 3
)

// measured takes what was achieved since the last call. What something else held up says nothing of the streams.
func (t *tuner) measured(rate float64, heldUp bool) {
	if heldUp || rate <= 0 {
		t.bad = 0
		return
	}
	t.best = max(t.best, rate)
	switch {
	case t.settled && rate >= worse*t.best:
		t.bad = 0
	case t.settled:
		if t.bad++; t.bad < patience {
			return
		}
		t.settled, t.bad, t.best = false, 0, rate
		t.grow(rate)
	case t.base == 0 || rate >= worthIt*t.base:
		t.grow(rate)
	default:
		t.streams, t.settled = max(t.streams/2, 1), true
	}
}

func (t *tuner) grow(rate float64) {
	if t.streams >= t.most {
		t.settled = true
		return
	}
	t.base, t.streams = rate, min(2*t.streams, t.most)
}

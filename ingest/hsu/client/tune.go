package client

import "sluice/ingest/hsu"

// maxStreams bounds the connections of an upload. It begins with few of them, and with many when manyFrom bytes are to be sent: each
// begins with little on its way, and takes round trips to carry more.
const (
	fewStreams  = 4
	manyStreams = 16
	maxStreams  = 64
	manyFrom    = 64 << 20
)

// firstStreams is how many streams an upload of so many bytes begins with.
func (o *Options) firstStreams(size int64) int {
	switch {
	case o.Streams > 0:
		return o.Streams
	case o.Open.Policy == hsu.Low:
		return 1
	case size >= manyFrom:
		return manyStreams
	}
	return fewStreams
}

// tuner finds how many streams achieve the most: it doubles them while that brings a seventh more, drops back to what the last
// doubling began with when it does not, and begins anew when much less is achieved than once was, or much more is lost. Streams that
// losses hold at a fraction of what lines give today are multiplied by four.
type tuner struct {
	streams, most int
	base          float64 // what the streams before the last growth achieved; 0 when nothing was measured
	before        int     // and how many they were
	best          float64
	loss          float64 // when it settled
	settled       bool
	bad           int  // measurements in a row that were much worse than the best
	fresh         bool // streams began or ended since the last measurement, which tells nothing of them
}

func newTuner(first, most int) *tuner {
	return &tuner{streams: first, most: most, fresh: true}
}

const (
	worthIt = 1.15
	worse   = 0.6
	// patience is how many bad measurements make the tuner begin anew.
	patience = 3
	// lossy is a loss, and slow what a stream then achieves in bytes a second, that make streams multiply by four. A loss that is
	// moreLoss times what it was is another line.
	lossy    = 0.0005
	slow     = 20_000_000 / 8
	moreLoss = 3
)

// measured takes what was achieved and lost since the last call. What something else held up says nothing of the streams.
func (t *tuner) measured(rate, loss float64, heldUp bool) {
	if heldUp || rate <= 0 {
		t.bad = 0
		return
	}
	if t.fresh {
		t.fresh = false
		return
	}
	t.best = max(t.best, rate)
	switch {
	case t.settled && rate >= worse*t.best && loss <= moreLoss*max(t.loss, lossy):
		t.bad = 0
	case t.settled:
		if t.bad++; t.bad < patience {
			return
		}
		t.settled, t.best, t.loss = false, rate, loss
		t.grow(rate, loss)
	case t.base == 0 || rate >= worthIt*t.base:
		t.grow(rate, loss)
	default:
		t.streams, t.fresh = t.before, true
		t.settle(loss)
	}
}

func (t *tuner) grow(rate, loss float64) {
	if t.streams >= t.most {
		t.settle(loss)
		return
	}
	times := 2
	if loss > lossy && rate < slow*float64(t.streams) {
		times = 4
	}
	t.base, t.before, t.streams, t.fresh = rate, t.streams, min(times*t.streams, t.most), true
}

func (t *tuner) settle(loss float64) { t.settled, t.bad, t.loss = true, 0, loss }

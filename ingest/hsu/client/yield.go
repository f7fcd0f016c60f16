package client

import (
	"time"

	"sluice/ingest/hsu"
)

// yielder leaves others their part of a line. Congestion controls that do not take each loss for a full line, and many connections,
// drive out those that do. So the upload as a whole watches the queue in front of the line: where one stands, and the line loses what
// it cannot hold, it goes back a little. That empties a queue of its own making. One that stays belongs to others, and the upload goes
// back further, to no less than a part of what the line gave. Where no queue stands, it takes more again.
type yielder struct {
	over  time.Duration // what a queue may hold
	floor float64       // the part of the line that is not given away
	step  float64       // how much more is taken at first where no queue stands
	limit float64       // bytes a second; 0 for any

	most   float64 // what the line gave
	stands int     // measurements in a row with a queue
	free   int     // measurements without one since then
	calm   int     // measurements since the line lost something
}

const (
	// stepBack is how much is kept of what the line gave when a queue appears, stepFurther of what was sent while it stands.
	stepBack, stepFurther = 0.95, 0.85
	// Each time a step more is taken than before, up to mostSteps.
	mostSteps = 5
	// farFrom is how much less than allowed arrives when something else than the limit bounds it.
	farFrom = 0.85
	// lossSign is the loss that tells of a full queue, for as many measurements as calmAfter.
	lossSign  = 0.0005
	calmAfter = 60
	// forget is how fast what the line gave loses its worth when it gives less than may be sent, though no queue stands.
	forget = 0.995
	// yieldEvery is how long is measured, or yieldRTTs of the line where that is longer.
	yieldEvery = 500 * time.Millisecond
	yieldRTTs  = 4
)

// newYielder returns the yielder of a policy; nil for one that yields to nobody.
func newYielder(p hsu.Policy) *yielder {
	switch p {
	case hsu.Fixed:
		return nil
	case hsu.Low:
		return &yielder{over: 10 * time.Millisecond, floor: 0.05, step: 0.0025}
	case hsu.High:
		return &yielder{over: 25 * time.Millisecond, floor: 0.65, step: 0.015}
	}
	return &yielder{over: 25 * time.Millisecond, floor: 0.45, step: 0.015}
}

// measured takes what happened since the last call, and returns how many bytes a second may be sent; 0 for any.
func (y *yielder) measured(f flow) float64 {
	y.most = max(y.most, f.rate)
	y.calm++
	if f.loss > lossSign {
		y.calm = 0
	}
	switch {
	case f.queue > y.over && y.calm < calmAfter:
		y.back()
	case f.queue < y.over/2:
		if f.rate < farFrom*y.limit || y.limit == 0 {
			y.most = max(f.rate, forget*y.most)
		}
		y.grow(f.rate)
	}
	return y.limit
}

// back takes less. What was done shows its effect with the measurement after the next.
func (y *yielder) back() {
	y.free = 0
	switch y.stands++; {
	case y.stands == 2 && y.limit == 0, y.stands == 1 && y.limit > stepBack*y.most:
		y.limit = stepBack * y.most
	case y.stands > 3 && y.stands%2 == 0:
		y.limit = max(stepFurther*y.limit, y.floor*y.most)
	}
}

// grow takes more; what arrived while no queue stood can be had.
func (y *yielder) grow(rate float64) {
	y.stands = 0
	if y.limit > 0 {
		y.limit = max(y.limit, stepBack*rate)
	}
	y.limit *= 1 + y.step*float64(min(1+y.free, mostSteps))
	y.free++
	if y.limit > 2*y.most { // something else than the line is what bounds it
		y.limit = 0
	}
}

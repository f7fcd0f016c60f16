package client

import (
	"math"
	"time"

	"sluice/ingest/hsu"
)

// yielder leaves others their part of a line. Congestion controls that do not take each loss for a full line, and many connections,
// drive out those that do. So the upload as a whole watches the queue in front of the line.
//
// It begins with a little and takes several times what arrives, until a queue stands and the line loses much. Where a queue stands,
// and the line loses what it cannot hold, it goes back a little, and then takes more again, in small steps. An upload that is alone
// meets the queue where it met it before: that is the line. If more arrives now than when the line was full, others gave way: then it
// is they who lose each time. So it goes back as far as they do, and takes more only as slowly as they: by the law of CUBIC (RFC 9438
// §4.2). A queue that stays though it went back belongs to others too.
type yielder struct {
	over  time.Duration // what a queue may hold
	floor float64       // the part of the line that is not given away
	keep  float64       // how much is kept of what arrived when others gave way
	timid bool          // a queue is enough to go back, whether the line loses anything or not
	limit float64       // bytes a second; 0 for any

	phase  phase
	most   float64 // what the line gave
	full   float64 // what the line gave us when a queue stood last; 0 when none did
	guess  bool    // that is from the start
	settle int     // measurements to come that tell of what the start did
	last   float64 // what it gave in the measurement before; while starting
	stands int     // measurements in a row with a queue
	free   int     // measurements without one since then
	more   int     // of those, in a row, the ones in which more arrived than when it was full
	less   int     // times in a row that a queue stood and little arrived
	calm   int     // measurements since the line lost something
	quiet  int     // and since something stood in front of it
	noise  float64 // what it loses of what it can hold
	// standing counts the measurements in a row with a queue while starting, shared is the time since others gave way.
	standing int
	shared   time.Duration
}

// phase is what an upload makes of a line.
type phase int

const (
	starting phase = iota // it does not know it
	alone                 // it has it for itself, or does not know better
	sharing               // others have a part
)

const (
	// While it starts it takes startGain times what arrived, and at least startRate, until the line was full for startFull measurements
	// that lost startLoss, or for startLong in a row that lost anything; for who is timid, until a queue stood for startTimid. startBack
	// is kept then. On a noisy line it takes lossyGain times as much, and goes on as long as it gets startMore of what it got.
	startGain  = 2.5
	lossyGain  = 4
	startRate  = 12_500_000
	startMore  = 1.25
	startLoss  = 0.02
	startFull  = 2
	startLong  = 20
	startTimid = 6
	startBack  = 0.75
	// stepBack is how much is kept of what arrived when a queue appears. One that is there for more than stays measurements stays: then
	// stepFurther is kept of what was sent.
	stepBack, stepFurther = 0.95, 0.85
	stays                 = 3
	// noisy is the loss without a queue at which CUBIC gets no more than some Mbit/s of any long line; noiseShare is the weight of a
	// measurement of it.
	noisy, noiseShare = 0.0003, 0.25
	// step is how much more is taken where no queue stands. Below what the line gave, each time a step more than before, up to mostSteps.
	step, mostSteps = 0.015, 5
	// gaveWay says how much more than when the line was full tells of others that gave way, gaveMuch how much more than at the end of the
	// start, when it was driven over: that is but a guess. seldom says how much less than the line ever gave, twice, tells of others that
	// took it.
	gaveWay, gaveMuch, seldom = 1.03, 1.15, 0.85
	// cubic is the constant C of CUBIC in segments of segmentSize per cubed second. alone again is who saw no queue for aloneAfter
	// times as long as CUBIC would have taken to be back.
	cubic, segmentSize = 0.4, 1448
	aloneAfter         = 1.5
	// deaf is how long a line that is full says nothing new. Who has nearly what the line ever gave may have it alone.
	deaf   = time.Second
	nearly = 0.95
	// farFrom is how much less than allowed arrives when something else than the limit bounds it.
	farFrom = 0.85
	// lossSign is the loss that tells of a full queue, for as many measurements as calmAfter.
	lossSign  = 0.00002
	calmAfter = 60
	// forget is how fast what the line gave loses its worth, forgetFast when it gives less than may be sent, though no queue stands.
	forget, forgetFast = 0.999, 0.995
	// yieldEvery is how long is measured, or yieldRTTs of the line where that is longer; while starting it is startEvery, or a round trip.
	yieldEvery = 500 * time.Millisecond
	yieldRTTs  = 4
	startEvery = 100 * time.Millisecond
)

// newYielder returns the yielder of a policy; nil for one that yields to nobody.
func newYielder(p hsu.Policy) *yielder {
	switch p {
	case hsu.Fixed:
		return nil
	case hsu.Low:
		return &yielder{over: 10 * time.Millisecond, floor: 0.05, keep: 0.3, timid: true, limit: startRate}
	case hsu.High: // what is kept makes two parts beside CUBIC's 0.7
		return &yielder{over: 25 * time.Millisecond, floor: 0.65, keep: 0.85, limit: startRate}
	}
	return &yielder{over: 25 * time.Millisecond, floor: 0.45, keep: 0.75, limit: startRate}
}

// every is how long is measured on a line.
func (y *yielder) every(rtt time.Duration) time.Duration {
	if y.phase == starting {
		return max(startEvery, rtt)
	}
	return max(yieldEvery, yieldRTTs*rtt)
}

// holds says whether what is sent is held to what the line gave.
func (y *yielder) holds() bool { return y.limit > 0 && y.phase != starting }

// measured takes what happened since the last call, and returns how many bytes a second may be sent; 0 for any.
func (y *yielder) measured(f flow) float64 {
	y.most = max(y.most*forget, f.rate)
	y.calm++
	if f.loss > lossSign {
		y.calm = 0
	}
	y.listen(f)
	full := f.peak > y.over && (f.loss > lossSign || y.timid && y.phase != starting)
	switch {
	case y.settle > 0:
		y.settle--
	case y.phase == starting:
		y.start(f, full)
	case y.phase == sharing:
		y.share(f, full)
	case f.queue > y.over && y.calm < calmAfter:
		y.back(f)
	case y.stands == 0 && y.gaveWay(f):
		y.giveWay()
	case f.queue < y.over/2:
		y.take(f)
	}
	return y.limit
}

// listen learns what the line loses though it is not full. Where that is much, nobody is driven out who would not be alone there.
func (y *yielder) listen(f flow) {
	if y.quiet++; f.peak > y.over/2 {
		y.quiet = 0
	}
	if y.quiet > 2 { // what was lost before has come again
		y.noise += noiseShare * (f.loss - y.noise)
	}
	if y.noise > noisy && y.phase == sharing {
		y.phase, y.full = alone, 0
	}
}

// start takes several times what arrives, until the line was full twice.
func (y *yielder) start(f flow, full bool) {
	if full && f.loss > startLoss+3*y.noise { // little tells nothing of a line that is hardly used
		y.stands++
	}
	if y.standing++; !full && (!y.timid || f.peak <= y.over) {
		y.standing = 0
	}
	if y.standing == startLong || y.standing == startTimid && y.timid { // a line that holds much loses little
		y.stands = startFull
	}
	lossy := y.noise > noisy
	if y.stands >= startFull && (!lossy || f.rate < startMore*y.last) {
		y.phase, y.stands, y.full, y.guess, y.settle = alone, 0, y.most, !y.timid, 1
		if y.limit = startBack * y.most; lossy {
			y.limit, y.full = stepBack*y.most, 0
		}
		return
	}
	y.last = f.rate
	switch {
	case lossy:
		y.limit = max(startRate, lossyGain*f.rate)
	case full: // what was sent meanwhile fills it further: the next measurement tells whether this was a moment's
		y.limit = max(startRate, f.rate)
	default:
		y.limit = max(startRate, startGain*f.rate)
	}
}

// back takes less. What was done shows its effect with the measurement after the next.
func (y *yielder) back(f flow) {
	y.free, y.more = 0, 0
	if y.stands++; y.stands == 1 {
		y.full, y.guess = 0, false
	}
	y.full = max(y.full, f.rate)
	to := max(stepBack*y.full, y.floor*y.most)
	if y.noise > noisy {
		to = stepBack * y.most
	}
	switch {
	case y.stands == 1 && y.limit > 0:
		if !y.timid { // after a moment's standstill, too, much less arrived
			to = max(to, min(stepFurther*y.limit, y.most))
		}
		y.limit = to
	case y.stands == 2 && (y.limit == 0 || to < y.limit):
		y.limit = to
	case y.stands > stays && y.stands%2 == 0:
		y.limit = max(stepFurther*y.limit, y.floor*y.most)
	}
}

// take takes more where no queue stands.
func (y *yielder) take(f flow) {
	if y.stands > 0 { // what filled the queue arrived meanwhile, and what arrived can be had
		y.stands = 0
		y.full = max(y.full, f.rate)
		y.limit = max(y.limit, stepBack*f.rate)
		if y.noise > noisy {
			y.limit = max(y.limit, stepBack*y.most)
		}
		if y.less++; y.full >= seldom*y.most || y.noise > noisy {
			y.less = 0
		}
		if y.less == 2 || y.less == 1 && y.timid {
			y.giveWay()
		}
		return
	}
	if f.rate < farFrom*y.limit || y.limit == 0 {
		y.most = max(f.rate, forgetFast*y.most)
	}
	times := min(1+y.free, mostSteps)
	switch {
	case y.noise > noisy && y.limit < stepBack*y.most:
		times = 1 << min(y.free, mostSteps)
	case y.noise <= noisy && y.full > 0 && y.limit >= stepBack*y.full:
		times = 1
	}
	y.limit *= 1 + step*float64(times)
	y.free++
	if y.limit > 2*y.most { // something else than the line is what bounds it
		y.limit, y.full = 0, 0
	}
}

// gaveWay says whether others made room: more arrives, twice in a row, than when the line was full.
func (y *yielder) gaveWay(f flow) bool {
	times := gaveWay
	if y.guess {
		times = gaveMuch
	}
	if y.more++; y.full == 0 || y.noise > noisy || f.rate < times*y.full {
		y.more = 0
	}
	return y.more == 2
}

// giveWay goes back as far as others do.
func (y *yielder) giveWay() {
	y.phase, y.shared, y.stands, y.free, y.more, y.less = sharing, 0, 0, 0, 0, 0
	y.limit = max(y.keep*y.full, y.floor*y.most)
}

// share takes more as CUBIC does, until the line is full. When it is not for long after others would have filled it, they are gone.
func (y *yielder) share(f flow, full bool) {
	if y.shared += f.took; full && y.shared >= deaf {
		y.full = f.rate
		if y.giveWay(); f.rate >= nearly*y.most {
			y.phase, y.limit, y.stands = alone, stepBack*f.rate, 1
		}
		return
	}
	rtt := max(f.rtt-f.queue, time.Millisecond).Seconds()
	back := math.Cbrt(y.full * rtt / segmentSize * (1 - y.keep) / cubic)
	since := y.shared.Seconds()
	y.limit = max(y.limit, y.full+cubic*math.Pow(since-back, 3)*segmentSize/rtt)
	if since > aloneAfter*back+1 && f.queue < y.over/2 {
		y.phase, y.full = alone, 0
	}
}

package client

import (
	"math"
	"testing"
	"time"

	"sluice/ingest/hsu"
)

// road is a line with a drop-tail queue, on which an upload meets connections that use CUBIC (RFC 9438), and what takes a constant part.
// It is a flow of fluid, in ticks. What happens to it is seen a round trip later.
type road struct {
	flows    []cubicFlow
	constant float64 // bytes a second

	queue float64 // seconds
	seen  []tick  // of the last round trip
}

// tick is what happened in a tick: what of ours arrived, what of it was lost, and the queue.
type tick struct{ rate, lost, queue float64 }

type cubicFlow struct {
	window, most float64 // segments
	since        float64 // seconds since it went back
	deaf         float64 // seconds until it notices a loss again
}

const (
	roadLine  = 941e6 / 8 // bytes a second
	roadQueue = 0.05
	roadRTT   = 0.1
	tickTime  = 0.01
)

func (c *cubicFlow) grow(rtt float64) float64 {
	c.since += tickTime
	c.deaf -= tickTime
	k := math.Cbrt(c.most * 0.3 / cubic)
	c.window = max(c.window, c.most+cubic*math.Pow(c.since-k, 3))
	return c.window * segmentSize / rtt
}

func (c *cubicFlow) lose(rtt float64) {
	if c.deaf > 0 {
		return
	}
	if c.window < c.most { // it leaves more to others
		c.most = c.window * 0.85
	} else {
		c.most = c.window
	}
	c.window, c.since, c.deaf = max(2, 0.7*c.window), 0, 2*rtt
}

// drive lets a tick pass in which the upload sends so many bytes a second.
func (r *road) drive(ours float64) {
	rtt := roadRTT + r.queue
	sum := ours + r.constant
	for i := range r.flows {
		sum += r.flows[i].grow(rtt)
	}
	r.queue = max(0, r.queue+tickTime*(sum-roadLine)/roadLine)
	t := tick{rate: ours, queue: r.queue}
	if r.queue > 0 {
		t.rate = ours * min(1, roadLine/sum)
	}
	if over := r.queue - roadQueue; over > 0 {
		r.queue, t.queue = roadQueue, roadQueue
		t.lost = ours * over / tickTime * roadLine / sum
		for i := range r.flows {
			r.flows[i].lose(rtt)
		}
	}
	r.seen = append(r.seen, t)
}

// carry lets an upload run for some seconds and returns what parts of the line it had, and the others, in the later half.
func (r *road) carry(y *yielder, seconds float64, begin float64) (ours, others float64) {
	can, limit := 4*10*segmentSize/roadRTT, y.limit // what the kernel sends grows twofold each round trip
	n, next := 0.0, roadRTT
	var late []tick
	for at := 0.0; at < seconds; at += tickTime {
		can = min(can*math.Pow(2, tickTime/roadRTT), 1.25*roadLine)
		send := can
		if limit > 0 {
			send = min(send, limit)
		}
		r.drive(send)
		late = append(late, r.seen[len(r.seen)-1])
		if at > begin {
			n++
			t := r.seen[len(r.seen)-1]
			ours += t.rate
			sum := send + r.constant
			var theirs float64
			for _, f := range r.flows {
				theirs += f.window * segmentSize / (roadRTT + r.queue)
			}
			others += theirs * min(1, roadLine/(sum+theirs))
		}
		if at < next {
			continue
		}
		every := y.every(time.Duration(roadRTT * float64(time.Second)))
		limit = y.measured(flowOfTicks(late, every))
		next = at + every.Seconds()
	}
	return ours / n / roadLine, others / n / roadLine
}

// flowOfTicks is what is known of the last d a round trip later.
func flowOfTicks(all []tick, d time.Duration) flow {
	end := max(len(all)-int(roadRTT/tickTime), 0)
	list := all[max(end-int(d.Seconds()/tickTime), 0):end]
	f := flow{rtt: time.Duration(roadRTT * float64(time.Second)), took: d}
	var sent, lost, queue, peak float64
	for _, t := range list {
		f.rate += t.rate / max(float64(len(list)), 1)
		sent += t.rate + t.lost
		lost += t.lost
		queue, peak = t.queue, max(peak, t.queue)
	}
	if sent > 0 {
		f.loss = lost / sent
	}
	f.queue = time.Duration(queue * float64(time.Second))
	f.peak = time.Duration(peak * float64(time.Second))
	f.rtt += f.queue
	return f
}

// cubics are k connections that have the line for themselves.
func cubics(k int) []cubicFlow {
	out := make([]cubicFlow, k)
	for i := range out {
		w := roadLine * (roadRTT + roadQueue/2) / segmentSize / float64(k)
		out[i] = cubicFlow{window: w, most: w * 1.1, since: 5}
	}
	return out
}

func TestAnUploadLeavesOthersTheirPart(t *testing.T) {
	for _, tc := range []struct {
		name         string
		policy       hsu.Policy
		road         road
		least, most  float64 // of the line, for the upload
		others, over float64 // for the others, over so many seconds
	}{
		{"alone", hsu.Fair, road{}, 0.95, 1, 0, 60},
		{"alone in the background", hsu.Low, road{}, 0.9, 1, 0, 60},
		{"beside one connection", hsu.Fair, road{flows: cubics(1)}, 0.25, 0.7, 0.3, 60},
		{"beside one connection for long", hsu.Fair, road{flows: cubics(1)}, 0.2, 0.7, 0.3, 300},
		{"beside eight connections", hsu.Fair, road{flows: cubics(8)}, 0.1, 0.55, 0.45, 60},
		{"with a higher claim", hsu.High, road{flows: cubics(1)}, 0.3, 0.85, 0.1, 60},
		{"in the background", hsu.Low, road{flows: cubics(1)}, 0.01, 0.3, 0.65, 60},
		{"beside what takes a part and no more", hsu.Fair, road{constant: 0.3 * roadLine}, 0.6, 0.7, 0, 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, others := tc.road.carry(newYielder(tc.policy), tc.over, 2)
			t.Logf("%.2f of the line, and the others %.2f", ours, others)
			if ours < tc.least || ours > tc.most || others < tc.others {
				t.Errorf("it has %.2f of the line, want %.2f to %.2f; the others have %.2f, want %.2f", ours, tc.least, tc.most, others, tc.others)
			}
		})
	}
}

func TestNothingIsYieldedWithoutLoss(t *testing.T) {
	y := newYielder(hsu.Fair)
	y.phase, y.limit, y.calm = alone, 0, calmAfter
	for range 20 { // a line whose round trips vary, as those of radio do
		if limit := y.measured(flow{rate: 100, rtt: 90 * time.Millisecond, queue: 60 * time.Millisecond}); limit != 0 {
			t.Fatalf("it holds itself to %v", limit)
		}
	}
	if newYielder(hsu.Fixed) != nil {
		t.Error("a fixed rate yields")
	}
}

// What was lost in a queue is sent again when the queue is gone: that is no noise, on which a start takes more and more.
func TestLossesOfAQueueAreNoNoise(t *testing.T) {
	y := newYielder(hsu.Fair)
	for _, f := range []flow{
		{rate: 10e6, queue: 24 * time.Millisecond, peak: 24 * time.Millisecond, loss: 0.03},
		{rate: 25e6, queue: 8 * time.Millisecond, peak: 8 * time.Millisecond, loss: 0.01},
		{rate: 40e6, queue: 3 * time.Millisecond, peak: 3 * time.Millisecond, loss: 0.01},
	} {
		y.measured(f)
	}
	if y.noise != 0 {
		t.Errorf("noise %v", y.noise)
	}
	if y.limit != startGain*40e6 {
		t.Errorf("limit %v after 40e6", y.limit)
	}
	for range 3 { // as many losses without any queue for long are
		y.measured(flow{rate: 40e6, loss: 0.01})
	}
	if y.noise < noisy {
		t.Errorf("noise %v", y.noise)
	}
}

func TestWhatTheStartSentSaysNothing(t *testing.T) {
	y := newYielder(hsu.Fair)
	for y.phase == starting { // the line is driven over, and others lose more than we
		y.measured(flow{rate: 50e6, queue: 40 * time.Millisecond, peak: 40 * time.Millisecond, loss: 0.1})
	}
	left := y.limit
	if left != startBack*50e6 {
		t.Fatalf("limit %v after the start", left)
	}
	y.measured(flow{rate: 80e6, queue: 40 * time.Millisecond, peak: 50 * time.Millisecond, loss: 0.1}) // what was sent before
	if y.limit != left {
		t.Errorf("limit %v while what was sent before arrives, was %v", y.limit, left)
	}
}

func TestAMomentsStandstillIsNobodyElse(t *testing.T) {
	y := newYielder(hsu.Fair)
	y.phase, y.most, y.full, y.limit, y.calm = alone, 117e6, 117e6, 115e6, 0
	y.measured(flow{rate: 70e6, queue: 40 * time.Millisecond, peak: 50 * time.Millisecond, loss: 0.2})
	y.measured(flow{rate: 100e6, queue: 2 * time.Millisecond, peak: 30 * time.Millisecond, loss: 0.01})
	if y.phase != alone || y.limit < 90e6 {
		t.Errorf("phase %v, limit %v", y.phase, y.limit)
	}
	for range 4 { // it stays like this
		y.measured(flow{rate: 60e6, queue: 40 * time.Millisecond, peak: 50 * time.Millisecond, loss: 0.01})
	}
	if y.limit > 60e6 {
		t.Errorf("limit %v where 60e6 arrive", y.limit)
	}
}

func TestALimitGoesWhenSomethingElseBounds(t *testing.T) {
	y := newYielder(hsu.Fair)
	y.phase, y.limit = alone, 0
	for range 2 {
		y.measured(flow{rate: 100, queue: 40 * time.Millisecond, peak: 40 * time.Millisecond, loss: 0.01})
	}
	if y.limit != stepBack*100 {
		t.Fatalf("limit %v", y.limit)
	}
	for range 200 {
		y.measured(flow{rate: 20})
	}
	if y.limit != 0 {
		t.Errorf("limit %v for what takes 20", y.limit)
	}
}

func TestAStartEndsWhereALineHoldsMuch(t *testing.T) {
	y := newYielder(hsu.Fair)
	for i := range 2 * startLong { // it loses little, and its queue stands
		y.measured(flow{rate: 100, queue: 200 * time.Millisecond, peak: 200 * time.Millisecond, loss: 0.001})
		if y.phase != starting {
			if i+1 < startLong {
				t.Errorf("it ends after %d measurements", i+1)
			}
			return
		}
	}
	t.Error("it goes on")
}

func TestAStartGoesOnWhereRoundTripsVary(t *testing.T) {
	y := newYielder(hsu.Fair)
	for i := range 5 * startLong { // and few packets are lost
		y.measured(flow{rate: 1e6, queue: 40 * time.Millisecond, peak: 40 * time.Millisecond, loss: float64(i%2) * 0.01})
		if y.phase != starting || y.limit < startRate {
			t.Fatalf("it holds itself to %v after %d measurements", y.limit, i+1)
		}
	}
}

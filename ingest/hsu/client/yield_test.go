package client

import (
	"testing"
	"time"

	"sluice/ingest/hsu"
)

// road is a line with a queue and a drop-tail end, on which another takes what it is left and more, until the queue is full.
type road struct {
	line, other float64 // bytes a second
	queue       float64 // seconds
	greedy      bool    // the other grows
}

const roadQueue = 0.05

// drive lets half a second pass at which the upload sends as much as it may.
func (r *road) drive(limit float64) flow {
	const d = 0.5
	ours := 1.2 * r.line
	if limit > 0 {
		ours = min(ours, limit)
	}
	sum := ours + r.other
	r.queue = max(0, r.queue+d*(sum-r.line)/r.line)
	f := flow{rate: ours * min(1, r.line/sum), rtt: 100 * time.Millisecond}
	if r.queue > roadQueue {
		f.loss = (r.queue - roadQueue) / d
		r.queue = roadQueue
		if r.greedy {
			r.other *= 0.7
		}
	}
	if r.greedy {
		r.other += r.line / 100
	}
	f.queue = time.Duration(r.queue * float64(time.Second))
	return f
}

func TestAnUploadLeavesOthersTheirPart(t *testing.T) {
	for _, tc := range []struct {
		name        string
		policy      hsu.Policy
		road        road
		least, most float64 // of the line, after a minute
	}{
		{"alone", hsu.Fair, road{line: 100}, 0.94, 1},
		{"beside one that grows", hsu.Fair, road{line: 100, greedy: true, other: 20}, 0.44, 0.8},
		{"with a higher claim", hsu.High, road{line: 100, greedy: true, other: 20}, 0.55, 0.85},
		{"in the background", hsu.Low, road{line: 100, greedy: true, other: 20}, 0.04, 0.6},
		{"beside one that takes a part and no more", hsu.Fair, road{line: 100, other: 30}, 0.6, 0.7},
	} {
		t.Run(tc.name, func(t *testing.T) {
			y, r := newYielder(tc.policy), tc.road
			var sum float64
			limit := 0.0
			for i := range 240 {
				f := r.drive(limit)
				limit = y.measured(f)
				if i >= 120 {
					sum += f.rate
				}
			}
			if part := sum / 120 / r.line; part < tc.least || part > tc.most {
				t.Errorf("it has %.2f of the line, want %.2f to %.2f", part, tc.least, tc.most)
			}
		})
	}
}

func TestNothingIsYieldedWithoutLoss(t *testing.T) {
	y := newYielder(hsu.Fair)
	y.calm = calmAfter
	for range 20 { // a line whose round trips vary, as those of radio do
		if limit := y.measured(flow{rate: 100, rtt: 90 * time.Millisecond, queue: 60 * time.Millisecond}); limit != 0 {
			t.Fatalf("it holds itself to %v", limit)
		}
	}
	if newYielder(hsu.Fixed) != nil {
		t.Error("a fixed rate yields")
	}
}

func TestALimitGoesWhenSomethingElseBounds(t *testing.T) {
	y := newYielder(hsu.Fair)
	for range 2 {
		y.measured(flow{rate: 100, queue: 40 * time.Millisecond, loss: 0.01})
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

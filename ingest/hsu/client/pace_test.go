package client

import (
	"testing"
	"time"
)

// A burst fills the queue of the line, and others on it lose.
func TestAPauseLeavesNoBurstLongerThanQueues(t *testing.T) {
	const rate = 10_000_000
	p := newPacer(rate)
	now := time.Unix(1_800_000_000, 0)
	p.wait(now, p.book(now, 1))
	now = now.Add(time.Hour)
	burst := int(rate * paceBurst / time.Second)
	if got := p.wait(now, p.book(now, burst)); got != 0 {
		t.Errorf("what %v carry waits %v after an hour", paceBurst, got)
	}
	if got := p.wait(now, p.book(now, burst)); got != paceBurst {
		t.Errorf("the same again waits %v", got)
	}
	if paceBurst > 50*time.Millisecond {
		t.Errorf("%v are made up for; queues of lines hold 50 ms", paceBurst)
	}
}

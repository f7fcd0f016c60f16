package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"sluice/ingest/hsu"
)

// pacer keeps all streams together at a rate.
type pacer struct {
	mu   sync.Mutex // guards what follows
	own  int64      // bytes a second that we were asked not to exceed; 0 for any
	part int64      // what the server gives us of the account's link; 0 for any
	line int64      // what we leave ourselves of the line; 0 for any
	next time.Time
}

// paceBurst is how much of a second may be made up for after a pause: queues hold little more.
const paceBurst = 30 * time.Millisecond

// grant says what the server gives, in bytes a second.
func (p *pacer) grant(part int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = part
}

// keep says what is taken of the line, in bytes a second.
func (p *pacer) keep(line int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = line
}

// lowest is the least of the rates, and whose it is. The caller holds the mutex.
func (p *pacer) lowest() (int64, string) {
	rate, why := int64(0), ""
	for _, r := range []struct {
		rate int64
		why  string
	}{{p.own, hsu.SlowRate}, {p.part, hsu.SlowCap}, {p.line, hsu.SlowNetwork}} {
		if r.rate > 0 && (rate == 0 || r.rate < rate) {
			rate, why = r.rate, r.why
		}
	}
	return rate, why
}

// bound names what bounds the rate; "" for nothing.
func (p *pacer) bound() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, why := p.lowest()
	return why
}

// piece is how many bytes to ask for at a time.
func (p *pacer) piece() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate, _ := p.lowest()
	if rate == 0 {
		return writePiece
	}
	return int(min(max(float64(rate)*pieceEvery.Seconds(), leastPiece), writePiece))
}

// take waits until n bytes may be sent. The wait is booked when it begins: it may be longer than what is told of is.
func (p *pacer) take(ctx context.Context, n int, booked *atomic.Int64) error {
	wait := p.charge(time.Now(), n)
	if wait <= 0 {
		return nil
	}
	booked.Add(int64(wait))
	return sleep(ctx, wait)
}

func (p *pacer) charge(now time.Time, n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate, _ := p.lowest()
	if rate == 0 {
		return 0
	}
	if start := now.Add(-paceBurst); p.next.Before(start) {
		p.next = start
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	return p.next.Sub(now)
}

package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"sluice/ingest/hsu"
	"sluice/internal/pace"
)

// pacer keeps all streams together at a rate.
type pacer struct {
	mu   sync.Mutex // guards what follows
	own  int64      // bytes a second that we were asked not to exceed; 0 for any
	part int64      // what the server gives us of the account's link; 0 for any
	line int64      // what we leave ourselves of the line; 0 for any
	pace pace.Bucket
}

func newPacer(own int64) *pacer { return &pacer{own: own, pace: pace.New(paceBurst)} }

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

// take waits until n bytes may be sent. Each part of the wait is told of when it begins.
func (p *pacer) take(ctx context.Context, n int, told *atomic.Int64) error {
	t := p.book(time.Now(), n)
	return pace.Until(func() time.Duration { return p.wait(time.Now(), t) }, func(d time.Duration) error {
		told.Add(int64(d))
		return sleep(ctx, d)
	})
}

func (p *pacer) book(now time.Time, n int) pace.Ticket {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace.Book(now, n)
}

// wait is how long a ticket still waits at the lowest of the rates there are now.
func (p *pacer) wait(now time.Time, t pace.Ticket) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate, _ := p.lowest()
	p.pace.SetRate(now, rate)
	return p.pace.Wait(now, t)
}

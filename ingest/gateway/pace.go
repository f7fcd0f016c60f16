package gateway

import (
	"context"
	"io"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/internal/pace"
)

// allowance is the bytes a second that all connections of a user have together. A nil one is endless.
type allowance struct {
	mu   sync.Mutex
	pace pace.Bucket // guarded by mu
}

// burst is for how long a user who rested may be as fast as the line.
const burst = 250 * time.Millisecond

func newAllowance() *allowance { return &allowance{pace: pace.New(burst)} }

// allowance returns the allowance of a user, which all connections share.
func (g *Gateway) allowance(u catalog.GatewayUser) *allowance {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.allowances[u.ID]
	if a == nil {
		if u.Rate == 0 {
			return nil
		}
		a = newAllowance()
		g.allowances[u.ID] = a
	}
	a.set(u.Rate)
	return a
}

// set gives it a rate; 0 for any.
func (a *allowance) set(rate int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pace.SetRate(time.Now(), rate)
}

func (a *allowance) book(n int) pace.Ticket {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pace.Book(time.Now(), n)
}

func (a *allowance) due(t pace.Ticket) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pace.Wait(time.Now(), t)
}

// wait waits until n bytes may pass.
func (a *allowance) wait(ctx context.Context, n int) error {
	if a == nil {
		return nil
	}
	t := a.book(n)
	return pace.Until(func() time.Duration { return a.due(t) }, func(d time.Duration) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// slow waits until n bytes of a file may pass.
func (s *session) slow(n int) error {
	if err := s.allowance.wait(s.ctx, n); err != nil {
		return err
	}
	if s.quota == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.CopyN(io.Discard, s.quota, int64(n))
	return err
}

// endless is as many bytes as anybody wants: what a reader with a limit gives of it is what may pass.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

package gateway

import (
	"context"
	"io"
	"sync"
	"time"

	"sluice/catalog"
)

// pace bounds the bytes a second of all connections of a user. A nil pace bounds nothing.
type pace struct {
	mu   sync.Mutex
	rate int64
	next time.Time // when the bytes that were let through so far are paid for
}

// burst is for how long a user who rested may be as fast as the line.
const burst = 250 * time.Millisecond

// pace returns the pace of a user, which all connections share.
func (g *Gateway) pace(u catalog.GatewayUser) *pace {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.paces[u.ID]
	if p == nil {
		if u.Rate == 0 {
			return nil
		}
		p = &pace{}
		g.paces[u.ID] = p
	}
	p.mu.Lock()
	p.rate = u.Rate
	p.mu.Unlock()
	return p
}

// wait waits until n bytes may pass.
func (p *pace) wait(ctx context.Context, n int) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	if p.rate == 0 {
		p.mu.Unlock()
		return nil
	}
	now := time.Now()
	if oldest := now.Add(-burst); p.next.Before(oldest) {
		p.next = oldest
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	due := p.next.Sub(now)
	p.mu.Unlock()
	if due <= 0 {
		return nil
	}
	t := time.NewTimer(due)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// slow waits until n bytes of a file may pass.
func (s *session) slow(n int) error {
	if err := s.pace.wait(s.ctx, n); err != nil {
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

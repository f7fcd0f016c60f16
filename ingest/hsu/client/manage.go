package client

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/ingest/hsu"
)

const (
	// measureEvery is how long streams are measured before their number is judged.
	measureEvery = 2 * time.Second
	manageEvery  = 250 * time.Millisecond
)

// manager keeps as many streams as the tuner says.
type manager struct {
	u       *upload
	tuner   *tuner
	posting atomic.Bool // connections are not upgraded on this way
	quits   []chan struct{}
	done    chan chan struct{}
}

// manage runs streams until ctx ends.
func (u *upload) manage(ctx context.Context) error {
	most := maxStreams
	if s, _ := u.current(); s.MaxStreams > 0 {
		most = min(most, s.MaxStreams)
	}
	m := &manager{u: u, tuner: newTuner(most), done: make(chan chan struct{}, 4*maxStreams)}
	if u.o.Streams > 0 {
		m.tuner.streams, m.tuner.settled = min(u.o.Streams, most), true
	}
	if u.o.Open.Policy == hsu.Low {
		m.tuner.streams, m.tuner.settled = 1, true
	}
	g, gctx := errgroup.WithContext(ctx)
	tick := time.NewTicker(manageEvery)
	defer tick.Stop()
	measured, acked := time.Now(), int64(0)
	for {
		m.adjust(gctx, g)
		select {
		case <-gctx.Done():
			return g.Wait()
		case quit := <-m.done:
			m.remove(quit)
		case <-tick.C:
		}
		if now := time.Now(); now.Sub(measured) >= measureEvery {
			p := u.progress()
			if u.o.Streams == 0 && u.o.Open.Policy != hsu.Low {
				m.tuner.measured(float64(p.Bytes-p.Skipped-acked)/now.Sub(measured).Seconds(), u.heldUp())
			}
			measured, acked = now, p.Bytes-p.Skipped
		}
		u.mu.Lock()
		u.count = len(m.quits)
		u.mu.Unlock()
	}
}

// heldUp says whether something else than the network is what makes it slow.
func (u *upload) heldUp() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held
}

// adjust starts and ends streams.
func (m *manager) adjust(ctx context.Context, g *errgroup.Group) {
	for len(m.quits) < m.tuner.streams && ctx.Err() == nil {
		quit := make(chan struct{})
		m.quits = append(m.quits, quit)
		g.Go(func() error {
			defer func() { m.done <- quit }()
			return m.keep(ctx, quit)
		})
	}
	for len(m.quits) > m.tuner.streams {
		last := len(m.quits) - 1
		close(m.quits[last])
		m.quits = m.quits[:last]
	}
}

func (m *manager) remove(quit chan struct{}) {
	for i, q := range m.quits {
		if q == quit {
			m.quits = append(m.quits[:i], m.quits[i+1:]...)
			return
		}
	}
}

// keep runs one stream, again and again, until quit or ctx ends, or an error that waiting does not mend.
func (m *manager) keep(ctx context.Context, quit <-chan struct{}) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		began := time.Now()
		err := m.stream(ctx, quit)
		switch {
		case err == nil || ctx.Err() != nil:
			return nil //nolint:nilerr // the end of ctx is no failure of the stream
		case errors.Is(err, errNoUpgrade):
			if !m.posting.Swap(true) {
				m.u.o.Log("%v; sending by requests", err)
			}
			continue
		case over(err): // whoever makes the next request opens another
		case lasting(err) && !tooMany(err):
			return err
		case m.u.o.Once:
			return fmt.Errorf("%w: %w", ErrNetwork, err)
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		m.u.o.Log("%v; connecting again in %v", err, wait)
		select {
		case <-quit:
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// tooMany says that the server has streams of ours that it did not see end.
func tooMany(err error) bool {
	var r *refused
	return errors.As(err, &r) && r.Code == hsu.CodeInvalid
}

func (m *manager) stream(ctx context.Context, quit <-chan struct{}) error {
	if m.posting.Load() {
		return m.u.post(ctx, quit)
	}
	st, err := m.u.connectStream(ctx, quit)
	if err != nil {
		return err
	}
	return st.run(ctx)
}

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
	// measureEvery is how long streams are measured before their number is judged, or measureRTTs of the line where that is longer.
	measureEvery = time.Second
	measureRTTs  = 8
	manageEvery  = 100 * time.Millisecond
	// worthStreams is how long an upload must still take for more streams to be worth their beginning.
	worthStreams = 3 * time.Second
	// lineShare is how much of what a line holds is let out beside what the server has: its queue, and what comes again, is more.
	lineShare = 1.25
)

// manager keeps as many streams as the tuner says, and what they send together at what the yielder says.
type manager struct {
	u       *upload
	tuner   *tuner   // nil when their number is fixed
	yielder *yielder // nil when nothing is yielded
	halver  *halver  // nil when the rate is not fixed
	streams int
	posting atomic.Bool // connections are not upgraded on this way
	quits   []chan struct{}
	done    chan chan struct{}
	tuned   mark
	yielded mark
	peak    time.Duration // the longest queue that was seen since then
}

// mark is where a measurement begins.
type mark struct {
	at   time.Time
	wire total
	have int64 // bytes acknowledged by the server
}

// manage runs streams until ctx ends.
func (u *upload) manage(ctx context.Context) error {
	most := maxStreams
	if s, _ := u.current(); s.MaxStreams > 0 {
		most = min(most, s.MaxStreams)
	}
	m := &manager{u: u, yielder: newYielder(u.o.Open.Policy), done: make(chan chan struct{}, 4*maxStreams)}
	if u.o.Open.Policy == hsu.Fixed {
		m.halver = newHalver(u.o.Open.Rate / 8)
	}
	m.streams = min(u.o.firstStreams(u.o.Open.Size), most)
	if u.o.Streams == 0 && u.o.Open.Policy != hsu.Low {
		m.tuner = newTuner(m.streams, most)
	}
	if y := m.yielder; y != nil {
		u.pace.keep(int64(y.limit))
	}
	g, gctx := errgroup.WithContext(ctx)
	tick := time.NewTicker(manageEvery)
	defer tick.Stop()
	m.tuned.at, m.yielded.at = time.Now(), time.Now()
	for {
		m.adjust(gctx, g)
		select {
		case <-gctx.Done():
			return g.Wait()
		case quit := <-m.done:
			m.remove(quit)
		case <-tick.C:
			m.measure(time.Now())
		}
		u.running.Store(int32(len(m.quits))) //nolint:gosec // maxStreams
	}
}

// measure looks at what the streams do, and says how they go on.
func (m *manager) measure(now time.Time) {
	w, known := m.u.wires.look()
	if y := m.yielder; y != nil && known {
		m.peak = max(m.peak, w.rtt-w.least)
		if d := now.Sub(m.yielded.at); d >= y.every(w.least)-manageEvery/2 {
			f := flowOf(m.yielded.wire, w, d)
			f.peak = m.peak
			m.u.pace.keep(int64(y.measured(f)))
			m.yielded, m.peak = mark{at: now, wire: w}, 0
		}
	}
	if now.Sub(m.tuned.at) < max(measureEvery, measureRTTs*w.least) {
		return
	}
	p := m.u.progress()
	have, d := p.Bytes-p.Skipped, now.Sub(m.tuned.at)
	f := flow{rate: float64(have-m.tuned.have) / d.Seconds()}
	if known {
		f = flowOf(m.tuned.wire, w, d)
		m.u.sched.widen(int64(lineShare*f.rate*w.least.Seconds()), w.least, len(m.quits))
		if m.halver != nil {
			m.u.pace.keep(int64(m.halver.measured(f)))
		}
	}
	m.tuned = mark{now, w, have}
	if m.tuner == nil {
		return
	}
	// A line that is full is not filled by more streams, and what ends soon not faster by them.
	full := m.yielder != nil && m.yielder.holds()
	soon := float64(m.u.sched.left()) < f.rate*worthStreams.Seconds()
	m.tuner.measured(f.rate, f.loss, m.u.heldUp() || full || soon)
	m.streams = m.tuner.streams
}

// heldUp says whether something else than the network is what makes it slow.
func (u *upload) heldUp() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held
}

// adjust starts and ends streams.
func (m *manager) adjust(ctx context.Context, g *errgroup.Group) {
	for len(m.quits) < m.streams && ctx.Err() == nil {
		quit := make(chan struct{})
		m.quits = append(m.quits, quit)
		g.Go(func() error {
			defer func() { m.done <- quit }()
			return m.keep(ctx, quit)
		})
	}
	for len(m.quits) > m.streams {
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

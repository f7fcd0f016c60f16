package sched

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Class is a priority. A higher class is always served first.
type Class int

// Classes. Probe is not a priority but a lane of its own: its asks take no tokens and wait only for other probes.
const (
	Bulk Class = iota - 1
	Normal
	Interactive
	Probe
)

// Config configures a Scheduler. The zero value takes the machine as it is.
type Config struct {
	// Tokens bounds the cores in use; 0 means all that the process may have (GOMAXPROCS, the cgroup's quota).
	Tokens int
	// Memory is the budget for lanes, bytes; 0 means three quarters of what the process may have.
	Memory int64
	// Probes is the number of probes at a time; 0 means 2.
	Probes int
	// MaxWaiting bounds the asks in the queue; a further one fails with ErrFull. 0 means 10000.
	MaxWaiting int
}

// Ask is a wish for tokens.
type Ask struct {
	// Job names what the fair share is counted for, e.g. an entry: the asks of one job share its share.
	Job   string
	Class Class
	// Min is the least number of tokens that is of use; 0 means 1. It is lowered to the tokens there are.
	Min int
	// Max is the most tokens that are of use; 0 means as many as there are.
	Max int
	// Width, Height and Preset describe the largest encode, for the estimate of memory; see LaneMemory.
	Width, Height int
	Preset        string
	// LaneBytes overrides the estimate of memory per token; 0 means the estimate.
	LaneBytes int64
	// JobBytes is what the job takes besides, however many tokens it gets.
	JobBytes int64
}

// Errors of Acquire. Otherwise it fails with the context's error.
var (
	ErrFull   = errors.New("too many jobs wait for cores")
	ErrClosed = errors.New("the scheduler is closed")
)

// Scheduler hands out tokens. It is safe for concurrent use.
type Scheduler struct {
	mu     sync.Mutex
	work   lane
	probes lane
	max    int // waiting asks
	closed bool
}

// New makes a Scheduler.
func New(c Config) *Scheduler {
	tokens := MachineTokens()
	if c.Tokens > 0 {
		tokens = min(tokens, c.Tokens)
	}
	if c.Memory <= 0 {
		c.Memory = MachineMemory()
	}
	if c.Probes <= 0 {
		c.Probes = 2
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = 10_000
	}
	return newScheduler(tokens, c.Memory, c.Probes, c.MaxWaiting)
}

func newScheduler(tokens int, memory int64, probes, waiting int) *Scheduler {
	return &Scheduler{work: newLane(tokens, memory), probes: newLane(probes, 1<<62), max: waiting}
}

// Tokens is the number of tokens there are.
func (s *Scheduler) Tokens() int { return s.work.tokens }

// Acquire waits for its turn and returns a lease of between Min and Max tokens, which the caller must release. It ends with
// the context's error when ctx ends first; then nothing is held.
func (s *Scheduler) Acquire(ctx context.Context, a Ask) (*Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := s.enqueue(a)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.granted:
	case <-ctx.Done():
		if s.withdraw(w) {
			return nil, ctx.Err()
		}
		// Granted at the same moment: give it back.
		w.lease.Release()
		return nil, ctx.Err()
	}
	if w.lease == nil {
		return nil, ErrClosed
	}
	return w.lease, nil
}

func (s *Scheduler) enqueue(a Ask) (*waiter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.work
	if a.Class == Probe {
		l = &s.probes
		a.Class, a.Min, a.Max, a.LaneBytes = Normal, 1, 1, 1
	}
	switch {
	case s.closed:
		return nil, ErrClosed
	case len(l.waiting) >= s.max:
		return nil, fmt.Errorf("%w: %d", ErrFull, len(l.waiting))
	}
	w := l.add(a)
	s.dispatch(l)
	return w, nil
}

// withdraw takes a waiter off the queue; false means that it was granted already.
func (s *Scheduler) withdraw(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.lane.remove(w) {
		<-w.granted // closed with the lease set, under this mutex
		return w.lease == nil
	}
	s.dispatch(w.lane) // it may have stood in the way of others
	return true
}

// dispatch must be called with mu held.
func (s *Scheduler) dispatch(l *lane) {
	for _, g := range l.dispatch() {
		g.lease = &Lease{sched: s, waiter: g}
		close(g.granted)
	}
}

// Close fails everything that waits, and every later Acquire. Leases stay valid until released.
func (s *Scheduler) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range []*lane{&s.work, &s.probes} {
		for _, w := range l.waiting {
			close(w.granted)
		}
		l.waiting = nil
	}
}

// Stats is a snapshot for metrics.
type Stats struct {
	Tokens, Busy, Waiting int
	Memory, Reserved      int64
}

// Stats returns how much is in use.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.work
	return Stats{Tokens: l.tokens, Busy: l.tokens - l.free, Waiting: len(l.waiting), Memory: l.memory, Reserved: l.reserved}
}

// Lease is a number of tokens that the holder may keep busy.
type Lease struct {
	sched  *Scheduler
	waiter *waiter
	once   sync.Once
}

// Tokens is how many lanes the holder may run.
func (l *Lease) Tokens() int { return l.waiter.tokens }

// Memory is what was reserved, bytes.
func (l *Lease) Memory() int64 { return l.waiter.bytes }

// Release gives everything back. Further calls do nothing.
func (l *Lease) Release() {
	l.once.Do(func() {
		l.sched.mu.Lock()
		defer l.sched.mu.Unlock()
		l.waiter.lane.release(l.waiter)
		l.sched.dispatch(l.waiter.lane)
	})
}

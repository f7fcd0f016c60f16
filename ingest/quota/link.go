package quota

import (
	"context"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/internal/pace"
)

// Weights of transfers on their account's link.
const (
	Low  = 1
	Fair = 4
	High = 8
)

const (
	// second is the slice of time for which a link is split.
	second = time.Second
	// burst is how much of a second a transfer that paused may make up for.
	burst = second / 4
	// least keeps a transfer alive whose demand was too small to measure.
	least = 64 << 10
	// young is the second after which what a transfer uses tells what it wants: before, it takes round trips to begin.
	young = 3
)

// link is what an account's transfers of this process share. Limits makes it for the first of them and drops it after the last.
type link struct {
	limits  *Limits
	account catalog.AccountID

	mu     sync.Mutex // guards what follows, and the shares' fields
	rate   int64      // bytes a second
	shares map[*Share]struct{}
	others []want // of other nodes, as last heard
	stop   context.CancelFunc
	done   chan struct{}
}

// Share is one transfer's part of its account's link. It is safe for concurrent use.
type Share struct {
	link   *link
	weight int64
	most   int64 // bytes a second that it never exceeds; 0 for no such bound

	// Guarded by link.mu.
	rate    int64
	pace    pace.Bucket
	used    int64 // in the present second
	before  int64 // in the last one
	seconds int   // that it is here, up to young
	demand  int64
	limited bool // it waited in the present second
	slow    bool // it waited in the last one
}

// Report tells a transfer how it stands on its account's link. All rates are bytes a second.
type Report struct {
	// Cap is the link's rate, 0 when the account has none; Rate is this transfer's part of it.
	Cap, Rate int64
	// Transfers share the link, on all nodes.
	Transfers int
	// Limited says that in the last second the transfer waited for its part: the cap is what makes it slow.
	Limited bool
}

// Take waits until n bytes may pass, or ctx ends. A nil share lets everything pass.
func (s *Share) Take(ctx context.Context, n int) error {
	if s == nil || n <= 0 {
		return nil
	}
	t := s.book(n)
	return pace.Until(func() time.Duration { return s.wait(t) }, func(d time.Duration) error {
		waited.Add(d.Seconds())
		return s.link.limits.sleep(ctx, d)
	})
}

func (s *Share) book(n int) pace.Ticket {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	s.used += int64(n)
	return s.pace.Book(l.limits.now(), n)
}

func (s *Share) wait(t pace.Ticket) time.Duration {
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := s.pace.Wait(l.limits.now(), t)
	s.limited = s.limited || wait > 0
	return wait
}

// Report returns how the transfer stands. A nil share has no cap.
func (s *Share) Report() Report {
	if s == nil {
		return Report{}
	}
	l := s.link
	l.mu.Lock()
	defer l.mu.Unlock()
	return Report{Cap: l.rate, Rate: s.rate, Transfers: len(l.shares) + len(l.others), Limited: s.slow || s.limited}
}

// Close gives the part back. Closing again does nothing.
func (s *Share) Close() {
	if s != nil {
		s.link.limits.leave(s)
	}
}

// piece is how many bytes to ask for at a time, so that waits stay short.
func (s *Share) piece() int {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	return int(min(max(s.rate/8, 4<<10), 1<<20))
}

// wants are what the transfers of this process can use.
func (l *link) wants() ([]*Share, []want) {
	shares, wants := make([]*Share, 0, len(l.shares)), make([]want, 0, len(l.shares))
	for s := range l.shares {
		d := s.demand
		if s.most > 0 {
			d = min(d, s.most)
		}
		shares, wants = append(shares, s), append(wants, want{s.weight, d})
	}
	return shares, wants
}

// divide gives each transfer its part. The caller holds the mutex.
func (l *link) divide() {
	now := l.limits.now()
	shares, wants := l.wants()
	parts := split(l.rate, append(wants, l.others...))
	for i, s := range shares {
		s.rate = max(parts[i], 1)
		if s.most > 0 {
			s.rate = min(s.rate, s.most)
		}
		s.pace.SetRate(now, s.rate)
	}
}

// turn ends a second: what each transfer used of it says what it wants of the next.
func (l *link) turn() []want {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.limits.now()
	for s := range l.shares {
		s.demand, s.slow = unlimited, s.limited || s.pace.Behind(now)
		if s.seconds = min(s.seconds+1, young); s.seconds == young && !s.slow {
			used := max(s.used, s.before)
			s.demand = used + used/4 + least
		}
		s.before, s.used, s.limited = s.used, 0, false
	}
	_, wants := l.wants()
	return wants
}

// hear takes in what other nodes want, and the rate, and divides anew.
func (l *link) hear(rate int64, others []want, heard bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
	if heard {
		l.others = others
	}
	l.divide()
}

// run turns the seconds until the link's last transfer leaves.
func (l *link) run(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(second)
	defer tick.Stop()
	for {
		l.second(ctx)
		select {
		case <-ctx.Done():
			l.limits.withdraw(ctx, l.account)
			return
		case <-tick.C:
		}
	}
}

// second ends one second and begins the next.
func (l *link) second(ctx context.Context) {
	wants := l.turn()
	rate, err := l.limits.rateOf(ctx, l.account)
	if err != nil || rate == 0 {
		l.mu.Lock()
		rate = l.rate // a cap that was lifted meanwhile stays for the transfers that run
		l.mu.Unlock()
	}
	others, heard := l.limits.exchange(ctx, l.account, wants)
	l.hear(rate, others, heard)
}

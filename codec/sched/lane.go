package sched

import (
	"cmp"
	"slices"
)

// lane is the state of one pool of tokens: a pure machine that add, remove, release and dispatch move. The Scheduler's mutex
// guards it.
type lane struct {
	tokens, free     int
	memory, reserved int64
	waiting          []*waiter
	jobs             map[string]*job // with anything waiting or held
	seq              int64
}

// job is what is known of the asks under one name.
type job struct {
	started int64 // order of arrival
	held    int   // tokens
	waiting int   // asks
}

// waiter is one ask, waiting or granted.
type waiter struct {
	lane    *lane
	ask     Ask
	seq     int64
	granted chan struct{} // closed when lease is set, or when the scheduler closes
	lease   *Lease
	tokens  int
	bytes   int64
}

func newLane(tokens int, memory int64) lane {
	return lane{tokens: tokens, free: tokens, memory: memory, jobs: map[string]*job{}}
}

// add puts an ask into the queue.
func (l *lane) add(a Ask) *waiter {
	a.Min = min(max(a.Min, 1), l.tokens)
	if a.Max <= 0 || a.Max > l.tokens {
		a.Max = l.tokens
	}
	a.Max = max(a.Max, a.Min)
	if a.LaneBytes <= 0 {
		a.LaneBytes = LaneMemory(a.Width, a.Height, a.Preset)
	}
	l.seq++
	j := l.jobs[a.Job]
	if j == nil {
		j = &job{started: l.seq}
		l.jobs[a.Job] = j
	}
	j.waiting++
	w := &waiter{lane: l, ask: a, seq: l.seq, granted: make(chan struct{})}
	l.waiting = append(l.waiting, w)
	return w
}

// remove takes w off the queue; false if it is not there.
func (l *lane) remove(w *waiter) bool {
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	l.jobs[w.ask.Job].waiting--
	l.forget(w.ask.Job)
	return true
}

// release takes back what w holds.
func (l *lane) release(w *waiter) {
	l.free += w.tokens
	l.reserved -= w.bytes
	l.jobs[w.ask.Job].held -= w.tokens
	l.forget(w.ask.Job)
}

func (l *lane) forget(name string) {
	if j := l.jobs[name]; j.held == 0 && j.waiting == 0 {
		delete(l.jobs, name)
	}
}

// dispatch grants what can be granted now, in order, and returns it.
func (l *lane) dispatch() []*waiter {
	var out []*waiter
	for len(l.waiting) > 0 && l.free > 0 {
		w := slices.MinFunc(l.waiting, l.order)
		n := l.amount(w)
		if n == 0 {
			// The first in line waits for tokens or memory. Nobody overtakes, or a large ask would starve.
			break
		}
		j := l.jobs[w.ask.Job]
		w.tokens, w.bytes = n, w.ask.JobBytes+int64(n)*w.ask.LaneBytes
		l.free -= n
		l.reserved += w.bytes
		j.held += n
		l.remove(w)
		out = append(out, w)
	}
	return out
}

// order compares two waiters: class, then whoever's job is below its fair share, then the job that came first, then the ask.
func (l *lane) order(a, b *waiter) int {
	share := l.share()
	over := func(w *waiter) int {
		if l.jobs[w.ask.Job].held >= share {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(b.ask.Class, a.ask.Class),
		cmp.Compare(over(a), over(b)),
		cmp.Compare(l.jobs[a.ask.Job].started, l.jobs[b.ask.Job].started),
		cmp.Compare(a.seq, b.seq),
	)
}

// share is what each of the jobs that want or hold tokens is entitled to.
func (l *lane) share() int { return max(1, l.tokens/max(1, len(l.jobs))) }

// amount is how many tokens w gets now: up to its maximum while its job is alone, else up to the job's fair share, never
// less than its minimum; 0 when the minimum is not free or does not fit into memory. When nothing is running the minimum is
// given whatever the estimate says, for it would never fit better.
func (l *lane) amount(w *waiter) int {
	n := min(w.ask.Max, l.free)
	if len(l.jobs) > 1 {
		n = min(n, max(l.share()-l.jobs[w.ask.Job].held, w.ask.Min))
	}
	if fit := (l.memory - l.reserved - w.ask.JobBytes) / w.ask.LaneBytes; fit < int64(n) {
		n = int(max(fit, 0))
		if n < w.ask.Min && l.free == l.tokens {
			n = w.ask.Min
		}
	}
	if n < w.ask.Min {
		return 0
	}
	return n
}

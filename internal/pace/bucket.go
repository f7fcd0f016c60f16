package pace

import (
	"math"
	"time"
)

// Bucket lets bytes pass at a rate, in the order in which they were booked. What waits passes sooner when the rate grows, and later
// when it falls: see Until. Its zero value lets everything pass. It is not safe for
// concurrent use.
type Bucket struct {
	rate   float64 // bytes a second; 0 for any
	burst  time.Duration
	at     time.Time
	booked float64 // bytes, since it was made
	passed float64 // of them; more than booked while a pause is made up for
}

// recheck is how long is slept at most before a wait is asked for again.
const recheck = 100 * time.Millisecond

// Until sleeps as long as there is something to wait, in parts, because that changes with the rate. An error of sleep ends it.
func Until(wait func() time.Duration, sleep func(time.Duration) error) error {
	for {
		d := min(wait(), recheck)
		if d <= 0 {
			return nil
		}
		if err := sleep(d); err != nil {
			return err
		}
	}
}

// Ticket is a place in what was booked.
type Ticket float64

// New returns a bucket that, after a pause, makes up for so much time at most.
func New(burst time.Duration) Bucket { return Bucket{burst: burst} }

// SetRate says how many bytes a second pass from now on; 0 for any.
func (b *Bucket) SetRate(now time.Time, rate int64) {
	b.advance(now)
	b.rate = float64(rate)
}

// Book books n bytes behind those that wait.
func (b *Bucket) Book(now time.Time, n int) Ticket {
	b.advance(now)
	b.booked += float64(n)
	return Ticket(b.booked)
}

// Wait is how long a ticket still waits at the present rate; 0 when its bytes may pass.
func (b *Bucket) Wait(now time.Time, t Ticket) time.Duration {
	b.advance(now)
	if b.rate == 0 || float64(t) <= b.passed {
		return 0
	}
	wait := (float64(t) - b.passed) / b.rate * float64(time.Second)
	return time.Duration(max(1, min(math.Ceil(wait), math.MaxInt64/2)))
}

// Behind says whether bytes wait.
func (b *Bucket) Behind(now time.Time) bool { return b.Wait(now, Ticket(b.booked)) > 0 }

// advance lets pass what the time since the last call allows.
func (b *Bucket) advance(now time.Time) {
	if b.at.IsZero() {
		b.at, b.passed = now, b.booked+b.rate*b.burst.Seconds()
	}
	d := max(now.Sub(b.at), 0)
	b.at = now
	if b.rate == 0 {
		b.passed = b.booked
		return
	}
	b.passed = min(b.passed+b.rate*d.Seconds(), b.booked+b.rate*b.burst.Seconds())
}

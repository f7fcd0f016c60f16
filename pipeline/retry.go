package pipeline

import (
	"errors"
	"math/rand/v2"
	"time"
)

// An error of a handler may say more than its text, by any of these methods, on itself or on an error it wraps.
type (
	// retrier says whether trying again can help, and after how long; 0 leaves the wait to the pipeline. Without it, an
	// error is worth a retry.
	retrier interface{ RetryAfter() (bool, time.Duration) }
	// coder gives the stable name of the failure that the catalog keeps.
	coder interface{ ErrorCode() string }
	// postponer says whether the failure is not the task's own, so that it does not use up an attempt.
	postponer interface{ Postponed() bool }
	// awaiter says how many bytes of its upload a task needs before it can go on: it waits for them, and none of its attempts counts.
	awaiter interface{ NeedsBytes() int64 }
	// explainer gives a sentence for people.
	explainer interface{ UserText() string }
)

// Error codes of failures that name none.
const (
	CodeInternal = "internal"
	CodePanic    = "panic"
)

// verdict wraps an error with whether it is worth a retry.
type verdict struct {
	error
	retry    bool
	postpone bool
	after    time.Duration
}

func (v *verdict) Unwrap() error                     { return v.error }
func (v *verdict) RetryAfter() (bool, time.Duration) { return v.retry, v.after }
func (v *verdict) Postponed() bool                   { return v.postpone }

// Permanent marks an error as one that no retry can help: the task is dead at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &verdict{error: err}
}

// Retry marks an error as worth a retry after the wait that grows with the attempts, whatever the error says of itself.
// Retry(nil) is nil.
func Retry(err error) error { return RetryIn(err, 0) }

// RetryIn is Retry after a wait of its own, e.g. what a server asked for.
func RetryIn(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &verdict{error: err, retry: true, after: after}
}

// Postpone marks an error as one that is not the task's own, such as a full disk: the task is tried again, at least once a
// minute, for as long as it takes, and none of its attempts counts. Postpone(nil) is nil.
func Postpone(err error) error {
	if err == nil {
		return nil
	}
	return &verdict{error: err, retry: true, postpone: true}
}

// Await marks an error as one that the task's upload is not far enough: the task goes on when so many bytes of it are there.
// Await(nil, n) is nil.
func Await(err error, bytes int64) error {
	if err == nil {
		return nil
	}
	return &lack{err, bytes}
}

// lack is an error that more bytes mend.
type lack struct {
	error
	bytes int64
}

func (l *lack) Unwrap() error     { return l.error }
func (l *lack) NeedsBytes() int64 { return l.bytes }

// postponeMost is the longest rest of a postponed task: when its obstacle is gone, people wait for it.
const postponeMost = 40 * time.Second

// failure is what becomes of a handler's error.
type failure struct {
	code, text string
	retry      bool
	postpone   bool
	bytes      int64 // of its upload that the task waits for; 0 for none
	delay      time.Duration
}

// classify decides what becomes of an error of the given attempt, counting from 1; forgiven attempts are among them.
func (b Backoff) classify(err error, attempt, forgiven int) failure {
	f := failure{code: CodeInternal, text: err.Error(), retry: true}
	if c := coder(nil); errors.As(err, &c) && c.ErrorCode() != "" {
		f.code = c.ErrorCode()
	}
	if e := explainer(nil); errors.As(err, &e) && e.UserText() != "" {
		f.text = e.UserText()
	}
	if a := awaiter(nil); errors.As(err, &a) {
		f.bytes = a.NeedsBytes()
	}
	if r := retrier(nil); errors.As(err, &r) {
		f.retry, f.delay = r.RetryAfter()
	}
	if p := postponer(nil); errors.As(err, &p) && p.Postponed() {
		f.postpone, forgiven = true, 0
		if b.Most <= 0 || b.Most > postponeMost {
			b.Most = postponeMost
		}
	}
	if f.retry && f.delay <= 0 {
		f.delay = b.delay(attempt - forgiven)
	}
	return f
}

// Backoff is how long a failed task rests: First after the first attempt, then twice as long each time up to Most, each
// varied by up to half so that tasks that failed together do not come back together.
type Backoff struct {
	First time.Duration // 0 means 1 s
	Most  time.Duration // 0 means 5 min
}

func (b Backoff) delay(attempt int) time.Duration {
	first, most := b.First, b.Most
	if first <= 0 {
		first = time.Second
	}
	if most <= 0 {
		most = 5 * time.Minute
	}
	d := first
	for i := 1; i < attempt && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	return d/2 + rand.N(d)
}

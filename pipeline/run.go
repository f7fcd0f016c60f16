package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"sluice/catalog"
)

// Handler does the work of a stage.
type Handler interface {
	// Run does one attempt at a task. A nil error means that it succeeded: what it recorded with r.Complete is then
	// committed, and only then is the task done. An error fails the attempt; it may say what it is (see Permanent and
	// Retry, and the methods ErrorCode and UserText).
	//
	// The context ends when the task is cancelled, when its lease is lost, and when the worker shuts down; whatever Run
	// returns then is thrown away. Another attempt may begin before Run returns, so what it does outside the catalog must
	// bear being done twice. A panic fails the attempt.
	Run(ctx context.Context, r *Run) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, r *Run) error

// Run calls f.
func (f HandlerFunc) Run(ctx context.Context, r *Run) error { return f(ctx, r) }

// Run is one attempt at a task, as its handler sees it. Its methods may be called from several goroutines, and must not be
// called after the handler has returned.
type Run struct {
	Task catalog.Task

	mu          sync.Mutex
	done        int64
	total       int64
	bytes       int64
	changed     bool // since the last heartbeat
	result      any
	then        func(tx *catalog.Tx) error
	afterCommit []func(ctx context.Context)
	discard     func(ctx context.Context)
}

// Progress tells how far the attempt is, in the stage's own unit (total 0: unknown), and how many bytes it has handled. It
// is cheap: the newest values travel with the next heartbeat.
func (r *Run) Progress(done, total, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = r.changed || r.done != done || r.total != total || r.bytes != bytes
	r.done, r.total, r.bytes = done, total, bytes
}

// Complete records what is to be committed when the handler returns nil: a result, kept with the task as JSON, and changes
// that are made in the same transaction as the task is done. Then must only use tx, must be quick, and may run several
// times. The last call counts; without one, the task is done with no result.
func (r *Run) Complete(result any, then func(tx *catalog.Tx) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result, r.then = result, then
}

// AfterCommit records what to do when the outcome is committed, such as deleting objects that nothing refers to any more.
// A crash between the two leaves it undone.
func (r *Run) AfterCommit(fn func(ctx context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.afterCommit = append(r.afterCommit, fn)
}

// Discard records what to do when the outcome is not committed, for whatever reason: removing what the attempt stored. The
// last call counts. A crash leaves it undone.
func (r *Run) Discard(fn func(ctx context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.discard = fn
}

// progress returns the newest progress and whether it changed since the last call.
func (r *Run) progress() (done, total, bytes int64, changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed, r.changed = r.changed, false
	return r.done, r.total, r.bytes, changed
}

// panicError is a handler's panic as an error.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string     { return fmt.Sprintf("panic: %v", p.value) }
func (p *panicError) ErrorCode() string { return CodePanic }
func (p *panicError) UserText() string  { return "Internal error while working on this." }

// runHandler runs a handler and turns a panic into an error.
func runHandler(ctx context.Context, h Handler, r *Run) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return h.Run(ctx, r)
}

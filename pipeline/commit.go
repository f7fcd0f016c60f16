package pipeline

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/internal/fault"
)

// maxBatch bounds a transaction of completions, a batch of acknowledgements, and the queue to either. A full queue holds
// back the attempts that want to end, and with them the reading of more.
const maxBatch = 128

// commit is a completion on its way into a transaction with others.
type commit struct {
	completion catalog.Completion
	done       chan<- error
}

// thenError is an error of the changes that a handler asked for, as opposed to one of the catalog.
type thenError struct{ error }

func (e *thenError) Unwrap() error { return e.error }

// complete commits a successful attempt.
func (w *Worker) complete(ctx context.Context, run *Run) error {
	_, total, bytes, _ := run.progress()
	c := catalog.Completion{
		Task: run.Task.ID, Attempt: run.Task.Attempt, Result: run.result, Total: total, Bytes: bytes,
	}
	if run.then != nil {
		c.Then = func(tx *catalog.Tx) error { return runThen(tx, run.then) }
	}
	return persist(ctx, func() error {
		done := make(chan error, 1)
		w.commits <- commit{c, done}
		return <-done
	})
}

// runThen runs a handler's changes; their errors and panics are the handler's.
func runThen(tx *catalog.Tx, then func(tx *catalog.Tx) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &thenError{&panicError{value: v, stack: debug.Stack()}}
		}
	}()
	if err := then(tx); err != nil {
		return &thenError{err}
	}
	return nil
}

// commitLoop commits completions until the queue is closed: all that wait at a time in one transaction, so that the more
// there are the cheaper each is, and a single one waits for nothing.
func (w *Worker) commitLoop(ctx context.Context) {
	for first := range w.commits {
		batch := gather(first, w.commits)
		completions := make([]catalog.Completion, len(batch))
		for i, c := range batch {
			completions[i] = c.completion
		}
		errs := w.cfg.Catalog.CompleteMany(ctx, completions)
		fault.Point("pipeline.committed")
		for i, err := range errs {
			batch[i].done <- err
		}
	}
}

// ack is a message whose task needs no more announcing.
type ack struct {
	stage   catalog.Stage
	message string
}

// ackTimeout bounds a batch of acknowledgements; what is lost, the feeder clears away later.
const ackTimeout = 5 * time.Second

// ackLoop acknowledges messages until the queue is closed.
func (w *Worker) ackLoop(ctx context.Context) {
	for first := range w.acks {
		messages := map[catalog.Stage][]string{}
		for _, a := range gather(first, w.acks) {
			messages[a.stage] = append(messages[a.stage], a.message)
		}
		limited, cancel := context.WithTimeout(ctx, ackTimeout)
		_, err := w.cfg.Redis.Pipelined(limited, func(p redis.Pipeliner) error {
			for stage, ids := range messages {
				acknowledge(limited, p, stage, ids)
			}
			return nil
		})
		cancel()
		if err != nil {
			storeErrors.WithLabelValues("worker").Inc()
			w.log.Debug("cannot acknowledge messages", "error", err)
		}
	}
}

// gather returns first and what else waits in the queue, up to maxBatch.
func gather[T any](first T, queue <-chan T) []T {
	batch := []T{first}
	for len(batch) < maxBatch {
		select {
		case next, ok := <-queue:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

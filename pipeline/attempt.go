package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/catalog"
)

// attempt runs a claimed task to its end: its handler, under heartbeats, and what becomes of the outcome. The lease counts
// from claimed.
func (w *Worker) attempt(work context.Context, st StageConfig, task catalog.Task, claimed time.Time) {
	stage := string(task.Stage)
	runningTasks.WithLabelValues(stage).Inc()
	defer runningTasks.WithLabelValues(stage).Dec()
	if !task.QueuedAt.IsZero() {
		taskWait.WithLabelValues(stage).Observe(claimed.Sub(task.QueuedAt).Seconds())
	}
	run := &Run{Task: task}
	ctx, cancel := context.WithCancelCause(work)
	beating, stopBeating := context.WithCancel(context.WithoutCancel(work))
	var beat sync.WaitGroup
	beat.Go(func() { w.beat(beating, cancel, run, st.Lease, claimed) })
	err := runHandler(ctx, st.Handler, run)
	outcome := w.settle(ctx, run, err)
	stopBeating()
	beat.Wait()
	if outcome != outcomeDone && run.discard != nil {
		w.discard(context.WithoutCancel(work), run)
	}
	cancel(nil)
	taskSeconds.WithLabelValues(stage).Observe(time.Since(claimed).Seconds())
	tasksTotal.WithLabelValues(stage, outcome).Inc()
}

// discardTimeout bounds the removal of what an attempt stored for nothing.
const discardTimeout = 30 * time.Second

// discard removes what an attempt stored, once it is certain that the catalog neither has taken its completion nor ever will:
// a commit of which we never heard may have happened.
func (w *Worker) discard(ctx context.Context, run *Run) {
	ctx, stop := context.WithTimeout(ctx, discardTimeout)
	defer stop()
	task, err := w.cfg.Catalog.Task(ctx, run.Task.ID)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return
	}
	if task.Attempt == run.Task.Attempt && (task.State == catalog.TaskRunning || task.State == catalog.TaskDone) {
		return
	}
	run.discard(ctx)
}

// progressInterval is how often progress that changed is written between the heartbeats that the lease needs.
const progressInterval = time.Second

// beat extends the lease of an attempt and carries its progress, until ctx ends. When the task is not the attempt's any
// more, or the catalog is silent for longer than the lease, it ends the handler.
func (w *Worker) beat(ctx context.Context, end context.CancelCauseFunc, run *Run, lease time.Duration, renewed time.Time) {
	interval := min(lease/3, progressInterval)
	for pause(ctx, interval) {
		done, total, bytes, changed := run.progress()
		if !changed && time.Since(renewed)+interval < lease/3 {
			continue
		}
		now := time.Now()
		err := w.cfg.Catalog.Heartbeat(ctx, run.Task.ID, run.Task.Attempt, lease, done, total, bytes)
		switch {
		case err == nil:
			renewed = now
		case lost(err):
			end(err)
			return
		case ctx.Err() != nil:
			return
		case time.Since(renewed) > lease:
			end(fmt.Errorf("%w: its lease ended while the catalog was out of reach: %w", catalog.ErrFenced, err))
			return
		default:
			storeErrors.WithLabelValues("worker").Inc()
		}
	}
}

// lost reports whether err says that a task is not the attempt's any more.
func lost(err error) bool {
	return errors.Is(err, catalog.ErrFenced) || errors.Is(err, catalog.ErrCancelled) || errors.Is(err, catalog.ErrNotFound)
}

// settle commits what an attempt came to and returns the outcome. By now the handler's context may have ended; what is
// committed lives in its own.
func (w *Worker) settle(ended context.Context, run *Run, err error) string {
	ctx, cause := context.WithoutCancel(ended), context.Cause(ended)
	log := w.log.With("task", run.Task.ID, "entry", run.Task.Entry, "stage", run.Task.Stage, "attempt", run.Task.Attempt)
	if err == nil {
		err = w.complete(ctx, run)
		var own *thenError
		switch {
		case err == nil:
			for _, fn := range run.afterCommit {
				fn(ctx)
			}
			return outcomeDone
		case errors.As(err, &own): // the changes that the handler asked for were refused
			return w.fail(ctx, log, run, own.error)
		case lost(err):
			cause = err
		}
	}
	switch {
	case errors.Is(cause, catalog.ErrCancelled):
		log.Info("task was cancelled; its result is dropped")
		return outcomeCancelled
	case lost(cause):
		log.Warn("task is no longer ours; its result is dropped", "cause", cause)
		return outcomeFenced
	case errors.Is(cause, errDraining):
		return w.release(ctx, log, run)
	}
	return w.fail(ctx, log, run, err)
}

// release gives a task back at shutdown.
func (w *Worker) release(ctx context.Context, log *slog.Logger, run *Run) string {
	err := persist(ctx, func() error { return w.cfg.Catalog.Release(ctx, run.Task.ID, run.Task.Attempt) })
	if err != nil {
		log.Warn("cannot give the task back; its lease will end", "error", err)
	}
	return outcomeReleased
}

// fail records that an attempt failed.
func (w *Worker) fail(ctx context.Context, log *slog.Logger, run *Run, err error) string {
	task := run.Task
	f := w.cfg.Backoff.classify(err, task.Attempt, task.Forgiven)
	log = log.With("code", f.code, "error", err)
	if p := (*panicError)(nil); errors.As(err, &p) {
		log = log.With("stack", string(p.stack))
	}
	var state catalog.TaskState
	perr := persist(ctx, func() (err error) {
		if f.bytes > 0 {
			return w.cfg.Catalog.AwaitBytes(ctx, task.ID, task.Attempt, f.bytes)
		}
		if f.postpone {
			return w.cfg.Catalog.Postpone(ctx, task.ID, task.Attempt, f.code, f.text, f.delay)
		}
		state, err = w.cfg.Catalog.Fail(ctx, task.ID, task.Attempt, f.code, f.text, f.retry, f.delay)
		return err
	})
	switch {
	case errors.Is(perr, catalog.ErrCancelled):
		return outcomeCancelled
	case perr != nil:
		log.Warn("cannot record that the task failed; its lease will end", "cause", perr)
		return outcomeFenced
	case f.bytes > 0:
		log.Info("task waits for more of its upload", "bytes", f.bytes)
		return outcomePostponed
	case f.postpone:
		log.Warn("task is postponed", "after", f.delay)
		return outcomePostponed
	case state == catalog.TaskDead:
		log.Error("task is dead", "optional", task.Optional)
		return outcomeDead
	}
	log.Warn("task failed; it will be tried again", "after", f.delay)
	return outcomeRetry
}

// persistTries bounds how often a write is tried while the catalog is out of reach: for about ten seconds. After that the
// lease ends and the attempt is repeated.
const persistTries = 10

// persist runs a write until it succeeds or the catalog refuses it for good.
func persist(ctx context.Context, write func() error) error {
	var own *thenError
	for try, wait := 1, minOutage; ; try, wait = try+1, min(2*wait, maxOutage) {
		err := write()
		if err == nil || lost(err) || errors.As(err, &own) || errors.Is(err, catalog.ErrInvalid) || try == persistTries {
			return err
		}
		storeErrors.WithLabelValues("worker").Inc()
		if !pause(ctx, wait) {
			return err
		}
	}
}

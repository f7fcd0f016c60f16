package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/internal/fault"
	"sluice/storage"
)

// Numbers of a job's errors on the wire.
const (
	errorApp        = 0
	numberNoFile    = 71
	numberNotValid  = 72
	numberParse     = 73
	numberNoEntries = 76
)

// nudge tells Run that there is a job, if it runs in this process.
func (j *Jobs) nudge() {
	select {
	case wakes <- struct{}{}:
	default:
	}
}

// wakes holds one signal; one says all there is to say.
var wakes = make(chan struct{}, 1)

// Run carries jobs out until ctx ends: those that wait, and those whose process is gone. Each runs by itself, an item after the
// other; accounts that have fewer running come first. Jobs that are under way when ctx ends are given back.
func (j *Jobs) Run(ctx context.Context) error {
	every, atOnce := cmp.Or(j.Every, time.Second), cmp.Or(j.AtOnce, 32)
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	worker := fmt.Sprintf("%s/%d", host, os.Getpid())
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := j.Catalog.SettleCategories(ctx, 0); err != nil && ctx.Err() == nil {
			j.log().Error("categories of entries are not up to date; it will be tried again", "error", err)
		}
		for claimed := true; claimed && ctx.Err() == nil; {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			job, err := j.Catalog.ClaimBulkJob(ctx, worker, j.lease(), cmp.Or(j.PerAccount, 4))
			if claimed = err == nil; !claimed {
				<-slots
				if !errors.Is(err, catalog.ErrNotFound) && ctx.Err() == nil {
					j.log().Error("bulk jobs cannot be claimed; it will be tried again", "error", err)
				}
				break
			}
			running.Add(1)
			go func() {
				defer running.Done()
				defer func() { <-slots }()
				j.run(ctx, job)
				j.nudge() // the account may have another one waiting
			}()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-wakes:
		}
	}
}

func (j *Jobs) lease() time.Duration { return cmp.Or(j.Lease, 30*time.Second) }

// run carries one job out, and says in the log how it ended.
func (j *Jobs) run(ctx context.Context, job catalog.BulkJob) {
	runningJobs.Inc()
	defer runningJobs.Dec()
	log := j.log().With("job", job.ID, "account", job.Account)
	work, cancel := context.WithCancelCause(ctx)
	beat := make(chan struct{})
	go func() {
		defer close(beat)
		j.beat(work, job, cancel)
	}()
	err := (&applier{Jobs: j, job: job, names: names{db: j.Catalog, account: job.Account}}).apply(work)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	cancel(nil)
	<-beat
	switch {
	case err == nil:
	case ctx.Err() != nil:
		if err := j.Catalog.ReleaseBulkJob(context.WithoutCancel(ctx), job.ID, job.Attempt); err != nil && !errors.Is(err, catalog.ErrFenced) && !errors.Is(err, catalog.ErrCancelled) {
			log.Warn("bulk job could not be given back; its lease will end", "error", err)
		}
	case errors.Is(err, catalog.ErrCancelled):
		ended.WithLabelValues("aborted").Inc()
		log.Info("bulk job aborted")
	case errors.Is(err, catalog.ErrFenced):
		log.Warn("bulk job went to another process", "error", err)
	default:
		// The database or the storage failed: the lease ends, and the job goes on from the last item that is committed.
		log.Error("bulk job interrupted; it goes on when its lease ends", "error", err)
	}
}

// beat keeps the lease while the job runs, and ends the job when it is lost.
func (j *Jobs) beat(ctx context.Context, job catalog.BulkJob, end context.CancelCauseFunc) {
	tick := time.NewTicker(j.lease() / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := j.Catalog.RenewBulkJob(ctx, job.ID, job.Attempt, j.lease())
		if errors.Is(err, catalog.ErrCancelled) || errors.Is(err, catalog.ErrFenced) {
			end(err)
			return
		}
		if err != nil && ctx.Err() == nil {
			j.log().Warn("lease of a bulk job not renewed", "job", job.ID, "error", err)
		}
	}
}

// applier carries out one job.
type applier struct {
	*Jobs
	job    catalog.BulkJob
	names  names
	format Format
	object *object // what the lines are about; nil for entries
	// rehearsal checks everything and changes nothing.
	rehearsal bool
}

// apply carries the job out from where it stands: a first pass reads the whole document, so that nothing is applied of one that
// is broken further on, and in strict mode checks all items; a second applies them.
func (a *applier) apply(ctx context.Context) error {
	var ok bool
	if a.format, ok = formatOf(a.job); !ok {
		return a.fail(ctx, numberParse, fmt.Sprintf("documents of type %s are not read", a.job.Type))
	}
	if a.object, ok = objects[a.job.ObjectType]; !ok && a.job.ObjectType != catalog.BulkEntries {
		return a.fail(ctx, numberParse, fmt.Sprintf("documents about objects of type %d are not read", a.job.ObjectType))
	}
	if a.job.Total == 0 {
		total, err := a.survey(ctx)
		if err != nil {
			return a.failedToRead(ctx, err)
		}
		if total == 0 {
			return a.fail(ctx, numberNoEntries, "the document has no items")
		}
		if a.job.Strict && !a.job.DryRun {
			if bad, err := a.rehearse(ctx); err != nil || bad > 0 {
				if err != nil {
					return a.failedToRead(ctx, err)
				}
				return a.fail(ctx, numberNotValid, fmt.Sprintf("%d of %d items are not valid, so none was applied", bad, total))
			}
		}
		if err := a.Catalog.SetBulkTotal(ctx, a.job.ID, a.job.Attempt, total); err != nil {
			return err
		}
		a.job.Total = total
	}
	a.rehearsal = a.job.DryRun
	err := a.each(ctx, func(it *Item) error {
		if it.Index <= a.job.Done {
			return nil
		}
		err := a.item(ctx, it)
		fault.Point("manifest.recorded")
		return err
	})
	fault.Point("manifest.applied")
	if err != nil {
		return a.failedToRead(ctx, err)
	}
	return a.finish(ctx)
}

// formatOf is the form of a job's document.
func formatOf(job catalog.BulkJob) (Format, bool) {
	for _, f := range []Format{XML, CSV, JSON} {
		if string(job.More) == fmt.Sprintf(`{"format":%q}`, f) {
			return f, true
		}
	}
	return FormatOfType(job.Type)
}

// each calls fn for every item of the document.
func (a *applier) each(ctx context.Context, fn func(*Item) error) error {
	r, err := a.open(ctx, a.job.Document)
	if err != nil {
		return err
	}
	defer r.Close()
	doc, err := newReader(r, a.format, a.object)
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		it, err := doc.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(it); err != nil {
			return err
		}
	}
}

// survey reads the document to its end and counts its items.
func (a *applier) survey(ctx context.Context) (total int64, err error) {
	err = a.each(ctx, func(*Item) error { total++; return nil })
	return total, err
}

// rehearse checks all items, tells of those that are not valid in their results, and counts them.
func (a *applier) rehearse(ctx context.Context) (bad int64, err error) {
	if a.job.Done > 0 { // a rehearsal broke off
		if err := a.Catalog.ResetBulkJob(ctx, a.job.ID, a.job.Attempt); err != nil {
			return 0, err
		}
		a.job.Done = 0
	}
	a.rehearsal = true
	err = a.each(ctx, func(it *Item) error {
		if a.object != nil {
			r, _, err := a.try(ctx, it)
			if err != nil || r.Status == catalog.BulkItemOK {
				return err
			}
			bad++
			return a.record(ctx, r)
		}
		p, err := a.plan(ctx, it, catalog.BulkResult{})
		if err != nil || len(it.Problems) == 0 {
			return err
		}
		bad++
		return a.record(ctx, a.result(it, p))
	})
	a.rehearsal = false
	return bad, err
}

// failedToRead ends the job when its document cannot be read; any other error is the caller's.
func (a *applier) failedToRead(ctx context.Context, err error) error {
	var syntax *SyntaxError
	switch {
	case errors.As(err, &syntax):
		return a.fail(ctx, numberParse, "MALFORMED_"+map[Format]string{XML: "XML", CSV: "CSV", JSON: "JSON"}[a.format]+"_FILE: "+syntax.Error())
	case errors.Is(err, storage.ErrNotExist):
		return a.fail(ctx, numberNoFile, err.Error())
	}
	return err
}

func (a *applier) fail(ctx context.Context, number int, text string) error {
	ended.WithLabelValues("failed").Inc()
	a.log().Info("bulk job failed", "job", a.job.ID, "account", a.job.Account, "reason", text)
	return a.Catalog.FinishBulkJob(ctx, a.job.ID, a.job.Attempt, catalog.BulkFailed, errorApp, number, text)
}

// finish ends a job whose items are all dealt with.
func (a *applier) finish(ctx context.Context) error {
	job, err := a.Catalog.BulkJob(ctx, a.job.Account, a.job.ID)
	if err != nil {
		return err
	}
	status, outcome, number, text := catalog.BulkFinished, "finished", 0, ""
	switch {
	case job.Failed == 0:
	case job.Failed >= job.Total:
		status, outcome, number, text = catalog.BulkFailed, "failed", numberNoEntries, "no item could be applied"
	default:
		status, outcome = catalog.BulkFinishedPartially, "partial"
	}
	ended.WithLabelValues(outcome).Inc()
	a.log().Info("bulk job ended", "job", job.ID, "account", job.Account, "items", job.Total, "failed", job.Failed)
	return a.Catalog.FinishBulkJob(ctx, job.ID, a.job.Attempt, status, errorApp, number, text)
}

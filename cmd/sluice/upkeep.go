//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/storage"
)

const (
	// eventBatch bounds the events that go in one transaction, so that others get their turn.
	eventBatch = 1000
	// sweepAfter is older than any upload to the store can be: a writer ends its own long before.
	sweepAfter = 48 * time.Hour
)

// upkeep removes what has served its time, until ctx ends: deleted entries, handled events, uploads that nobody will finish.
func (s *system) upkeep(ctx context.Context) error {
	keep := s.cfg.Duration("purge.after")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.every(ctx, min(max(keep/10, time.Second), 10*time.Minute), "purge entries", func() error {
			return errors.Join(s.purge(ctx, time.Now().Add(-keep)), s.purgeAssets(ctx, time.Now().Add(-keep)))
		})
	})
	g.Go(func() error {
		return s.every(ctx, 10*time.Minute, "trim events", func() error {
			return s.trimEvents(ctx, time.Now().Add(-s.cfg.Duration("catalog.keep_events")))
		})
	})
	g.Go(func() error {
		return s.every(ctx, 10*time.Minute, "trim revocations", func() error {
			return trimAll(ctx, time.Now(), s.catalog.TrimRevocations)
		})
	})
	g.Go(func() error {
		return s.every(ctx, 10*time.Minute, "trim deliveries of notifications", func() error {
			return trimAll(ctx, time.Now().Add(-s.cfg.Duration("catalog.keep_events")), s.catalog.TrimDeliveries)
		})
	})
	if keep := s.cfg.Duration("bulk.keep"); keep > 0 {
		g.Go(func() error {
			return s.every(ctx, time.Hour, "remove old bulk jobs", func() error { return s.removeBulkJobs(ctx, time.Now().Add(-keep)) })
		})
	}
	g.Go(func() error { return s.sweepContent(ctx) })
	if store, ok := s.store.(storage.Sweeper); ok {
		g.Go(func() error {
			return s.every(ctx, time.Hour, "sweep uploads", func() error { return s.sweep(ctx, store, time.Now().Add(-sweepAfter)) })
		})
	}
	return g.Wait()
}

// every does something now and at each interval, until ctx ends. A failure is logged; the next interval tries again.
func (s *system) every(ctx context.Context, interval time.Duration, what string, do func() error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := do(); err != nil && ctx.Err() == nil {
			s.log.Error(what+": failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// purge removes the objects, and then the rows, of entries that were deleted before.
func (s *system) purge(ctx context.Context, before time.Time) error {
	for {
		entries, err := s.catalog.Purgeable(ctx, before, 100)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			folders, err := s.catalog.ForeignFolders(ctx, e)
			if err != nil {
				return err
			}
			for _, folder := range append(folders, fmt.Sprintf("%d/%s/", e.Account, e.ID)) {
				if _, err := s.store.DeletePrefix(ctx, folder); err != nil {
					return fmt.Errorf("objects of entry %s: %w", e.ID, err)
				}
			}
			if err := s.ingester().Forget(e.ID); err != nil {
				return err
			}
			if err := s.catalog.PurgeEntry(ctx, e.ID); err != nil {
				return err
			}
			s.log.Info("entry purged", "entry", e.ID, "account", e.Account)
		}
	}
}

// purgeAssets removes the objects, and then the rows, of assets that were deleted before while their entries live on.
func (s *system) purgeAssets(ctx context.Context, before time.Time) error {
	for {
		assets, err := s.catalog.PurgeableAssets(ctx, before, 100)
		if err != nil || len(assets) == 0 {
			return err
		}
		for _, a := range assets {
			if folder := a.Folder(); folder != "" {
				if _, err := s.store.DeletePrefix(ctx, folder); err != nil {
					return fmt.Errorf("objects of asset %s: %w", a.ID, err)
				}
			}
			if err := s.catalog.PurgeAsset(ctx, a.ID); err != nil {
				return err
			}
		}
	}
}

// removeBulkJobs removes the documents, and then the rows, of bulk jobs that ended before.
func (s *system) removeBulkJobs(ctx context.Context, before time.Time) error {
	for {
		jobs, err := s.catalog.EndedBulkJobs(ctx, before, 100)
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, j := range jobs {
			if j.Document != "" {
				if err := s.store.Delete(ctx, j.Document); err != nil && !errors.Is(err, storage.ErrNotExist) {
					return fmt.Errorf("document of bulk job %d: %w", j.ID, err)
				}
			}
			if err := s.catalog.RemoveBulkJob(ctx, j.ID); err != nil {
				return err
			}
			s.log.Info("bulk job removed", "job", j.ID, "account", j.Account, "name", j.FileName)
		}
	}
}

// trimEvents deletes events that are older than before and that every consumer has handled.
func (s *system) trimEvents(ctx context.Context, before time.Time) error {
	for total := 0; ; {
		n, err := s.catalog.TrimEvents(ctx, before, eventBatch)
		if total += n; err != nil {
			return err
		}
		if n < eventBatch {
			if total > 0 {
				s.log.Info("events trimmed", "events", total)
			}
			return nil
		}
	}
}

// trimAll deletes with trim until a batch is not full.
func trimAll(ctx context.Context, before time.Time, trim func(ctx context.Context, before time.Time, limit int) (int, error)) error {
	for {
		n, err := trim(ctx, before, eventBatch)
		if err != nil || n < eventBatch {
			return err
		}
	}
}

// sweep ends the uploads to the store that a process left behind when it died.
func (s *system) sweep(ctx context.Context, store storage.Sweeper, before time.Time) error {
	n, err := store.Sweep(ctx, before)
	if n > 0 {
		s.log.Info("unfinished uploads removed", "uploads", n)
	}
	return err
}

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/worker"
	"sluice/pipeline"
	"sluice/pipeline/stage"
)

func processID() int { return os.Getpid() }

// mediaWorker runs the stages with an engine of its own.
type mediaWorker struct {
	worker *pipeline.Worker
	pool   *worker.Pool
}

// Close ends the engine's processes.
func (m *mediaWorker) Close() { m.pool.Close() }

func (s *system) newMediaWorker() (*mediaWorker, error) {
	tokens := int(s.cfg.Int("worker.tokens"))
	if tokens == 0 {
		tokens = runtime.GOMAXPROCS(0)
	}
	pool := worker.New(worker.Config{Jobs: tokens + 1, Stall: s.cfg.Duration("worker.stall"), Log: s.log})
	sem := make(chan struct{}, tokens)
	request := ladderRequest(s.cfg)
	env := &stage.Env{
		Catalog: s.catalog, Store: s.store, Engine: pool, Share: share(sem), Log: s.log,
		Request: func(context.Context, catalog.AccountID) (codec.Request, error) { return request, nil },
	}
	stages := map[catalog.Stage]pipeline.StageConfig{}
	for name, h := range env.Handlers() {
		if !s.takes(name) {
			continue
		}
		stages[name] = pipeline.StageConfig{Handler: h, Concurrency: concurrency(name, tokens), Lease: s.cfg.Duration("worker.lease")}
	}
	w, err := pipeline.NewWorker(pipeline.WorkerConfig{Catalog: s.catalog, Redis: s.redis, Stages: stages, Logger: s.log})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &mediaWorker{worker: w, pool: pool}, nil
}

// takes reports whether this process's workers take tasks of a stage.
func (s *system) takes(name catalog.Stage) bool {
	list := s.cfg.List("worker.stages")
	return slices.Contains(list, "all") || slices.Contains(list, string(name))
}

// concurrency is how many tasks of a stage run at once. Media work waits for tokens of the scheduler; one task more than
// there are tokens keeps the next source open while it does.
func concurrency(name catalog.Stage, tokens int) int {
	switch name {
	case catalog.StageTranscode:
		return tokens + 1
	case catalog.StageThumbs, catalog.StageCaptions, catalog.StageProbe:
		return max(2, tokens)
	}
	return 4
}

// purge removes the objects, and then the rows, of entries that were deleted long enough ago.
func (s *system) purge(ctx context.Context) error {
	keep := s.cfg.Duration("purge.after")
	tick := time.NewTicker(min(max(keep/10, time.Second), 10*time.Minute))
	defer tick.Stop()
	for {
		if err := s.purgeOnce(ctx, time.Now().Add(-keep)); err != nil && ctx.Err() == nil {
			s.log.Error("purge failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *system) purgeOnce(ctx context.Context, before time.Time) error {
	for {
		entries, err := s.catalog.Purgeable(ctx, before, 100)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if _, err := s.store.DeletePrefix(ctx, fmt.Sprintf("%d/%s/", e.Account, e.ID)); err != nil {
				return fmt.Errorf("objects of entry %s: %w", e.ID, err)
			}
			if err := s.catalog.PurgeEntry(ctx, e.ID); err != nil {
				return err
			}
			s.log.Info("entry purged", "entry", e.ID, "account", e.Account)
		}
	}
}

func share(sem chan struct{}) func(context.Context, catalog.Task, codec.Job) (int, func(), error) {
	return func(ctx context.Context, _ catalog.Task, _ codec.Job) (int, func(), error) {
		select {
		case sem <- struct{}{}:
			return 1, func() { <-sem }, nil
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

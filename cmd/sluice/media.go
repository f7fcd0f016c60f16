//go:build linux

package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
	"sluice/codec/sched"
	"sluice/codec/worker"
	"sluice/pipeline"
	"sluice/pipeline/stage"
)

func processID() int { return os.Getpid() }

// mediaWorker runs the stages with an engine of its own.
type mediaWorker struct {
	worker    *pipeline.Worker
	pool      *worker.Pool
	followers *worker.Pool
	scheduler *sched.Scheduler
	encoders  atomic.Pointer[[]codec.EncoderStatus] // nil until tested
}

// Close ends the engine's processes.
func (m *mediaWorker) Close() {
	m.scheduler.Close()
	m.pool.Close()
	m.followers.Close()
}

// testEncoders tries every encoder, once, and logs the ones that don't work: being linked does not mean being usable.
func (m *mediaWorker) testEncoders(ctx context.Context, log *slog.Logger) {
	list, err := m.pool.SelfTest(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		log.Error("encoders not tested", "error", err)
		return
	}
	for _, e := range list {
		if !e.OK {
			log.Warn("encoder does not work", "codec", e.Codec, "encoder", e.Encoder, "error", e.Error)
		}
	}
	m.encoders.Store(&list)
}

func (s *system) newMediaWorker() (*mediaWorker, error) {
	scheduler := sched.New(sched.Config{Tokens: int(s.cfg.Int("worker.tokens")), Memory: s.cfg.Int("worker.memory_bytes")})
	tokens := scheduler.Tokens()
	pool := worker.New(worker.Config{Program: engineProgram, Jobs: tokens + 1, Stall: s.cfg.Duration("worker.stall"), Log: s.log})
	followers := worker.New(worker.Config{Program: engineProgram, Jobs: followSlots, NoSpare: true, Stall: s.cfg.Duration("worker.stall"), Log: s.log})
	request := ladderRequest(s.cfg)
	env := &stage.Env{
		Catalog: s.catalog, Store: s.store, Engine: pool, Follower: followers, Share: share(scheduler), Scanner: s.content.Scanner, Log: s.log,
		Request: func(context.Context, catalog.AccountID) (codec.Request, error) { return request, nil },
	}
	stages := map[catalog.Stage]pipeline.StageConfig{}
	handlers := env.Handlers()
	handlers[catalog.StageFetch] = s.content.Fetcher.Handler(env)
	for name, h := range handlers {
		if !s.takes(name) {
			continue
		}
		stages[name] = pipeline.StageConfig{Handler: h, Concurrency: concurrency(name, tokens), Lease: s.cfg.Duration("worker.lease")}
	}
	w, err := pipeline.NewWorker(pipeline.WorkerConfig{Catalog: s.catalog, Redis: s.redis, Stages: stages, Logger: s.log})
	if err != nil {
		scheduler.Close()
		pool.Close()
		followers.Close()
		return nil, err
	}
	return &mediaWorker{worker: w, pool: pool, followers: followers, scheduler: scheduler}, nil
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
	case catalog.StageTranscode, catalog.StageClip, catalog.StageAdopt:
		return tokens + 1
	case catalog.StageThumbs, catalog.StageCaptions, catalog.StageProbe, catalog.StageEarly:
		return max(2, tokens)
	case catalog.StageFollow:
		return followSlots // they wait for bytes
	case catalog.StageFetch:
		return 16 // they wait for others' servers
	}
	return 4
}

// rungLaneBytes is what one more core costs a job whose rungs share one decoder: frames on their way.
const rungLaneBytes = 32 << 20

// share gives jobs their part of the machine: video as many cores as are free and fair, other jobs one.
func share(scheduler *sched.Scheduler) func(context.Context, catalog.Task, codec.Job) (int, func(), error) {
	return func(ctx context.Context, t catalog.Task, job codec.Job) (int, func(), error) {
		ask := sched.Ask{Job: string(t.Entry), Class: sched.Normal, Min: 1, Max: 1}
		if job.Video && job.Plan.Video != nil {
			ask.Max = 0                         // whatever is free
			if job.Plan.Chunks.Mode == "rung" { // one decoder and one set of encoders, whatever the tokens
				ask.JobBytes, ask.LaneBytes = plan.LaneMemory(job.Plan.Video), rungLaneBytes
			}
			for i, r := range job.Plan.Video.Rungs {
				if job.Encodes(i) { // rungs come by falling size: the first is the costliest
					ask.Width, ask.Height, ask.Preset = r.Width, r.Height, r.Enc.Preset
					break
				}
			}
		}
		lease, err := scheduler.Acquire(ctx, ask)
		if err != nil {
			return 0, nil, err
		}
		return lease.Tokens(), lease.Release, nil
	}
}

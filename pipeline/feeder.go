package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

// Defaults of a feeder.
const (
	defaultMinDepth   = 4
	defaultMaxDepth   = 256
	defaultPoll       = 500 * time.Millisecond
	defaultStaleAfter = time.Minute
	// busyPoll is the shortest time between two passes.
	busyPoll = 2 * time.Millisecond
	// leaderLease is how long a leader that died keeps others waiting.
	leaderLease = 5 * time.Second
	leaseName   = "feeder"
)

// FeederConfig says what a feeder does.
type FeederConfig struct {
	Catalog *catalog.DB
	Redis   redis.UniversalClient
	// Stages are those it feeds; nil means all that the catalog knows.
	Stages []catalog.Stage
	// Name is the feeder's as owner of the lease, unique among living feeders; "" makes one.
	Name string
	// A stage's stream holds at least MinDepth (0: 4) announcements that no worker took yet and, while workers take them
	// faster than they come, up to MaxDepth (0: 256). Short streams keep accounts from waiting behind each other.
	MinDepth, MaxDepth int
	// Poll is the longest wait between two looks for runnable tasks when nothing tells of any; 0 means 500 ms.
	Poll time.Duration
	// StaleAfter is how long a worker may sit on a message, without its task running, before it is taken away; 0 means 1 min.
	StaleAfter time.Duration
	Logger     *slog.Logger // nil means slog.Default
}

// Feeder announces runnable tasks. Any number may run; one leads at a time. Should two lead for a moment, tasks are
// announced twice, and the second announcement finds nothing to claim.
type Feeder struct {
	cfg    FeederConfig
	log    *slog.Logger
	stages []*stageFeed

	// What the leader knows of Redis; it belongs to the goroutine of Run.
	epoch   string // of the mark; "" before the first look
	runID   string // of the server
	counted time.Time
}

// NewFeeder checks the configuration and makes a feeder of it.
func NewFeeder(cfg FeederConfig) (*Feeder, error) {
	if cfg.Catalog == nil || cfg.Redis == nil {
		return nil, errors.New("feeder: needs a catalog and Redis")
	}
	if cfg.Stages == nil {
		cfg.Stages = catalog.Stages()
	}
	if cfg.Name == "" {
		cfg.Name = uniqueName()
	}
	if cfg.MinDepth == 0 {
		cfg.MinDepth = defaultMinDepth
	}
	if cfg.MaxDepth == 0 {
		cfg.MaxDepth = max(defaultMaxDepth, cfg.MinDepth)
	}
	if cfg.Poll == 0 {
		cfg.Poll = defaultPoll
	}
	if cfg.StaleAfter == 0 {
		cfg.StaleAfter = defaultStaleAfter
	}
	if cfg.MinDepth < 1 || cfg.MaxDepth < cfg.MinDepth {
		return nil, fmt.Errorf("feeder: depths %d to %d are no range", cfg.MinDepth, cfg.MaxDepth)
	}
	if cfg.Poll < busyPoll || cfg.StaleAfter < 0 {
		return nil, fmt.Errorf("feeder: poll %v or stale after %v is too short", cfg.Poll, cfg.StaleAfter)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	f := &Feeder{cfg: cfg, log: cfg.Logger.With("feeder", cfg.Name)}
	for _, s := range cfg.Stages {
		f.stages = append(f.stages, &stageFeed{stage: s, depth: cfg.MinDepth})
	}
	return f, nil
}

// Run feeds whenever this feeder leads, until ctx ends. It is called once. Failures of Redis and the catalog are waited
// out.
func (f *Feeder) Run(ctx context.Context) error {
	var forwarder sync.WaitGroup
	forwarder.Go(func() { ForwardWakes(ctx, f.cfg.Catalog, f.cfg.Redis) })
	defer forwarder.Wait()
	for ctx.Err() == nil {
		token, ok, err := f.cfg.Catalog.AcquireLease(ctx, leaseName, f.cfg.Name, leaderLease)
		if err != nil && ctx.Err() == nil {
			storeErrors.WithLabelValues("feeder").Inc()
			f.log.Warn("cannot ask who leads; trying again", "error", err)
		}
		if ok {
			f.lead(ctx, token)
		}
		pause(ctx, leaderLease/5)
	}
	return nil
}

// lead makes passes until ctx or the leadership ends.
func (f *Feeder) lead(ctx context.Context, token int64) {
	f.log.Info("feeder leads")
	feederLeader.Set(1)
	defer feederLeader.Set(0)
	defer f.resign(ctx, token)
	told, unsubscribe := subscribe(ctx, f.cfg.Redis)
	defer unsubscribe()
	wakes, stop := f.cfg.Catalog.Wakes()
	defer stop()
	f.epoch, f.runID = "", "" // the last leader's announcements are to be looked over
	var tidied, renewed time.Time
	wait := busyPoll
	for {
		if time.Since(renewed) > leaderLease/3 {
			if !f.renew(ctx, token) {
				return
			}
			renewed = time.Now()
		}
		if time.Since(tidied) > tidyInterval {
			f.report(f.tidy(ctx), "tidy up")
			tidied = time.Now()
		}
		hungry, err := f.pass(ctx)
		f.report(err, "announce tasks")
		// Tasks that are taken as fast as they come deserve a closer look; a lull, or a failure, a longer wait.
		if hungry && err == nil {
			wait = max(wait/2, busyPoll)
		} else {
			wait = min(2*wait, f.cfg.Poll)
		}
		if !pause(ctx, busyPoll) {
			return
		}
		timer := time.NewTimer(wait - busyPoll)
		select {
		case <-ctx.Done():
		case <-wakes:
		case <-told:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// renew extends the leadership; false means that it ended.
func (f *Feeder) renew(ctx context.Context, token int64) bool {
	now, ok, err := f.cfg.Catalog.AcquireLease(ctx, leaseName, f.cfg.Name, leaderLease)
	switch {
	case err != nil:
		f.report(err, "stay leader")
		return false
	case !ok || now != token:
		f.log.Warn("feeder no longer leads")
		return false
	}
	return true
}

// resign lets another feeder lead at once.
func (f *Feeder) resign(ctx context.Context, token int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := f.cfg.Catalog.ReleaseLease(ctx, leaseName, f.cfg.Name, token); err != nil {
		f.log.Warn("cannot hand over; others wait for the lease to end", "error", err)
	}
}

func (f *Feeder) report(err error, what string) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	storeErrors.WithLabelValues("feeder").Inc()
	f.log.Warn("cannot "+what+"; trying again", "error", err)
}

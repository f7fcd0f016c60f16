package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"sluice/catalog"
)

// Defaults and bounds of a worker.
const (
	defaultLease = 30 * time.Second
	minLease     = 300 * time.Millisecond
	defaultGrace = 10 * time.Second
	// readBlock is how long a read waits for messages; the reader looks whether it should stop in between.
	readBlock = 500 * time.Millisecond
	// maxRead bounds the messages of one read, and so the claims of one transaction.
	maxRead = 128
	// Waits after a failure of Redis or the catalog.
	minOutage = 50 * time.Millisecond
	maxOutage = 2 * time.Second
)

// StageConfig says how a worker runs a stage.
type StageConfig struct {
	Handler Handler
	// Concurrency is how many tasks of the stage run at once; 0 means 1.
	Concurrency int
	// Lease is how long the worker may be silent before the task is given to another; 0 means 30 s. A heartbeat comes every
	// third of it.
	Lease time.Duration
}

// WorkerConfig says what a worker does.
type WorkerConfig struct {
	Catalog *catalog.DB
	Redis   redis.UniversalClient
	Stages  map[catalog.Stage]StageConfig
	// Name is the worker's in the catalog; it must be unique among living workers. "" makes one of host, process and chance.
	Name string
	// Backoff is the rest of failed tasks whose error names none.
	Backoff Backoff
	// Grace is how long tasks may go on when the worker shall stop; then their contexts end and they are given back. 0 means
	// 10 s, less than 0 none.
	Grace  time.Duration
	Logger *slog.Logger // nil means slog.Default
}

// Worker runs tasks.
type Worker struct {
	cfg WorkerConfig
	log *slog.Logger
	// reader reads the streams. Reads wait for messages, each on a connection: they must not use up the pool of the others.
	reader  redis.UniversalClient
	commits chan commit
	acks    chan ack
	// attempts are the running ones; readers add to it.
	attempts sync.WaitGroup
}

// NewWorker checks the configuration and makes a worker of it.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	if cfg.Catalog == nil || cfg.Redis == nil || len(cfg.Stages) == 0 {
		return nil, errors.New("worker: needs a catalog, Redis and a stage")
	}
	stages := make(map[catalog.Stage]StageConfig, len(cfg.Stages))
	for name, st := range cfg.Stages {
		switch {
		case st.Handler == nil:
			return nil, fmt.Errorf("worker: stage %s has no handler", name)
		case st.Concurrency < 0:
			return nil, fmt.Errorf("worker: stage %s: concurrency %d is negative", name, st.Concurrency)
		case st.Lease != 0 && st.Lease < minLease:
			return nil, fmt.Errorf("worker: stage %s: a lease of %v is shorter than %v", name, st.Lease, minLease)
		}
		if st.Lease == 0 {
			st.Lease = defaultLease
		}
		st.Concurrency = max(st.Concurrency, 1)
		stages[name] = st
	}
	cfg.Stages = stages
	if cfg.Name == "" {
		cfg.Name = uniqueName()
	}
	if cfg.Grace == 0 {
		cfg.Grace = defaultGrace
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Worker{
		cfg: cfg, log: cfg.Logger.With("worker", cfg.Name),
		commits: make(chan commit, maxBatch), acks: make(chan ack, maxBatch),
	}, nil
}

// errDraining is the cause that ends handlers when the worker's grace is over.
var errDraining = errors.New("the worker is stopping")

// Run works until ctx ends, then lets the running tasks end or gives them back, and returns when all have. It is called
// once. Failures of Redis and the catalog are waited out.
func (w *Worker) Run(ctx context.Context) error {
	// What runs when ctx ends is still to be finished in order: it lives in contexts of its own.
	outlive := context.WithoutCancel(ctx)
	work, stopWork := context.WithCancelCause(outlive)
	defer stopWork(nil)
	background, stopBackground := context.WithCancel(outlive)
	defer stopBackground()
	reader, closeReader := readerOf(w.cfg.Redis, len(w.cfg.Stages))
	defer closeReader()
	w.reader = reader
	var committers, acker, readers, forwarder sync.WaitGroup
	for range w.cfg.Catalog.Writers() {
		committers.Go(func() { w.commitLoop(background) })
	}
	acker.Go(func() { w.ackLoop(background) })
	forwarder.Go(func() { ForwardWakes(background, w.cfg.Catalog, w.cfg.Redis) })
	forwarder.Go(func() { w.present(background) })
	for name, st := range w.cfg.Stages {
		readers.Go(func() { w.readLoop(ctx, work, name, st) })
	}
	readers.Wait()
	w.drain(stopWork)
	close(w.commits)
	committers.Wait()
	close(w.acks)
	acker.Wait()
	w.leave(background)
	stopBackground()
	forwarder.Wait()
	return nil
}

// readerOf returns a client for n reads that wait at once. A pool of their own keeps them from starving everything else; a
// cluster's pools are large enough as they are.
func readerOf(r redis.UniversalClient, n int) (redis.UniversalClient, func()) {
	c, ok := r.(*redis.Client)
	if !ok {
		return r, func() {}
	}
	opts := *c.Options()
	opts.PoolSize, opts.MinIdleConns = n, 0
	// These two belong to the client they come from.
	opts.PushNotificationProcessor = nil
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	own := redis.NewClient(&opts)
	return own, func() { _ = own.Close() }
}

// drain waits for the running attempts, and ends them when the grace is over.
func (w *Worker) drain(stop context.CancelCauseFunc) {
	ended := make(chan struct{})
	go func() {
		w.attempts.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-time.After(max(w.cfg.Grace, 0)):
	}
	stop(errDraining)
	<-ended
}

// leave takes the worker's consumers out of the groups, if they hold nothing. The feeder finds those it leaves behind.
func (w *Worker) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for name := range w.cfg.Stages {
		held, err := w.cfg.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
			Stream: streamKey(name), Group: group, Start: "-", End: "+", Count: 1, Consumer: w.cfg.Name,
		}).Result()
		if err == nil && len(held) == 0 {
			_ = w.cfg.Redis.XGroupDelConsumer(ctx, streamKey(name), group, w.cfg.Name).Err()
		}
	}
}

// readLoop reads a stage's stream while slots are free, and starts an attempt for each task it can claim.
func (w *Worker) readLoop(ctx, work context.Context, name catalog.Stage, st StageConfig) {
	slots := make(chan struct{}, st.Concurrency) // full when all of the stage's tasks run: then nothing is read
	outage := minOutage
	for {
		free := takeSlots(ctx, slots)
		if free == 0 {
			return
		}
		found, err := w.read(ctx, name, free)
		switch {
		case err == nil:
			outage = minOutage
		case ctx.Err() != nil:
		default:
			storeErrors.WithLabelValues("worker").Inc()
			w.log.Warn("cannot read tasks; trying again", "stage", name, "error", err)
			pause(ctx, outage)
			outage = min(2*outage, maxOutage)
		}
		started := 0
		if len(found) > 0 {
			started = w.start(ctx, work, name, st, found, func() { <-slots })
		}
		for range free - started {
			<-slots
		}
	}
}

// takeSlots waits for a free slot and takes all there are; 0 means that ctx ended.
func takeSlots(ctx context.Context, slots chan struct{}) int {
	if ctx.Err() != nil {
		return 0
	}
	select {
	case <-ctx.Done():
		return 0
	case slots <- struct{}{}:
	}
	for n := 1; n < maxRead; n++ {
		select {
		case slots <- struct{}{}:
		default:
			return n
		}
	}
	return maxRead
}

// read takes up to n messages of a stage.
func (w *Worker) read(ctx context.Context, name catalog.Stage, n int) ([]announcement, error) {
	// Not under ctx: a read that is broken off could lose messages that Redis thinks delivered.
	streams, err := w.reader.XReadGroup(context.WithoutCancel(ctx), &redis.XReadGroupArgs{
		Group: group, Consumer: w.cfg.Name, Streams: []string{streamKey(name), ">"}, Count: int64(n), Block: readBlock,
	}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case noGroup(err):
		return nil, createGroup(ctx, w.cfg.Redis, name)
	case err != nil:
		return nil, err
	}
	var out []announcement
	for _, s := range streams {
		for _, m := range s.Messages {
			out = append(out, readAnnouncement(m))
		}
	}
	return out, nil
}

// start claims announced tasks and starts their attempts; free is called when one ends. It returns how many started.
func (w *Worker) start(ctx, work context.Context, name catalog.Stage, st StageConfig, found []announcement, free func()) int {
	ids := make([]catalog.TaskID, len(found))
	for i, a := range found {
		ids[i] = a.task
	}
	var claimed []catalog.Task
	var before time.Time
	for outage := minOutage; ; outage = min(2*outage, maxOutage) {
		if ctx.Err() != nil {
			w.giveBack(name, found)
			return 0
		}
		before = time.Now()
		var err error
		if claimed, err = w.cfg.Catalog.ClaimMany(context.WithoutCancel(ctx), ids, w.cfg.Name, st.Lease); err == nil {
			break
		}
		storeErrors.WithLabelValues("worker").Inc()
		w.log.Warn("cannot claim tasks; trying again", "stage", name, "error", err)
		pause(ctx, outage)
	}
	byID := make(map[catalog.TaskID]catalog.Task, len(claimed))
	for _, t := range claimed {
		byID[t.ID] = t
	}
	for _, a := range found {
		task, ok := byID[a.task]
		if !ok {
			// Done, cancelled, or announced twice: the message has nothing more to say.
			w.acks <- ack{stage: name, message: a.message}
			continue
		}
		delete(byID, a.task)
		w.attempts.Go(func() {
			defer free()
			w.attempt(work, st, task, before)
			w.acks <- ack{stage: name, message: a.message}
		})
	}
	return len(claimed)
}

// giveBack announces tasks again that were read but not claimed, so that another worker takes them at once.
func (w *Worker) giveBack(name catalog.Stage, found []announcement) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ids := make([]catalog.TaskID, len(found))
	messages := make([]string, len(found))
	for i, a := range found {
		ids[i], messages[i] = a.task, a.message
	}
	_, err := w.cfg.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		announce(ctx, p, name, ids)
		acknowledge(ctx, p, name, messages)
		return nil
	})
	if err != nil { // the feeder finds them when they are stale
		w.log.Warn("cannot give tasks back", "stage", name, "error", err)
	}
}

package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/complete"
)

// Defaults of Config.
const (
	DefaultSettle  = 5 * time.Second
	DefaultSweep   = 10 * time.Second
	DefaultWorkers = 4
	// recoverEvery is how often claims that other processes left behind are looked for.
	recoverEvery = time.Minute
	// firstRetry is the pause after a file could not be taken; it doubles with each failure up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// fullPause is how long nothing is taken after the disk was full.
	fullPause = 15 * time.Second
	// With more than crowdedFiles in it, an inbox whose notifications work is swept at restSweep at the earliest.
	crowdedFiles = 50_000
	restSweep    = 5 * time.Minute
	// eventQueue bounds the notifications that wait; when it is full, they are dropped and a sweep replaces them.
	eventQueue = 4096
	// maxDepth bounds the folders within folders.
	maxDepth = 32
)

// Ingester takes files in and finishes what crashes left; *ingest.Ingester does.
type Ingester interface {
	Ingest(ctx context.Context, req ingest.Request) (catalog.Entry, error)
	Recover(ctx context.Context) (ingest.Recovered, error)
}

// Config of an inbox.
type Config struct {
	Dir      string
	Ingester Ingester
	// Account has the files that are not in an account's folder.
	Account catalog.AccountID
	// EnsureAccount makes an account if need be, before the first file of its folder is taken. Without it, folders named
	// by numbers are folders like others.
	EnsureAccount func(ctx context.Context, id catalog.AccountID) error
	// Settle is how long a file of which nothing else is known must be unchanged; 0 means DefaultSettle.
	Settle time.Duration
	// Sweep is the time between looks at everything; 0 means DefaultSweep.
	Sweep time.Duration
	// Marker, when set, is what a file's name plus this must be the name of another file for, before the first is taken;
	// that other file is removed then. For example ".done".
	Marker string
	// Workers take files at a time; 0 means DefaultWorkers.
	Workers int
	// Log is told of files that are refused and of what goes wrong; nil means slog.Default.
	Log *slog.Logger

	noWatch    bool          // tests: as if there were no notifications
	noLeases   bool          // tests: as if leases did not work
	firstRetry time.Duration // tests: instead of the constants
	fullPause  time.Duration
	crowded    int
}

// Inbox watches a directory. Run owns it; Status may be asked meanwhile.
type Inbox struct {
	cfg      Config
	watch    *complete.Watcher // nil when there are no notifications
	jobs     chan job
	results  chan result
	accounts sync.Map // those that are ensured

	mu       sync.Mutex // guards what is below, between steps of Run
	files    map[string]*file
	dues     dues
	queue    fair
	judging  complete.Judge
	pause    time.Time // nothing is taken before
	problems map[string]string
	status   Status
}

// New checks cfg and makes the directory.
func New(cfg Config) (*Inbox, error) {
	dir, err := filepath.Abs(cfg.Dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("inbox %q: %w", cfg.Dir, err)
	case cfg.Ingester == nil:
		return nil, errors.New("inbox: no ingester")
	case cfg.Settle < 0 || cfg.Sweep < 0 || cfg.Workers < 0:
		return nil, fmt.Errorf("inbox %q: times and workers cannot be negative", cfg.Dir)
	}
	cfg.Dir = dir
	cfg.Settle = cmp.Or(cfg.Settle, DefaultSettle)
	cfg.Sweep = cmp.Or(cfg.Sweep, DefaultSweep)
	cfg.Workers = cmp.Or(cfg.Workers, DefaultWorkers)
	cfg.firstRetry = cmp.Or(cfg.firstRetry, firstRetry)
	cfg.fullPause = cmp.Or(cfg.fullPause, fullPause)
	cfg.crowded = cmp.Or(cfg.crowded, crowdedFiles)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if err := os.MkdirAll(dir, 0o770); err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	return &Inbox{
		cfg: cfg, jobs: make(chan job), results: make(chan result, cfg.Workers),
		files: map[string]*file{}, problems: map[string]string{},
		judging: complete.Judge{Settle: cfg.Settle, NoLeases: cfg.noLeases},
	}, nil
}

func (b *Inbox) path(rel string) string { return filepath.Join(b.cfg.Dir, rel) }

// Run watches until ctx ends, and returns when everything it started has ended.
func (b *Inbox) Run(ctx context.Context) error {
	w, err := complete.NewWatcher(eventQueue)
	if b.cfg.noWatch && err == nil {
		err = errors.Join(errors.New("switched off"), w.Close())
	}
	b.setWatch(w, err)
	if err != nil {
		b.cfg.Log.Warn("the inbox is swept only: no notifications", "error", err)
	} else {
		defer w.Close()
	}
	var workers sync.WaitGroup
	for range b.cfg.Workers {
		workers.Go(func() { b.work(ctx) })
	}
	workers.Go(func() { b.recover(ctx) })
	b.loop(ctx)
	workers.Wait()
	return nil
}

// loop is the one goroutine that decides. It ends with ctx.
func (b *Inbox) loop(ctx context.Context) {
	var events chan complete.Event
	if b.watch != nil {
		events = b.watch.Events
	}
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		jobs, next, wake := b.next()
		due.Reset(wake)
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if b.step(func() { b.notice(e) }); e.Lost {
				sweep.Reset(0)
			}
		case <-sweep.C:
			b.step(b.sweep)
			sweep.Reset(b.untilSweep())
		case <-due.C:
			b.step(b.lookDue)
		case jobs <- next:
			b.step(b.queue.pop)
		case r := <-b.results:
			b.step(func() { b.finish(r) })
		}
	}
}

// untilSweep is the time to the next sweep. Each costs a look at every file.
func (b *Inbox) untilSweep() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.files) > b.cfg.crowded && b.watch != nil && b.status.WatchError == "" {
		return max(b.cfg.Sweep, restSweep)
	}
	return b.cfg.Sweep
}

func (b *Inbox) step(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	b.measure()
}

// next returns the job whose turn it is with the channel to send it on, which is nil if there is none, and the time until
// something is due.
func (b *Inbox) next() (chan<- job, job, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	wake := time.Hour
	if len(b.dues) > 0 {
		wake = max(0, b.dues[0].due.Sub(now))
	}
	f := b.queue.first()
	if f == nil {
		return nil, job{}, wake
	}
	if pause := b.pause.Sub(now); pause > 0 {
		return nil, job{}, min(wake, pause)
	}
	return b.jobs, job{rel: f.rel, account: f.account, dedup: f.dedupKey()}, wake
}

// recover finishes what died with other processes, at the start and now and then.
func (b *Inbox) recover(ctx context.Context) {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	for {
		if _, err := b.cfg.Ingester.Recover(ctx); err != nil && ctx.Err() == nil {
			b.cfg.Log.Error("incoming files could not be recovered", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

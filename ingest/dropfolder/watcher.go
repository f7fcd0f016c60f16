package dropfolder

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/ingest/hook"
	"sluice/internal/fault"
)

const (
	// DefaultSweep is the time between looks at a whole local folder.
	DefaultSweep = time.Minute
	// DefaultWorkers is how many files, or batches of small ones, are taken at a time.
	DefaultWorkers = 8
	// leaseTime is how long a watcher that says nothing keeps a folder; renewEvery is how often it says something.
	leaseTime  = 30 * time.Second
	renewEvery = 10 * time.Second
	// foldersEvery is how often the list of folders is read.
	foldersEvery = time.Second
	// firstPause is the rest after a folder failed; it doubles up to lastPause: a folder that a full disk stopped goes on within a minute
	// of room.
	firstPause = 2 * time.Second
	lastPause  = 45 * time.Second
)

// Config of a Watcher. What has no default must be set.
type Config struct {
	Catalog *catalog.DB
	Content *content.Service
	// Incoming is the folder for files between the door and storage, that of ingest.Ingester.
	Incoming string
	// Arrival makes the first tasks of an entry.
	Arrival func(ingest.Original) []catalog.NewTask
	// Jobs takes the documents of folders that have any; nil refuses them.
	Jobs Jobs
	// Session opens the session that a document carries, in folders that ask for one. It returns the only user whose entries the
	// document may touch, "" for an administrator's; an error says why the session is no good. Nil refuses such folders' documents.
	Session func(ctx context.Context, account catalog.AccountID, token string) (user string, err error)
	// Language gives the code of a language that a caption's name tells; nil knows none.
	Language func(name string) (code string, ok bool)
	// Openers open the folders that are not local.
	Openers map[catalog.DropFolderType]Opener
	// Admit, when set, is asked whether there is room for so many bytes more.
	Admit func(grows int64) error
	// Keep, when set, holds room for so many bytes more of what the account may keep, until release is called; an error that wraps
	// catalog.ErrQuota says that there is none.
	Keep func(ctx context.Context, account catalog.AccountID, bytes int64) (release func(), err error)
	// Ask, when set, is asked about each file before it becomes content; hook.Hook.Ask does.
	Ask func(ctx context.Context, q hook.Question) (hook.Answer, error)
	// Sweep is the time between looks at a whole local folder; 0 means DefaultSweep.
	Sweep time.Duration
	// Workers bounds what is taken at a time; 0 means DefaultWorkers.
	Workers int
	Log     *slog.Logger

	noWatch, noLeases bool               // tests: as if there were no notifications, or no leases on files
	settle            time.Duration      // tests: instead of the folder's interval
	lease             time.Duration      // tests: instead of leaseTime
	step              func(point string) // tests: told each point that a crash may hit
	owner             string             // tests: who holds leases
	batch             int                // tests: instead of batchFiles
	queue             int                // tests: instead of eventQueue
}

// Watcher watches all drop folders that no other process watches.
type Watcher struct {
	cfg   Config
	turns *turns

	mu      sync.Mutex
	watched map[catalog.DropFolderID]*watched
}

// watched is a folder with a goroutine of its own.
type watched struct {
	f      catalog.DropFolder // as it was when it was started
	cancel context.CancelFunc
	done   chan struct{}
}

// New checks cfg.
func New(cfg Config) (*Watcher, error) {
	switch {
	case cfg.Catalog == nil, cfg.Content == nil, cfg.Arrival == nil, cfg.Incoming == "":
		return nil, errors.New("drop folders: catalog, content, arrival and incoming must be set")
	case cfg.Sweep < 0 || cfg.Workers < 0:
		return nil, errors.New("drop folders: times and workers cannot be negative")
	}
	incoming, err := filepath.Abs(cfg.Incoming)
	if err != nil {
		return nil, fmt.Errorf("drop folders: %w", err)
	}
	cfg.Incoming, cfg.Sweep, cfg.Workers = incoming, cmp.Or(cfg.Sweep, DefaultSweep), cmp.Or(cfg.Workers, DefaultWorkers)
	cfg.lease = cmp.Or(cfg.lease, fault.Short(leaseTime))
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.owner == "" {
		host, _ := os.Hostname()
		var id [6]byte
		_, _ = rand.Read(id[:]) // never fails
		cfg.owner = fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(id[:]))
	}
	return &Watcher{cfg: cfg, turns: newTurns(cfg.Workers), watched: map[catalog.DropFolderID]*watched{}}, nil
}

// Run watches until ctx ends, and returns when everything it started has ended.
func (w *Watcher) Run(ctx context.Context) error {
	var tidying sync.WaitGroup
	tidying.Go(func() { w.tidy(ctx) })
	defer tidying.Wait()
	defer w.stopAll()
	tick := time.NewTicker(foldersEvery)
	defer tick.Stop()
	for {
		folders, err := w.cfg.Catalog.WatchedDropFolders(ctx)
		if err == nil {
			w.adjust(ctx, folders)
		} else if ctx.Err() == nil {
			w.cfg.Log.Error("drop folders cannot be listed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// adjust starts what is to be watched and is not, and stops what is not to be watched any more, or not as it was.
func (w *Watcher) adjust(ctx context.Context, folders []catalog.DropFolder) {
	now := map[catalog.DropFolderID]catalog.DropFolder{}
	for _, f := range folders {
		now[f.ID] = f
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, r := range w.watched {
		if f, ok := now[id]; !ok || f.UpdatedAt != r.f.UpdatedAt {
			r.cancel()
		}
		select {
		case <-r.done:
			delete(w.watched, id)
		default:
		}
	}
	for id, f := range now {
		if w.watched[id] == nil {
			w.start(ctx, f)
		}
	}
	foldersWatched.Set(float64(len(w.watched)))
}

func (w *Watcher) start(ctx context.Context, f catalog.DropFolder) {
	ctx, cancel := context.WithCancel(ctx)
	r := &watched{f: f, cancel: cancel, done: make(chan struct{})}
	w.watched[f.ID] = r
	go func() {
		defer close(r.done)
		defer cancel()
		w.attend(ctx, f)
	}()
}

func (w *Watcher) stopAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, r := range w.watched {
		r.cancel()
		<-r.done
		delete(w.watched, id)
	}
	foldersWatched.Set(0)
}

// attend watches a folder whenever its lease can be had, until ctx ends.
func (w *Watcher) attend(ctx context.Context, f catalog.DropFolder) {
	log := w.cfg.Log.With("drop_folder", f.ID, "account", f.Account)
	pause := firstPause
	for ctx.Err() == nil {
		rest := w.cfg.lease / 6
		token, ok, err := w.cfg.Catalog.AcquireLease(ctx, LeaseName(f.ID), w.cfg.owner, w.cfg.lease)
		switch {
		case err != nil && ctx.Err() == nil:
			log.Error("the lease of a drop folder cannot be had", "error", err)
		case err == nil && ok:
			began := time.Now()
			err = w.hold(ctx, f, catalog.Fence{Lease: LeaseName(f.ID), Token: token})
			if time.Since(began) > 2*lastPause {
				pause = firstPause
			}
			if err != nil && !passing(err) && ctx.Err() == nil {
				log.Warn("a drop folder cannot be watched for now", "again_in", pause, "error", err)
				rest, pause = pause, min(2*pause, lastPause)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
}

// LeaseName is the lease of the one who watches a folder.
func LeaseName(id catalog.DropFolderID) string { return fmt.Sprintf("dropfolder:%d", id) }

// hold watches a folder while its lease can be renewed, and then gives it up.
func (w *Watcher) hold(ctx context.Context, f catalog.DropFolder, fence catalog.Fence) error {
	ctx, lost := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { w.renew(ctx, fence, lost) })
	err := w.serve(ctx, f, fence)
	lost()
	renewing.Wait()
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, w.cfg.Catalog.ReleaseLease(free, fence.Lease, w.cfg.owner, fence.Token))
}

// serve opens a folder and runs it.
func (w *Watcher) serve(ctx context.Context, f catalog.DropFolder, fence catalog.Fence) error {
	fo, err := w.newFolder(ctx, f, fence)
	if err != nil {
		code, text := codeOf(err, ErrApp)
		return errors.Join(err, w.cfg.Catalog.SetDropFolderHealth(ctx, f.ID, catalog.DropFolderHealth{Code: int(code), Text: text}))
	}
	err = fo.run(ctx)
	if err != nil && !passing(err) && ctx.Err() == nil {
		fo.health(ctx, err, time.Time{})
	}
	return errors.Join(err, fo.store.Close())
}

// renew keeps the lease until ctx ends, or calls lost when it is, or may be, another's.
func (w *Watcher) renew(ctx context.Context, fence catalog.Fence, lost func()) {
	every := w.cfg.lease / (leaseTime / renewEvery)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for sure := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		token, ok, err := w.cfg.Catalog.AcquireLease(ctx, fence.Lease, w.cfg.owner, w.cfg.lease)
		switch {
		case err == nil && ok && token == fence.Token:
			sure = asked
		case err == nil, time.Since(sure) > w.cfg.lease-every:
			lost()
			return
		}
	}
}

package dropfolder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

const (
	// eventQueue bounds the notifications that wait; when it is full, they are dropped and a sweep replaces them.
	eventQueue = 8192
	// With more than crowdedFiles, a folder whose notifications work is swept at restSweep at the earliest.
	crowdedFiles = 50_000
	restSweep    = 5 * time.Minute
	// healthEvery is how often a folder that is well says so.
	healthEvery = time.Minute
	// DefaultSizeInterval is how many seconds a file of which nothing better is known must be unchanged.
	DefaultSizeInterval = 30
)

// known is a file whose row needs no look as long as the file stays what it is. Only a fingerprint is kept: folders may have
// millions of files.
type known struct {
	print uint64
	id    catalog.DropFolderFileID
	sweep uint32
}

// scan finds files and tells when they are complete. One goroutine owns it.
type scan struct {
	*folder
	watch    *complete.Watcher // nil when there are no notifications
	judge    complete.Judge
	seed     maphash.Seed
	known    map[uint64]known
	arriving map[string]*arriving
	marks    map[string]bool // paths whose marker is there
	dues     dues
	crowd    crowd
	sweeps   uint32
	newest   time.Time
	said     time.Time // when health was last recorded
	lastErr  string

	fresh []observation // seen, not entered yet
	whole []*arriving   // complete, not entered yet
	stale []*arriving   // changed, not entered yet
	gone  []catalog.DropFolderFileID
}

// observation is a file that a look found, and what an event told of it.
type observation struct {
	File
	seen complete.Evidence
	by   string
	lead catalog.DropFolderFileID
}

func newScan(fo *folder) *scan {
	return &scan{
		folder: fo, seed: maphash.MakeSeed(), known: map[uint64]known{}, arriving: map[string]*arriving{}, marks: map[string]bool{},
		judge: complete.Judge{Settle: fo.interval() / 6, NoLeases: fo.cfg.noLeases},
	}
}

// interval is how long a file of which nothing is known must be unchanged.
func (fo *folder) interval() time.Duration {
	if fo.cfg.settle > 0 {
		return fo.cfg.settle
	}
	s := fo.f.SizeInterval
	if s <= 0 {
		s = DefaultSizeInterval
	}
	return time.Duration(s) * time.Second
}

// run looks until ctx ends.
func (s *scan) run(ctx context.Context) error {
	var events chan complete.Event
	if s.local != nil && !s.cfg.noWatch {
		w, err := complete.NewWatcher(cmp.Or(s.cfg.queue, eventQueue))
		if err != nil {
			s.log.Warn("a drop folder is swept only: no notifications", "error", err)
		} else {
			defer w.Close()
			s.watch, events = w, w.Events
		}
	}
	if err := s.load(ctx); err != nil {
		return &Error{Code: ErrCatalog, Text: "the folder's files cannot be read from the catalog", Err: err}
	}
	defer s.setOver(0)
	sweep, due := time.NewTimer(0), time.NewTimer(time.Hour)
	defer sweep.Stop()
	defer due.Stop()
	for {
		due.Reset(s.dues.wait(time.Now()))
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if s.drain(ctx, e, events) {
				sweep.Reset(0)
			}
		case <-sweep.C:
			if err := s.sweep(ctx); err != nil {
				return err
			}
			sweep.Reset(s.untilSweep())
		case <-due.C:
			s.lookDue(time.Now())
		case rel := <-s.again:
			h := s.hash(catalog.PathKey(rel))
			if k, ok := s.known[h]; ok {
				k.print = 0 // its row is looked at, whatever the file is like
				s.known[h] = k
			}
			s.visit(ctx, rel, complete.None, "sweep")
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
}

// load reads the fingerprints of the files that have rows. Those that are not in the folder by their nature are left out.
func (s *scan) load(ctx context.Context) error {
	return s.cfg.Catalog.KnownDropFolderFiles(ctx, s.f.ID, func(rows []catalog.KnownFile) error {
		for _, r := range rows {
			switch r.Status {
			case parsed, detected, uploading:
				continue
			}
			s.known[s.hash(r.PathKey)] = known{print: s.print(r.Size, r.ModifiedNS, r.Identity), id: r.ID}
		}
		return ctx.Err()
	})
}

// hash is the key of a path in the table of known files, by the path's own key: that is all that rows of odd names have.
func (s *scan) hash(pathKey string) uint64 { return maphash.String(s.seed, pathKey) }

func (s *scan) print(size, modifiedNS int64, identity string) uint64 {
	return maphash.Comparable(s.seed, struct {
		size, modified int64
		identity       string
	}{size, modifiedNS, identity})
}

func (s *scan) printOf(f File) uint64 { return s.print(f.Size, f.ModTime.UnixNano(), f.Identity) }

// untilSweep is the time to the next sweep. Each costs a look at every file.
func (s *scan) untilSweep() time.Duration {
	every := s.cfg.Sweep
	switch {
	case s.local == nil:
		every = min(every, max(s.interval()/3, time.Second))
	case s.watch != nil && len(s.known)+len(s.arriving) > crowdedFiles:
		every = max(every, restSweep)
	}
	return every
}

// drain deals with an event and those behind it, so that they are entered together. It reports whether some were lost.
func (s *scan) drain(ctx context.Context, e complete.Event, events chan complete.Event) bool {
	for range ListBatch {
		if e.Lost {
			return true
		}
		s.notice(ctx, e)
		select {
		case e = <-events:
		default:
			return false
		}
	}
	s.notice(ctx, e)
	return e.Lost
}

// notice deals with a notification.
func (s *scan) notice(ctx context.Context, e complete.Event) {
	if e.Lost || complete.Hidden(e.Name) {
		return
	}
	rel := path.Join(e.Dir, e.Name)
	switch {
	case !e.IsDir():
		s.visit(ctx, rel, e.Evidence(), "inotify")
	case e.Appeared() && !s.f.Options.Flat:
		err := s.local.walk(ctx, rel, s.enter, func(files []File) error {
			for _, f := range files {
				s.observe(observation{File: f, seen: e.Evidence(), by: "inotify"})
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			s.log.Warn("a new directory could not be listed; the next sweep tries again", "directory", complete.Shown(rel), "error", err)
		}
	}
}

// enter watches a directory before it is listed.
func (s *scan) enter(dir string) {
	if s.watch == nil {
		return
	}
	rel := strings.TrimPrefix(dir, ".")
	if err := s.watch.Add(rel, path.Join(s.local.dir, dir)); err != nil && s.lastErr != err.Error() {
		s.lastErr = err.Error()
		s.log.Warn("a directory is swept only: it cannot be watched", "directory", complete.Shown(dir), "error", err)
	}
}

// visit looks at one path.
func (s *scan) visit(ctx context.Context, rel string, seen complete.Evidence, by string) {
	f, err := s.store.Stat(ctx, rel)
	switch {
	case isGone(err):
		s.vanished(rel)
		delete(s.marks, s.marked(rel))
	case err == nil:
		s.observe(observation{File: f, seen: seen, by: by})
	}
}

// vanished notes that a path is not there any more.
func (s *scan) vanished(rel string) {
	if a := s.arriving[rel]; a != nil {
		s.gone = append(s.gone, a.id)
		s.forget(a)
	}
	h := s.hash(catalog.PathKey(rel))
	if k, ok := s.known[h]; ok {
		s.gone = append(s.gone, k.id)
		delete(s.known, h)
	}
}

// sweep looks at everything in the folder, and notes what is gone.
func (s *scan) sweep(ctx context.Context) error {
	start := time.Now()
	s.sweeps++
	if err := s.beginCrowd(ctx); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	enter := func(files []File) error {
		for _, f := range files {
			s.observe(observation{File: f, by: "sweep"})
		}
		s.lookDue(time.Now()) // what is followed must not grow with the folder
		return s.flush(ctx)
	}
	var err error
	if s.local != nil {
		err = s.local.walk(ctx, ".", s.enter, enter)
	} else {
		err = s.store.List(ctx, enter)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.health(ctx, err, s.newest)
		}
		return fmt.Errorf("list: %w", err)
	}
	s.absent()
	sweepSeconds.Observe(time.Since(start).Seconds())
	was := s.crowd.over
	if err := s.endCrowd(); err != nil || was > 0 || time.Since(s.said) > healthEvery {
		s.said = time.Now()
		s.health(ctx, err, s.newest)
	}
	return nil
}

// absent notes what the sweep did not see.
func (s *scan) absent() {
	for _, a := range s.arriving {
		if a.sweep != s.sweeps {
			s.vanished(a.Path)
		}
	}
	for h, k := range s.known {
		if k.sweep != s.sweeps {
			s.gone = append(s.gone, k.id)
			delete(s.known, h)
		}
	}
}

// observe compares a file with what is known of it.
func (s *scan) observe(o observation) {
	if of := s.marked(o.Path); of != "" {
		s.marks[of] = true
		if a := s.arriving[of]; a != nil {
			s.look(a, time.Now())
		}
		return
	}
	if inFlight(o.Path) || s.exclude.match(o.Path) {
		return
	}
	if o.ModTime.After(s.newest) {
		s.newest = o.ModTime
	}
	if a := s.arriving[o.Path]; a != nil {
		s.renew(a, o)
		return
	}
	h := s.hash(catalog.PathKey(o.Path))
	if k, ok := s.known[h]; ok {
		k.sweep = s.sweeps
		s.known[h] = k
		if k.print == s.printOf(o.File) {
			return
		}
	} else if s.crowded() {
		return
	}
	s.fresh = append(s.fresh, o)
}

func isGone(err error) bool { return errors.Is(err, errGone) }

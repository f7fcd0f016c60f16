package growing

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"sluice/catalog"
	"sluice/pipeline/stage"
	"sluice/storage"
)

const (
	// interval is how often the watcher looks: what a task waits for longer than it must.
	interval = 500 * time.Millisecond
	// overlap is how far back each look goes: changes become visible late, and clocks of machines differ.
	overlap = 10 * time.Second
	// lookBatch bounds the uploads of a look.
	lookBatch = 1000
	// maxKnown bounds what is remembered of heads.
	maxKnown = 20_000
)

// Watcher begins and tends early work. Its fields are set before Run.
type Watcher struct {
	Catalog *catalog.DB
	Store   storage.Store
	// Path is where the file of an upload grows.
	Path func(t catalog.UploadToken) string
	// Original says which entry's original an upload will be, as it is, and its version; false for an upload that is for something else, or
	// that nobody waits for any more.
	Original func(ctx context.Context, tx *catalog.Tx, t catalog.UploadToken) (entry catalog.EntryID, version int, ok bool, err error)
	Log      *slog.Logger

	since time.Time
	known map[catalog.UploadTokenID]known
}

// known is what is remembered of an upload's head, so that it is not read at every change.
type known struct {
	generation int
	need       int64 // look again when so many bytes are there; below 0 never
}

// Run looks until ctx ends. A look that fails is logged; the next one goes over the same uploads again.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failing := false
	for {
		err := w.Look(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.Error("uploads that arrive cannot be worked on", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look does once what Run does all the time.
func (w *Watcher) Look(ctx context.Context) error {
	list, err := w.Catalog.EarlyWorks(ctx)
	if err != nil {
		return err
	}
	busy := make(map[catalog.UploadTokenID]bool, len(list))
	var errs []error
	for _, s := range list {
		busy[s.Upload] = true
		errs = append(errs, w.tend(ctx, s))
	}
	return errors.Join(append(errs, w.begin(ctx, busy))...)
}

// begin begins work on uploads that changed, but for those that have some.
func (w *Watcher) begin(ctx context.Context, busy map[catalog.UploadTokenID]bool) error {
	if w.known == nil || len(w.known) > maxKnown {
		w.known = map[catalog.UploadTokenID]known{}
	}
	now := time.Now()
	for since := w.since; ; {
		batch, err := w.Catalog.GrowingUploads(ctx, since, lookBatch)
		if err != nil {
			return err
		}
		for _, t := range batch {
			if busy[t.ID] {
				continue
			}
			if err := w.consider(ctx, t); err != nil {
				return err
			}
		}
		if len(batch) < lookBatch || batch[len(batch)-1].UpdatedAt.Equal(since) {
			break
		}
		since = batch[len(batch)-1].UpdatedAt
	}
	w.since = now.Add(-overlap)
	return nil
}

// consider looks at the head of an upload and begins work if that can be.
func (w *Watcher) consider(ctx context.Context, t catalog.UploadToken) error {
	have := t.Extents.Contiguous()
	if k, ok := w.known[t.ID]; ok && k.generation == t.Generation && (k.need < 0 || have < k.need) {
		return nil
	}
	f, err := os.Open(w.Path(t))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // begun anew this moment, or in another machine's folder
	}
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := sniff(f, have, t.FileSize)
	if errors.Is(err, errUnsuited) {
		w.known[t.ID] = known{t.Generation, -1}
		return nil
	}
	if err != nil {
		return err
	}
	if h.Need > have || !h.Ready {
		w.known[t.ID] = known{t.Generation, h.Need}
		return nil
	}
	return w.start(ctx, t, h.Size)
}

// start records the work and its first task, if the upload is still what it was.
func (w *Watcher) start(ctx context.Context, t catalog.UploadToken, size int64) error {
	begun := false
	err := w.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		begun = false
		entry, version, ok, err := w.Original(ctx, tx, t)
		if err != nil || !ok {
			return err
		}
		work := catalog.EarlyWork{Upload: t.ID, Generation: t.Generation, Entry: entry, Version: version, Path: w.Path(t), Size: size}
		err = tx.BeginEarly(ctx, work, []catalog.NewTask{stage.EarlyTask(work)})
		begun = err == nil
		return err
	})
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		// Another watcher was first, or the entry is gone; or this file was tried before, and its tasks are there.
		w.known[t.ID] = known{t.Generation, -1}
		return nil
	}
	if begun {
		works.WithLabelValues("begun").Inc()
		w.Log.Info("work on an upload begins before it is complete", "upload", t.ID, "bytes", t.Extents.Contiguous(), "of", size)
	}
	return err
}

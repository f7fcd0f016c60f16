package growing

import (
	"context"
	"errors"
	"math"

	"sluice/catalog"
	"sluice/pipeline/stage"
)

// tend does what early work needs now: its tasks are released as bytes come, work that lost its purpose is dropped, and what is over
// is removed.
func (w *Watcher) tend(ctx context.Context, s catalog.EarlyStatus) error {
	switch {
	case s.State == catalog.EarlyDropped:
		return w.remove(ctx, s)
	case purposeless(s):
		return w.drop(ctx, s)
	case s.State == catalog.EarlyUnsuited:
		if s.Arriving() {
			return nil
		}
		return w.Catalog.EndEarly(ctx, s.Upload)
	case s.State == catalog.EarlyAdopted && s.EntryStatus == catalog.EntryReady:
		works.WithLabelValues("adopted").Inc()
		return w.Catalog.EndEarly(ctx, s.Upload)
	}
	have := s.Have
	if s.Whole() {
		have = math.MaxInt64
	}
	_, err := w.Catalog.ReleaseBytes(ctx, s.Upload, have)
	return err
}

// purposeless says that nothing will come of the work: the entry has gone, failed or got other content, or the upload was given up or
// begun anew.
func purposeless(s catalog.EarlyStatus) bool {
	switch {
	case s.EntryStatus == catalog.EntryDeleted || s.EntryVersion != s.Version, !s.Arriving() && !s.Whole():
		return true
	case s.State == catalog.EarlyAdopted: // its tasks are the entry's own, which may be tried again
		return false
	}
	return s.EntryStatus == catalog.EntryErrorImporting || s.EntryStatus == catalog.EntryErrorConverting
}

func (w *Watcher) drop(ctx context.Context, s catalog.EarlyStatus) error {
	err := w.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return tx.DropEarly(ctx, s.Upload) })
	if errors.Is(err, catalog.ErrNotFound) { // another watcher was faster
		return nil
	}
	if err != nil {
		return err
	}
	return w.remove(ctx, s)
}

// remove removes the objects of dropped work, and then forgets it; but while the same file still grows, it remembers that nothing comes
// of that. An attempt that is told only now removes its own objects.
func (w *Watcher) remove(ctx context.Context, s catalog.EarlyStatus) error {
	if _, err := w.Store.DeletePrefix(ctx, stage.EarlyFolder(s.Account, s.EarlyWork)); err != nil {
		return err
	}
	works.WithLabelValues("dropped").Inc()
	w.Log.Info("work on an upload was dropped", "upload", s.Upload, "entry", s.Entry)
	if !s.Arriving() {
		return w.Catalog.EndEarly(ctx, s.Upload)
	}
	return w.Catalog.InTx(ctx, func(tx *catalog.Tx) error {
		return tx.UpdateEarly(ctx, s.Upload, func(e *catalog.EarlyWork) error {
			e.State = catalog.EarlyUnsuited
			return nil
		})
	})
}

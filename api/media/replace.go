package media

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// approveReplace lets the new content of an entry take the place of its present one: now, or as soon as it is ready.
func (s *Service) approveReplace(c *rpc.Call, e catalog.Entry) (kaltura.Entry, error) {
	err := s.Catalog.InTx(c, func(tx *catalog.Tx) error {
		err := tx.UpdateEntry(c, e.ID, func(e *catalog.Entry) error {
			if e.Replacing == "" {
				return rpc.E("ENTRY_ID_NOT_REPLACED", "ENTRY_ID", string(e.ID))
			}
			e.Replacement = catalog.ReplacementApprovedNotReady
			return nil
		})
		if err != nil {
			return err
		}
		return settle(c, tx, e.ID)
	})
	if err != nil {
		return nil, failure(err, string(e.ID))
	}
	return s.viewAgain(c, e.ID)
}

// cancelReplace gives the new content of an entry up.
func (s *Service) cancelReplace(c *rpc.Call, e catalog.Entry) (kaltura.Entry, error) {
	err := s.Catalog.EndReplacement(c, e.ID)
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("ENTRY_ID_NOT_REPLACED", "ENTRY_ID", string(e.ID)).Because(err)
	}
	if err != nil {
		return nil, failure(err, string(e.ID))
	}
	return s.viewAgain(c, e.ID)
}

// settle brings the replacement of an entry's content as far as it can go: in place when it is ready and approved.
func settle(ctx context.Context, tx *catalog.Tx, id catalog.EntryID) error {
	e, err := tx.Entry(ctx, id)
	if err != nil || e.Replacing == "" {
		return ignoreMissing(err)
	}
	hidden, err := tx.Entry(ctx, e.Replacing)
	if err != nil {
		return ignoreMissing(err)
	}
	next := e.Replacement
	switch hidden.Status {
	case catalog.EntryReady:
		if e.Replacement == catalog.ReplacementApprovedNotReady {
			return tx.Replace(ctx, id)
		}
		next = catalog.ReplacementReadyNotApproved
	case catalog.EntryErrorConverting, catalog.EntryErrorImporting:
		next = catalog.ReplacementFailed
	}
	return tx.UpdateEntry(ctx, id, func(e *catalog.Entry) error {
		e.Replacement = next
		return nil
	})
}

// Replacer follows the catalog's events and puts new content in place when it is ready. Several may run: what one did,
// another finds done.
type Replacer struct {
	Catalog *catalog.DB
	Log     *slog.Logger
	// Every is how often it looks for events; 0 means once a second.
	Every time.Duration
}

const (
	replacer     = "replacements" // its name among the consumers of events
	eventsAtOnce = 500
)

// Run follows the events until ctx ends.
func (r *Replacer) Run(ctx context.Context) error {
	every := r.Every
	if every == 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := r.Catchup(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error("replacements: failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Catchup handles the events that are there.
func (r *Replacer) Catchup(ctx context.Context) error {
	seq, err := r.Catalog.Cursor(ctx, replacer)
	if err != nil {
		return err
	}
	for {
		events, err := r.Catalog.Events(ctx, seq, eventsAtOnce)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			switch e.Name {
			case catalog.EventReplacementReady, catalog.EventReplacementFailed:
			case catalog.EventEntryReady, catalog.EventEntryFailed: // as they were called before
			default:
				continue
			}
			if err := r.handle(ctx, e); err != nil {
				return err
			}
		}
		seq = events[len(events)-1].Seq
		if err := r.Catalog.SetCursor(ctx, replacer, seq); err != nil {
			return err
		}
	}
}

// handle settles the replacement that the event's entry is part of, if any.
func (r *Replacer) handle(ctx context.Context, event catalog.Event) error {
	e, err := r.Catalog.EntryByID(ctx, event.Entry)
	if err != nil || e.Replaced == "" || e.Status == catalog.EntryDeleted {
		return ignoreMissing(err)
	}
	err = r.Catalog.InTx(ctx, func(tx *catalog.Tx) error { return settle(ctx, tx, e.Replaced) })
	if errors.Is(err, catalog.ErrConflict) {
		r.Log.Warn("replacement not possible", "entry", e.Replaced, "by", e.ID, "error", err)
		return nil
	}
	return err
}

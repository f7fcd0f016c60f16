package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/catalog"
)

// sweepBatch bounds the transfers that are read at a time.
const sweepBatch = 100

// Sweep gives up sessions that rest for longer than their lifetime, forgets ended ones of that age, and lets idle ones go from
// memory. Any process may call it at any time.
func (s *Server) Sweep(ctx context.Context) error {
	s.rest(time.Now())
	before := time.Now().Add(-s.cfg.Lifetime)
	idle, err := s.cfg.Catalog.IdleTransfers(ctx, before, sweepBatch, catalog.TransferOpen)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range idle {
		errs = append(errs, s.giveUp(ctx, t))
	}
	for _, status := range []catalog.TransferStatus{catalog.TransferClosed, catalog.TransferDropped} {
		ended, err := s.cfg.Catalog.IdleTransfers(ctx, before, sweepBatch, status)
		errs = append(errs, err)
		for _, t := range ended {
			errs = append(errs, s.cfg.Catalog.ForgetTransfer(ctx, t.ID))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) giveUp(ctx context.Context, t catalog.Transfer) error {
	x, err := s.session(ctx, t)
	if errors.Is(err, catalog.ErrNotFound) { // its folder is gone, and what was in it
		return s.cfg.Catalog.EndTransfer(ctx, t.ID, catalog.TransferDropped)
	}
	if errors.Is(err, errElsewhere) { // whose machine gives it up, unless that never comes back
		if time.Since(t.UpdatedAt) < 2*s.cfg.Lifetime {
			return nil
		}
		return s.cfg.Catalog.EndTransfer(ctx, t.ID, catalog.TransferDropped)
	}
	if err != nil {
		return fmt.Errorf("give transfer %s up: %w", t.ID, err)
	}
	defer x.release()
	s.forget(x)
	s.cfg.Log.Info("high-speed upload given up: it rested too long", "transfer", t.ID, "account", t.Account)
	return s.dropped(ctx, x)
}

// dropped removes what came in of a session that is out of memory.
func (s *Server) dropped(ctx context.Context, x *session) error {
	to, err := s.destination(ctx, x.transfer, x.spec)
	if err != nil {
		return err
	}
	defer to.close()
	for _, f := range x.files { // nobody else has it any more
		if row := x.row(f); row.Status == catalog.FileOpen {
			if err := to.drop(ctx, row); err != nil {
				return err
			}
		}
	}
	if err := to.end(); err != nil {
		return err
	}
	return s.cfg.Catalog.EndTransfer(ctx, x.transfer.ID, catalog.TransferDropped)
}

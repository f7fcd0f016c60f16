//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"sluice/ingest/content"
	"sluice/ingest/fetch"
	"sluice/ingest/upload"
)

// newContent makes what brings content in that comes through the API. Its folders lie beside the one of other received files.
func (s *system) newContent() (*content.Service, error) {
	guard, err := fetch.NewGuard(s.cfg.List("fetch.allow"))
	if err != nil {
		return nil, usageError{fmt.Errorf("fetch.allow: %w", err)}
	}
	scanner, err := s.newScanner()
	if err != nil {
		return nil, err
	}
	c := &content.Service{
		Catalog: s.catalog, Store: s.store, Incoming: s.cfg.Data("incoming"), Log: s.log, Scanner: scanner,
		Fetcher: &fetch.Fetcher{Dir: s.cfg.Data("fetch"), Guard: guard, Secrets: s.catalog, MaxSize: s.cfg.Int("fetch.max_bytes"), Admit: s.admit, Keep: s.keep, Remotes: remoteFiles()},
	}
	c.Uploads = &upload.Engine{
		Catalog: s.catalog, Dir: s.cfg.Data("uploads"), Arrived: c.Arrived, Lost: c.Lost, Log: s.log, Admit: s.admit, Keep: s.keep,
		MaxSize: s.cfg.Int("upload.max_bytes"), MaxOpen: int(s.cfg.Int("upload.max_open")), Wait: s.cfg.Duration("upload.wait"),
		Lifetime: s.cfg.Duration("upload.lifetime"),
	}
	return c, nil
}

// sweepContent gives up uploads that rest too long and removes what is left of uploads and downloads, now and then.
func (s *system) sweepContent(ctx context.Context) error {
	return s.every(ctx, min(s.cfg.Duration("upload.lifetime")/4, time.Hour), "sweep uploads and downloads", func() error {
		return s.content.Sweep(ctx)
	})
}

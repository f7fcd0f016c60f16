//go:build linux

package main

import (
	"context"

	"sluice/ingest/growing"
)

// followSlots is how many sounds and copies of uploads a process makes at a time while they arrive. Further ones wait: each costs a
// process that mostly waits too.
const followSlots = 8

// watchGrowing lets work on uploads begin before they are complete, until ctx ends.
func (s *system) watchGrowing(ctx context.Context) error {
	if !s.cfg.Bool("growing.enabled") {
		return nil
	}
	w := &growing.Watcher{Catalog: s.catalog, Store: s.store, Path: s.content.Uploads.Path, Original: s.content.Original, Log: s.log}
	return w.Run(ctx)
}

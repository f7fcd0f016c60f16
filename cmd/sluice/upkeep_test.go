package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"sluice/catalog"
	"sluice/internal/config"
	"sluice/storage"
)

// ownSystem opens a catalog and a store in a directory of its own.
func ownSystem(t *testing.T) *system {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse([]string{"--data-dir", t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(flags)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSystem(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestHandledEventsAreTrimmedWhenTheyAreOld(t *testing.T) {
	s := ownSystem(t)
	const entries = eventBatch + 5
	for range entries {
		if _, _, _, err := s.catalog.CreateEntry(t.Context(), catalog.NewEntry{Account: s.account(), Name: "e", MediaType: catalog.MediaVideo}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	last, err := s.catalog.LastEvent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.catalog.SetCursor(t.Context(), "reader", last-1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		before time.Time
		first  int64
	}{{time.Now().Add(-time.Hour), 1}, {time.Now().Add(time.Hour), last}} {
		if err := s.trimEvents(t.Context(), c.before); err != nil {
			t.Fatal(err)
		}
		if events, err := s.catalog.Events(t.Context(), 0, 1); err != nil || len(events) != 1 || events[0].Seq != c.first {
			t.Errorf("first event after trimming is %+v, %v; want number %d", events, err, c.first)
		}
	}
}

func TestDeletedEntriesArePurgedWithTheirObjects(t *testing.T) {
	s := ownSystem(t)
	e, _, _, err := s.catalog.CreateEntry(t.Context(), catalog.NewEntry{Account: s.account(), Name: "e", MediaType: catalog.MediaVideo}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := "101/" + string(e.ID) + "/1/source/a"
	if _, err := s.store.Put(t.Context(), key, strings.NewReader("bytes")); err != nil {
		t.Fatal(err)
	}
	if err := s.purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Stat(t.Context(), key); err != nil {
		t.Fatalf("an entry that nobody deleted lost its object: %v", err)
	}
	if err := s.catalog.DeleteEntry(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Stat(t.Context(), key); err == nil {
		t.Error("the object is still there")
	}
	if _, err := s.catalog.EntryByID(t.Context(), e.ID); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the row is still there: %v", err)
	}
}

// sweeper is a store that counts what it is asked to sweep.
type sweeper struct {
	asked chan time.Time
}

func (s sweeper) Sweep(_ context.Context, before time.Time) (int, error) {
	s.asked <- before
	return 0, errors.New("not now")
}

func TestUpkeepSweepsAndEndsWithItsContext(t *testing.T) {
	s := ownSystem(t)
	store := sweeper{asked: make(chan time.Time, 1)}
	s.store = struct {
		storage.Store
		sweeper
	}{s.store, store}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.upkeep(ctx) }()
	if before := <-store.asked; time.Since(before) < sweepAfter {
		t.Errorf("uploads begun before %v are swept", before)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

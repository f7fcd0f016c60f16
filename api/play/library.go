package play

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"sluice/catalog"
	"sluice/packager"
	"sluice/storage"
)

// checkEvery is how often an open title is compared with the catalog.
const checkEvery = time.Second

// Library keeps entries open for playing: their tracks with index, descriptor and mapping. Its memory is bounded by the
// number of tracks; the titles used longest ago go first. Safe for concurrent use.
type Library struct {
	Catalog *catalog.DB
	Store   storage.Store
	// MaxTracks bounds the open tracks; 0 means 4096.
	MaxTracks int
	// Restricted says that an entry may not be had by everybody; nil restricts none. It is asked as often as an entry is
	// compared with the catalog.
	Restricted func(ctx context.Context, e catalog.Entry) (bool, error)
	// Scanned says that originals are looked at for viruses: nothing of an entry is given away before the verdict.
	Scanned bool

	flight singleflight.Group
	mu     sync.Mutex // guards the fields below
	titles map[catalog.EntryID]*list.Element
	recent list.List // of *Title, most recently used first
	tracks int
	closed bool
}

// Title is an entry opened for playing. It stays usable until its last holder releases it, even when the entry changes.
type Title struct {
	Entry  catalog.Entry
	Assets []catalog.Asset
	source []sourceFile // playable renditions and captions, in URL order
	board  *boardFiles
	poster packager.File
	// complete is false while renditions are still growing.
	complete bool
	version  string

	mu   sync.Mutex // guards sets
	sets map[string]*packager.Set

	facts   atomic.Pointer[Facts]
	closers []func() error
	release func() // Release, made once: every request hands it out
	refs    atomic.Int64
	checked atomic.Int64 // unix nanoseconds of the last comparison with the catalog
}

// Facts are what the catalog said of a title's entry when it was last asked. They may be newer than what the title was
// opened with, by anything that changes nothing in what plays.
type Facts struct {
	Entry  catalog.Entry
	Assets []catalog.Asset
	// Restricted says that not everybody may have the entry.
	Restricted bool
}

// Facts returns the newest facts.
func (t *Title) Facts() *Facts { return t.facts.Load() }

// Acquire opens the entry, or returns the open title. The caller must Release it.
func (l *Library) Acquire(ctx context.Context, id catalog.EntryID) (*Title, error) {
	if t := l.fresh(id); t != nil {
		return t, nil
	}
	for {
		// One comparison an entry at a time, whoever asks; it must not end with the first asker's request.
		v, err, _ := l.flight.Do(string(id), func() (any, error) { return l.refresh(context.WithoutCancel(ctx), id) })
		if err != nil {
			return nil, err
		}
		if t := v.(*Title); t.retain() {
			return t, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// fresh returns a retained title that was checked a moment ago.
func (l *Library) fresh(id catalog.EntryID) *Title {
	l.mu.Lock()
	defer l.mu.Unlock()
	el, ok := l.titles[id]
	if !ok {
		return nil
	}
	t := el.Value.(*Title)
	if time.Since(time.Unix(0, t.checked.Load())) > checkEvery || !t.retain() {
		return nil
	}
	l.recent.MoveToFront(el)
	return t
}

// refresh compares with the catalog and opens the entry anew when it changed.
func (l *Library) refresh(ctx context.Context, id catalog.EntryID) (*Title, error) {
	now := time.Now()
	e, err := l.Catalog.EntryByID(ctx, id)
	if err != nil {
		l.drop(id)
		return nil, err
	}
	if e.Status == catalog.EntryDeleted {
		l.drop(id)
		return nil, fmt.Errorf("entry %s: %w", id, catalog.ErrNotFound)
	}
	assets, err := l.Catalog.Assets(ctx, id)
	if err != nil {
		return nil, err
	}
	if l.Scanned && withheld(e, assets) {
		l.drop(id)
		return nil, fmt.Errorf("entry %s is not clean, or waits for its scan: %w", id, catalog.ErrNotFound)
	}
	facts := &Facts{Entry: e, Assets: assets}
	if l.Restricted != nil {
		if facts.Restricted, err = l.Restricted(ctx, e); err != nil {
			return nil, err
		}
	}
	version := versionOf(e, assets)
	if t := l.current(id, version); t != nil {
		t.facts.Store(facts)
		t.checked.Store(now.UnixNano())
		return t, nil
	}
	t, err := l.open(ctx, e, assets)
	if err != nil {
		return nil, err
	}
	t.version = version
	t.facts.Store(facts)
	t.checked.Store(now.UnixNano())
	t.release = t.Release
	t.refs.Store(1) // the library's own
	l.put(t)
	return t, nil
}

// withheld says whether the original has no verdict yet, or a bad one. What was ready before originals were scanned stays so.
func withheld(e catalog.Entry, assets []catalog.Asset) bool {
	if e.Status != catalog.EntryReady && catalog.Unscanned(e.Version, assets) {
		return true
	}
	return slices.ContainsFunc(assets, func(a catalog.Asset) bool {
		return a.Original && a.Version == e.Version && a.Details.Scan != nil && a.Details.Scan.Virus != ""
	})
}

func (l *Library) current(id catalog.EntryID, version string) *Title {
	l.mu.Lock()
	defer l.mu.Unlock()
	if el, ok := l.titles[id]; ok && el.Value.(*Title).version == version {
		return el.Value.(*Title)
	}
	return nil
}

func (l *Library) put(t *Title) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.titles == nil {
		l.titles = map[catalog.EntryID]*list.Element{}
	}
	l.remove(t.Entry.ID)
	if l.closed { // whoever asked still gets it; nobody keeps it
		return
	}
	l.titles[t.Entry.ID] = l.recent.PushFront(t)
	l.tracks += len(t.source)
	openTracks.Set(float64(l.tracks))
	limit := l.MaxTracks
	if limit == 0 {
		limit = 4096
	}
	for l.tracks > limit && l.recent.Len() > 1 {
		l.remove(l.recent.Back().Value.(*Title).Entry.ID)
	}
}

func (l *Library) drop(id catalog.EntryID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(id)
}

// remove gives up the library's hold; l.mu is held.
func (l *Library) remove(id catalog.EntryID) {
	el, ok := l.titles[id]
	if !ok {
		return
	}
	t := l.recent.Remove(el).(*Title)
	delete(l.titles, id)
	l.tracks -= len(t.source)
	openTracks.Set(float64(l.tracks))
	t.Release()
}

// Close gives up every title.
func (l *Library) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for id := range l.titles {
		l.remove(id)
	}
}

// retain adds a holder, unless the last one is gone.
func (t *Title) retain() bool {
	for {
		n := t.refs.Load()
		if n == 0 {
			return false
		}
		if t.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release gives the title back; the last holder closes its files.
func (t *Title) Release() {
	if t.refs.Add(-1) > 0 {
		return
	}
	for _, c := range t.closers {
		_ = c() // read-only files: nothing to lose
	}
}

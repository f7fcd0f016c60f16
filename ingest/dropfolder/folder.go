package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/catalog"
)

// folder is one drop folder while this process has its lease.
type folder struct {
	*Watcher
	f       catalog.DropFolder
	fence   catalog.Fence
	store   Store
	local   *local // the store, when it is a directory of this machine
	slug    *Slug
	include patterns // of names that are wanted; none means all
	exclude patterns // of names that are not looked at
	purge   func(rel string) bool
	log     *slog.Logger

	// pending is told that files became complete; again of paths that a handler is done with. What does not fit is found by the
	// next look.
	pending chan struct{}
	again   chan string

	// When it was last looked for entries that files wait for, and for trash to remove; keep owns them.
	settled, emptied time.Time

	mu   sync.Mutex
	busy map[catalog.DropFolderFileID]bool // files that a handler has
	held int64                             // bytes of those that are being taken
}

// newFolder checks what a folder's settings say, and opens its store.
func (w *Watcher) newFolder(ctx context.Context, f catalog.DropFolder, fence catalog.Fence) (*folder, error) {
	fo := &folder{
		Watcher: w, f: f, fence: fence, include: parsePatterns(f.Patterns), exclude: parsePatterns(f.Ignore),
		log: w.cfg.Log.With("drop_folder", f.ID, "account", f.Account), pending: make(chan struct{}, 1), again: make(chan string, ListBatch),
		busy: map[catalog.DropFolderFileID]bool{},
	}
	if f.Handler == catalog.HandleICal {
		return nil, &Error{Code: ErrConfig, Text: "schedules are not supported by this server"}
	}
	if f.Handler == catalog.HandleContent && f.Options.Match == catalog.MatchUndefined {
		return nil, &Error{Code: ErrMatchPolicy, Text: "the content handler has no match policy: set contentMatchPolicy to 1, 2 or 3"}
	}
	var err error
	if fo.slug, err = ParseSlug(f.Options.SlugRegex); err != nil {
		return nil, &Error{Code: ErrConfig, Text: "the slug pattern cannot be used", Err: err}
	}
	if fo.purge, err = purgePattern(f.DeleteRegex); err != nil {
		return nil, &Error{Code: ErrConfig, Text: "the delete pattern cannot be used", Err: err}
	}
	if f.Local() {
		if fo.local, err = openLocal(f.Path, f.Options.Flat); err == nil {
			fo.store = fo.local
		}
		return fo, err
	}
	open := w.cfg.Openers[f.Type]
	if open == nil {
		return nil, &Error{Code: ErrConfig, Text: fmt.Sprintf("folders of type %s are not supported by this server", f.Type)}
	}
	if f, err = w.cfg.Catalog.UnsealDropFolder(f); err != nil {
		return nil, &Error{Code: ErrConfig, Text: "the folder's credentials cannot be read", Err: err}
	}
	fo.store, err = open(ctx, f)
	return fo, err
}

// run watches and handles until ctx ends, which may look like a failure, or something fails that only a new start can mend.
func (fo *folder) run(ctx context.Context) error {
	if err := fo.resume(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return newScan(fo).run(ctx) })
	g.Go(func() error { return fo.handle(ctx) })
	g.Go(func() error { return fo.keep(ctx) })
	return g.Wait()
}

// signal says that there are files to handle.
func (fo *folder) signal() {
	select {
	case fo.pending <- struct{}{}:
	default:
	}
}

// lookAgain asks for a look at a path.
func (fo *folder) lookAgain(rel string) {
	select {
	case fo.again <- rel:
	default:
	}
}

func (fo *folder) isBusy(id catalog.DropFolderFileID) bool {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	return fo.busy[id]
}

func (fo *folder) setBusy(files []catalog.DropFolderFile, busy bool) {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	for _, f := range files {
		if busy {
			fo.busy[f.ID] = true
		} else {
			delete(fo.busy, f.ID)
		}
	}
}

// health records how a look at the folder went.
func (fo *folder) health(ctx context.Context, err error, newest time.Time) {
	h := catalog.DropFolderHealth{}
	if !newest.IsZero() {
		h.LastFile = newest.Unix()
	}
	if err != nil {
		code, text := codeOf(err, ErrList)
		h.Code, h.Text = int(code), text
	}
	if err := fo.cfg.Catalog.SetDropFolderHealth(ctx, fo.f.ID, h); err != nil && ctx.Err() == nil {
		fo.log.Warn("the state of a drop folder could not be recorded", "error", err)
	}
}

// passing says that an error is no fault of the folder: the lease is lost, or everything ends.
func passing(err error) bool {
	return errors.Is(err, catalog.ErrFenced) || errors.Is(err, context.Canceled)
}

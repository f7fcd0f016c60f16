package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/pipeline"
)

const (
	// moreBytes is what a task waits for that read further than it was thought to.
	moreBytes = 8 << 20
	// arrivalPoll is how often a follower looks whether bytes came, and arrivalIdle how long it keeps its place while none do;
	// restBytes must come then before it begins again.
	arrivalPoll = 250 * time.Millisecond
	arrivalIdle = 2 * time.Minute
	restBytes   = 64 << 20
)

// arriving is the file of an upload that is being worked on: what is there of it, until it is whole. It stays readable when it
// moves into the store.
type arriving struct {
	env  *Env
	work catalog.EarlyWork
	file io.ReaderAt
	path string // that a caged process is given
	have int64
	io.Closer
}

// arriving opens the file of the upload that a task works on.
func (e *Env) arriving(ctx context.Context, t catalog.Task) (*arriving, error) {
	now, err := e.earlyNow(ctx, t)
	if err != nil {
		return nil, err
	}
	a := &arriving{env: e, work: now.EarlyWork}
	a.have = a.progress(now)
	f, err := os.Open(now.Path)
	if err == nil {
		a.file, a.Closer, a.path = f, f, fmt.Sprintf("/proc/self/fd/%d", f.Fd())
		return a, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, codec.NewError(codec.SourceIO, "open", "the upload", err)
	}
	if !now.Whole() {
		return nil, pipeline.Postpone(codec.NewError(codec.SourceIO, "open", "this machine does not see the folder of uploads", err))
	}
	orig, err := e.original(ctx, t)
	if err != nil {
		return nil, err
	}
	if orig.Key == "" {
		return nil, pipeline.Postpone(codec.NewError(codec.SourceIO, "open", "the upload is on its way into the store", nil))
	}
	r, err := e.Store.Open(ctx, orig.Key)
	if err != nil {
		return nil, codec.NewError(codec.SourceIO, "open", fmt.Sprintf("object %q", orig.Key), err)
	}
	a.file, a.Closer, a.path = r, r, r.Path()
	return a, nil
}

// earlyNow is the early work of a task as it stands; work that is over has nothing left to do.
func (e *Env) earlyNow(ctx context.Context, t catalog.Task) (catalog.EarlyStatus, error) {
	now, err := e.Catalog.EarlyStatus(ctx, t.Upload)
	if err != nil {
		return now, err
	}
	over := now.State == catalog.EarlyDropped || !now.Arriving() && !now.Whole()
	if over || now.EntryVersion != t.Version {
		// Whoever looks after early works is about to cancel the task.
		return now, pipeline.Postpone(codec.NewError(codec.SourceIO, "open", "the upload was given up or begun anew", nil))
	}
	return now, nil
}

// progress is how much of what counts is there.
func (a *arriving) progress(now catalog.EarlyStatus) int64 {
	if now.Whole() {
		return a.work.Size
	}
	return min(now.Have, a.work.Size)
}

// source is what is there now.
func (a *arriving) source() codec.Source {
	src := codec.Source{Path: a.path, Size: a.work.Size}
	if a.path == "" {
		src.Reader = a.file
	}
	if a.have < a.work.Size {
		src.Have = a.have
	}
	return src
}

// follow returns the file as a reader that waits for bytes. Its error, if any, is why it gave up.
func (a *arriving) follow(ctx context.Context, t catalog.Task) *follower {
	return &follower{arriving: a, ctx: ctx, task: t, have: a.have, grew: time.Now()}
}

// follower reads a file that grows, and waits where it ends so far.
type follower struct {
	*arriving
	ctx  context.Context
	task catalog.Task

	mu   sync.Mutex
	have int64
	grew time.Time
	err  error
}

// ReadAt implements io.ReaderAt, except that it returns less than was asked for when no more is there.
func (f *follower) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if off >= f.work.Size {
		return 0, io.EOF
	}
	for f.err == nil && off >= f.have {
		f.err = f.wait()
	}
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.file.ReadAt(p[:min(int64(len(p)), f.have-off)], off)
	if n > 0 {
		err = nil
	}
	return n, err
}

// wait waits a moment and looks how far the upload is. The mutex is held.
func (f *follower) wait() error {
	select {
	case <-f.ctx.Done():
		return f.ctx.Err()
	case <-time.After(arrivalPoll):
	}
	now, err := f.env.earlyNow(f.ctx, f.task)
	if err != nil {
		return err
	}
	if have := f.progress(now); have > f.have {
		f.have, f.grew = have, time.Now()
		return nil
	}
	if time.Since(f.grew) < arrivalIdle {
		return nil
	}
	err = codec.NewError(codec.NotYet, "demux", "the upload pauses", nil)
	return pipeline.Await(err, min(f.work.Size, f.have+restBytes))
}

// failure is why the follower gave up, or nil.
func (f *follower) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

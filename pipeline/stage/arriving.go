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
	// have bytes are there; of a source of unknown size, size tells how long it is when it is whole.
	have, size int64
	whole      bool
	io.Closer
}

// arriving opens the file of the upload that a task works on.
func (e *Env) arriving(ctx context.Context, t catalog.Task) (*arriving, error) {
	now, err := e.earlyNow(ctx, t)
	if err != nil {
		return nil, err
	}
	a := &arriving{env: e, work: now.EarlyWork, whole: now.Whole()}
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
	a.file, a.Closer, a.path, a.size = r, r, r.Path(), r.Object().Size
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
	switch {
	case a.work.Size == 0:
		return now.Have
	case now.Whole():
		return a.work.Size
	}
	return min(now.Have, a.work.Size)
}

// source is what is there now. Of a source of unknown size that is all there is.
func (a *arriving) source() codec.Source {
	src := codec.Source{Path: a.path, Size: a.work.Size}
	if a.path == "" {
		src.Reader = a.file
	}
	if a.work.Size == 0 {
		src.Size = a.have
		if a.whole {
			src.Size = a.size
		}
		return src
	}
	if a.have < a.work.Size {
		src.Have = a.have
	}
	return src
}

// follow returns the file as a reader that waits for bytes. Its error, if any, is why it gave up.
func (a *arriving) follow(ctx context.Context, t catalog.Task) *follower {
	return &follower{arriving: a, ctx: ctx, task: t, have: a.have, ended: a.whole && a.work.Size == 0, grew: time.Now()}
}

// follower reads a file that grows, and waits where it ends so far.
type follower struct {
	*arriving
	ctx  context.Context
	task catalog.Task

	mu    sync.Mutex
	have  int64
	ended bool // a source of unknown size is whole
	grew  time.Time
	err   error
}

// ReadAt implements io.ReaderAt, except that it returns less than was asked for when no more is there.
func (f *follower) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.work.Size > 0 && off >= f.work.Size {
		return 0, io.EOF
	}
	for f.err == nil && off >= f.have && !f.ended {
		f.err = f.wait()
	}
	if f.err != nil {
		return 0, f.err
	}
	if !f.ended {
		p = p[:min(int64(len(p)), f.have-off)]
	}
	n, err := f.file.ReadAt(p, off)
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
	if now.Whole() && f.work.Size == 0 {
		f.ended = true
		return nil
	}
	if have := f.progress(now); have > f.have {
		f.have, f.grew = have, time.Now()
		return nil
	}
	if time.Since(f.grew) < arrivalIdle {
		return nil
	}
	err = codec.NewError(codec.NotYet, "demux", "the upload pauses", nil)
	return pipeline.Await(err, f.await(f.have-f.arriving.have+restBytes))
}

// await is how many bytes must be there when so many more come.
func (a *arriving) await(more int64) int64 {
	if a.work.Size == 0 {
		return a.have + more
	}
	return min(a.work.Size, a.have+more)
}

// failure is why the follower gave up, or nil.
func (f *follower) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

//go:build cgo

package av

import (
	"context"
	"slices"
	"sync"
)

// floor is where the lanes of a run meet. As long as there are chunks each lane works at its own; a lane that finds no more
// helps the others, or at the end of a run all cores but one would wait for the last chunk.
type floor struct {
	stop func() bool // ends waking the lanes when the context ends

	mu     sync.Mutex
	cond   *sync.Cond // something can be done, or somebody should go
	crews  []*crew    // under way, the first begun first; guarded by mu
	takers int        // lanes that still take chunks; guarded by mu
}

func newFloor(ctx context.Context, lanes int) *floor {
	f := &floor{takers: lanes}
	f.cond = sync.NewCond(&f.mu)
	f.stop = context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.cond.Broadcast()
	})
	return f
}

func (f *floor) close() { f.stop() }

// leave says that a lane takes no more chunks.
func (f *floor) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takers--
	f.cond.Broadcast()
}

// work does a crew's work until it is done or has failed.
func (f *floor) work(ctx context.Context, cr *crew) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crews = append(f.crews, cr)
	defer func() {
		f.crews = slices.DeleteFunc(f.crews, func(c *crew) bool { return c == cr })
		f.cond.Broadcast()
	}()
	for !cr.done() {
		if err := ctx.Err(); err != nil && cr.err == nil {
			cr.err = err
			continue
		}
		f.one(cr)
	}
	return cr.err
}

// help does whatever others have to do until all lanes are through.
func (f *floor) help(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.takers > 0 || len(f.crews) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.one(nil)
	}
	return nil
}

// one does one piece of work, of the lane's own crew first, or waits.
func (f *floor) one(own *crew) {
	cr, p, ok := f.find(own)
	if !ok {
		f.cond.Wait()
		return
	}
	p.begin()
	cr.workers++
	f.mu.Unlock()
	err := p.run()
	f.mu.Lock()
	cr.workers--
	p.end()
	if err != nil && cr.err == nil {
		cr.err = err
	}
	f.cond.Broadcast()
}

func (f *floor) find(own *crew) (*crew, piece, bool) {
	if own != nil {
		if p, ok := own.next(); ok {
			return own, p, true
		}
	}
	for _, cr := range f.crews {
		if p, ok := cr.next(); ok && cr != own {
			return cr, p, true
		}
	}
	return nil, piece{}, false
}

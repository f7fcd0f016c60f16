package upload

import (
	"context"
	"sync"

	"sluice/catalog"
)

// tokens keeps requests of one token apart in this process: chunks go in side by side; what ends a token, or begins its file
// anew, is alone. Between processes the generation of the file and the import stage's look at open files do.
type tokens struct {
	mu   sync.Mutex
	held map[catalog.UploadTokenID]*holders
}

// holders are the requests of a token; the fields are guarded by tokens.mu.
type holders struct {
	shared int
	sole   bool
	users  int           // those who hold or wait; the last one removes the entry
	moved  chan struct{} // closed at every release and every chunk that is recorded
}

// hold is one request's place.
type hold struct {
	all  *tokens
	id   catalog.UploadTokenID
	h    *holders
	sole bool
}

// lock waits for a place among the others, or alone.
func (s *tokens) lock(ctx context.Context, id catalog.UploadTokenID, sole bool) (*hold, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[catalog.UploadTokenID]*holders{}
	}
	h := s.held[id]
	if h == nil {
		h = &holders{moved: make(chan struct{})}
		s.held[id] = h
	}
	h.users++
	for h.sole || sole && h.shared > 0 {
		if err := s.wait(ctx, h.moved); err != nil {
			s.leave(id, h)
			return nil, err
		}
	}
	if sole {
		h.sole = true
	} else {
		h.shared++
	}
	return &hold{s, id, h, sole}, nil
}

// wait waits for the channel without the mutex, which is held.
func (s *tokens) wait(ctx context.Context, moved chan struct{}) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *tokens) leave(id catalog.UploadTokenID, h *holders) {
	if h.users--; h.users == 0 {
		delete(s.held, id)
	}
}

// release gives the place up and wakes who waits.
func (p *hold) release() {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if p.sole {
		p.h.sole = false
	} else {
		p.h.shared--
	}
	p.all.leave(p.id, p.h)
	p.wakeLocked()
}

// wake tells those who wait for chunks that one came.
func (p *hold) wake() {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.wakeLocked()
}

func (p *hold) wakeLocked() {
	close(p.h.moved)
	p.h.moved = make(chan struct{})
}

// watch returns a channel that is closed when a chunk of the token is recorded or a request of it ends; nil when none is at work
// here.
func (s *tokens) watch(id catalog.UploadTokenID) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[id]; h != nil {
		return h.moved
	}
	return nil
}

// moved is closed when another chunk of the token is recorded, or a request of it ends.
func (p *hold) moved() <-chan struct{} {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.h.moved
}

package tus

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// joinPatience is how long a request waits for parts to be put together; then it is answered, and HEAD tells when they are.
const joinPatience = 5 * time.Second

// newFinal makes a file of parts. Parts that lie in one file are that file.
func (s store) newFinal(ctx context.Context, q *request, info handler.FileInfo) (handler.Upload, error) {
	var parts []upload.JoinPart
	for i, id := range info.PartialUploads {
		u, err := s.find(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if p, ok := u.(*inPlace); ok {
			return s.together(ctx, q, p.t.ID, info)
		}
		w := u.(*whole)
		if !w.st.Partial {
			return nil, handler.ErrInvalidConcat
		}
		for _, other := range parts[:i] {
			if other.ID == w.t.ID {
				return nil, &Refusal{http.StatusBadRequest, "ERR_INVALID_CONCAT", "a part is named twice"}
			}
		}
		parts = append(parts, upload.JoinPart{ID: w.t.ID, Size: w.t.Extents.Contiguous()})
	}
	return s.newToken(ctx, q, info, parts)
}

// together is the upload whose file parts were written into, if they are all of it, in order.
func (s store) together(ctx context.Context, q *request, id catalog.UploadTokenID, info handler.FileInfo) (handler.Upload, error) {
	var at int64
	for _, part := range info.PartialUploads {
		u, err := s.find(ctx, q, part)
		if err != nil {
			return nil, err
		}
		p, ok := u.(*inPlace)
		if !ok || p.t.ID != id || p.from != at {
			return nil, &Refusal{http.StatusBadRequest, "ERR_INVALID_CONCAT", "the parts do not follow one another in one file"}
		}
		at = p.to
	}
	u, err := s.find(ctx, q, string(id))
	if err != nil {
		return nil, err
	}
	if w := u.(*whole); at != w.t.FileSize || w.t.Open() {
		return nil, &Refusal{http.StatusBadRequest, "ERR_INVALID_CONCAT", "the parts are not all of their file"}
	}
	return u, nil
}

// ConcatUploads implements handler.ConcatableUpload.
func (u *whole) ConcatUploads(ctx context.Context, _ []handler.Upload) error {
	if len(u.st.Parts) == 0 {
		return nil // they were written in place
	}
	done := u.s.join(u.t, u.st)
	wait := time.NewTimer(joinPatience)
	defer wait.Stop()
	select {
	case <-done:
	case <-wait.C:
	case <-ctx.Done():
	}
	t, err := u.s.token(ctx, u.q.sender, u.t.ID)
	if err != nil {
		return u.s.failure(u.q, err)
	}
	u.t = t
	u.note()
	return nil
}

// join puts the parts of an upload together, in the background; the channel is closed when it ends, for now or for good.
func (s *Server) join(t catalog.UploadToken, st state) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done, ok := s.joins[t.ID]; ok {
		return done
	}
	done := make(chan struct{})
	if s.ctx.Err() != nil {
		close(done)
		return done
	}
	s.joins[t.ID] = done
	s.running.Go(func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.joins, t.ID)
			close(done)
		}()
		s.joinNow(t, st)
	})
	return done
}

// joinNow does it, unless another process does.
func (s *Server) joinNow(t catalog.UploadToken, st state) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	l, err := locker{s.cfg.Redis}.try(ctx, "join-"+string(t.ID), cancel)
	if err != nil {
		if !errors.Is(err, handler.ErrFileLocked) {
			s.cfg.Logger.Error("parts of an upload not put together yet", "token", t.ID, "error", err)
		}
		return
	}
	defer l.Unlock() //nolint:errcheck // it ends by itself
	began := time.Now()
	t, err = s.cfg.Engine.Join(ctx, t.Account, t.ID, st.Parts)
	if err == nil {
		err = s.deliver(ctx, t, st)
	}
	err = s.giveUp(s.ctx, t, st, err)
	switch {
	case err == nil:
		joinSeconds.Observe(time.Since(began).Seconds())
	case s.ctx.Err() == nil:
		s.cfg.Logger.Error("parts of an upload not put together yet", "token", t.ID, "account", t.Account, "error", err)
	}
}

// resumeBatch bounds the uploads that are looked at in one round.
const resumeBatch = 100

// Resume goes on with what a process left behind when it ended: uploads to be put together, and those to become files of drop
// folders. Call it now and then.
func (s *Server) Resume(ctx context.Context) error {
	var errs []error
	for _, carrier := range []string{carrierFolder, carrierJoin} {
		whole, err := s.cfg.Catalog.CarriedUploadTokens(ctx, carrier, resumeBatch, catalog.UploadFull)
		errs = append(errs, err)
		for _, t := range whole {
			errs = append(errs, s.deliver(ctx, t, stateOf(t)))
		}
	}
	return errors.Join(append(errs, s.resumeJoins(ctx))...)
}

func (s *Server) resumeJoins(ctx context.Context) error {
	tokens, err := s.cfg.Catalog.CarriedUploadTokens(ctx, carrierJoin, resumeBatch, catalog.UploadPending, catalog.UploadPartial)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		done := s.join(t, stateOf(t))
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

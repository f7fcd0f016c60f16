package stage

import (
	"context"
	"errors"
	"syscall"

	"sluice/catalog"
	"sluice/codec"
	"sluice/pipeline"
	"sluice/storage"
)

// Handlers returns the handlers of the stages: all but fetch, which ingest/fetch has.
func (e *Env) Handlers() map[catalog.Stage]pipeline.Handler {
	return map[catalog.Stage]pipeline.Handler{
		catalog.StageEarly:     Handler(e.Early),
		catalog.StageFollow:    Handler(e.Follow),
		catalog.StageImport:    Handler(e.Import),
		catalog.StageClip:      Handler(e.Clip),
		catalog.StageAdopt:     Handler(e.Adopt),
		catalog.StageScan:      Handler(e.Scan),
		catalog.StageProbe:     Handler(e.Probe),
		catalog.StagePlan:      Handler(e.Plan),
		catalog.StageTranscode: Handler(e.Transcode),
		catalog.StageAssemble:  Handler(e.Assemble),
		catalog.StageThumbs:    Handler(e.Thumbs),
		catalog.StageCaptions:  Handler(e.Captions),
		catalog.StageFinish:    Handler(e.Finish),
	}
}

// Handler makes a handler of a stage's function.
func Handler(f func(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error)) pipeline.Handler {
	return pipeline.HandlerFunc(func(ctx context.Context, r *pipeline.Run) error {
		out, err := f(ctx, r.Task, r.Progress)
		r.Discard(out.Discard)
		if err != nil {
			return waitOutFull(err)
		}
		r.Complete(out.Result, func(tx *catalog.Tx) error { return out.Commit(ctx, tx) })
		if out.After != nil {
			r.AfterCommit(out.After)
		}
		return nil
	})
}

// waitOutFull makes of an error that says that storage is full one that the task waits out: it comes in whatever an entry
// happens to be doing, and goes when somebody makes room.
func waitOutFull(err error) error {
	switch {
	case codec.CodeOf(err) == codec.DiskFull:
	case errors.Is(err, storage.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		err = codec.NewError(codec.DiskFull, "write", err.Error(), err)
	default:
		return err
	}
	return pipeline.Postpone(err)
}

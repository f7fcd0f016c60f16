package stage

import (
	"context"

	"sluice/catalog"
	"sluice/pipeline"
)

// Handlers returns the handler of every stage.
func (e *Env) Handlers() map[catalog.Stage]pipeline.Handler {
	return map[catalog.Stage]pipeline.Handler{
		catalog.StageImport:    handler(e.Import),
		catalog.StageProbe:     handler(e.Probe),
		catalog.StagePlan:      handler(e.Plan),
		catalog.StageTranscode: handler(e.Transcode),
		catalog.StageAssemble:  handler(e.Assemble),
		catalog.StageThumbs:    handler(e.Thumbs),
		catalog.StageCaptions:  handler(e.Captions),
		catalog.StageFinish:    handler(e.Finish),
	}
}

func handler(f func(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error)) pipeline.Handler {
	return pipeline.HandlerFunc(func(ctx context.Context, r *pipeline.Run) error {
		out, err := f(ctx, r.Task, r.Progress)
		if err != nil {
			return err
		}
		r.Complete(out.Result, func(tx *catalog.Tx) error { return out.Commit(ctx, tx) })
		return nil
	})
}

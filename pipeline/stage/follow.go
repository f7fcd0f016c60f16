package stage

import (
	"context"
	"fmt"

	"sluice/catalog"
	"sluice/codec"
)

// Follow makes the sound, or the copied renditions, of an upload while it arrives: one run over the file that waits where the file
// ends so far, and stores a part of each track after the other. A part counts when it is committed, under the fence of the attempt; the
// next attempt makes the same parts and keeps those that count.
func (e *Env) Follow(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	payload, p, err := e.plan(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	a, err := e.arriving(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	defer a.Close()
	assets, err := e.Catalog.Assets(ctx, t.Entry, catalog.AssetFlavor)
	if err != nil {
		return Outcome{}, err
	}
	sink := &followSink{
		ctx: ctx, store: e.Store, plan: p, dir: fmt.Sprintf("%s%d-%d/", workPrefix(t, payload.Run), t.ID, t.Attempt), have: map[string]int{},
		report: func(pr codec.Progress) { progress(pr.TimeUS, p.DurationUS, pr.Bytes) },
	}
	for _, as := range assets {
		if payload.Assets[as.Name] == as.ID {
			sink.have[as.Name] = len(as.Parts)
		}
	}
	sink.commit = func(part int, w Written) error {
		return e.Catalog.During(ctx, t.ID, t.Attempt, func(tx *catalog.Tx) error {
			if err := tx.UpdateAsset(ctx, payload.Assets[w.Name], addChunk(part, w, codec.Report{})); err != nil {
				return err
			}
			return e.markPlayable(ctx, tx, t.Entry)
		})
	}
	discard := func(ctx context.Context) { e.discardUnused(ctx, t, sink.dir) }
	report, err := e.runFollow(ctx, t, a, codec.Job{Plan: p, Copy: payload.Copy, Audio: payload.Audio, Tokens: 1}, sink)
	if err != nil {
		return Outcome{Discard: discard}, e.blame(ctx, t, err)
	}
	last, err := sink.finish()
	if err != nil {
		return Outcome{Discard: discard}, codec.NewError(codec.SinkIO, "write", err.Error(), err)
	}
	return Outcome{
		Result:  report,
		Discard: discard,
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			for _, w := range last {
				if err := tx.UpdateAsset(ctx, payload.Assets[w.Name], addChunk(w.part, w.Written, report)); err != nil {
					return err
				}
			}
			return e.markPlayable(ctx, tx, t.Entry)
		},
	}, nil
}

// discardUnused removes what an attempt stored and no rendition has: parts that were stored and could not be committed.
func (e *Env) discardUnused(ctx context.Context, t catalog.Task, dir string) {
	assets, err := e.Catalog.Assets(ctx, t.Entry, catalog.AssetFlavor)
	if err != nil {
		e.Log.Warn("objects left behind", "entry", t.Entry, "task", t.ID, "prefix", dir, "error", err)
		return
	}
	used := map[string]bool{}
	for _, a := range assets {
		for _, p := range a.Parts {
			used[p.Key], used[p.IndexKey] = true, true
		}
	}
	for o, err := range e.Store.List(ctx, dir) {
		if err != nil {
			e.Log.Warn("objects left behind", "entry", t.Entry, "task", t.ID, "prefix", dir, "error", err)
			return
		}
		if !used[o.Key] {
			e.drop(ctx, o.Key, "")
		}
	}
}

// runFollow carries the job out over the file as it grows. It takes no share of the machine: what it needs is little, and it waits for
// most of the time.
func (e *Env) runFollow(ctx context.Context, t catalog.Task, a *arriving, job codec.Job, sink *followSink) (codec.Report, error) {
	engine := e.Follower
	if engine == nil {
		engine = e.Engine
	}
	reader := a.follow(ctx, t)
	report, err := engine.Run(ctx, codec.Source{Reader: reader, Size: a.work.Size, Sequential: a.work.Size == 0}, job, sink)
	if err == nil {
		return report, nil
	}
	sink.abort()
	if why := reader.failure(); why != nil && ctx.Err() == nil {
		return report, why
	}
	return report, err
}

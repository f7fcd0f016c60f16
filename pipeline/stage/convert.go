package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
)

// ConvertPayload is the payload of a plan task that makes one more rendition of an entry whose plan was carried out.
type ConvertPayload struct {
	// Params are the flavor parameters of the rendition.
	Params int64 `json:"params"`
}

// Convert is the task that makes a rendition of an entry by flavor parameters; it takes the place of the one by the same
// parameters when it is done.
func Convert(params int64) catalog.NewTask {
	return catalog.NewTask{
		Stage: catalog.StagePlan, Name: fmt.Sprintf("convert %d %s", params, rand.Text()[:8]), Payload: ConvertPayload{Params: params},
		Optional: true, Weight: weightPlan,
	}
}

// convert plans one more rendition on the grid of those that there are.
func (e *Env) convert(ctx context.Context, t catalog.Task, orig catalog.Asset, info codec.Info, params int64) (Outcome, error) {
	base, err := e.Request(ctx, t.Account)
	if err != nil {
		return Outcome{}, err
	}
	fp, err := e.Catalog.FlavorParams(ctx, t.Account, params)
	if errors.Is(err, catalog.ErrNotFound) {
		return Outcome{}, fmt.Errorf("flavor parameters %d are gone: %w", params, err)
	}
	if err != nil {
		return Outcome{}, err
	}
	base.Subs, base.Thumbs, base.Policy.NoPassthrough = false, codec.ThumbSpec{}, true
	w := want(base, []catalog.FlavorParams{fp})
	if len(w.video) > 0 {
		w.request.Audio.Renditions = nil // the sound is there
	}
	p, warnings, err := plan.Make(info, w.request)
	if err != nil {
		return Outcome{}, err
	}
	var main codec.Plan
	if err := e.getJSON(ctx, besideKey(t, orig, planFile), &main); err == nil {
		p = onGridOf(p, main)
	}
	run := fmt.Sprintf("convert-%d", t.ID)
	key := besideKey(t, orig, run+".json")
	if err := e.putJSON(ctx, key, p); err != nil {
		return Outcome{}, codec.NewError(codec.SinkIO, "plan", "", err)
	}
	assets := w.renditions(t, p)
	ids := map[string]catalog.AssetID{}
	for i := range assets {
		ids[assets[i].Name] = assets[i].ID
		assets[i].ParamsID, assets[i].Name = fp.ID, fmt.Sprintf("%s-%d", assets[i].Name, t.ID)
	}
	tasks := tasksOf(p, MakePayload{PlanKey: key, Assets: ids, Span: -1, Run: run})
	for i := range tasks {
		tasks[i].Name += " of " + run
		tasks[i].Optional = true // the entry plays without it
	}
	return Outcome{
		Result: map[string]any{"renditions": len(assets), "warnings": warnings},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			if _, err := tx.AddAssets(ctx, t.Entry, assets); err != nil {
				return err
			}
			_, err := tx.AddTasks(ctx, t.Entry, tasks)
			return err
		},
	}, nil
}

// onGridOf gives a plan the frame rate, the keyframes and the tasks' spans of another of the same source, so that players can
// switch between what both make.
func onGridOf(p, main codec.Plan) codec.Plan {
	if p.Video == nil || main.Video == nil || main.Video.Stream != p.Video.Stream || main.Video.FPS != p.Video.FPS {
		return p
	}
	v := *p.Video
	v.GOP, v.Grid, v.Frames = main.Video.GOP, slices.Clone(main.Video.Grid), main.Video.Frames
	p.Video, p.Spans = &v, slices.Clone(main.Spans)
	return p
}

// replaced are the renditions that those of a convert task take the place of.
func replaced(assets []catalog.Asset, made map[string]catalog.AssetID) []catalog.AssetID {
	mine := map[catalog.AssetID]bool{}
	for _, id := range made {
		mine[id] = true
	}
	var out []catalog.AssetID
	for _, n := range assets {
		if !mine[n.ID] || n.Status != catalog.AssetReady {
			continue
		}
		for _, old := range assets {
			if old.Type == n.Type && old.ParamsID == n.ParamsID && old.Kind == n.Kind && old.Language == n.Language && old.Version == n.Version && !old.Original && !mine[old.ID] {
				out = append(out, old.ID)
			}
		}
	}
	return out
}

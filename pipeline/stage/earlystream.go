package stage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
	"sluice/pipeline"
)

const (
	// longestStream is how long a source of unknown end is thought to be, where a length is needed: the longest that is accepted.
	longestStream = 24 * time.Hour
	// streamGrowth is by how much a stream must have grown, in parts of what there was, before it is planned again: each plan reads all of
	// it. streamStep is the least.
	streamGrowth = 4
	streamStep   = 1 << 20
	// spanMargin is how many frames must follow a span so that nothing of what it decodes is missing.
	spanMargin = 40
)

// earlyStream plans the beginning of a source whose end is not known, as if it were all, and adds tasks for the spans that the end
// cannot change. Then it waits for more, again and again, until the source is whole.
func (e *Env) earlyStream(ctx context.Context, t catalog.Task, a *arriving) (Outcome, error) {
	if a.whole {
		return Outcome{Result: a.work.Made, Commit: func(context.Context, *catalog.Tx) error { return nil }}, nil
	}
	info, err := e.Engine.Probe(ctx, a.source(), codec.ProbeOpts{Packets: true, Idet: true})
	if err != nil {
		return unsuited(t, err)
	}
	w, err := e.wanted(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	evenEnds(&info)
	p, _, err := plan.Make(info, w.request)
	switch {
	case err != nil || p.Video == nil:
		return unsuited(t, codec.NewError(codec.NoStreams, "plan", "no moving picture", err))
	case slices.ContainsFunc(p.Video.Rungs, func(r codec.RungPlan) bool { return r.Copy }):
		// Copies are quick, and where a copy has its keyframes is known at its end only.
		return unsuited(t, codec.NewError(codec.UnsupportedCodec, "plan", "it fits a rendition as it is", nil))
	}
	made := a.work.Made
	if made.Plan != "" {
		var before codec.Plan
		if err := e.getJSON(ctx, made.Plan, &before); err != nil {
			return Outcome{}, codec.NewError(codec.SourceIO, "plan", "", err)
		}
		if same, err := sameStream(before, p, made.Spans); err != nil || !same {
			return dropped(t), err
		}
	}
	if n := safeSpans(p); n > made.Spans {
		if err := e.extend(ctx, t, a, p, w, n); err != nil {
			return Outcome{}, err
		}
	}
	more := codec.NewError(codec.NotYet, "plan", "the source goes on", nil)
	return Outcome{}, pipeline.Await(more, a.have+max(streamStep, a.have/streamGrowth))
}

// evenEnds makes the sound of a source of which only the beginning is there end where its picture does: it is cut anywhere, and sound
// may lie well behind the picture it belongs to.
func evenEnds(info *codec.Info) {
	v := info.MainVideo()
	if v == nil || v.StartUS == nil {
		return
	}
	end := *v.StartUS + v.DurationUS
	for i := range info.Streams {
		s := &info.Streams[i]
		if s.Kind == codec.Audio && s.StartUS != nil && *s.StartUS < end {
			s.DurationUS = end - *s.StartUS
		}
	}
}

// dropped gives early work up that the source contradicts.
func dropped(t catalog.Task) Outcome {
	return Outcome{
		Result: map[string]any{"unsuited": "the source changes on its way"},
		Commit: func(ctx context.Context, tx *catalog.Tx) error { return tx.DropEarly(ctx, t.Upload) },
	}
}

// safeSpans is how many spans at the beginning are the same however the source goes on.
func safeSpans(p codec.Plan) int {
	n := max(0, len(p.Spans)-1)
	for n > 0 && p.Spans[n-1].End+spanMargin > p.Video.Frames {
		n--
	}
	return n
}

// extend adds the tasks of the spans up to n, and with the first of them the renditions and what makes the sound.
func (e *Env) extend(ctx context.Context, t catalog.Task, a *arriving, p codec.Plan, w *wanted, n int) error {
	run := a.work.Run()
	folder := EarlyFolder(t.Account, a.work)
	made := catalog.EarlyMade{Plan: fmt.Sprintf("%splan-%d.json", folder, n), Spans: n}
	if err := e.putJSON(ctx, made.Plan, p); err != nil {
		return codec.NewError(codec.SinkIO, "plan", "", err)
	}
	base := MakePayload{PlanKey: made.Plan, Assets: a.work.Renditions, Span: -1, Run: run}
	var assets []catalog.Asset
	var tasks []catalog.NewTask
	if a.work.Made.Plan == "" {
		assets = w.renditions(t, p)
		base.Assets = map[string]catalog.AssetID{}
		for _, as := range assets {
			base.Assets[as.Name] = as.ID
		}
		sound := base
		sound.PlanKey = folder + planFile
		if err := e.putJSON(ctx, sound.PlanKey, endless(p)); err != nil {
			return codec.NewError(codec.SinkIO, "plan", "", err)
		}
		tasks = soundTasks(p, sound, a.work)
	}
	for i := a.work.Made.Spans; i < n; i++ {
		part := base
		part.Video, part.Span = true, i
		tasks = append(tasks, catalog.NewTask{
			Stage: catalog.StageTranscode, Name: fmt.Sprintf("video %d of %s", i+1, run), Priority: 1, Payload: part, Weight: 5,
			Optional: true, Upload: a.work.Upload,
		})
	}
	return e.Catalog.During(ctx, t.ID, t.Attempt, func(tx *catalog.Tx) error {
		err := tx.UpdateEarly(ctx, t.Upload, func(now *catalog.EarlyWork) error {
			if now.State != catalog.EarlyWorking || now.Generation != a.work.Generation || now.Made != a.work.Made {
				return fmt.Errorf("%w: the early work is %s", catalog.ErrConflict, now.State)
			}
			now.Made, now.Renditions = made, base.Assets
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := tx.AddAssets(ctx, t.Entry, assets); err != nil {
			return err
		}
		_, err = tx.AddTasks(ctx, t.Entry, tasks)
		return err
	})
}

// endless is the plan for what follows a source of unknown end: nothing is cut or padded to an end.
func endless(p codec.Plan) codec.Plan {
	v := *p.Video
	v.Frames = int64(longestStream/time.Second) * v.FPS.Num / v.FPS.Den
	p.Video, p.Spans, p.DurationUS = &v, nil, 0
	p.Limits.CPUSeconds, p.Limits.OutputBytes = 0, 0
	p.Audio = slices.Clone(p.Audio)
	for i := range p.Audio {
		p.Audio[i].DurationUS = 0
	}
	return p
}

// sameStream says whether a plan of more of a source, or of all of it, is that of its beginning as far as n spans and the sound go.
func sameStream(early, p codec.Plan, n int) (bool, error) {
	if p.Video == nil || len(p.Spans) < n || !slices.Equal(early.Spans[:n], p.Spans[:n]) {
		return false, nil
	}
	return samePlan(timeless(early), timeless(p))
}

// timeless is a plan without what follows from the length of the source.
func timeless(p codec.Plan) codec.Plan {
	p = endless(p)
	p.Thumbs, p.Subs = nil, nil
	for i := range p.Audio {
		if p.Audio[i].Copy {
			p.Audio[i].BitRate = 0 // as measured
		}
	}
	return p
}

// Bounds within which sound that was made without knowing the end of the picture is good enough: what copied sound may have, too.
const (
	soundShortUS = 500_000
	soundLongUS  = 2_000_000
)

// soundFits says whether the sound of a source ends about where its picture does.
func soundFits(info codec.Info, p codec.Plan) bool {
	for _, s := range info.Streams {
		if !slices.ContainsFunc(p.Audio, func(a codec.AudioPlan) bool { return a.Stream == s.Index }) {
			continue
		}
		end := s.DurationUS - p.OriginUS
		if s.StartUS != nil {
			end += *s.StartUS
		}
		if p.DurationUS-end > soundShortUS || end-p.DurationUS > soundLongUS {
			return false
		}
	}
	return true
}

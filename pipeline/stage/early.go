package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"sluice/catalog"
	"sluice/codec"
	"sluice/codec/plan"
	"sluice/pipeline"
)

// weightEarly is the share of planning ahead of the last byte.
const weightEarly = 1

// EarlyTask is the first task of early work on an upload: the rest follows from what it finds.
func EarlyTask(w catalog.EarlyWork) catalog.NewTask {
	return catalog.NewTask{Stage: catalog.StageEarly, Name: "plan of " + w.Run(), Upload: w.Upload, Optional: true, Weight: weightEarly}
}

// EarlyFolder is where the objects of early work lie until the entry is ready.
func EarlyFolder(account catalog.AccountID, w catalog.EarlyWork) string {
	return workPrefix(catalog.Task{Account: account, Entry: w.Entry, Version: w.Version}, w.Run())
}

// Early probes and plans an original of which only the beginning is there, and adds the renditions and the tasks that make them as
// its bytes come. What the container or the planner does not allow now is left to the end of the upload.
func (e *Env) Early(ctx context.Context, t catalog.Task, _ Progress) (Outcome, error) {
	a, err := e.arriving(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	defer a.Close()
	if a.work.Size == 0 {
		return e.earlyStream(ctx, t, a)
	}
	info, err := e.Engine.Probe(ctx, a.source(), codec.ProbeOpts{Packets: true, Idet: true})
	if err != nil {
		return unsuited(t, a.more(err))
	}
	w, err := e.wanted(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	p, _, err := plan.Make(info, w.request)
	switch {
	case errors.Is(err, plan.ErrRequest):
		err = codec.NewError(codec.UnsupportedCodec, "plan", err.Error(), err)
	case err == nil && (p.Video == nil || len(info.Reach) == 0):
		err = codec.NewError(codec.NoStreams, "plan", "no moving picture", nil)
	}
	if err == nil {
		if _, rest := w.split(p); rest != nil {
			err = codec.NewError(codec.UnsupportedCodec, "plan", "the profile has flavors that follow when the entry is ready", nil)
		}
	}
	if err != nil {
		return unsuited(t, err)
	}
	folder := EarlyFolder(t.Account, a.work)
	key := folder + planFile
	if err := e.putJSON(ctx, key, p); err != nil {
		return Outcome{}, codec.NewError(codec.SinkIO, "plan", "", err)
	}
	assets, ids := w.named(t, p)
	tasks := earlyTasks(p, MakePayload{PlanKey: key, Assets: ids, Span: -1, Run: a.work.Run()}, a.work, info.Reach)
	return Outcome{
		Result:  map[string]any{"renditions": len(assets), "spans": len(p.Spans), "bytes": a.have, "of": a.work.Size},
		Discard: func(ctx context.Context) { e.remove(ctx, t, folder) },
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			err := tx.UpdateEarly(ctx, t.Upload, func(w *catalog.EarlyWork) error {
				if w.State != catalog.EarlyWorking || w.Generation != a.work.Generation {
					return fmt.Errorf("%w: the early work is %s", catalog.ErrConflict, w.State)
				}
				w.Renditions = ids
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
		},
	}, nil
}

// unsuited ends early work that cannot be: whatever is wrong will be said when the file is complete. What may be tried again is.
func unsuited(t catalog.Task, err error) (Outcome, error) {
	code := codec.CodeOf(err)
	if code == "" || code == codec.Cancelled || codec.RetryFor(code) == codec.RetryBackoff {
		return Outcome{}, err
	}
	return Outcome{
		Result: map[string]any{"unsuited": string(code)},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			w, err := tx.EarlyWork(ctx, t.Upload)
			if err == nil && len(w.Renditions) > 0 {
				return tx.DropEarly(ctx, t.Upload)
			}
			return tx.UpdateEarly(ctx, t.Upload, func(w *catalog.EarlyWork) error {
				if w.State == catalog.EarlyWorking {
					w.State = catalog.EarlyUnsuited
				}
				return nil
			})
		},
	}, nil
}

// earlyTasks makes the renditions of an early plan: copies and sound follow the bytes, each span of video waits for its own.
func earlyTasks(p codec.Plan, base MakePayload, w catalog.EarlyWork, reach []codec.Reach) []catalog.NewTask {
	tasks := soundTasks(p, base, w)
	if _, _, encodes := partsOf(p); !encodes {
		return tasks
	}
	spans := max(1, len(p.Spans))
	for i := range spans {
		part := base
		part.Video, part.Span = true, spanNumber(p, i)
		need := w.Size
		if len(p.Spans) > 0 {
			need = needs(p, p.Spans[i], reach, w.Size)
		}
		tasks = append(tasks, catalog.NewTask{
			Stage: catalog.StageTranscode, Name: fmt.Sprintf("video %d/%d of %s", i+1, spans, base.Run), Priority: 1, Payload: part,
			Weight: max(1, int64(weightTranscode-6)/int64(spans)), Optional: true, Upload: w.Upload, NeedsBytes: need,
		})
	}
	return tasks
}

// soundTasks make what follows the bytes: copies, and sound that is encoded.
func soundTasks(p codec.Plan, base MakePayload, w catalog.EarlyWork) []catalog.NewTask {
	var tasks []catalog.NewTask
	add := func(name string, payload MakePayload) {
		tasks = append(tasks, catalog.NewTask{
			Stage: catalog.StageFollow, Name: name + " of " + base.Run, Priority: 1, Payload: payload, Weight: 3, Optional: true, Upload: w.Upload,
		})
	}
	copies, sound, _ := partsOf(p)
	if copies {
		part := base
		part.Copy = true
		add("copies", part)
	}
	if sound {
		part := base
		part.Audio = true
		add("sound", part)
	}
	return tasks
}

// partsOf says what a plan has: renditions that are copies, sound that is encoded, video that is.
func partsOf(p codec.Plan) (copies, sound, encodes bool) {
	if p.Video != nil {
		for _, r := range p.Video.Rungs {
			copies = copies || r.Copy
			encodes = encodes || !r.Copy
		}
	}
	for _, a := range p.Audio {
		copies = copies || a.Copy
		sound = sound || !a.Copy
	}
	return copies, sound, encodes
}

// needs is how many bytes must be there to make a span.
func needs(p codec.Plan, s codec.Span, reach []codec.Reach, size int64) int64 {
	end := p.OriginUS + mulDiv(s.End*p.Video.FrameDur, 1_000_000, p.Video.Timescale)
	i := sort.Search(len(reach), func(i int) bool { return reach[i].UntilUS >= end })
	if i == len(reach) || s.End >= p.Video.Frames {
		return size
	}
	return min(size, reach[i].Bytes)
}

// earlyOf returns the early work on the original that a task plans, nil without any, and whether its plan is p.
func (e *Env) earlyOf(ctx context.Context, t catalog.Task, info codec.Info, p codec.Plan) (*catalog.EarlyWork, bool, error) {
	w, err := e.Catalog.EarlyWorkOf(ctx, t.Entry, t.Version)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if w.State != catalog.EarlyWorking || len(w.Renditions) == 0 {
		return &w, false, nil
	}
	key := w.Made.Plan
	if w.Size > 0 {
		key = EarlyFolder(t.Account, w) + planFile
	}
	var early codec.Plan
	if err := e.getJSON(ctx, key, &early); err != nil {
		return &w, false, codec.NewError(codec.SourceIO, "plan", "", err)
	}
	if w.Size > 0 {
		same, err := samePlan(early, p)
		return &w, same, err
	}
	same, err := sameStream(early, p, w.Made.Spans)
	return &w, same && soundFits(info, p), err
}

// samePlan says whether two plans are the same work.
func samePlan(a, b codec.Plan) (bool, error) {
	a.Limits, b.Limits = codec.Limits{}, codec.Limits{} // they go by the size of the file, of which more may be there in the end
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}

// adoptEarly makes the tasks of early work those that carry the plan out; false says that one of them has failed, or that the work is over.
func (e *Env) adoptEarly(ctx context.Context, tx *catalog.Tx, t catalog.Task, w *catalog.EarlyWork, p codec.Plan, base MakePayload) (bool, error) {
	made, err := tx.AdoptEarly(ctx, w.Upload)
	if errors.Is(err, catalog.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now, err := tx.EarlyWork(ctx, w.Upload)
	if err == nil && now.Made != w.Made {
		err = errors.New("the early work went on meanwhile")
	}
	if err != nil {
		return false, err
	}
	base.Assets, base.Early = w.Renditions, w.Run()
	var media []catalog.NewTask
	if w.Size == 0 {
		media = spanTasks(p, base, w.Made.Spans)
	}
	rest, err := afterScan(ctx, tx, t, restOf(p, base, media, made))
	if err == nil {
		_, err = tx.AddTasks(ctx, t.Entry, rest)
	}
	return err == nil, err
}

// more says of an error of a source that still grows how many bytes it may need.
func (a *arriving) more(err error) error {
	if codec.CodeOf(err) != codec.NotYet {
		return err
	}
	return pipeline.Await(err, a.await(moreBytes))
}

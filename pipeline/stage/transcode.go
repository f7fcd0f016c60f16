package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"

	"sluice/catalog"
	"sluice/codec"
	"sluice/packager"
)

// Transcode carries out its part of the plan — a span of the video, the sound, the copies — and stores what comes out as
// chunk objects of the renditions. The chunks that its completion adds can be played at once.
func (e *Env) Transcode(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	payload, p, err := e.plan(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	job := codec.Job{Plan: p, Video: payload.Video, Rungs: payload.Rungs, Copy: payload.Copy, Audio: payload.Audio}
	chunk := 0
	if payload.Video && payload.Span >= 0 {
		if payload.Span >= len(p.Spans) {
			return Outcome{}, codec.NewError(codec.EngineBug, "plan", fmt.Sprintf("no span %d", payload.Span), nil)
		}
		job.Span, chunk = &p.Spans[payload.Span], p.Spans[payload.Span].Index
	}
	dir := fmt.Sprintf("%s%d-%d/", workPrefix(t, payload.Run), t.ID, t.Attempt)
	discard := func(ctx context.Context) { e.remove(ctx, t, dir) }
	sink := newChunkSink(ctx, e.Store, chunk, func(name string) string { return dir + path.Base(name) }, nil)
	sink.slices = audioSlices(p)
	sink.report = func(pr codec.Progress) { progress(pr.Frames, pr.Total, pr.Bytes) }
	report, err := e.run(ctx, t, &job, sink)
	if err != nil {
		return Outcome{Discard: discard}, e.blame(ctx, t, err)
	}
	written, err := sink.finish()
	if err != nil {
		return Outcome{Discard: discard}, codec.NewError(codec.SinkIO, "write", err.Error(), err)
	}
	return Outcome{
		Result:  report,
		Discard: discard,
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			for _, w := range written {
				id, ok := payload.Assets[w.Name]
				if !ok {
					return fmt.Errorf("engine made a track %q that the plan does not name", w.Name)
				}
				if err := tx.UpdateAsset(ctx, id, addChunk(chunk, w, report)); err != nil {
					return err
				}
			}
			return e.markPlayable(ctx, tx, t.Entry)
		},
	}, nil
}

// run gives a job its share of the machine and carries it out; what it stored is thrown away when it fails.
func (e *Env) run(ctx context.Context, t catalog.Task, job *codec.Job, sink *chunkSink) (codec.Report, error) {
	src, closer, err := e.source(ctx, t)
	if err != nil {
		return codec.Report{}, err
	}
	defer closer.Close()
	tokens, release, err := e.Share(ctx, t, *job)
	if err != nil {
		return codec.Report{}, err
	}
	defer release()
	job.Tokens = tokens
	report, err := e.Engine.Run(ctx, src, *job, sink)
	if err != nil {
		_ = sink.abort() // the run's own error says what went wrong
	}
	if a, ok := closer.(*arriving); ok {
		err = a.more(err)
	}
	return report, err
}

// source opens what a task works on: the original, or the upload that becomes it.
func (e *Env) source(ctx context.Context, t catalog.Task) (codec.Source, io.Closer, error) {
	if t.Upload == "" {
		return e.open(ctx, t)
	}
	a, err := e.arriving(ctx, t)
	if err != nil {
		return codec.Source{}, nil, err
	}
	return a.source(), a, nil
}

// blame keeps the hash of a source that crashes the engine, so that no other worker tries it again.
func (e *Env) blame(ctx context.Context, t catalog.Task, err error) error {
	if codec.CodeOf(err) != codec.MediaCrash {
		return err
	}
	orig, origErr := e.original(ctx, t)
	if origErr == nil && orig.SHA256 != "" {
		if qErr := e.Catalog.Quarantine(ctx, orig.SHA256, string(codec.MediaCrash)); qErr != nil {
			e.Log.Error("quarantine not recorded", "entry", t.Entry, "error", qErr)
		}
	}
	return err
}

// audioSlices returns the function that gives the times, in a track's ticks, at which audio fragments start: those of the
// video's GOPs, so that a segment of either is whole fragments.
func audioSlices(p codec.Plan) func(packager.Media) []int64 {
	v := p.Video
	if v == nil || v.GOP <= 0 || v.Timescale <= 0 {
		return nil
	}
	return func(m packager.Media) []int64 {
		at := func(frame int64) int64 {
			return mulDiv(frame*v.FrameDur, int64(m.Timescale), v.Timescale)
		}
		var out []int64
		if len(v.Grid) > 0 {
			for _, f := range v.Grid {
				out = append(out, at(f))
			}
			return out
		}
		for f := int64(0); f < v.Frames; f += v.GOP {
			out = append(out, at(f))
		}
		return out
	}
}

// mulDiv is a·b/c rounded, without overflow for media times (a < 2^50, b < 2^32).
func mulDiv(a, b, c int64) int64 {
	q, r := a/c, a%c
	return q*b + (r*b+c/2)/c
}

// addChunk returns the change that makes w chunk number index of a rendition.
func addChunk(index int, w Written, report codec.Report) func(*catalog.Asset) error {
	return func(a *catalog.Asset) error {
		parts := slices.DeleteFunc(slices.Clone(a.Parts), func(p catalog.Part) bool { return p.Index == index })
		parts = append(parts, catalog.Part{
			Index: index, Key: w.Key, IndexKey: w.IndexKey, Size: w.Size, DurationMS: mulDiv(w.DurTicks, 1000, int64(w.Media.Timescale)),
		})
		slices.SortFunc(parts, func(x, y catalog.Part) int { return x.Index - y.Index })
		a.Parts = parts
		a.Codec = w.Media.CodecString()
		a.Size = 0
		for _, p := range parts {
			a.Size += p.Size
		}
		if w.Media.Width > 0 {
			a.Width, a.Height = int(w.Media.Width), int(w.Media.Height)
		}
		if l, ok := report.Loudness[w.Name]; ok {
			var fp FlavorProps
			if err := json.Unmarshal(a.Props, &fp); err == nil {
				fp.Loudness = &l
				a.Props = props(fp)
			}
		}
		return nil
	}
}

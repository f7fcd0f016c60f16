package stage

import (
	"bytes"
	"context"
	"fmt"
	"path"

	"sluice/codec"
	"sluice/codec/plan"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
)

// LocalResult is what Local made.
type LocalResult struct {
	Info     codec.Info      `json:"info"`
	Plan     codec.Plan      `json:"plan"`
	Report   codec.Report    `json:"report"`
	Warnings []codec.Warning `json:"warnings,omitempty"`
	Tracks   []LocalTrack    `json:"tracks"`
	Files    []string        `json:"files,omitempty"`
}

// LocalTrack is one finished track file.
type LocalTrack struct {
	Name    string          `json:"name"`
	Key     string          `json:"key"`
	Codec   string          `json:"codec"`
	Size    int64           `json:"size"`
	Samples int             `json:"samples"`
	Track   *packager.Track `json:"-"`
}

// Local carries a whole plan out without catalog or queue: one source in, its track files, pictures and captions out, as
// objects under their own names in store. It is what `sluice transcode` does.
func Local(ctx context.Context, engine codec.Engine, store storage.Store, src codec.Source, req codec.Request, tokens int, report func(codec.Progress)) (LocalResult, error) {
	var res LocalResult
	var err error
	if res.Info, err = engine.Probe(ctx, src, codec.ProbeOpts{Packets: true, Idet: true}); err != nil {
		return res, err
	}
	if res.Plan, res.Warnings, err = plan.Make(res.Info, req); err != nil {
		return res, err
	}
	sink := newChunkSink(ctx, store, 0, func(name string) string { return "work/" + path.Base(name) }, path.Base)
	sink.slices, sink.report = audioSlices(res.Plan), report
	job := codec.Job{
		Plan: res.Plan, Tokens: tokens, Video: res.Plan.Video != nil, Copy: true, Audio: len(res.Plan.Audio) > 0,
		Subs: len(res.Plan.Subs) > 0, Thumbs: res.Plan.Thumbs != nil,
	}
	if res.Report, err = engine.Run(ctx, src, job, sink); err != nil {
		_ = sink.abort() // the run's own error says what went wrong
		return res, err
	}
	written, err := sink.finish()
	if err != nil {
		return res, err
	}
	for _, w := range written {
		t, err := joinLocal(ctx, store, w)
		if err != nil {
			return res, fmt.Errorf("track %q: %w", w.Name, err)
		}
		res.Tracks = append(res.Tracks, t)
	}
	for name := range sink.files {
		res.Files = append(res.Files, name)
	}
	_, err = store.DeletePrefix(ctx, "work/")
	return res, err
}

// joinLocal gives a written chunk the head and index of a finished track file.
func joinLocal(ctx context.Context, store storage.Store, w Written) (LocalTrack, error) {
	b, err := storage.ReadAll(ctx, store, w.IndexKey, maxIndex)
	if err != nil {
		return LocalTrack{}, err
	}
	track, err := cmaf.ParseIndex(b)
	if err != nil {
		return LocalTrack{}, err
	}
	joined, err := cmaf.JoinPlan([]*packager.Track{track})
	if err != nil {
		return LocalTrack{}, err
	}
	key := path.Base(w.Name) + ".mp4"
	obj, err := store.Concat(ctx, key, joined.Head, []storage.Part{{Key: w.Key, Off: joined.Parts[0].Off, N: joined.Parts[0].N}}, true)
	if err != nil {
		return LocalTrack{}, err
	}
	if _, err := store.Put(ctx, path.Base(w.Name)+".idx", bytes.NewReader(joined.Index)); err != nil {
		return LocalTrack{}, err
	}
	return LocalTrack{Name: w.Name, Key: key, Codec: joined.Track.CodecString(), Size: obj.Size, Samples: joined.Track.Len(), Track: joined.Track}, nil
}

package stage

import (
	"context"

	"sluice/catalog"
	"sluice/codec"
)

// CaptionProps is what a caption's Asset.Props holds.
type CaptionProps struct {
	Forced          bool `json:"forced,omitempty"`
	HearingImpaired bool `json:"hearing_impaired,omitempty"`
}

// Captions turns the source's text subtitles into WebVTT assets.
func (e *Env) Captions(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	_, p, err := e.plan(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	var names []string
	for _, s := range p.Subs {
		names = append(names, s.Name+".vtt")
	}
	made := e.attemptAssets(ctx, t, names...)
	sink := newChunkSink(ctx, e.Store, 0, nil, func(name string) string {
		return assetKey(t, made.ids[name], "captions.vtt")
	})
	sink.report = func(pr codec.Progress) { progress(pr.Frames, pr.Total, pr.Bytes) }
	job := codec.Job{Plan: p, Subs: true}
	report, err := e.run(ctx, t, &job, sink)
	if err != nil {
		return Outcome{Discard: made.discard}, e.blame(ctx, t, err)
	}
	var assets []catalog.Asset
	for _, s := range p.Subs {
		o, ok := sink.files[s.Name+".vtt"]
		if !ok {
			continue
		}
		assets = append(assets, catalog.Asset{
			ID: made.ids[s.Name+".vtt"], Type: catalog.AssetCaption, Name: s.Name, Status: catalog.AssetReady, Version: t.Version, Key: o.Key, Size: o.Size,
			SHA256: o.SHA256, Container: "vtt", Kind: "text", Language: s.Language, Title: s.Title, Default: s.Default,
			Props: props(CaptionProps{Forced: s.Forced, HearingImpaired: s.HearingImpaired}),
		})
	}
	return Outcome{Result: report, Discard: made.discard, Commit: func(ctx context.Context, tx *catalog.Tx) error {
		_, err := tx.AddAssets(ctx, t.Entry, assets)
		return err
	}}, nil
}

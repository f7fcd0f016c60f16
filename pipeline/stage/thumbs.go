package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/catalog"
	"sluice/codec"
)

// StoryboardProps is what a storyboard's Asset.Props holds.
type StoryboardProps struct {
	TileWidth  int      `json:"tile_width"`
	TileHeight int      `json:"tile_height"`
	Columns    int      `json:"columns"`
	Rows       int      `json:"rows"`
	IntervalMS int64    `json:"interval_ms"`
	Tiles      int      `json:"tiles"`
	Sprites    []string `json:"sprites"` // object keys
}

// Thumbs cuts the poster and the storyboard.
func (e *Env) Thumbs(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	_, p, err := e.plan(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	made := e.attemptAssets(ctx, t, "poster", "storyboard")
	poster, board := made.ids["poster"], made.ids["storyboard"]
	sink := newChunkSink(ctx, e.Store, 0, nil, func(name string) string {
		switch {
		case strings.HasPrefix(name, "poster"):
			return assetKey(t, poster, name)
		case strings.HasSuffix(name, ".vtt"):
			return "" // playback writes one with the addresses it has
		}
		return assetKey(t, board, name)
	})
	sink.report = func(pr codec.Progress) { progress(pr.Frames, pr.Total, pr.Bytes) }
	job := codec.Job{Plan: p, Thumbs: true}
	report, err := e.run(ctx, t, &job, sink)
	if err != nil {
		return Outcome{Discard: made.discard}, e.blame(ctx, t, err)
	}
	var assets []catalog.Asset
	if o, ok := sink.files["poster.jpg"]; ok {
		assets = append(assets, catalog.Asset{
			ID: poster, Type: catalog.AssetThumb, Name: "poster", Status: catalog.AssetReady, Version: t.Version, Key: o.Key, Size: o.Size,
			SHA256: o.SHA256, Container: "jpg", Kind: "image", Width: p.Thumbs.Width, Height: p.Thumbs.Height, Default: true,
		})
	}
	if a, ok := storyboardAsset(t, p, board, sink); ok {
		assets = append(assets, a)
	}
	if len(assets) == 0 {
		return Outcome{Discard: made.discard}, codec.NewError(codec.DamagedMedia, "thumbs", "no picture could be decoded", nil)
	}
	return Outcome{Result: report, Discard: made.discard, Commit: func(ctx context.Context, tx *catalog.Tx) error {
		have, err := tx.Assets(ctx, t.Entry, catalog.AssetThumb)
		if err != nil {
			return err
		}
		chosen := slices.ContainsFunc(have, func(a catalog.Asset) bool { return a.Default && a.Version == t.Version })
		for i := range assets {
			assets[i].Default = assets[i].Type == catalog.AssetThumb && !chosen // a picture that came with the film stays its face
		}
		_, err = tx.AddAssets(ctx, t.Entry, assets)
		return err
	}}, nil
}

func storyboardAsset(t catalog.Task, p codec.Plan, id catalog.AssetID, sink *chunkSink) (catalog.Asset, bool) {
	sp := StoryboardProps{
		TileWidth: p.Thumbs.TileWidth, TileHeight: p.Thumbs.TileHeight, Columns: p.Thumbs.Columns, Rows: p.Thumbs.Rows,
		IntervalMS: p.Thumbs.IntervalUS / 1000,
	}
	var size int64
	for i := 0; ; i++ {
		o, ok := sink.files[fmt.Sprintf("storyboard-%d.jpg", i)]
		if !ok {
			break
		}
		sp.Sprites = append(sp.Sprites, o.Key)
		size += o.Size
	}
	if len(sp.Sprites) == 0 || p.Thumbs.IntervalUS <= 0 {
		return catalog.Asset{}, false
	}
	sp.Tiles = min(len(sp.Sprites)*sp.Columns*sp.Rows, int((p.Thumbs.DurationUS+p.Thumbs.IntervalUS-1)/p.Thumbs.IntervalUS))
	return catalog.Asset{
		ID: id, Type: catalog.AssetStoryboard, Name: "storyboard", Status: catalog.AssetReady, Version: t.Version, Key: sp.Sprites[0], Size: size,
		Container: "jpg", Kind: "image", Width: sp.TileWidth, Height: sp.TileHeight, Props: props(sp),
	}, true
}

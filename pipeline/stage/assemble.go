package stage

import (
	"bytes"
	"context"
	"fmt"

	"sluice/catalog"
	"sluice/codec"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/storage"
)

// maxIndex bounds an index that is read back: eight bytes a sample for a day of 60 fps.
const maxIndex = 64 << 20

// Assemble joins the chunks of each rendition into its track file and index. Media bytes are not rewritten.
func (e *Env) Assemble(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	payload, err := decodePayload[MakePayload](t)
	if err != nil {
		return Outcome{}, err
	}
	mine := map[catalog.AssetID]bool{}
	for _, id := range payload.Assets {
		mine[id] = true
	}
	assets, err := e.Catalog.Assets(ctx, t.Entry, catalog.AssetFlavor)
	if err != nil {
		return Outcome{}, err
	}
	var done []joinedTrack
	var bytesDone int64
	for i, a := range assets {
		progress(int64(i), int64(len(assets)), bytesDone)
		if !mine[a.ID] || a.Version != t.Version || a.Status != catalog.AssetConverting {
			continue
		}
		if len(a.Parts) == 0 { // the source had nothing for it, e.g. a damaged sound track
			done = append(done, joinedTrack{id: a.ID})
			continue
		}
		j, err := e.join(ctx, t, a)
		if err != nil {
			return Outcome{}, fmt.Errorf("rendition %s: %w", a.Name, err)
		}
		bytesDone += j.object.Size
		done = append(done, j)
	}
	return Outcome{
		Result: map[string]any{"renditions": len(done), "bytes": bytesDone},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			for _, j := range done {
				if err := tx.UpdateAsset(ctx, j.id, j.apply); err != nil {
					return err
				}
			}
			return e.markPlayable(ctx, tx, t.Entry)
		},
	}, nil
}

// joinedTrack is a rendition's finished track file; without a track the rendition came out empty.
type joinedTrack struct {
	id       catalog.AssetID
	track    *packager.Track
	object   storage.Object
	indexKey string
}

func (j joinedTrack) apply(a *catalog.Asset) error {
	if j.track == nil {
		a.Status, a.ErrorText = catalog.AssetError, "The source has nothing for this rendition."
		return nil
	}
	a.Key, a.IndexKey, a.Size, a.Parts, a.Status = j.object.Key, j.indexKey, j.object.Size, nil, catalog.AssetReady
	a.Codec = j.track.CodecString()
	if d := j.track.Duration(); d > 0 {
		a.BitRate = mulDiv(j.track.MediaBytes()*8, int64(j.track.Timescale), d)
	}
	return nil
}

func (e *Env) join(ctx context.Context, t catalog.Task, a catalog.Asset) (joinedTrack, error) {
	var tracks []*packager.Track
	for i, p := range a.Parts {
		if p.Index != i && len(a.Parts) > 1 {
			return joinedTrack{}, codec.NewError(codec.EngineBug, "assemble", fmt.Sprintf("chunk %d of %q is missing", i, a.Name), nil)
		}
		b, err := storage.ReadAll(ctx, e.Store, p.IndexKey, maxIndex)
		if err != nil {
			return joinedTrack{}, codec.NewError(codec.SourceIO, "assemble", err.Error(), err)
		}
		track, err := cmaf.ParseIndex(b)
		if err != nil {
			return joinedTrack{}, codec.NewError(codec.EngineBug, "assemble", fmt.Sprintf("index %q: %v", p.IndexKey, err), err)
		}
		tracks = append(tracks, track)
	}
	plan, err := cmaf.JoinPlan(tracks)
	if err != nil {
		return joinedTrack{}, codec.NewError(codec.EngineBug, "assemble", err.Error(), err)
	}
	parts := make([]storage.Part, len(plan.Parts))
	for i, r := range plan.Parts {
		parts[i] = storage.Part{Key: a.Parts[i].Key, Off: r.Off, N: r.N}
	}
	key, index := assetKey(t, a.ID, "track.mp4"), assetKey(t, a.ID, "track.idx")
	obj, err := e.Store.Concat(ctx, key, plan.Head, parts, false)
	if err != nil {
		return joinedTrack{}, codec.NewError(codec.SinkIO, "assemble", err.Error(), err)
	}
	if _, err := e.Store.Put(ctx, index, bytes.NewReader(plan.Index)); err != nil {
		return joinedTrack{}, codec.NewError(codec.SinkIO, "assemble", err.Error(), err)
	}
	return joinedTrack{id: a.ID, track: plan.Track, object: obj, indexKey: index}, nil
}

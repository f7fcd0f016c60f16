package stage

import (
	"context"
	"errors"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/packager/cmaf"
	"sluice/storage"
)

// Finish makes the entry ready: at least one rendition plays, or a picture is there. It removes what existed only while
// the entry was made.
func (e *Env) Finish(ctx context.Context, t catalog.Task, _ Progress) (Outcome, error) {
	if err := e.scanned(ctx, t); err != nil {
		return Outcome{}, err
	}
	assets, err := e.Catalog.Assets(ctx, t.Entry)
	if err != nil {
		return Outcome{}, err
	}
	payload, err := decodePayload[MakePayload](t)
	if err != nil {
		return Outcome{}, err
	}
	ready := 0
	var durationMS int64
	for _, a := range assets {
		if a.Version != t.Version || a.Status != catalog.AssetReady || a.Original {
			continue
		}
		switch a.Type {
		case catalog.AssetFlavor, catalog.AssetThumb:
			ready++
		}
		if a.IndexKey != "" {
			d, err := e.trackDuration(ctx, a.IndexKey)
			if err != nil {
				return Outcome{}, codec.NewError(codec.SourceIO, "finish", err.Error(), err)
			}
			durationMS = max(durationMS, d)
		}
	}
	if ready == 0 && !payload.Bare {
		return Outcome{}, codec.NewError(codec.DamagedMedia, "finish", "no rendition came out", nil)
	}
	if _, err := e.Store.DeletePrefix(ctx, workPrefix(t, payload.Run)); err != nil {
		e.Log.Warn("work files left behind", "entry", t.Entry, "error", err)
	}
	if payload.Early != "" {
		if _, err := e.Store.DeletePrefix(ctx, workPrefix(t, payload.Early)); err != nil {
			e.Log.Warn("work files left behind", "entry", t.Entry, "error", err)
		}
	}
	return Outcome{
		Result: map[string]any{"assets": ready, "duration_ms": durationMS},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			err := tx.UpdateEntry(ctx, t.Entry, func(en *catalog.Entry) error {
				if payload.Run != "" && en.Status == catalog.EntryPreconvert {
					return nil // what the entry waits for is not this
				}
				now := time.Now()
				if en.Status != catalog.EntryReady {
					en.ReadyAt = now
				}
				en.Status, en.ErrorCode, en.ErrorText = catalog.EntryReady, "", ""
				if en.PlayableAt.IsZero() {
					en.PlayableAt = now
				}
				if durationMS > 0 {
					en.DurationMS = durationMS
				}
				return nil
			})
			if err != nil || payload.Run == "" {
				return err
			}
			if err := failUnmade(ctx, tx, payload.Assets); err != nil || payload.Run == runOptional {
				return err
			}
			for _, id := range replaced(assets, payload.Assets) {
				if err := tx.DeleteAsset(ctx, id); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

// failUnmade fails the renditions of a run that is over without them: its tasks were optional.
func failUnmade(ctx context.Context, tx *catalog.Tx, made map[string]catalog.AssetID) error {
	for _, id := range made {
		err := tx.UpdateAsset(ctx, id, func(a *catalog.Asset) error {
			if a.Status == catalog.AssetConverting {
				a.Status, a.Parts, a.ErrorText = catalog.AssetError, nil, "The rendition could not be made."
			}
			return nil
		})
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
	}
	return nil
}

// trackDuration is the length of a track in milliseconds, rounded, from its index.
func (e *Env) trackDuration(ctx context.Context, indexKey string) (int64, error) {
	b, err := storage.ReadAll(ctx, e.Store, indexKey, maxIndex)
	if err != nil {
		return 0, err
	}
	track, err := cmaf.ParseIndex(b)
	if err != nil {
		return 0, err
	}
	return mulDiv(track.Duration(), 1000, int64(track.Timescale)), nil
}

package stage

import (
	"context"
	"math"
	"time"

	"sluice/catalog"
)

// playableMS is what a growing entry must have more of before it counts as playable: three whole segments of six seconds.
const playableMS = 3 * 6000

// markPlayable notes when an entry first has something to play: of each kind of rendition that it is to have, one, and of each
// that has begun, enough for three segments, because playback shows all of them to the same point. What is shorter plays when it
// is ready. Where content is scanned, an original without a verdict is played by nobody, whatever was made of it already.
func (e *Env) markPlayable(ctx context.Context, tx *catalog.Tx, id catalog.EntryID) error {
	en, err := tx.Entry(ctx, id)
	if err != nil || !en.PlayableAt.IsZero() {
		return err
	}
	assets, err := tx.Assets(ctx, id, catalog.AssetFlavor)
	if err != nil || e.Scanner != nil && catalog.Unscanned(en.Version, assets) || !isPlayable(en.Version, assets) {
		return err
	}
	return tx.UpdateEntry(ctx, id, func(en *catalog.Entry) error {
		en.PlayableAt = time.Now()
		return nil
	})
}

func isPlayable(version int, assets []catalog.Asset) bool {
	begun := map[string]bool{} // by kind
	for _, a := range assets {
		if a.Original || a.Version != version || a.Status != catalog.AssetConverting && a.Status != catalog.AssetReady {
			continue // what comes from elsewhere is not waited for
		}
		ms := contiguousMS(a)
		if ms > 0 && ms <= playableMS {
			return false
		}
		begun[a.Kind] = begun[a.Kind] || ms > 0
	}
	for _, yes := range begun {
		if !yes {
			return false
		}
	}
	return len(begun) > 0
}

// contiguousMS is how much of a rendition is there in a row from its beginning; of one that is whole, no end.
func contiguousMS(a catalog.Asset) int64 {
	if a.Key != "" {
		return math.MaxInt64
	}
	ms := int64(0)
	for i, p := range a.Parts {
		if p.Index != i {
			break
		}
		ms += p.DurationMS
	}
	return ms
}

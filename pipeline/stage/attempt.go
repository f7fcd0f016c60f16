package stage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/big"

	"sluice/catalog"
)

// attemptAssets are the assets that one attempt at a task makes.
type attemptAssets struct {
	ids     map[string]catalog.AssetID
	discard func(ctx context.Context) // removes what was stored of them
}

// sweptAttempts is how many attempts before its own an attempt looks after.
const sweptAttempts = 4

// attemptAssets names the assets of an attempt in a way that the next one can tell, and removes what attempts before it that
// were cut off had stored of theirs.
func (e *Env) attemptAssets(ctx context.Context, t catalog.Task, names ...string) attemptAssets {
	clean := func(ctx context.Context, attempt int) {
		for _, n := range names {
			e.remove(ctx, t, assetKey(t, attemptAsset(t, n, attempt), ""))
		}
	}
	for attempt := max(1, t.Attempt-sweptAttempts); attempt < t.Attempt; attempt++ {
		clean(ctx, attempt)
	}
	made := attemptAssets{ids: map[string]catalog.AssetID{}, discard: func(ctx context.Context) { clean(ctx, t.Attempt) }}
	for _, n := range names {
		made.ids[n] = attemptAsset(t, n, t.Attempt)
	}
	return made
}

// attemptAsset is the id of the named asset of an attempt. Should it be taken, which the catalog notices, the next attempt
// has another.
func attemptAsset(t catalog.Task, name string, attempt int) catalog.AssetID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s", t.Entry, t.ID, attempt, name))
	text := new(big.Int).SetBytes(sum[:16]).Text(36)
	return catalog.AssetID("0_" + text[len(text)-8:])
}

// remove deletes what a task stored below prefix. What stays goes with the entry.
func (e *Env) remove(ctx context.Context, t catalog.Task, prefix string) {
	if _, err := e.Store.DeletePrefix(ctx, prefix); err != nil {
		e.Log.Warn("objects left behind", "entry", t.Entry, "task", t.ID, "prefix", prefix, "error", err)
	}
}

//go:build cgo && avdebug

package av

import (
	"context"
	"math/rand"
	"testing"

	"sluice/codec"
)

// TestNativeObjectsAreAllReleased counts native objects after successful, failed and cancelled runs.
func TestNativeObjectsAreAllReleased(t *testing.T) {
	src := clip(t, "cancel.mp4", "320x180", "25", 5)
	job := everything(t, src)
	rng := rand.New(rand.NewSource(5))
	for i := range 10 {
		job.Plan.Chunks.Mode = []string{"chunk", "rung"}[i%2]
		ctx, cancel := context.WithCancel(context.Background())
		m := newMemory(t)
		if left := rng.Intn(500); i > 1 {
			m.onItem = func() error {
				if left--; left < 0 {
					cancel()
				}
				return nil
			}
		}
		New(Config{}).Run(ctx, codec.Source{Path: src}, job, m)
		cancel()
		if left := liveObjects(); len(left) > 0 {
			t.Fatalf("round %d leaves %v", i, left)
		}
	}
}

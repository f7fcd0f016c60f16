package pipeline

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

// wakeGap keeps a busy process from telling of every single task.
const wakeGap = 2 * time.Millisecond

// ForwardWakes tells the leading feeder, wherever it runs, when a transaction of this process makes tasks runnable, until
// ctx ends. Feeders and workers do so by themselves; a process that has neither but makes tasks should run it, or its tasks
// wait for the feeder's next look, up to half a second.
func ForwardWakes(ctx context.Context, db *catalog.DB, r redis.UniversalClient) {
	wakes, stop := db.Wakes()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wakes:
			// A lost signal only costs the wait for the next look.
			_ = r.Publish(ctx, wakeChannel, "").Err()
		}
		if !pause(ctx, wakeGap) {
			return
		}
	}
}

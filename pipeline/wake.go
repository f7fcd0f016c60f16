package pipeline

import (
	"context"
	"sync"
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

// subscribe returns a channel that receives after some process told of runnable tasks, and a function that ends it. The
// channel holds one signal.
func subscribe(ctx context.Context, r redis.UniversalClient) (<-chan struct{}, func()) {
	told := make(chan struct{}, 1)
	sub := r.Subscribe(ctx, wakeChannel)
	ctx, cancel := context.WithCancel(ctx)
	var reader sync.WaitGroup
	reader.Go(func() {
		for ctx.Err() == nil {
			if _, err := sub.ReceiveMessage(ctx); err != nil {
				pause(ctx, maxOutage) // meanwhile the feeder looks by itself
				continue
			}
			select {
			case told <- struct{}{}:
			default:
			}
		}
	})
	return told, func() {
		cancel()
		_ = sub.Close() // ends a read that waits
		reader.Wait()
	}
}

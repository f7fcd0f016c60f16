package pipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

const (
	// tidyInterval is how often the leader looks after what workers and Redis may have left behind.
	tidyInterval = time.Second
	// countInterval is how often the tasks are counted: with a million waiting that takes a good part of a second.
	countInterval = 15 * time.Second
	// lostAfter is how long a task may be queued without being in the stream before it is announced again. No healthy feeder
	// takes that long between the two.
	lostAfter = 5 * time.Second
	// consumerIdle is how long a consumer that holds nothing is kept.
	consumerIdle = 10 * time.Minute
	pageSize     = 1000
)

// recover makes Redis ready after it was found new, emptied or restarted, and announces again what it forgot.
func (f *Feeder) recover(ctx context.Context) error {
	epoch := uniqueName()
	if err := f.cfg.Redis.Set(ctx, epochKey, epoch, 0).Err(); err != nil {
		return fmt.Errorf("mark Redis: %w", err)
	}
	for _, s := range f.stages {
		if err := createGroup(ctx, f.cfg.Redis, s.stage); err != nil {
			return err
		}
		// Also those queued in the future, as another machine's clock may have it.
		if err := f.requeue(ctx, s.stage, time.Now().Add(time.Hour)); err != nil {
			return err
		}
		s.filled = false
	}
	f.epoch = epoch
	return nil
}

// requeue makes tasks runnable again that were queued before a time and are not in the stream.
func (f *Feeder) requeue(ctx context.Context, stage catalog.Stage, before time.Time) error {
	queued, err := f.cfg.Catalog.QueuedTasks(ctx, stage, before)
	if err != nil || len(queued) == 0 {
		return err
	}
	announced, err := f.announced(ctx, stage)
	if err != nil {
		return err
	}
	n, err := f.cfg.Catalog.RequeueLost(ctx, stage, announced, before)
	if n > 0 {
		requeuedTasks.WithLabelValues(string(stage)).Add(float64(n))
		f.log.Info("announcements were lost; tasks are runnable again", "stage", stage, "tasks", n)
	}
	return err
}

// announced returns the tasks in a stage's stream, taken by a worker or not.
func (f *Feeder) announced(ctx context.Context, stage catalog.Stage) ([]catalog.TaskID, error) {
	var ids []catalog.TaskID
	for start := "-"; ; {
		page, err := f.cfg.Redis.XRangeN(ctx, streamKey(stage), start, "+", pageSize).Result()
		if err != nil {
			return nil, fmt.Errorf("read stream of stage %s: %w", stage, err)
		}
		for _, m := range page {
			ids = append(ids, readAnnouncement(m).task)
		}
		if len(page) < pageSize {
			return ids, nil
		}
		start = "(" + page[len(page)-1].ID
	}
}

// tidy ends the leases of silent workers, notices a restarted Redis, and finds announcements that were lost or that nobody
// handles.
func (f *Feeder) tidy(ctx context.Context) error {
	n, err := f.cfg.Catalog.ExpireLeases(ctx, time.Now())
	if n > 0 {
		expiredLeases.Add(float64(n))
		f.log.Warn("workers fell silent; their tasks are tried again", "tasks", n)
	}
	if err != nil {
		return err
	}
	if time.Since(f.counted) > countInterval {
		if err := f.count(ctx); err != nil {
			return err
		}
	}
	if err := f.noticeRestart(ctx); err != nil {
		return err
	}
	for _, s := range f.stages {
		if err := f.reclaim(ctx, s.stage); err != nil {
			if noGroup(err) {
				continue // the next pass makes it
			}
			return err
		}
		if err := f.requeue(ctx, s.stage, time.Now().Add(-lostAfter)); err != nil {
			return err
		}
	}
	return nil
}

// count tells the metrics what the catalog holds.
func (f *Feeder) count(ctx context.Context) error {
	counts, err := f.cfg.Catalog.TaskCounts(ctx)
	if err != nil {
		return err
	}
	f.counted = time.Now()
	queueTasks.Reset()
	for stage, states := range counts {
		for state, n := range states {
			queueTasks.WithLabelValues(string(stage), string(state)).Set(float64(n))
		}
	}
	return nil
}

// noticeRestart makes the next pass look all over when the server is not the one of before: it may have forgotten its last
// second.
func (f *Feeder) noticeRestart(ctx context.Context) error {
	info, err := f.cfg.Redis.Info(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("ask Redis who it is: %w", err)
	}
	_, rest, _ := strings.Cut(info, "run_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	if id != f.runID {
		f.runID, f.epoch = id, ""
	}
	return nil
}

// reclaim takes messages from consumers that sat on them for too long, and clears them away unless their task runs: a
// queued task is then missed in the stream and announced anew. Consumers that are long gone are removed.
func (f *Feeder) reclaim(ctx context.Context, stage catalog.Stage) error {
	key := streamKey(stage)
	for start := "0-0"; ; {
		page, next, err := f.cfg.Redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: key, Group: group, Consumer: feederName, MinIdle: f.cfg.StaleAfter, Start: start, Count: pageSize,
		}).Result()
		if err != nil {
			return err
		}
		if err := f.clear(ctx, stage, page); err != nil {
			return err
		}
		if next == "0-0" {
			break
		}
		start = next
	}
	consumers, err := f.cfg.Redis.XInfoConsumers(ctx, key, group).Result()
	if err != nil {
		return err
	}
	for _, c := range consumers {
		if c.Pending == 0 && c.Idle > consumerIdle && c.Name != feederName {
			if err := f.cfg.Redis.XGroupDelConsumer(ctx, key, group, c.Name).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// clear acknowledges the messages whose task does not run.
func (f *Feeder) clear(ctx context.Context, stage catalog.Stage, page []redis.XMessage) error {
	if len(page) == 0 {
		return nil
	}
	ids := make([]catalog.TaskID, len(page))
	for i, m := range page {
		ids[i] = readAnnouncement(m).task
	}
	states, err := f.cfg.Catalog.TaskStates(ctx, ids)
	if err != nil {
		return err
	}
	var stale []string
	for i, m := range page {
		if states[ids[i]] != catalog.TaskRunning {
			stale = append(stale, m.ID)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	_, err = f.cfg.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		acknowledge(ctx, p, stage, stale)
		return nil
	})
	if err != nil {
		return err
	}
	return f.requeue(ctx, stage, time.Now())
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

// stageFeed is what the leader remembers of a stage.
type stageFeed struct {
	stage catalog.Stage
	// depth is how many announcements the stream is filled up to.
	depth int
	// filled says that the last pass filled the stream to its depth: more tasks may be runnable.
	filled bool
	// lull counts passes in a row that found the stream still half full.
	lull int
	// last is the account served last.
	last catalog.AccountID
	// waiting counts the announcements that no worker took yet.
	waiting int
}

// lullPasses is how many passes in a row must find a stream half full before it is made shorter.
const lullPasses = 8

// adapt sets the depth by what the workers took since the last pass.
func (s *stageFeed) adapt(least, most int) {
	switch {
	case s.filled && s.waiting == 0:
		s.depth, s.lull = min(2*s.depth, most), 0
	case s.waiting > s.depth/2:
		if s.lull++; s.lull >= lullPasses {
			s.depth, s.lull = max(s.depth/2, least), 0
		}
	default:
		s.lull = 0
	}
}

// pass tops up the streams. Hungry says that some stream ran dry while there was more to announce.
func (f *Feeder) pass(ctx context.Context) (hungry bool, err error) {
	whole, err := f.look(ctx)
	if err != nil {
		return false, err
	}
	if !whole {
		return true, f.recover(ctx)
	}
	runnable, err := f.cfg.Catalog.RunnableStages(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range f.stages {
		dry := s.filled && s.waiting == 0
		s.adapt(f.cfg.MinDepth, f.cfg.MaxDepth)
		s.filled = false
		if !slices.Contains(runnable, s.stage) {
			continue
		}
		if err := f.feed(ctx, s); err != nil {
			return false, err
		}
		hungry = hungry || dry && s.filled
	}
	return hungry, nil
}

// look asks Redis whether it still is what it was, and how much waits in each stream.
func (f *Feeder) look(ctx context.Context) (whole bool, err error) {
	p := f.cfg.Redis.Pipeline()
	epoch := p.Get(ctx, epochKey)
	lengths := make([]*redis.IntCmd, len(f.stages))
	held := make([]*redis.XPendingCmd, len(f.stages))
	for i, s := range f.stages {
		lengths[i] = p.XLen(ctx, streamKey(s.stage))
		held[i] = p.XPending(ctx, streamKey(s.stage), group)
	}
	_, _ = p.Exec(ctx) // each answer is looked at by itself
	switch {
	case errors.Is(epoch.Err(), redis.Nil):
		return false, nil
	case epoch.Err() != nil:
		return false, fmt.Errorf("look at Redis: %w", epoch.Err())
	case epoch.Val() != f.epoch:
		return false, nil
	}
	for i, s := range f.stages {
		if noGroup(held[i].Err()) {
			return false, nil
		}
		if err := errors.Join(lengths[i].Err(), held[i].Err()); err != nil {
			return false, fmt.Errorf("look at stream of stage %s: %w", s.stage, err)
		}
		s.waiting = max(int(lengths[i].Val()-held[i].Val().Count), 0)
		streamMessages.WithLabelValues(string(s.stage)).Set(float64(s.waiting))
	}
	return true, nil
}

// feed announces the runnable tasks of a stage that its stream has room for.
func (f *Feeder) feed(ctx context.Context, s *stageFeed) error {
	room := s.depth - s.waiting
	if room <= 0 {
		s.filled = true
		return nil
	}
	offers, err := f.cfg.Catalog.Runnable(ctx, s.stage, room, s.last)
	if err != nil || len(offers) == 0 {
		return err
	}
	ids := make([]catalog.TaskID, len(offers))
	for i, o := range offers {
		ids[i] = o.Task
	}
	// Rows first: an announcement always finds its task queued, and one that is lost here is missed and found again.
	if ids, err = f.cfg.Catalog.MarkQueued(ctx, ids); err != nil || len(ids) == 0 {
		return err
	}
	_, err = f.cfg.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		announce(ctx, p, s.stage, ids)
		return nil
	})
	if err != nil {
		f.epoch = "" // look all over
		return fmt.Errorf("announce %d tasks of stage %s: %w", len(ids), s.stage, err)
	}
	s.last = offers[len(offers)-1].Account
	s.waiting += len(ids)
	s.filled = len(offers) == room
	return nil
}

package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

const (
	// workersKey is a sorted set of the workers and their stages by when they were last heard of, in Unix milliseconds. Consumer
	// groups do not tell: Redis 7.0 knows no consumer that was never given anything.
	workersKey = "sluice:workers"
	// presenceEvery is how often a worker says that it lives.
	presenceEvery = 5 * time.Second
	// presenceKept is how long one that is gone stays listed: long enough to be seen missing.
	presenceKept = 10 * time.Minute
)

// Presence is a worker as it told of itself.
type Presence struct {
	Name   string
	Stages []catalog.Stage
	// Silent is how long it has not been heard of: some seconds for one that lives. Clocks of machines may differ.
	Silent time.Duration
}

// Workers lists the workers that were heard of in the last ten minutes, by name. Those that ended in order are not among them.
func Workers(ctx context.Context, r redis.UniversalClient) ([]Presence, error) {
	now := time.Now()
	known, err := r.ZRangeByScoreWithScores(ctx, workersKey, &redis.ZRangeBy{Min: score(now.Add(-presenceKept)), Max: "+inf"}).Result()
	if err != nil {
		return nil, fmt.Errorf("ask Redis for workers: %w", err)
	}
	out := make([]Presence, 0, len(known))
	for _, k := range known {
		member, _ := k.Member.(string)
		name, list, _ := strings.Cut(member, " ")
		p := Presence{Name: name, Silent: max(0, now.Sub(time.UnixMilli(int64(k.Score))))}
		for stage := range strings.SplitSeq(list, ",") {
			p.Stages = append(p.Stages, catalog.Stage(stage))
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Presence) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func score(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// present tells that the worker lives until ctx ends, and then that it is gone. It is for people only: what fails is tried
// again with the next round.
func (w *Worker) present(ctx context.Context) {
	var stages []string
	for _, s := range catalog.Stages() {
		if _, ok := w.cfg.Stages[s]; ok {
			stages = append(stages, string(s))
		}
	}
	member := w.cfg.Name + " " + strings.Join(stages, ",")
	for {
		now := time.Now()
		_, _ = w.cfg.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.ZAdd(ctx, workersKey, redis.Z{Score: float64(now.UnixMilli()), Member: member})
			p.ZRemRangeByScore(ctx, workersKey, "-inf", score(now.Add(-presenceKept)))
			return nil
		})
		if !pause(ctx, presenceEvery) {
			break
		}
	}
	gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = w.cfg.Redis.ZRem(gone, workersKey, member).Err()
}

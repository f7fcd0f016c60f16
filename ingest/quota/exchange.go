package quota

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/catalog"
)

const (
	// fresh is how long what a node said counts: it says it every second, and clocks differ a little.
	fresh = 4 * time.Second
	// exchangeTimeout bounds a call to Redis; without an answer the last one counts.
	exchangeTimeout = 500 * time.Millisecond
)

// said is what a node tells the others of its transfers.
type said struct {
	At    int64  `json:"t"` // Unix milliseconds
	Wants []want `json:"wants"`
}

func key(id catalog.AccountID) string { return fmt.Sprintf("sluice:quota:rate:%d", id) }

// exchange tells the other nodes what the transfers here want and returns what theirs do. The flag says whether it heard them.
func (l *Limits) exchange(ctx context.Context, id catalog.AccountID, wants []want) ([]want, bool) {
	if l.cfg.Redis == nil {
		return nil, true
	}
	now := l.now()
	texts, err := l.publish(ctx, key(id), said{now.UnixMilli(), wants})
	if err != nil {
		if ctx.Err() == nil {
			l.log().Warn("rates of accounts are not shared with other nodes: the last shares count", "account", id, "error", err)
		}
		return nil, false
	}
	var others []want
	for _, text := range texts {
		var s said
		if json.Unmarshal(text, &s) == nil && isFresh(now, s.At) {
			others = append(others, s.Wants...)
		}
	}
	return others, true
}

// publish says something to the other nodes under a key, or, with nil, nothing any more, and returns what they say there.
func (l *Limits) publish(ctx context.Context, key string, v any) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	pipe := l.cfg.Redis.TxPipeline()
	if v == nil {
		pipe.HDel(ctx, key, l.cfg.Node)
	} else {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		pipe.HSet(ctx, key, l.cfg.Node, text)
		pipe.PExpire(ctx, key, 2*fresh)
	}
	all := pipe.HGetAll(ctx, key)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	var others [][]byte
	for node, text := range all.Val() {
		if node != l.cfg.Node {
			others = append(others, []byte(text))
		}
	}
	return others, nil
}

// isFresh says whether what was said at a time, in Unix milliseconds, counts.
func isFresh(now time.Time, at int64) bool {
	age := now.Sub(time.UnixMilli(at))
	return age > -fresh && age < fresh
}

// withdraw tells the others that nothing is wanted here any more.
func (l *Limits) withdraw(ctx context.Context, id catalog.AccountID) {
	if l.cfg.Redis == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
	defer cancel()
	_ = l.cfg.Redis.HDel(ctx, key(id), l.cfg.Node).Err() // what was said grows stale by itself
}

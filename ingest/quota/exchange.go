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
	text, err := json.Marshal(said{now.UnixMilli(), wants})
	if err != nil {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	pipe := l.cfg.Redis.Pipeline()
	pipe.HSet(ctx, key(id), l.cfg.Node, text)
	pipe.PExpire(ctx, key(id), 2*fresh)
	all := pipe.HGetAll(ctx, key(id))
	if _, err := pipe.Exec(ctx); err != nil {
		if ctx.Err() == nil {
			l.log().Warn("rates of accounts are not shared with other nodes: the last shares count", "account", id, "error", err)
		}
		return nil, false
	}
	var others []want
	for node, text := range all.Val() {
		var s said
		if node == l.cfg.Node || json.Unmarshal([]byte(text), &s) != nil {
			continue
		}
		if age := now.Sub(time.UnixMilli(s.At)); age > -fresh && age < fresh {
			others = append(others, s.Wants...)
		}
	}
	return others, true
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

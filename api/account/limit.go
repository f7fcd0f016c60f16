package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bounds of guessing: so many failures within the window, and no more tries are looked at until it ends.
const (
	maxFailures   = 10
	failureWindow = 5 * time.Minute
)

// limits counts failures in Redis, so that they add up across processes.
type limits struct{ redis redis.UniversalClient }

// attempt names who tries what: an action on an account from an address, or on one user from anywhere.
func attempt(what string, account any, from string) string {
	return fmt.Sprintf("sluice:session:failures:%s:%v:%s", what, account, from)
}

// origin is the address that failures are counted for. One customer has a whole /64 of IPv6.
func origin(ip netip.Addr) string {
	ip = ip.Unmap()
	if !ip.Is6() {
		return ip.String()
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}

// exceeded says whether there were too many failures under one of the keys.
func (l *limits) exceeded(ctx context.Context, keys ...string) (bool, error) {
	pipe := l.redis.Pipeline()
	counts := make([]*redis.StringCmd, len(keys))
	for i, k := range keys {
		counts[i] = pipe.Get(ctx, k)
	}
	_, _ = pipe.Exec(ctx) // an error is that of a command; see below
	for _, c := range counts {
		n, err := c.Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			return false, err
		}
		if n >= maxFailures {
			return true, nil
		}
	}
	return false, nil
}

// failed counts a failure under the keys. The first one opens the window.
func (l *limits) failed(ctx context.Context, action string, keys ...string) error {
	failuresTotal.WithLabelValues(action).Inc()
	pipe := l.redis.TxPipeline()
	for _, k := range keys {
		pipe.SetNX(ctx, k, 0, failureWindow)
		pipe.Incr(ctx, k)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// passed forgets the failures under the keys.
func (l *limits) passed(ctx context.Context, keys ...string) error {
	pipe := l.redis.Pipeline()
	for _, k := range keys {
		pipe.Del(ctx, k)
	}
	_, err := pipe.Exec(ctx)
	return err
}

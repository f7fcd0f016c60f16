package account

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/catalog"
)

const (
	// cacheTTL is how long a process may act on what another one changed: a blocked account, a changed role.
	cacheTTL = 5 * time.Second
	// freshFor is how old a thing may be that a failure makes suspicious; it bounds the queries that failures cause.
	freshFor = time.Second
	// maxCached bounds a cache; names that do not exist are remembered too, and clients choose them.
	maxCached = 10000
)

// cache remembers for cacheTTL what load returned, catalog.ErrNotFound included. Mu guards items.
type cache[K comparable, V any] struct {
	now  func() time.Time
	load func(context.Context, K) (V, error)

	mu    sync.Mutex
	items map[K]item[V]
}

type item[V any] struct {
	value V
	err   error
	at    time.Time
}

func newCache[K comparable, V any](now func() time.Time, load func(context.Context, K) (V, error)) *cache[K, V] {
	return &cache[K, V]{now: now, load: load, items: map[K]item[V]{}}
}

func (c *cache[K, V]) get(ctx context.Context, key K) (V, error) {
	now := c.now()
	c.mu.Lock()
	it, ok := c.items[key]
	c.mu.Unlock()
	if ok && now.Sub(it.at) < cacheTTL {
		return it.value, it.err
	}
	it = item[V]{at: now}
	it.value, it.err = c.load(ctx, key)
	if it.err == nil || errors.Is(it.err, catalog.ErrNotFound) {
		c.mu.Lock()
		if len(c.items) >= maxCached {
			clear(c.items)
		}
		c.items[key] = it
		c.mu.Unlock()
	}
	return it.value, it.err
}

// refresh forgets what is not fresh and says whether it did.
func (c *cache[K, V]) refresh(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	it, ok := c.items[key]
	if !ok || c.now().Sub(it.at) < freshFor {
		return false
	}
	delete(c.items, key)
	return true
}

func (c *cache[K, V]) forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.items, key)
}

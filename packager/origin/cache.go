package origin

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// cache keeps what was made for a path, the least recently used thrown out first, and makes each thing once however many ask
// for it at the same time. An entry serves only the show it was made for. The mutex guards everything.
type cache struct {
	mu      sync.Mutex
	limit   int64
	used    int64
	entries map[string]*cacheEntry
	newest  *cacheEntry // head of the ring's order of use
	oldest  *cacheEntry
	metrics *metrics
}

type cacheEntry struct {
	key         string
	show        *show
	plan        *plan
	err         error
	cost        int64
	ready       chan struct{} // closed when plan or err is set
	made        bool          // plan is set; guarded like the rest
	older, next *cacheEntry   // towards less and more recent use
}

func newCache(limit int64, m *metrics) *cache {
	return &cache{limit: limit, entries: make(map[string]*cacheEntry), metrics: m}
}

// lookup returns the plan for key and show when it was made already.
func (c *cache) lookup(key string, s *show) *plan {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil || e.show != s || !e.made {
		c.mu.Unlock()
		return nil
	}
	c.touch(e)
	p := e.plan
	c.mu.Unlock()
	c.metrics.hits.Inc()
	return p
}

// find returns the plan for key, and the show it was made for, to one who has yet to see whether that show is the right one.
func (c *cache) find(key []byte) (*plan, *show) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[string(key)]
	if e == nil || !e.made {
		return nil, nil
	}
	c.touch(e)
	return e.plan, e.show
}

// get returns the plan for key and show, made by build when there is none. Errors are not kept.
func (c *cache) get(ctx context.Context, key string, s *show, build func() (*plan, error)) (*plan, error) {
	c.mu.Lock()
	if e := c.entries[key]; e != nil && e.show == s {
		c.touch(e)
		c.mu.Unlock()
		select {
		case <-e.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		c.metrics.hits.Inc()
		return e.plan, e.err
	}
	if e := c.entries[key]; e != nil {
		c.remove(e)
	}
	e := &cacheEntry{key: strings.Clone(key), show: s, ready: make(chan struct{})}
	c.entries[e.key] = e
	c.touch(e)
	c.mu.Unlock()
	c.metrics.misses.Inc()

	c.fill(e, build)
	return e.plan, e.err
}

// fill builds e and settles its cost.
func (c *cache) fill(e *cacheEntry, build func() (*plan, error)) {
	defer func() {
		if r := recover(); r != nil {
			e.err = fmt.Errorf("make response: %v", r)
		}
		c.mu.Lock()
		if e.err != nil {
			c.remove(e)
		} else if c.entries[e.key] == e {
			e.made = true
			e.cost = e.plan.cost() + int64(len(e.key))
			c.used += e.cost
			for c.used > c.limit && c.oldest != nil {
				c.remove(c.oldest)
			}
		}
		c.metrics.cached.Set(float64(c.used))
		c.mu.Unlock()
		close(e.ready)
	}()
	e.plan, e.err = build()
}

// touch makes e the most recently used.
func (c *cache) touch(e *cacheEntry) {
	if c.newest == e {
		return
	}
	c.unlink(e)
	if e.older = c.newest; e.older != nil {
		e.older.next = e
	}
	c.newest = e
	if c.oldest == nil {
		c.oldest = e
	}
}

func (c *cache) unlink(e *cacheEntry) {
	if e.next != nil {
		e.next.older = e.older
	} else if c.newest == e {
		c.newest = e.older
	}
	if e.older != nil {
		e.older.next = e.next
	} else if c.oldest == e {
		c.oldest = e.next
	}
	e.older, e.next = nil, nil
}

func (c *cache) remove(e *cacheEntry) {
	if c.entries[e.key] != e {
		return
	}
	c.unlink(e)
	delete(c.entries, e.key)
	c.used -= e.cost
}

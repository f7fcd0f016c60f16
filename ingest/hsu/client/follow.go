package client

import (
	"context"
	"fmt"
	"os"
	"time"
)

// watchEvery and growEvery are how often folders and growing files are looked at.
const (
	watchEvery = 2 * time.Second
	growEvery  = 250 * time.Millisecond
)

// follow adds the files to send: those of the first look, and, where that was asked for, what comes later.
func (u *upload) follow(ctx context.Context, first []source) error {
	switch {
	case u.o.Growing:
		return u.grow(ctx, first)
	case u.o.Watch:
		return u.watch(ctx, first)
	}
	if _, err := u.take(first); err != nil {
		return err
	}
	u.sched.close()
	return nil
}

// take numbers files and adds those that this upload does not know.
func (u *upload) take(list []source) ([]*item, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var fresh []*item
	for _, src := range list {
		it := &item{number: u.state.number(src), source: src, growing: u.o.Growing}
		if u.sched.has(it.number) {
			continue
		}
		fresh = append(fresh, it)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	if err := u.state.save(); err != nil {
		return nil, fmt.Errorf("remember the upload: %w", err)
	}
	u.sched.add(fresh...)
	return fresh, nil
}

func (s *schedule) has(number uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items[number] != nil
}

// watch takes what is in the folders and rests: a file is taken when two looks find it the same. A file that changes later is
// another one.
func (u *upload) watch(ctx context.Context, list []source) error {
	seen := map[string]source{}
	for {
		var resting []source
		now := map[string]source{}
		for _, src := range list {
			if seen[src.path] == src {
				resting = append(resting, src)
			}
			now[src.path] = src
		}
		seen = now
		if _, err := u.take(resting); err != nil {
			return err
		}
		if !slept(ctx, watchEvery) {
			return nil
		}
		next, err := u.o.scan()
		if err != nil {
			u.o.Log("the folders cannot be looked at: %v", err)
			continue
		}
		list = next
	}
}

// grow sends files as they grow, until each rested.
func (u *upload) grow(ctx context.Context, list []source) error {
	for i := range list { // what a file is called must not depend on how large it is now
		list[i].size, list[i].modified = 0, 0
	}
	items, err := u.take(list)
	if err != nil {
		return err
	}
	changed := map[*item]time.Time{}
	for len(items) > 0 {
		left := items[:0]
		for _, it := range items {
			whole, err := u.look(it, changed)
			if err != nil {
				if r, ok := u.sched.fail(it, err.Error()); ok {
					u.ended(r)
				}
			} else if !whole {
				left = append(left, it)
			}
		}
		items = left
		if !slept(ctx, growEvery) {
			return nil
		}
	}
	u.sched.close()
	return nil
}

// look sees how far a growing file is, and whether it rested for long enough to be complete.
func (u *upload) look(it *item, changed map[*item]time.Time) (bool, error) {
	st, err := os.Stat(it.file)
	if err != nil {
		return false, err
	}
	size, modified := st.Size(), st.ModTime().UnixNano()
	f := u.sched.file(it)
	grown := u.sched.sizeOf(it)
	switch {
	case size < grown:
		return false, fmt.Errorf("%s was cut while it was sent", it.file)
	case size != grown || f.Modified != modified:
		changed[it] = time.Now()
	}
	whole := size > 0 && time.Since(changed[it]) > u.o.Quiet
	u.sched.grew(it, size, modified, whole)
	return whole, nil
}

func (s *schedule) sizeOf(it *item) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return it.size
}

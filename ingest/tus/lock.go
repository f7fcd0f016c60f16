package tus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tus/tusd/v2/pkg/handler"
)

// Times of locks. A holder that dies is forgotten after lockLease; one that lives lets go within about lockLook when another
// request of its upload waits, as after a broken connection that only the sender noticed.
const (
	lockLease = 6 * time.Second
	lockLook  = 250 * time.Millisecond
)

const (
	lockKey = "sluice:tus:lock:"
	wantKey = "sluice:tus:want:"
)

// renew extends a lock (KEYS[1], held with ARGV[1], for ARGV[2] ms) and returns whether somebody waits for it (KEYS[2]), or -1
// when it is not held any more.
var renew = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('EXISTS', KEYS[2])`)

// release gives a lock up.
var release = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

// locker keeps requests of one upload apart, in all processes.
type locker struct{ redis redis.UniversalClient }

// NewLock implements handler.Locker.
func (l locker) NewLock(id string) (handler.Lock, error) {
	return &lock{redis: l.redis, id: id, owner: rand.Text()}, nil
}

// try takes a lock if it is free; lost is called if it is lost later. Taken, it is handler.ErrFileLocked.
func (l locker) try(ctx context.Context, id string, lost func()) (*lock, error) {
	k := &lock{redis: l.redis, id: id, owner: rand.Text(), deaf: true}
	ok, err := k.take(ctx)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, handler.ErrFileLocked
	}
	k.keep(lost)
	return k, nil
}

// lock is one request's hold of an upload.
type lock struct {
	redis     redis.UniversalClient
	id, owner string
	deaf      bool // it does not let go when others wait
	stop      context.CancelFunc
	kept      sync.WaitGroup
}

// Lock implements handler.Lock: it asks whoever holds the upload to let go, and waits.
func (l *lock) Lock(ctx context.Context, requestUnlock func()) error {
	began := time.Now()
	defer func() { lockSeconds.Observe(time.Since(began).Seconds()) }()
	for {
		ok, err := l.take(ctx)
		if ok {
			l.keep(func() { requestOf(ctx).interrupt(requestUnlock) })
			return nil
		}
		if err == nil {
			err = l.redis.Set(ctx, wantKey+l.id, 1, 4*lockLook).Err()
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("lock upload %s: %w", l.id, err)
		}
		select {
		case <-ctx.Done():
			return handler.ErrLockTimeout
		case <-time.After(lockLook / 5):
		}
	}
}

func (l *lock) take(ctx context.Context) (bool, error) {
	err := l.redis.SetArgs(ctx, lockKey+l.id, l.owner, redis.SetArgs{Mode: "NX", TTL: lockLease}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// keep renews the lock until it is given up, and tells its holder once when somebody else waits or it is lost.
func (l *lock) keep(letGo func()) {
	// A request that just took its turn gets some work done before the next one's.
	_ = l.redis.Del(context.Background(), wantKey+l.id).Err()
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.kept.Go(func() {
		renewed := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(lockLook):
			}
			wanted, err := renew.Run(ctx, l.redis, []string{lockKey + l.id, wantKey + l.id}, l.owner, lockLease.Milliseconds()).Int()
			switch {
			case ctx.Err() != nil:
				return
			case err == nil && wanted == 0, err == nil && wanted > 0 && l.deaf:
				renewed = time.Now()
			case err == nil && wanted > 0:
				renewed = time.Now()
				letGo()
			case err == nil, time.Since(renewed) > lockLease/2:
				letGo()
				return
			}
		}
	})
}

// Unlock implements handler.Lock.
func (l *lock) Unlock() error {
	l.stop()
	l.kept.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return release.Run(ctx, l.redis, []string{lockKey + l.id}, l.owner).Err()
}

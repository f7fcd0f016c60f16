package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

func TestRestsGrowAndVary(t *testing.T) {
	b := Backoff{First: 100 * time.Millisecond, Most: time.Second}
	for attempt, mean := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 4: 800 * time.Millisecond, 5: time.Second, 1000: time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 50 {
			d := b.delay(attempt)
			if d < mean/2 || d >= mean+mean/2 {
				t.Errorf("attempt %d rests %v, around %v", attempt, d, mean)
			}
			seen[d] = true
		}
		if len(seen) < 2 {
			t.Errorf("attempt %d always rests the same", attempt)
		}
	}
	if d := (Backoff{}).delay(1); d < time.Second/2 || d >= 3*time.Second/2 {
		t.Errorf("by default the first rest is %v", d)
	}
}

func TestErrorsSayWhatBecomesOfThem(t *testing.T) {
	plain := errors.New("plain")
	if Permanent(nil) != nil || Retry(nil) != nil {
		t.Error("a nil error became one")
	}
	if err := fmt.Errorf("x: %w", RetryIn(plain, time.Hour)); !errors.Is(err, plain) {
		t.Error("the cause is hidden")
	}
	for name, test := range map[string]struct {
		err   error
		retry bool
		delay time.Duration
	}{
		"permanent":        {fmt.Errorf("x: %w", Permanent(plain)), false, 0},
		"own wait":         {fmt.Errorf("x: %w", RetryIn(plain, time.Hour)), true, time.Hour},
		"outermost counts": {RetryIn(Permanent(plain), time.Minute), true, time.Minute},
	} {
		got := Backoff{}.classify(test.err, 1, 0)
		if got.retry != test.retry || got.delay != test.delay || got.code != CodeInternal || !strings.HasSuffix(got.text, "plain") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPostponedErrorsRestLongerButNotForLong(t *testing.T) {
	plain := errors.New("plain")
	if Postpone(nil) != nil {
		t.Error("a nil error became one")
	}
	for attempt, most := range map[int]time.Duration{1: 3 * time.Second / 2, 50: 3 * postponeMost / 2} {
		f := Backoff{}.classify(fmt.Errorf("x: %w", Postpone(Permanent(plain))), attempt, attempt-1)
		if !f.postpone || !f.retry || f.delay <= 0 || f.delay > most || attempt > 1 && f.delay < postponeMost/2 {
			t.Errorf("attempt %d: %+v", attempt, f)
		}
	}
	if f := (Backoff{Most: time.Millisecond}).classify(Postpone(plain), 50, 0); f.delay > 2*time.Millisecond {
		t.Errorf("rests %v, longer than any failure", f.delay)
	}
}

func TestDepthFollowsTheWorkers(t *testing.T) {
	s := stageFeed{depth: 4}
	step := func(filled bool, waiting, want int) {
		t.Helper()
		s.filled, s.waiting = filled, waiting
		s.adapt(4, 16)
		if s.depth != want {
			t.Errorf("depth %d, want %d", s.depth, want)
		}
	}
	step(false, 0, 4) // nothing more to announce
	step(true, 3, 4)
	step(true, 0, 8)
	step(true, 0, 16)
	step(true, 0, 16)
	for range lullPasses - 1 {
		step(true, 12, 16)
	}
	step(true, 12, 8)
	for range 3 * lullPasses {
		s.waiting = 8
		s.adapt(4, 16)
	}
	if s.depth != 4 {
		t.Errorf("after a long lull the depth is %d", s.depth)
	}
}

func TestWrongConfigurationsAreRefusedByName(t *testing.T) {
	db, r := &catalog.DB{}, redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { _ = r.Close() }()
	h := HandlerFunc(func(context.Context, *Run) error { return nil })
	stage := func(c StageConfig) WorkerConfig {
		return WorkerConfig{Catalog: db, Redis: r, Stages: map[catalog.Stage]StageConfig{"probe": c}}
	}
	for want, cfg := range map[string]WorkerConfig{
		"needs a catalog": {}, "probe has no handler": stage(StageConfig{}),
		"concurrency -1":    stage(StageConfig{Handler: h, Concurrency: -1}),
		"lease of 1ms":      stage(StageConfig{Handler: h, Lease: time.Millisecond}),
		"Redis and a stage": {Catalog: db, Redis: r},
	} {
		if _, err := NewWorker(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for want, cfg := range map[string]FeederConfig{
		"needs a catalog": {}, "depths 8 to 4": {Catalog: db, Redis: r, MinDepth: 8, MaxDepth: 4},
		"poll 1ms": {Catalog: db, Redis: r, Poll: time.Millisecond},
	} {
		if _, err := NewFeeder(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

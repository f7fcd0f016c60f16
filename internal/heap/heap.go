// Package heap lets the garbage collector rest while a server is busy and its heap small.
//
// In: how much memory may lie unused. Out: the collector's percentage (runtime/debug.SetGCPercent), looked at several times a second.
// At Go's default, a heap of 30 MB is collected whenever another 30 MB were allocated, which is many times a second while files come in: then
// it is collected after as much as may lie unused. A heap that is quiet, or large, is left to the default.
package heap

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	usual = 100 // percent, Go's default
	most  = 400
	every = 250 * time.Millisecond
	// busy is how many collections a second, counted as if by the default, are many; after calm looks with fewer than half of them the
	// default is back.
	busy = 4
	calm = 40
)

// Run gives the collector rest until ctx ends: so many bytes may lie unused. It leaves alone what the environment says by GOGC.
func Run(ctx context.Context, spare int64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	defer debug.SetGCPercent(usual)
	t := tuner{spare: spare, percent: usual}
	seen := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(seen)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		before := seen[0].Value.Uint64()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(seen)
		was := t.percent
		t.look(float64(seen[0].Value.Uint64()-before)/every.Seconds(), seen[1].Value.Uint64())
		if t.percent != was {
			debug.SetGCPercent(t.percent)
		}
	}
}

// tuner decides on the percentage.
type tuner struct {
	spare   int64
	percent int
	quiet   int // looks in a row that found little to collect
}

// look takes how many collections there were a second since the last look, and the bytes that the last of them found live.
func (t *tuner) look(collections float64, live uint64) {
	rate := collections * float64(t.percent) / usual
	if rate < busy/2 {
		if t.quiet++; t.quiet >= calm {
			t.percent = usual
		}
		return
	}
	t.quiet = 0
	if rate < busy && t.percent == usual {
		return
	}
	p := min(max(int(usual*t.spare/int64(max(live, 1))), usual), most) //nolint:gosec // bytes of memory
	if p == usual || p > t.percent*5/4 || p < t.percent*4/5 {          // each change stops the world for a moment
		t.percent = p
	}
}

package heap

import (
	"context"
	"runtime/metrics"
	"testing"
	"time"
)

func TestTheCollectorRestsWhileThereIsMuchToCollect(t *testing.T) {
	const mib = 1 << 20
	tu := tuner{spare: 128 * mib, percent: usual}
	for _, c := range []struct {
		name        string
		looks       int
		collections float64
		live        uint64
		want        int
	}{
		{"idle", 2 * calm, 0, 32 * mib, 100},
		{"a little", 20, 3, 32 * mib, 100},
		{"much", 1, 17, 32 * mib, 400},
		{"as much, of which fewer are left", 5, 4, 32 * mib, 400},
		{"a little more is live", 5, 4, 36 * mib, 400},
		{"a much larger heap", 1, 4, 64 * mib, 200},
		{"a heap as large as the room", 1, 8, 256 * mib, 100},
		{"a tiny heap", 1, 50, 1 * mib, 400},
		{"a pause", calm - 1, 0, 1 * mib, 400},
		{"the end", 1, 0, 1 * mib, 100},
	} {
		for range c.looks {
			tu.look(c.collections, c.live)
		}
		if tu.percent != c.want {
			t.Errorf("%s: %d %%, want %d", c.name, tu.percent, c.want)
		}
	}
}

var sink []byte

// TestRunSetsWhatTheRuntimeUses: with much to collect the percentage grows, and it is the default again at the end.
func TestRunSetsWhatTheRuntimeUses(t *testing.T) {
	t.Setenv("GOGC", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { Run(ctx, 256<<20); close(done) }()
	read := func() uint64 {
		percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(percent)
		return percent[0].Value.Uint64()
	}
	grown := false
	for end := time.Now().Add(time.Minute); !grown && time.Now().Before(end); grown = read() > usual {
		for range 1000 {
			sink = make([]byte, 64<<10)
		}
	}
	cancel()
	<-done
	if !grown {
		t.Error("the percentage stays")
	}
	if p := read(); p != usual {
		t.Errorf("%d %% at the end", p)
	}
}
